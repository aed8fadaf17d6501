//! Counters of the last two seconds.
//!
//! A name is `name|unit`, or `name|unit|service` for a figure of one service. Of the services the
//! busiest [`MAX_COUNTED_SERVICES`] of the interval are named; digests have them all.

use std::collections::HashMap;
use std::time::Duration;

use scouter_core::limits::OTHER;
use scouter_wire::record::{CounterPoint, Sketch, XLog};
use scouter_wire::{TextKind, TextRef};

use crate::Texts;
use crate::cgroup::{self, CgroupFigures};
use crate::pressure::{Pressure, RESOURCES};
use crate::process::Process;
use crate::source::Source;
use crate::telemetry::Telemetry;
use crate::visitors::Users;

/// Most services with counters of their own in one interval: the busiest ones. Digests of all
/// services are sent every ten seconds, so that nothing is lost but the finer steps.
pub const MAX_COUNTED_SERVICES: usize = 100;

/// Most tenants with a counter of allocated bytes in one interval: those that allocated most. Of a
/// tenant that never was among them nothing is sent.
pub const MAX_COUNTED_TENANTS: usize = 20;

/// Most tenants whose bytes are added up apart in one interval; further ones are [`OTHER`] together.
const MAX_TENANTS: usize = 10_000;

#[derive(Debug, Default)]
struct Figures {
    count: u64,
    errors: u64,
    alloc_bytes: u64,
    sketch: Sketch,
}

impl Figures {
    fn add(&mut self, xlog: &XLog<'_>) {
        self.count += 1;
        self.errors += u64::from(!xlog.error.is_empty());
        self.alloc_bytes = self.alloc_bytes.saturating_add(xlog.alloc_bytes);
        self.sketch.insert(xlog.elapsed_us);
    }
}

/// Gathers the counters of the current interval.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    all: Figures,
    services: HashMap<TextRef, Figures>,
    /// Bytes allocated, by tenant.
    tenants: HashMap<String, u64>,
    users: Users,
    throttled_us: Option<u64>,
    process: Process,
    pressure: Pressure,
    rss_bytes: u64,
    group: CgroupFigures,
    points: Vec<CounterPoint>,
    name: String,
}

impl Counters {
    pub(crate) fn xlog(&mut self, xlog: &XLog<'_>) {
        self.all.add(xlog);
        self.users.xlog(xlog);
        // The recorder bounds the number of services.
        self.services.entry(xlog.service).or_default().add(xlog);
        if xlog.alloc_bytes > 0 && !xlog.tenant.is_empty() {
            self.add_to_tenant(xlog.tenant, xlog.alloc_bytes);
        }
    }

    /// What the control group said when the counters were taken last.
    pub(crate) fn group(&self) -> &CgroupFigures {
        &self.group
    }

    fn add_to_tenant(&mut self, tenant: &str, bytes: u64) {
        let is_known = self.tenants.contains_key(tenant);
        let tenant = if is_known || self.tenants.len() < MAX_TENANTS { tenant } else { OTHER };
        // Two look-ups of a known one cost less than an owned text.
        match self.tenants.get_mut(tenant) {
            Some(sum) => *sum = sum.saturating_add(bytes),
            None => _ = self.tenants.insert(tenant.to_owned(), bytes),
        }
    }

