//! Polls that do not return: what runs in them keeps a thread of the runtime from all other work.
//!
//! Each thread shows since when its present poll runs. Once that is longer than the limit, the time
//! in which the machine did not let the thread run is taken off: what it waited in the run queue,
//! and what its control group was held back. Both only grow, so the last reading from before the
//! poll makes the difference an upper bound: a thread is never blamed for a busy machine.
//!
//! A `block_in_place` looks the same, since it is inside of a poll too.

use std::collections::HashMap;
use std::time::Duration;

use scouter_core::live::{self, LaneView, WatchedTransaction};
use scouter_core::options::{ALERT_BLOCKING_POLL_ERROR_MS, ALERT_BLOCKING_POLL_MS};
use scouter_core::record::{AlertKind, AlertLevel};

use super::machine::{run_queue_us, thread_name, throttled_us};
use super::{limit_us, shown, tell};
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
    /// The poll that was told last, and how bad it was then.
    told: Option<(u64, AlertLevel)>,
}

impl Polls {
    /// Looks at all of them; answers in which time the first poll may have become too long.
    pub(super) fn look(&mut self, now: Moment) -> Duration {
        let first_limit = ALERT_BLOCKING_POLL_MS.value().saturating_mul(1_000);
        if first_limit == 0 {
            return Duration::MAX;
        }
        live::lanes(&mut self.lanes);
        let is_all = self.read_at.is_due(now, DELAY_INTERVAL);
        if is_all {
            self.throttled_us = throttled_us();
            let lanes = &self.lanes;
            self.threads.retain(|tid, _| lanes.iter().any(|lane| lane.tid == *tid));
        }
        self.read_delays(first_limit / 2, is_all);
        for lane in &self.lanes {
            if lane.poll_age_us >= first_limit {
                let thread = self.threads.entry(lane.tid).or_default();
                judge(lane, thread, first_limit);
            }
        }
        first_due(self.lanes.iter().map(|lane| lane.poll_age_us), first_limit)
    }

    /// Reads the delays of all threads, or of new ones, that are not in a poll that may become a
    /// long one.
    fn read_delays(&mut self, long_us: u64, is_all: bool) {
        for lane in self.lanes.iter().filter(|lane| lane.poll_age_us < long_us).take(MAX_THREADS) {
            if is_all || !self.threads.contains_key(&lane.tid) {
                let thread = self.threads.entry(lane.tid).or_default();
                thread.queued_us = run_queue_us(lane.tid);
                thread.throttled_us = self.throttled_us;
            }
        }
    }
}

/// In which time the first poll may be too long: of those that run, or of one that begins right now.
/// A poll that was told as a warning becomes an error at any later turn.
fn first_due(ages_us: impl Iterator<Item = u64>, limit_us: u64) -> Duration {
    let left = ages_us.map(|age| limit_us.saturating_sub(age));
    let first = left.filter(|left| *left > 0).min().unwrap_or(limit_us);
    Duration::from_micros(first)
}

/// Tells a poll that is longer than the limit of any service, if it is by itself.
fn judge(lane: &LaneView, thread: &mut Thread, first_limit_us: u64) {
    let told = thread.told.filter(|(poll, _)| *poll == lane.poll).map(|(_, level)| level);
    let error_us = ALERT_BLOCKING_POLL_ERROR_MS.value().saturating_mul(1_000);
    match told {
        Some(AlertLevel::Error) => return,
        // Nothing new can be said yet.
        Some(_) if lane.poll_age_us < error_us => return,
        _ => {}
    }
    let queued_us = run_queue_us(lane.tid).saturating_sub(thread.queued_us);
    if lane.poll_age_us.saturating_sub(queued_us) < first_limit_us {
        return;
    }
    let delayed_us = queued_us + throttled_us().saturating_sub(thread.throttled_us);
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
    say(lane, &about, level, blocked_us, delayed_us);
}

/// Whether the thread is in the same poll as when it was looked at: what was read since is of it.
fn is_still_in(lane: &LaneView) -> bool {
    let mut lanes = Vec::new();
    live::lanes(&mut lanes);
    lanes.iter().any(|now| (now.tid, now.poll, now.txid) == (lane.tid, lane.poll, lane.txid))
}

fn say(
    lane: &LaneView,
    about: &WatchedTransaction,
    level: AlertLevel,
    blocked_us: u64,
    delayed_us: u64,
) {
    let inside = match about.active.stack.last() {
        Some(step) => format!("in {}", step.name),
        None => "outside of any function with #[scout]".to_owned(),
    };
    let besides = match delayed_us {
        ..1_000 => String::new(),
        us => format!(" (and {} in which the machine was busy)", shown(us)),
    };
    let message = format_args!(
        "{} has kept {} for {} in one poll{besides}, {inside}; nothing else runs there meanwhile: \
         move blocking work to spawn_blocking",
        about.active.service,
        thread_name(lane.tid),
        shown(blocked_us),
    );
    tell(about, AlertKind::BlockingPoll, level, message);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_look_is_when_the_first_poll_may_be_too_long() {
        for (ages_ms, due_ms) in [
            (&[][..], 100),
            (&[0], 100),
            (&[30, 95, 60], 5),
            // That one was told.
            (&[100], 100),
            (&[250, 40], 60),
        ] {
            let ages_us = ages_ms.iter().map(|ms| ms * 1_000);
            assert_eq!(first_due(ages_us, 100_000), Duration::from_millis(due_ms), "{ages_ms:?}");
        }
    }
}
