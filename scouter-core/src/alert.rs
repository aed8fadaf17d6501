//! Something a person should know: raised anywhere in the agent, drained by the exporter.
//!
//! Raising is rare, so it may allocate and lock. Of one kind and level at one place at most one
//! alert is queued per interval; the ones in between are counted in the next one. The queue is
//! bounded: past [`MAX_ALERTS`] the newest is dropped and `alerts_dropped` grows.

#[path = "alert/about.rs"]
mod about;

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;

pub use self::about::About;
use parking_lot::Mutex;
pub use scouter_wire::record::{Alert, AlertKind, AlertLevel, CodeFrame, MAX_ALERT_FRAMES};

use crate::bounded::PANICKED;
use crate::header::{Header, Word};
use crate::native::{Frame, OwnStack};
use crate::telemetry::{ALERTS_DROPPED, ALERTS_SUPPRESSED, TEXTS_CUT};
use crate::text::{TextId, text};
use crate::texts::Slot;
use crate::{clock, current, lane, live, options, panics, switch, transaction};

/// Most alerts that wait for the exporter; past it the newest is dropped.
pub const MAX_ALERTS: usize = 256;

/// Most (kind, place) pairs whose last alert is remembered; past it the oldest is forgotten, so
/// that it may be sent again too early, which is better than never.
const MAX_PLACES: usize = 1_024;

/// Most alerts that wait with the copy of a stack; past it a further one has none.
const MAX_STACKS: usize = 16;

/// Longest message, in bytes; longer ones are cut.
pub const MAX_ALERT_BYTES: usize = 3_000;

/// An alert, and the stack of the thread that raised it: whoever drains the queue unwinds it.
struct Waiting {
    alert: Alert,
    stack: Option<OwnStack>,
}

impl Waiting {
    const fn plain(alert: Alert) -> Self {
        Self { alert, stack: None }
    }
}

#[derive(Default)]
struct Alerts {
    queue: Vec<Waiting>,
    /// By hash of kind and place: when the last one was queued (µs of a steady clock, which no
    /// step of the wall clock moves), and how many were swallowed since.
    places: HashMap<u64, (u64, u32)>,
}

static ALERTS: LazyLock<Mutex<Alerts>> = LazyLock::new(Mutex::default);
static SEED: LazyLock<RandomState> = LazyLock::new(RandomState::new);

/// Raises an alert about `place` (a line of code, or empty).
///
/// Service, tenant and ids come from the transaction this thread works on; what is nowhere is told
/// for each service. The message is cut at
/// [`MAX_ALERT_BYTES`]; one whose formatting panics says so. No lock is held while it is formatted.
pub fn raise(kind: AlertKind, level: AlertLevel, place: &str, message: fmt::Arguments<'_>) {
    let is_nowhere = place.is_empty();
    let current = lane::current().filter(|_| is_nowhere);
    let group = current.map_or("", |(header, _)| text(service_of(header)));
    raise_counted(about_current, (group, 1), kind, level, place, message);
}

/// Like [`raise`], about a statement: its place is the innermost open `#[scout]` function, or the
/// statement itself where there is none. Two statements of one function are two places. It has the
/// native stack of this thread, where those are taken: what runs a statement is on it.
pub fn raise_for_statement(
    kind: AlertKind,
    level: AlertLevel,
    sql: TextId,
    message: fmt::Arguments<'_>,
) {
    let sql = text(sql);
    match lane::current().and_then(|(header, _)| live::function_of(header)) {
        Some(site) => raise_counted(about_here, (sql, 1), kind, level, &site.place(), message),
        None => raise_counted(about_here, ("", 1), kind, level, sql, message),
    }
}

/// Like [`raise`], about what is described.
pub fn raise_for(
    about: &About<'_>,
    kind: AlertKind,
    level: AlertLevel,
    place: &str,
    message: fmt::Arguments<'_>,
) {
    raise_with_stack(about, kind, level, place, message, Vec::new);
}

