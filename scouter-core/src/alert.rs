//! Something a person should know: raised anywhere in the agent, drained by the exporter.
//!
//! Raising is rare, so it may allocate and lock. Of one kind and level at one place at most one alert is
//! queued per interval; the ones in between are counted in the next one. The queue is bounded: past
//! [`MAX_ALERTS`] the newest is dropped and `alerts_dropped` grows.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;

use parking_lot::Mutex;
pub use scouter_wire::record::{Alert, AlertKind, AlertLevel};
use scouter_wire::{Gxid, Txid};

use crate::bounded::PANICKED;
use crate::header::{Header, Word};
use crate::telemetry::{ALERTS_DROPPED, ALERTS_SUPPRESSED, TEXTS_CUT};
use crate::text::{TextId, text};
use crate::texts::Slot;
use crate::{clock, current, lane, live, options, panics, switch, transaction};

/// Most alerts that wait for the exporter; past it the newest is dropped.
pub const MAX_ALERTS: usize = 256;

/// Most (kind, place) pairs whose last alert is remembered; past it the oldest is forgotten, so
/// that it may be sent again too early, which is better than never.
const MAX_PLACES: usize = 1_024;

/// Longest message, in bytes; longer ones are cut.
pub const MAX_ALERT_BYTES: usize = 3_000;

#[derive(Default)]
struct Alerts {
    queue: Vec<Alert>,
    /// By hash of kind and place: when the last one was queued (µs of a steady clock, which no
    /// step of the wall clock moves), and how many were swallowed since.
    places: HashMap<u64, (u64, u32)>,
}

static ALERTS: LazyLock<Mutex<Alerts>> = LazyLock::new(Mutex::default);
static SEED: LazyLock<RandomState> = LazyLock::new(RandomState::new);

/// Raises an alert about `place` (a line of code, or empty).
///
/// Service, tenant and ids come from the transaction this thread works on. The message is cut at
/// [`MAX_ALERT_BYTES`]; one whose formatting panics says so. No lock is held while it is formatted.
pub fn raise(kind: AlertKind, level: AlertLevel, place: &str, message: fmt::Arguments<'_>) {
    raise_with(about_current, kind, level, place, "", message);
}

/// Whom an alert is about when it is not what the raising thread works on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::exhaustive_structs, reason = "made by whoever raises, with all it knows")]
pub struct Subject<'a> {
    /// Service, or empty.
    pub service: &'a str,
    /// Tenant, or empty.
    pub tenant: &'a str,
    /// Transaction, running or ended.
    pub transaction: Option<(Gxid, Txid)>,
}

/// Like [`raise`], about a transaction that may have ended: for whoever watches from outside.
pub fn raise_about(
    subject: Subject<'_>,
    kind: AlertKind,
    level: AlertLevel,
    place: &str,
    message: fmt::Arguments<'_>,
) {
    let about = || Alert {
        service: subject.service.to_owned(),
        tenant: subject.tenant.to_owned(),
        transaction: subject.transaction,
        ..empty()
    };
    // What is nowhere is told for each service.
    let within = if place.is_empty() { subject.service } else { "" };
    raise_with(about, kind, level, place, within, message);
}

/// Like [`raise`], about a statement: its place is the innermost open `#[scout]` function, or the
/// statement itself where there is none. Two statements of one function are two places.
pub fn raise_for_statement(
    kind: AlertKind,
    level: AlertLevel,
    sql: TextId,
    message: fmt::Arguments<'_>,
) {
    let sql = text(sql);
    match lane::current().and_then(|(header, _)| live::function_of(header)) {
        Some(site) => {
            let place = format!("{}:{}", site.file(), site.line());
            raise_with(about_current, kind, level, &place, sql, message);
        }
        None => raise_with(about_current, kind, level, sql, "", message),
    }
}

