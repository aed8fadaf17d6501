//! Polls that do not return: what runs in them keeps a thread of the runtime from all other work.
//!
//! Each thread shows since when its present poll runs. Once that is longer than the limit, the time
//! in which the machine did not let the thread run is taken off: what it waited in the run queue,
//! and what its control group was held back. Both only grow, so the last reading from before the
//! poll makes the difference an upper bound: a thread is never blamed for a busy machine. The kernel
//! adds a wait once it is over, so a thread that is ready is only blamed if it was seen to run
//! between two looks.
//!
//! A `block_in_place` looks the same, since it is inside of a poll too.

use std::collections::HashMap;
use std::time::Duration;

use scouter_core::live::{self, LaneView, WatchedTransaction};
use scouter_core::options::{ALERT_BLOCKING_POLL_ERROR_MS, ALERT_BLOCKING_POLL_MS};
use scouter_core::record::{AlertKind, AlertLevel};

use super::machine::{Scheduled, is_ready, scheduled, thread_name, throttled_us};
use super::{Finding, limit_us, shown, tell};
use crate::clock::Moment;

/// How often the delays of all threads are read, besides once for a new one; a poll in progress
/// keeps the reading before it.
const DELAY_INTERVAL: Duration = Duration::from_secs(1);

/// Most threads whose delays are read every second. Of others the time since they began counts, so
/// that they are told late or not at all on a busy machine.
const MAX_THREADS: usize = 512;

/// The threads that poll.
#[derive(Default)]
pub(super) struct Polls {
    lanes: Vec<LaneView>,
    threads: HashMap<u32, Thread>,
    throttled_us: u64,
    read_at: Moment,
}

/// One of them.
#[derive(Default, Clone, Copy)]
struct Thread {
    /// What it had waited in the run queue before the poll.
    queued_us: u64,
    /// What the group had been held back before the poll.
    throttled_us: u64,
    /// The poll in which it was last looked at, how long it had run by then, and when that was.
    ran: Option<(u64, u64, Moment)>,
    /// The poll that was told last, and how bad it was then.
    told: Option<(u64, AlertLevel)>,
}

impl Polls {
    pub(super) fn look(&mut self, now: Moment) {
        let first_limit = ALERT_BLOCKING_POLL_MS.value().saturating_mul(1_000);
        if first_limit == 0 {
            return;
        }
        live::lanes(&mut self.lanes);
        let is_all = now.since(self.read_at) >= DELAY_INTERVAL;
        if is_all {
            self.read_at = now;
            self.throttled_us = throttled_us();
            let lanes = &self.lanes;
            self.threads.retain(|tid, _| lanes.iter().any(|lane| lane.tid == *tid));
        }
        self.read_delays(first_limit / 2, is_all);
        for lane in &self.lanes {
            if lane.poll_age_us >= first_limit {
                let thread = self.threads.entry(lane.tid).or_default();
                judge(lane, thread, now);
            }
        }
    }

    /// Reads the delays of all threads, or of new ones, that are not in a poll that may become a
    /// long one.
    fn read_delays(&mut self, long_us: u64, is_all: bool) {
        for lane in self.lanes.iter().filter(|lane| lane.poll_age_us < long_us).take(MAX_THREADS) {
            if is_all || !self.threads.contains_key(&lane.tid) {
                let thread = self.threads.entry(lane.tid).or_default();
                thread.queued_us = scheduled(lane.tid).queued_us;
                thread.throttled_us = self.throttled_us;
            }
        }
    }
}

fn judge(lane: &LaneView, thread: &mut Thread, now: Moment) {
    let told = thread.told.filter(|(poll, _)| *poll == lane.poll).map(|(_, level)| level);
    let error_us = ALERT_BLOCKING_POLL_ERROR_MS.value().saturating_mul(1_000);
    match told {
        Some(AlertLevel::Error) => return,
        // Nothing new can be said yet.
        Some(_) if lane.poll_age_us < error_us => return,
        _ => {}
    }
    let ready = is_ready(lane.tid);
    let Scheduled { ran_us, queued_us } = scheduled(lane.tid);
    let before = thread.ran.replace((lane.poll, ran_us, now));
    let Some(waits_us) = (if ready { waits_us(lane.poll, ran_us, before, now) } else { Some(0) })
    else {
        return;
    };
    let delayed_us = waits_us
        + queued_us.saturating_sub(thread.queued_us)
        + throttled_us().saturating_sub(thread.throttled_us);
    let blocked_us = lane.poll_age_us.saturating_sub(delayed_us);
    let Some(about) = lane.txid.and_then(live::find) else { return };
    let service = &about.active.service;
    let (Some(warn_us), Some(error_us)) = (
        limit_us(&ALERT_BLOCKING_POLL_MS, service),
        limit_us(&ALERT_BLOCKING_POLL_ERROR_MS, service),
    ) else {
        return;
    };
    let level = if blocked_us >= error_us { AlertLevel::Error } else { AlertLevel::Warn };
    if blocked_us < warn_us || told == Some(level) || !is_still_in(lane) {
        return;
    }
    thread.told = Some((lane.poll, level));
    tell(&about, &finding(lane, &about, level, blocked_us, delayed_us));
}

/// How long a thread that is ready may be waiting for a processor right now, at most: since it ran
/// last, which was after the look before. `None` if it was not seen to run: the next look knows.
fn waits_us(
    poll: u64,
    ran_us: u64,
    before: Option<(u64, u64, Moment)>,
    now: Moment,
) -> Option<u64> {
    let (_, ran_before, at) = before.filter(|before| before.0 == poll && before.1 < ran_us)?;
    let elapsed_us = u64::try_from(now.since(at).as_micros()).unwrap_or(u64::MAX);
    Some(elapsed_us.saturating_sub(ran_us - ran_before))
}

/// Whether the thread is in the same poll as when it was looked at: what was read since is of it.
fn is_still_in(lane: &LaneView) -> bool {
    let mut lanes = Vec::new();
    live::lanes(&mut lanes);
    lanes.iter().any(|now| (now.tid, now.poll, now.txid) == (lane.tid, lane.poll, lane.txid))
}

fn finding(
    lane: &LaneView,
    about: &WatchedTransaction,
    level: AlertLevel,
    blocked_us: u64,
    delayed_us: u64,
) -> Finding {
    let inside = match about.active.stack.last() {
        Some(step) => format!("in {}", step.name),
        None => "outside of any function with #[scout]".to_owned(),
    };
    let besides = match delayed_us {
        ..1_000 => String::new(),
        us => format!(" (and {} in which the machine was busy)", shown(us)),
    };
    let message = format!(
        "{} has kept {} for {} in one poll{besides}, {inside}; nothing else runs there meanwhile: \
         move blocking work to spawn_blocking",
        about.active.service,
        thread_name(lane.tid),
        shown(blocked_us),
    );
    Finding { kind: AlertKind::BlockingPoll, level, message }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_is_ready_is_blamed_only_for_what_it_was_seen_to_run() {
        let start = Moment::now();
        let now = start.after(Duration::from_millis(10));
        let ran = |poll, us| Some((poll, us, start));
        for (before, waits) in [
            (None, None),
            (ran(6, 2_000), None),        // another poll
            (ran(7, 9_000), None),        // has waited at least since then
            (ran(7, 1_000), Some(2_000)), // ran for 8 ms of the 10
            (ran(7, 0), Some(1_000)),
        ] {
            assert_eq!(waits_us(7, 9_000, before, now), waits, "{before:?}");
        }
    }
}