/// Like [`raise_for`], with the native stack of the thread it is about; at most
/// [`MAX_ALERT_FRAMES`] from its leaf on are kept. The stack is only taken if the alert is queued,
/// and before the message is formatted, which may say why there is none.
pub fn raise_with_stack(
    about: &About<'_>,
    kind: AlertKind,
    level: AlertLevel,
    place: &str,
    message: fmt::Arguments<'_>,
    stack: impl FnOnce() -> Vec<CodeFrame>,
) {
    let subject = || {
        let mut stack = stack();
        stack.truncate(MAX_ALERT_FRAMES);
        Waiting::plain(Alert {
            unix_us: about.unix_us,
            service: about.service.to_owned(),
            tenant: about.tenant.to_owned(),
            transaction: about.transaction,
            stack,
            ..empty()
        })
    };
    // What is nowhere is told for each service.
    let is_nowhere = place.is_empty() && about.group.is_empty();
    let group = if is_nowhere { about.service } else { about.group };
    raise_counted(subject, (group, about.count.max(1)), kind, level, place, message);
}

fn raise_counted(
    subject: impl FnOnce() -> Waiting,
    (group, count): (&str, u32),
    kind: AlertKind,
    level: AlertLevel,
    place: &str,
    message: fmt::Arguments<'_>,
) {
    if switch::is_forked() {
        return;
    }
    let key = SEED.hash_one((kind, level, place, group));
    let Some(suppressed) = admit(key, count, clock::steady_us()) else { return };
    let Waiting { mut alert, stack } = subject();
    if alert.unix_us == 0 {
        alert.unix_us = clock::unix_us(clock::now_ticks());
    }
    alert.kind = kind;
    alert.level = level;
    alert.message = bounded(message);
    alert.place = scouter_wire::text::cut(place, MAX_ALERT_BYTES).to_owned();
    alert.suppressed = suppressed;
    let mut alerts = ALERTS.lock();
    if alerts.queue.len() < MAX_ALERTS {
        alerts.queue.push(Waiting { alert, stack });
    } else {
        // It was not sent, so the next one need not wait.
        alerts.places.remove(&key);
        ALERTS_DROPPED.add(1);
    }
}

/// Whether an alert of this kind and place, which stands for `count` of them, may be queued now, and
/// how many were swallowed since the last one.
fn admit(key: u64, count: u32, now_us: u64) -> Option<u32> {
    let interval_us = options::ALERT_SEND_INTERVAL_MS.value().saturating_mul(1_000);
    let mut alerts = ALERTS.lock();
    let suppressed = match alerts.places.get_mut(&key) {
        // Time that went back (a test's clock) does not mute.
        Some((last, swallowed)) if now_us.checked_sub(*last).is_some_and(|us| us < interval_us) => {
            *swallowed = swallowed.saturating_add(count);
            ALERTS_SUPPRESSED.add(count.into());
            return None;
        }
        Some((_, swallowed)) => swallowed.saturating_add(count - 1),
        None => count - 1,
    };
    ALERTS_SUPPRESSED.add((count - 1).into());
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
        stack: Vec::new(),
    }
}

/// The same as [`about_current`], with the stack of this thread if few others wait with theirs.
fn about_here() -> Waiting {
    let is_with_stack = |waiting: &&Waiting| waiting.stack.is_some();
    let waiting = ALERTS.lock().queue.iter().filter(is_with_stack).count();
    let stack = (waiting < MAX_STACKS).then(OwnStack::copy).flatten();
    Waiting { stack, ..about_current() }
}

fn about_current() -> Waiting {
    let mut alert = empty();
    if let Some((header, _)) = lane::current() {
        alert.service = text(service_of(header)).to_owned();
        alert.tenant = current::text_of(header, Slot::Tenant);
        alert.transaction = transaction::gxid_of(header).zip(transaction::txid_of(header));
    }
    Waiting::plain(alert)
}

pub(crate) fn service_of(header: &Header) -> TextId {
    #[expect(clippy::cast_possible_truncation, reason = "the low half is the service")]
    let service = header.word(Word::ServiceEpoch) as u32;
    TextId::from_number(service)
}

/// Moves all waiting alerts to the end of `out`. May read unwind tables: for the agent's own threads.
pub fn drain_alerts(out: &mut Vec<Alert>) {
    panics::tell();
    #[cfg(feature = "alloc")]
    crate::alloc::large::tell();
    let waiting = std::mem::take(&mut ALERTS.lock().queue);
    out.extend(waiting.into_iter().map(|Waiting { mut alert, stack }| {
        if let Some(stack) = stack {
            let frames = stack.unwind().frames;
            alert.stack = frames.iter().take(MAX_ALERT_FRAMES).map(Frame::to_code_frame).collect();
        }
        alert
    }));
}
