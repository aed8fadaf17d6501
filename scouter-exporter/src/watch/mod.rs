//! What goes wrong while nothing ends: looked for from outside, on the exporter's thread.
//!
//! A request that hangs tells nobody. So the live view is looked at: who waits for what since when
//! ([`awaits`]), which poll does not return ([`polls`]), which connection is kept ([`checkouts`]),
//! and whether the runtimes still run what is ready ([`beats`]). Nothing here touches the path of
//! a request; whether the machine lets ready threads wait is noted of this thread itself. Each finding
//! is told once, by an alert with the line of code; the same one at
//! the same place again only after `alert_send_interval_ms`.

mod awaits;
mod beats;
mod checkouts;
mod delays;
mod machine;
mod polls;

use std::fmt;
use std::time::Duration;

use scouter_core::Callsite;
use scouter_core::alert::{self, About, CodeFrame};
use scouter_core::checkout::open_checkouts;
use scouter_core::live::{self, WatchedTransaction};
use scouter_core::options::{
    ALERT_PATIENCE_FACTOR, ALERT_PATIENT_SERVICE_PATTERNS, ALERT_QUIET_SERVICE_PATTERNS, U64Option,
};
use scouter_core::record::{AlertKind, AlertLevel};

use crate::clock::Moment;

/// How often polls are looked at, at most: a poll that blocks is told at most so late.
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// From this on a look that comes late says that the machine is busy.
const LATE: Duration = Duration::from_millis(20);

/// Shortest pause that is asked for.
const MIN_PAUSE: Duration = Duration::from_millis(1);

/// How often checkouts and runtimes are looked at.
const CHECKOUT_INTERVAL: Duration = Duration::from_millis(250);

/// How often all running transactions are looked at: 10,000 of them take 2 ms.
const AWAIT_INTERVAL: Duration = Duration::from_secs(1);

/// Everything that is watched.
#[derive(Default)]
pub(crate) struct Watch {
    polls: polls::Polls,
    beats: beats::Beats,
    checkouts: checkouts::Checkouts,
    awaits: awaits::Awaits,
    /// How long after the last look at polls the next one is worth while.
    next_poll: Duration,
    last: Last,
    /// What this thread had waited for a processor so far, µs.
    queued_us: u64,
}

/// When something was looked at last.
#[derive(Default)]
struct Last {
    polls: Moment,
    checkouts: Moment,
    awaits: Moment,
}

impl Watch {
    /// Looks at whatever is due; called in each turn of the exporter. Answers how long the next
    /// turn may be away, lest a poll that blocks is told late.
    pub(crate) fn look(&mut self, now: Moment) -> Duration {
        let since_last = now.since(self.last.polls);
        if self.last.polls.is_due(now, POLL_INTERVAL) {
            if since_last >= POLL_INTERVAL + LATE {
                self.note_late(since_last);
            }
            self.next_poll = self.polls.look(now).max(POLL_INTERVAL);
        }
        self.look_at_the_rest(now);
        self.next_poll.saturating_sub(now.since(self.last.polls)).max(MIN_PAUSE)
    }

    fn look_at_the_rest(&mut self, now: Moment) {
        if !self.last.checkouts.is_due(now, CHECKOUT_INTERVAL) {
            return;
        }
        self.beats.look(now);
        if self.beats.excuse_waits(now) {
            return;
        }
        let mut open = Vec::new();
        open_checkouts(&mut open);
        if self.last.awaits.is_due(now, AWAIT_INTERVAL) {
            let across = self.awaits.look(now, &open);
            self.checkouts.are_told(&across);
        }
        self.checkouts.look(&open, now);
    }

    /// Notes for how much of the time since the last look this thread waited for a processor: it may
    /// also have been at work.
    fn note_late(&mut self, since_last: Duration) {
        let queued_us = machine::own_queued_us();
        let waited = queued_us.saturating_sub(std::mem::replace(&mut self.queued_us, queued_us));
        let waited = Duration::from_micros(waited).min(since_last);
        if waited >= LATE {
            live::note_late(waited);
        }
    }
}

/// A limit as it stands for a service, µs; `None` where nothing is told.
fn limit_us(option: &U64Option, service: &str) -> Option<u64> {
    let ms = option.value();
    if ms == 0 || ALERT_QUIET_SERVICE_PATTERNS.lists_service(service) {
        return None;
    }
    let is_patient = ALERT_PATIENT_SERVICE_PATTERNS.lists_service(service);
    let factor = if is_patient { ALERT_PATIENCE_FACTOR.value() } else { 1 };
    Some(ms.saturating_mul(1_000).saturating_mul(factor))
}

/// Raises an alert about a running transaction, at the innermost `#[scout]` function it is in. The
/// message is only written if the alert is sent.
fn tell(
    about: &WatchedTransaction,
    kind: AlertKind,
    level: AlertLevel,
    message: fmt::Arguments<'_>,
) {
    tell_with_stack(about, kind, level, message, Vec::new);
}

/// Like [`tell`], with the stack of the thread that works on it, which is only taken if the alert
/// is sent.
fn tell_with_stack(
    about: &WatchedTransaction,
    kind: AlertKind,
    level: AlertLevel,
    message: fmt::Arguments<'_>,
    stack: impl FnOnce() -> Vec<CodeFrame>,
) {
    let active = &about.active;
    let of = About {
        service: &active.service,
        tenant: &active.tenant,
        transaction: Some((active.gxid, active.txid)),
        ..About::default()
    };
    let place = about.function.map_or_else(String::new, Callsite::place);
    alert::raise_with_stack(&of, kind, level, &place, message, stack);
}

/// A time in words: `850 ms`, `12.3 s`.
fn shown(us: u64) -> String {
    match us / 1_000 {
        ms @ ..1_000 => format!("{ms} ms"),
        ms => format!("{}.{} s", ms / 1_000, ms % 1_000 / 100),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_shown_with_what_matters_of_them() {
        assert_eq!(shown(850_400), "850 ms");
        assert_eq!(shown(12_345_678), "12.3 s");
    }
}
