//! Something a person should know: raised anywhere in the agent, drained by the exporter.
//!
//! Raising is rare, so it may allocate and lock. Of one kind at one place at most one alert is
//! queued per interval; the ones in between are counted in the next one. The queue is bounded: past
//! [`MAX_ALERTS`] the newest is dropped and `alerts_dropped` grows.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;

use parking_lot::Mutex;
pub use scouter_wire::record::{Alert, AlertKind, AlertLevel};

use crate::header::{Header, Word};
use crate::telemetry::{ALERTS_DROPPED, ALERTS_SUPPRESSED};
use crate::text::{TextId, text};
use crate::texts::Slot;
use crate::{clock, current, lane, options, transaction};

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
    /// By hash of kind and place: when the last one was queued, and how many were swallowed since.
    places: HashMap<u64, (i64, u32)>,
}

static ALERTS: LazyLock<Mutex<Alerts>> = LazyLock::new(Mutex::default);
static SEED: LazyLock<RandomState> = LazyLock::new(RandomState::new);

/// Raises an alert about `place` (a line of code, or empty).
///
/// Service, tenant and ids come from the transaction this thread works on.
pub fn raise(kind: AlertKind, level: AlertLevel, place: &str, message: fmt::Arguments<'_>) {
    let unix_us = clock::unix_us(clock::now_ticks());
    let interval_us =
        i64::try_from(options::ALERT_SEND_INTERVAL_MS.value() * 1_000).unwrap_or(i64::MAX);
    let key = SEED.hash_one((kind, place));
    let mut alerts = ALERTS.lock();
    let suppressed = match alerts.places.get_mut(&key) {
        Some((last, swallowed)) if unix_us.saturating_sub(*last) < interval_us => {
            *swallowed = swallowed.saturating_add(1);
            ALERTS_SUPPRESSED.add(1);
            return;
        }
        Some((_, swallowed)) => *swallowed,
        None => 0,
    };
    if alerts.queue.len() >= MAX_ALERTS {
        ALERTS_DROPPED.add(1);
        return;
    }
    if alerts.places.len() >= MAX_PLACES
        && let Some(oldest) =
            alerts.places.iter().min_by_key(|(_, (last, _))| *last).map(|(key, _)| *key)
    {
        alerts.places.remove(&oldest);
    }
    alerts.places.insert(key, (unix_us, 0));
    let mut alert = about_current();
    alert.unix_us = unix_us;
    alert.kind = kind;
    alert.level = level;
    alert.message = message.to_string();
    alert.message.truncate(alert.message.floor_char_boundary(MAX_ALERT_BYTES));
    alert.place = scouter_wire::text::cut(place, MAX_ALERT_BYTES).to_owned();
    alert.suppressed = suppressed;
    alerts.queue.push(alert);
}

fn about_current() -> Alert {
    let mut alert = Alert {
        unix_us: 0,
        kind: AlertKind::Agent,
        level: AlertLevel::Info,
        message: String::new(),
        place: String::new(),
        service: String::new(),
        tenant: String::new(),
        transaction: None,
        suppressed: 0,
    };
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
