//! Numbers of the application itself: orders placed, mails that wait. [`counter`] and [`gauge`].
//!
//! A name is known once per process and for ever, so their number is bounded: past
//! [`MAX_METRICS`] a counter adds to the one called `(other)`, a gauge is not shown, and
//! `metrics_other` grows with each such lookup. They count whether recording is on or not, and
//! leave with the counters of the process every two seconds, under `app_` and their name: of a
//! counter its total and, as `…_rate`, its growth a second.

use std::collections::HashMap;
use std::fmt;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::{Mutex, RwLock};

use crate::telemetry::METRICS_OTHER;
use crate::text::OTHER;
use crate::{clock, switch};

/// Most counters, and most gauges, that a process knows. Past it a counter adds to the one called
/// `(other)`, a gauge is not shown, and `metrics_other` grows.
pub const MAX_METRICS: usize = 1_000;

/// Longest name of a counter or gauge, bytes; a longer one is cut.
pub const MAX_METRIC_NAME_BYTES: usize = 128;

#[derive(Debug)]
struct Metric {
    name: &'static str,
    value: AtomicU64,
    /// Total when it was last shown.
    shown: AtomicU64,
}

impl Metric {
    const fn new(name: &'static str) -> Self {
        Self { name, value: AtomicU64::new(0), shown: AtomicU64::new(0) }
    }
}

type Table = RwLock<HashMap<&'static str, &'static Metric>>;

static COUNTERS: LazyLock<Table> = LazyLock::new(Table::default);
static GAUGES: LazyLock<Table> = LazyLock::new(Table::default);
static OTHER_COUNTER: Metric = Metric::new(OTHER);
static OTHER_GAUGE: Metric = Metric::new(OTHER);
static SHOWN_AT: Mutex<Option<u64>> = Mutex::new(None);

/// A number that only grows. Made by [`counter`]; copies count together.
#[derive(Clone, Copy)]
pub struct Counter(&'static Metric);

impl Counter {
    /// Adds; one atomic addition.
    #[inline]
    pub fn add(&self, by: u64) {
        self.0.value.fetch_add(by, Ordering::Relaxed);
    }

    /// Its total since the process started.
    #[must_use]
    pub fn value(&self) -> u64 {
        self.0.value.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for Counter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Counter").field("name", &self.0.name).field("value", &self.value()).finish()
    }
}

/// A number that goes up and down. Made by [`gauge`]; copies are the same number.
#[derive(Clone, Copy)]
pub struct Gauge(&'static Metric);

impl Gauge {
    /// Sets it. What is not a finite number is ignored.
    #[inline]
    pub fn set(&self, value: f64) {
        if value.is_finite() {
            self.0.value.store(value.to_bits(), Ordering::Relaxed);
        }
    }

    /// Adds to it, or takes away. What would not be a finite number any more is ignored.
    pub fn add(&self, by: f64) {
        let sum = |bits| Some(f64::from_bits(bits) + by).filter(|sum| sum.is_finite());
        let add = |bits| sum(bits).map(f64::to_bits);
        let _ = self.0.value.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add);
    }

    /// What it is now; 0 before the first time it was set.
    #[must_use]
    pub fn value(&self) -> f64 {
        f64::from_bits(self.0.value.load(Ordering::Relaxed))
    }
}

impl fmt::Debug for Gauge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gauge").field("name", &self.0.name).field("value", &self.value()).finish()
    }
}

/// The counter of this name, made at its first use.
///
/// Names come from the source code, never from a request: their number is bounded by
/// [`MAX_METRICS`], their length by [`MAX_METRIC_NAME_BYTES`]; `|` and control characters become
/// `_`. A look-up takes a read lock and a hash; where that counts, keep the counter.
///
/// # Examples
/// ```
/// scouter_core::counter("orders_placed").add(1);
///
/// // looked up once
/// use std::sync::LazyLock;
/// static MAILS: LazyLock<scouter_core::Counter> =
///     LazyLock::new(|| scouter_core::counter("mails_sent"));
/// MAILS.add(2);
/// ```
pub fn counter(name: &str) -> Counter {
    Counter(find(&COUNTERS, name, &OTHER_COUNTER))
}

/// The gauge of this name, made at its first use, by the rules of [`counter`].
///
/// # Examples
/// ```
/// scouter_core::gauge("mails_waiting").set(12.0);
/// ```
pub fn gauge(name: &str) -> Gauge {
    Gauge(find(&GAUGES, name, &OTHER_GAUGE))
}

