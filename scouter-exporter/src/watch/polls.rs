//! Polls that do not return: what runs in them keeps a thread of the runtime from all other work.
//!
//! Each thread shows since when its present poll runs. Once that is longer than the limit, the time
//! in which the machine did not let the thread run is taken off ([`delays`](super::delays)). With
//! feature `native` the alert carries the stack of that thread, taken in that poll or not at all.
//!
//! A `block_in_place` looks the same, since it is inside of a poll too.

use std::cell::Cell;
use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use scouter_core::alert::{CodeFrame, MAX_ALERT_FRAMES};
use scouter_core::live::{self, LaneView, WatchedTransaction};
use scouter_core::native::{self, Frame, Unavailable};
use scouter_core::options::{ALERT_BLOCKING_POLL_ERROR_MS, ALERT_BLOCKING_POLL_MS};
use scouter_core::record::{AlertKind, AlertLevel};

use super::delays::{Delays, Share};
use super::machine::{thread_name, throttled_us};
use super::{limit_us, shown, tell_with_stack};
use crate::clock::Moment;

/// How often the delays of all threads are read, besides at once for a new one.
const DELAY_INTERVAL: Duration = Duration::from_secs(1);

/// Polls that run longer already are not read in: so no poll is read in twice, and the reading
/// before it is still there.
const MAX_AGE_READ_IN: Duration = DELAY_INTERVAL.checked_div(2).expect("two is not nothing");

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
    delays: Delays,
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
        self.read_delays(is_all);
        let mut next = first_due(self.lanes.iter().map(|lane| lane.poll_age_us), first_limit);
        for lane in self.lanes.iter().filter(|lane| lane.poll_age_us >= first_limit) {
            let thread = self.threads.entry(lane.tid).or_default();
            judge(lane, thread, first_limit);
            // What the machine took of it is not known yet, or the code in it took less.
            if thread.told.is_none_or(|(poll, _)| poll != lane.poll) {
                next = Duration::ZERO;
            }
        }
        next
    }

    /// Reads the delays of all threads, or of new ones, but of those in a long poll.
    fn read_delays(&mut self, is_all: bool) {
        let is_young =
            |lane: &&LaneView| u128::from(lane.poll_age_us) < MAX_AGE_READ_IN.as_micros();
        for lane in self.lanes.iter().filter(is_young).take(MAX_THREADS) {
            if is_all || !self.threads.contains_key(&lane.tid) {
                let thread = self.threads.entry(lane.tid).or_default();
                thread.delays.read(lane.tid, self.throttled_us);
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
    let share = thread.delays.share(lane.tid, lane.poll, lane.poll_age_us, first_limit_us);
    let Some(Share { blocked_us, delayed_us }) = share else { return };
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
    let missing = Cell::new(None);
    let stack = || {
        stack_of(lane).unwrap_or_else(|why| {
            missing.set(Some(why));
            Vec::new()
        })
    };
    let no_stack = fmt::from_fn(|out| match missing.take() {
        // Said once for the whole process, among the capabilities.
        None | Some(Unavailable::NotBuilt | Unavailable::Platform) => Ok(()),
        Some(why) => write!(out, " (no native stack: {why})"),
    });
    let message = format_args!(
        "{} has kept {} for {} in one poll{besides}, {inside}; nothing else runs there meanwhile: \
         move blocking work to spawn_blocking{no_stack}",
        about.active.service,
        thread_name(lane.tid),
        shown(blocked_us),
    );
    tell_with_stack(about, AlertKind::BlockingPoll, level, message, stack);
}

/// The stack of the thread, if it still is in that poll once it has been taken. The frames nearest
/// to the root, which an alert has no room for, are those of the runtime.
fn stack_of(lane: &LaneView) -> Result<Vec<CodeFrame>, Unavailable> {
    let stack = native::capture_if(lane.tid, || is_still_in(lane))?;
    let frames = stack.frames.iter().take(MAX_ALERT_FRAMES).map(Frame::to_code_frame);
    Ok(frames.collect())
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