    /// Takes the counters of an interval that lasted this long.
    pub(crate) fn take(
        &mut self,
        lasted: Duration,
        source: &mut dyn Source,
        texts: &Texts,
        telemetry: &Telemetry,
    ) -> &[CounterPoint] {
        self.points.clear();
        let seconds = lasted.as_secs_f64().max(0.001);
        let all = std::mem::take(&mut self.all);
        let names = ["request_rate", "error_rate", "elapsed_p50", "elapsed_p95", "elapsed_p99"];
        self.push_figures(&names, "", &all, seconds, source);
        let active = source.active_count();
        self.push(source, "active_services|", approximate(active as u64));
        let mut services: Vec<_> = self.services.drain().collect();
        services.sort_by_key(|(service, figures)| (std::cmp::Reverse(figures.count), *service));
        services.truncate(MAX_COUNTED_SERVICES);
        let names =
            ["service_rate", "service_error_rate", "service_p50", "service_p95", "service_p99"];
        for (service, figures) in services {
            let name = texts.text(service);
            self.push_figures(&names, name, &figures, seconds, source);
            self.push_alloc("service_alloc", name, figures.alloc_bytes, seconds, source);
        }
        let mut tenants: Vec<_> = self.tenants.drain().collect();
        tenants.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        for (tenant, bytes) in tenants.iter().take(MAX_COUNTED_TENANTS) {
            self.push_alloc("tenant_alloc", tenant, *bytes, seconds, source);
        }
        let (recent, today) = self.users.counts(source.unix_us());
        self.push(source, "recent_users|", approximate(recent));
        self.push(source, "visitors_today|", approximate(today));
        self.push_process(source, seconds);
        let shares = self.pressure.read(lasted);
        for (resource, share) in RESOURCES.iter().zip(shares.into_iter().flatten()) {
            self.push(source, &format!("pressure_{resource}|%"), share);
        }
        let mut own = Vec::new();
        source.counters(&mut |name, value| own.push((name, value)));
        telemetry.visit(|name, value| own.push((format!("scouter_{name}|"), approximate(value))));
        for (name, value) in own {
            self.push(source, &name, value);
        }
        &self.points
    }

    /// Resident memory when the counters were taken last; 0 where it is not known.
    pub(crate) fn rss_bytes(&self) -> u64 {
        self.rss_bytes
    }

    fn push_process(&mut self, source: &mut dyn Source, seconds: f64) {
        if let Some(process) = self.process.read() {
            self.rss_bytes = process.rss_bytes;
            self.push(source, "process_rss|B", approximate(process.rss_bytes));
            self.push(source, "process_cpu|%", process.cpu_percent);
            self.push(source, "process_threads|", approximate(process.threads));
            self.push(source, "process_open_files|", approximate(process.open_files));
            if let Some(limit) = process.open_files_limit {
                self.push(source, "process_open_files_limit|", approximate(limit));
            }
        }
        let group = cgroup::read();
        self.group = group;
        if let Some(bytes) = group.memory_limit_bytes {
            self.push(source, "cgroup_memory_limit|B", approximate(bytes));
        }
        if let Some(bytes) = group.memory_used_bytes {
            self.push(source, "cgroup_memory_used|B", approximate(bytes));
        }
        if let Some(percent) = group.cpu_limit_percent {
            self.push(source, "cgroup_cpu_limit|%", percent);
        }
        let before = std::mem::replace(&mut self.throttled_us, group.throttled_us);
        if let (Some(before), Some(now)) = (before, group.throttled_us) {
            let throttled_ms = approximate(now.saturating_sub(before)) / 1e3;
            self.push(source, "cgroup_cpu_throttled|ms/s", throttled_ms / seconds);
        }
    }

    /// Nothing without an allocator that counts.
    fn push_alloc(
        &mut self,
        name: &str,
        of: &str,
        bytes: u64,
        seconds: f64,
        source: &mut dyn Source,
    ) {
        if bytes > 0 {
            self.push(source, &format!("{name}|B/s|{of}"), approximate(bytes) / seconds);
        }
    }

    fn push_figures(
        &mut self,
        names: &[&str; 5],
        service: &str,
        figures: &Figures,
        seconds: f64,
        source: &mut dyn Source,
    ) {
        let quantile = |share| approximate(figures.sketch.quantile(share).unwrap_or(0));
        let values = [
            ("1/s", approximate(figures.count) / seconds),
            ("1/s", approximate(figures.errors) / seconds),
            ("us", quantile(0.5)),
            ("us", quantile(0.95)),
            ("us", quantile(0.99)),
        ];
        let mut text = std::mem::take(&mut self.name);
        for (name, (unit, value)) in names.iter().zip(values) {
            text.clear();
            for part in [name, "|", unit] {
                text.push_str(part);
            }
            if !service.is_empty() {
                text.push('|');
                text.push_str(service);
            }
            self.push(source, &text, value);
        }
        self.name = text;
    }

    fn push(&mut self, source: &mut dyn Source, name: &str, value: f64) {
        let name = source.intern(TextKind::Counter, name);
        self.points.push(CounterPoint { name, value });
    }
}