fn find(table: &Table, name: &str, other: &'static Metric) -> &'static Metric {
    // In the child of a fork the lock may be held by a thread that does not exist there.
    if switch::is_forked() {
        return other;
    }
    if let Some(metric) = table.read().get(name) {
        return metric;
    }
    let clean = cleaned(name);
    if table.read().len() >= MAX_METRICS && !table.read().contains_key(&*clean) {
        METRICS_OTHER.add(1);
        return other;
    }
    let mut table = table.write();
    if let Some(metric) = table.get(&*clean) {
        return metric;
    }
    if table.len() >= MAX_METRICS {
        METRICS_OTHER.add(1);
        return other;
    }
    let name: &'static str = Box::leak(clean.into_boxed_str());
    let metric: &'static Metric = Box::leak(Box::new(Metric::new(name)));
    table.insert(name, metric);
    metric
}

/// A name without what separates a name from its unit, and not too long.
fn cleaned(name: &str) -> String {
    scouter_wire::text::cut(name, MAX_METRIC_NAME_BYTES)
        .replace(|letter: char| letter == '|' || letter.is_control(), "_")
}

/// Shows all of them with their full names. Rates are of the time since the last call.
#[expect(clippy::cast_precision_loss, reason = "exact up to 2^53, and approximate beyond")]
pub(crate) fn visit(visit: &mut dyn FnMut(String, f64)) {
    if switch::is_forked() {
        return;
    }
    let now = clock::now_ticks();
    let before = SHOWN_AT.lock().replace(now);
    let seconds = before.map(|before| clock::ticks_to_us(now.saturating_sub(before)) as f64 / 1e6);
    let mut counters: Vec<_> = COUNTERS.read().values().copied().collect();
    if OTHER_COUNTER.value.load(Ordering::Relaxed) > 0 {
        counters.push(&OTHER_COUNTER);
    }
    for metric in counters {
        let total = metric.value.load(Ordering::Relaxed);
        let grown = total.saturating_sub(metric.shown.swap(total, Ordering::Relaxed));
        visit(format!("app_{}|", metric.name), total as f64);
        if let Some(seconds) = seconds.filter(|seconds| *seconds > 0.0) {
            visit(format!("app_{}_rate|1/s", metric.name), grown as f64 / seconds);
        }
    }
    let gauges: Vec<_> = GAUGES.read().values().copied().collect();
    for metric in gauges {
        visit(format!("app_{}|", metric.name), Gauge(metric).value());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown() -> HashMap<String, f64> {
        let mut all = HashMap::new();
        visit(&mut |name, value| {
            all.insert(name, value);
        });
        all
    }

    #[test]
    fn counters_and_gauges_are_shown_under_their_names() {
        counter("metrics.rs orders").add(2);
        counter("metrics.rs orders").add(3);
        let waiting = gauge("metrics.rs waiting");
        waiting.set(4.5);
        waiting.add(-1.0);
        waiting.set(f64::NAN);
        waiting.add(f64::INFINITY);
        let shown = shown();
        assert_eq!(shown["app_metrics.rs orders|"], 5.0);
        assert_eq!(shown["app_metrics.rs waiting|"], 3.5);
    }

    #[test]
    fn a_name_is_cut_and_cannot_pretend_to_be_something_else() {
        counter("metrics.rs a|b\n").add(1);
        assert_eq!(counter("metrics.rs a_b_").value(), 1);
        let long = "ü".repeat(MAX_METRIC_NAME_BYTES);
        counter(&long).add(1);
        let expected = format!("app_{}|", "ü".repeat(MAX_METRIC_NAME_BYTES / 2));
        assert_eq!(shown()[&expected], 1.0);
    }

    #[test]
    fn names_past_the_limit_count_together_and_are_counted() {
        let table = Table::default();
        static THERE: Metric = Metric::new("other");
        let before = METRICS_OTHER.value();
        for number in 0..MAX_METRICS + 5 {
            find(&table, &format!("n{number}"), &THERE).value.fetch_add(1, Ordering::Relaxed);
        }
        assert_eq!(table.read().len(), MAX_METRICS);
        assert_eq!(THERE.value.load(Ordering::Relaxed), 5);
        assert!(METRICS_OTHER.value() >= before + 5);
        assert!(std::ptr::eq(find(&table, "n3", &THERE), table.read()["n3"]));
    }

    #[test]
    fn threads_that_meet_at_a_new_name_count_in_one_place() {
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..1_000).for_each(|_| counter("metrics.rs together").add(1)));
            }
        });
        assert_eq!(counter("metrics.rs together").value(), 4_000);
    }
}