fn raise_with(
    subject: impl FnOnce() -> Alert,
    kind: AlertKind,
    level: AlertLevel,
    place: &str,
    within: &str,
    message: fmt::Arguments<'_>,
) {
    if switch::is_forked() {
        return;
    }
    let key = SEED.hash_one((kind, level, place, within));
    let Some(suppressed) = admit(key, clock::steady_us()) else { return };
    let mut alert = subject();
    alert.unix_us = clock::unix_us(clock::now_ticks());
    alert.kind = kind;
    alert.level = level;
    alert.message = bounded(message);
    alert.place = scouter_wire::text::cut(place, MAX_ALERT_BYTES).to_owned();
    alert.suppressed = suppressed;
    let mut alerts = ALERTS.lock();
    if alerts.queue.len() < MAX_ALERTS {
        alerts.queue.push(alert);
    } else {
        // It was not sent, so the next one need not wait.
        alerts.places.remove(&key);
        ALERTS_DROPPED.add(1);
    }
}

/// Whether an alert of this kind and place may be queued now, and how many were swallowed since
/// the last one.
fn admit(key: u64, now_us: u64) -> Option<u32> {
    let interval_us = options::ALERT_SEND_INTERVAL_MS.value().saturating_mul(1_000);
    let mut alerts = ALERTS.lock();
    let suppressed = match alerts.places.get_mut(&key) {
        // Time that went back (a test's clock) does not mute.
        Some((last, swallowed)) if now_us.checked_sub(*last).is_some_and(|us| us < interval_us) => {
            *swallowed = swallowed.saturating_add(1);
            ALERTS_SUPPRESSED.add(1);
            return None;
        }
        Some((_, swallowed)) => *swallowed,
        None => 0,
    };
    if alerts.queue.len() >= MAX_ALERTS {
        ALERTS_DROPPED.add(1);
        return None;
    }
    if alerts.places.len() >= MAX_PLACES
        && let Some(oldest) =
            alerts.places.iter().min_by_key(|(_, (last, _))| *last).map(|(key, _)| *key)
    {
        alerts.places.remove(&oldest);
    }
    alerts.places.insert(key, (now_us, 0));
    Some(suppressed)
}

/// At most [`MAX_ALERT_BYTES`] of a message: formatting stops there, so a huge one costs no more.
fn bounded(message: fmt::Arguments<'_>) -> String {
    struct Cut(String);
    impl fmt::Write for Cut {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            let kept = scouter_wire::text::cut(text, MAX_ALERT_BYTES - self.0.len());
            self.0.push_str(kept);
            if kept.len() == text.len() { Ok(()) } else { Err(fmt::Error) }
        }
    }
    let mut cut = Cut(String::new());
    match panics::caught(|| fmt::write(&mut cut, message)) {
        Ok(Ok(())) => cut.0,
        Ok(Err(fmt::Error)) => {
            TEXTS_CUT.add(1);
            cut.0
        }
        Err(_) => PANICKED.to_owned(),
    }
}

fn empty() -> Alert {
    Alert {
        unix_us: 0,
        kind: AlertKind::Agent,
        level: AlertLevel::Info,
        message: String::new(),
        place: String::new(),
        service: String::new(),
        tenant: String::new(),
        transaction: None,
        suppressed: 0,
    }
}

fn about_current() -> Alert {
    let mut alert = empty();
    if let Some((header, _)) = lane::current() {
        alert.service = text(service_of(header)).to_owned();
        alert.tenant = current::text_of(header, Slot::Tenant);
        alert.transaction = transaction::gxid_of(header).zip(transaction::txid_of(header));
    }
    alert
}

pub(crate) fn service_of(header: &Header) -> TextId {
    #[expect(clippy::cast_possible_truncation, reason = "the low half is the service")]
    let service = header.word(Word::ServiceEpoch) as u32;
    TextId::from_number(service)
}

/// Moves all waiting alerts to the end of `out`.
pub fn drain_alerts(out: &mut Vec<Alert>) {
    out.append(&mut ALERTS.lock().queue);
}