#[expect(clippy::cast_precision_loss, reason = "exact up to 2^53, which no figure here reaches")]
pub(crate) fn approximate(value: u64) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Synthetic, xlog};

    #[test]
    fn rates_errors_and_percentiles_of_all_and_of_each_service() {
        let mut source = Synthetic::new();
        let texts = Texts::new(source.text_source());
        let service = source.intern(TextKind::Service, "GET /orders");
        let mut counters = Counters::default();
        for id in 1..=10 {
            let error = if id == 1 { "refused" } else { "" };
            counters.xlog(&XLog { service, error, elapsed_us: 1_000, ..xlog(id, "acme") });
        }
        let telemetry = Telemetry::default();
        let points =
            counters.take(Duration::from_secs(2), &mut source, &texts, &telemetry).to_vec();
        let value = |name: &str| {
            let point = points.iter().find(|point| texts.text(point.name) == name);
            point.unwrap_or_else(|| panic!("no {name}")).value
        };
        assert_eq!(value("request_rate|1/s"), 5.0);
        assert_eq!(value("error_rate|1/s"), 0.5);
        assert_eq!(value("service_rate|1/s|GET /orders"), 5.0);
        assert!((value("service_p95|us|GET /orders") / 1_000.0 - 1.0).abs() < 0.05);
        assert_eq!(value("active_services|"), 2.0);
        assert_eq!(value("scouter_exporter_acked_xlogs|"), 0.0);
        let next = counters.take(Duration::from_secs(2), &mut source, &texts, &telemetry);
        assert_eq!(next[0].value, 0.0, "the next interval begins at nothing");
    }

    #[test]
    fn allocated_bytes_are_added_up_by_service_and_tenant_where_there_are_any() {
        let mut source = Synthetic::new();
        let texts = Texts::new(source.text_source());
        let service = source.intern(TextKind::Service, "GET /orders");
        let mut counters = Counters::default();
        for (id, tenant, alloc_bytes) in [(1, "acme", 100), (2, "acme", 300), (3, "b", 1_000)] {
            counters.xlog(&XLog { service, alloc_bytes, ..xlog(id, tenant) });
        }
        counters.xlog(&xlog(4, "none"));
        for id in 0..30 {
            let tenant = format!("small {id}");
            counters.xlog(&XLog { service, alloc_bytes: 1, ..xlog(5 + id, &tenant) });
        }
        let telemetry = Telemetry::default();
        let points = counters.take(Duration::from_secs(2), &mut source, &texts, &telemetry);
        let value = |name: &str| {
            points.iter().find(|point| texts.text(point.name) == name).map(|point| point.value)
        };
        assert_eq!(value("service_alloc|B/s|GET /orders"), Some(715.0));
        assert_eq!(value("tenant_alloc|B/s|acme"), Some(200.0));
        assert_eq!(value("tenant_alloc|B/s|b"), Some(500.0));
        assert_eq!(value("tenant_alloc|B/s|none"), None);
        let is_tenant = |point: &&CounterPoint| texts.text(point.name).starts_with("tenant_alloc");
        assert_eq!(points.iter().filter(is_tenant).count(), MAX_COUNTED_TENANTS);
    }

    #[test]
    fn only_the_busiest_services_have_counters_of_their_own() {
        let mut source = Synthetic::new();
        let texts = Texts::new(source.text_source());
        let mut counters = Counters::default();
        for number in 0..2 * MAX_COUNTED_SERVICES {
            let service = source.intern(TextKind::Service, &format!("GET /{number}"));
            let times = 1 + usize::from(number == 150);
            for id in 0..times {
                counters.xlog(&XLog { service, ..xlog(1 + id as u64, "acme") });
            }
        }
        let telemetry = Telemetry::default();
        let points = counters.take(Duration::from_secs(2), &mut source, &texts, &telemetry);
        let named: Vec<_> = points
            .iter()
            .filter_map(|point| texts.text(point.name).strip_prefix("service_rate|1/s|"))
            .collect();
        assert_eq!(named.len(), MAX_COUNTED_SERVICES);
        assert_eq!(named[0], "GET /150");
    }
}
