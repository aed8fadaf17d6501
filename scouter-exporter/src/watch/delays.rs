//! How much of a poll the machine took: the rest is what the code in it took.
//!
//! A thread waits in the run queue of a processor, and with its control group if that is over its
//! limit. The kernel counts both since the thread began, and a wait once it is over: of a thread
//! that is ready, the one that still lasts is what it was not seen to run since the look before.
//! All errors are on the side of the thread: it is never blamed for a busy machine.

use super::machine::{Scheduled, is_ready, scheduled, throttled_us};
use crate::clock::Moment;

/// What is known of a thread's delays.
#[derive(Default, Clone, Copy)]
pub(super) struct Delays {
    /// The one before `last`: a poll in which that was read is divided from here on. What was waited
    /// before the poll then counts for the machine too.
    before: Reading,
    last: Reading,
    ran: Option<Ran>,
}

/// What a thread had waited by some moment: nothing when it began.
#[derive(Debug, Default, Clone, Copy)]
struct Reading {
    /// In the run queue.
    queued_us: u64,
    /// What its group had been held back.
    throttled_us: u64,
    at: Moment,
}

/// What it had run by some moment of a poll.
#[derive(Debug, Clone, Copy)]
struct Ran {
    poll: u64,
    us: u64,
    at: Moment,
}

/// How the time of a poll is to be divided, µs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Share {
    /// What the code in it took, at least.
    pub(super) blocked_us: u64,
    /// What the machine took, at most.
    pub(super) delayed_us: u64,
}

impl Delays {
    /// Reads what it has waited so far: of polls that begin from now on only later waits count. Read
    /// twice within a poll, only the time since the first of the two counts of it.
    pub(super) fn read(&mut self, tid: u32, throttled_us: u64) {
        // Taken before the kernel is asked: what comes in between counts for the machine.
        let at = Moment::now();
        let queued_us = scheduled(tid).queued_us;
        self.before = std::mem::replace(&mut self.last, Reading { queued_us, throttled_us, at });
    }

    /// The last reading before a poll of that age began.
    fn reading_before(&self, age_us: u64, at: Moment) -> Reading {
        if us_since(self.last.at, at) < age_us { self.before } else { self.last }
    }

    /// Divides the time of a poll that has been found to run for `age_us`. `None` if the code took
    /// less than `least_us`, or if that is only known at the next look.
    pub(super) fn share(
        &mut self,
        tid: u32,
        poll: u64,
        age_us: u64,
        least_us: u64,
    ) -> Option<Share> {
        // Between the age and the kernel's numbers, so that no wait is left out of this look nor of
        // the next one.
        let at = Moment::now();
        let is_ready = is_ready(tid);
        let Scheduled { ran_us, queued_us } = scheduled(tid);
        let before = self.ran.replace(Ran { poll, us: ran_us, at });
        let waits_us = if is_ready { waits_us(poll, ran_us, before, at)? } else { 0 };
        let reading = self.reading_before(age_us, at);
        let age_us = age_us.min(us_since(reading.at, at));
        let queued_us = waits_us.saturating_add(queued_us.saturating_sub(reading.queued_us));
        if age_us.saturating_sub(queued_us) < least_us {
            return None;
        }
        let throttled_us = throttled_us().saturating_sub(reading.throttled_us);
        let delayed_us = queued_us.saturating_add(throttled_us);
        let blocked_us = age_us.saturating_sub(delayed_us);
        (blocked_us >= least_us).then_some(Share { blocked_us, delayed_us })
    }
}

/// How long a thread that is ready may be waiting for a processor right now, at most: since it ran
/// last, which was after the look before. `None` if it was not seen to run: the next look knows.
fn waits_us(poll: u64, ran_us: u64, before: Option<Ran>, at: Moment) -> Option<u64> {
    let before = before.filter(|before| before.poll == poll && before.us < ran_us)?;
    Some(us_since(before.at, at).saturating_sub(ran_us - before.us))
}

fn us_since(earlier: Moment, at: Moment) -> u64 {
    u64::try_from(at.since(earlier).as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_thread_that_is_ready_is_blamed_only_for_what_it_was_seen_to_run() {
        let start = Moment::now();
        let at = start.after(Duration::from_millis(10));
        let ran = |poll, us| Some(Ran { poll, us, at: start });
        for (before, waits) in [
            (None, None),
            (ran(6, 2_000), None),        // another poll
            (ran(7, 9_000), None),        // has waited at least since then
            (ran(7, 1_000), Some(2_000)), // ran for 8 ms of the 10
            (ran(7, 0), Some(1_000)),
        ] {
            assert_eq!(waits_us(7, 9_000, before, at), waits, "{before:?}");
        }
    }

    #[test]
    fn a_poll_is_divided_by_the_last_reading_before_it_began() {
        let start = Moment::now();
        let read = |queued_us, ms| Reading {
            queued_us,
            throttled_us: 0,
            at: start.after(Duration::from_millis(ms)),
        };
        let (before, last) = (read(1, 1_000), read(2, 2_000));
        let delays = Delays { before, last, ran: None };
        let now = start.after(Duration::from_millis(2_100));
        // The last one is not before a poll that was running then.
        for (age_ms, used) in [(90, last), (100, last), (140, before)] {
            let found = delays.reading_before(age_ms * 1_000, now);
            assert_eq!(found.queued_us, used.queued_us, "{age_ms} ms");
        }
    }

    #[test]
    fn of_a_thread_that_was_first_seen_in_a_poll_all_waits_count_in_that_poll() {
        let mut delays = Delays::default();
        let now = Moment::now().after(Duration::from_millis(50));
        delays.read(u32::MAX, 7);
        let first = delays.reading_before(1_000_000, now);
        assert_eq!((first.queued_us, first.throttled_us), (0, 0));
        assert_eq!(delays.reading_before(0, now).throttled_us, 7);
    }

    #[cfg(target_os = "linux")]
    mod on_one_processor {
        use std::sync::atomic::{AtomicBool, Ordering};
        use std::sync::mpsc::sync_channel;
        use std::thread;

        use rustix::process::{Pid, setpriority_process};
        use rustix::thread::{CpuSet, gettid, sched_getaffinity, sched_setaffinity};

        use super::*;

        /// How long a poll is looked at: many times the longest wait that one look sees.
        const LOOKED_AT_US: u64 = 3_000_000;

        /// What the kernel's count of the time a thread ran may be behind, and ours before it.
        const SLACK_US: u64 = 30_000;

        /// How much less than its neighbour the thread gets: it waits for a tenth of a second at a
        /// time.
        const NICE: i32 = 19;

        fn tid(pid: Pid) -> u32 {
            u32::try_from(pid.as_raw_nonzero().get()).expect("the kernel numbers upwards")
        }

        /// A thread that spins on one processor beside another one that does the same, and may be
        /// asked less often.
        fn spin(pinned: CpuSet, nice: i32, is_over: &AtomicBool, tell: impl FnOnce(Pid)) {
            sched_setaffinity(None, &pinned).expect("a processor that this process has");
            if nice > 0 {
                setpriority_process(Some(gettid()), nice).expect("everybody may be nice");
            }
            tell(gettid());
            while !is_over.load(Ordering::Relaxed) {
                std::hint::spin_loop();
            }
        }

        #[test]
        fn a_thread_that_waits_for_its_processor_is_not_blamed_while_it_waits() {
            let all = sched_getaffinity(None).expect("Linux says so");
            let one = (0..CpuSet::MAX_CPU).find(|cpu| all.is_set(*cpu)).expect("a processor");
            let mut pinned = CpuSet::new();
            pinned.set(one);
            let (tell, told) = sync_channel(1);
            let is_over = AtomicBool::new(false);
            let (worst, longest_us) = thread::scope(|scope| {
                scope.spawn(|| spin(pinned, 0, &is_over, |_| {}));
                scope.spawn(|| {
                    spin(pinned, NICE, &is_over, |pid| tell.send(tid(pid)).expect("it listens"));
                });
                let tid = told.recv().expect("it spins");
                let found = look_at(tid);
                is_over.store(true, Ordering::Relaxed);
                found
            });
            assert!(longest_us > 60_000, "it never waited: {longest_us} µs");
            assert!(worst < i64::try_from(SLACK_US).expect("small"), "{worst} µs too many");
        }

        /// By how much it was blamed for more than it ran, at most; and the longest time in which
        /// it was not seen to run.
        fn look_at(tid: u32) -> (i64, u64) {
            let mut delays = Delays::default();
            delays.read(tid, throttled_us());
            let (start, ran_before) = (Moment::now(), scheduled(tid).ran_us);
            let (mut worst, mut longest_us) = (i64::MIN, 0);
            let (mut ran_last, mut changed_at) = (ran_before, start);
            loop {
                let now = Moment::now();
                let age_us = us_since(start, now);
                if age_us > LOOKED_AT_US {
                    return (worst, longest_us);
                }
                let share = delays.share(tid, 1, age_us, 1);
                let ran = scheduled(tid).ran_us;
                if ran != ran_last {
                    (ran_last, changed_at) = (ran, now);
                }
                longest_us = longest_us.max(us_since(changed_at, now));
                let blamed = share.map_or(0, |share| share.blocked_us);
                let over = i64::try_from(blamed).expect("seconds")
                    - i64::try_from(ran - ran_before).expect("seconds");
                worst = worst.max(over);
                thread::park_timeout(Duration::from_millis(5));
            }
        }

        #[test]
        fn a_thread_that_computes_or_sleeps_is_blamed_for_it() {
            let (tell, told) = sync_channel(2);
            let is_over = AtomicBool::new(false);
            let is_over = &is_over;
            let all = sched_getaffinity(None).expect("Linux says so");
            let computing = tell.clone();
            thread::scope(|scope| {
                scope.spawn(move || {
                    spin(all, 0, is_over, |pid| computing.send(tid(pid)).expect("it listens"));
                });
                let sleeper = scope.spawn(|| {
                    tell.send(tid(gettid())).expect("it listens");
                    while !is_over.load(Ordering::Relaxed) {
                        thread::park();
                    }
                });
                for tid in [told.recv(), told.recv()].map(|tid| tid.expect("it began")) {
                    until_blamed(tid);
                }
                is_over.store(true, Ordering::Relaxed);
                sleeper.thread().unpark();
            });
        }

        /// Looks until the thread is blamed for half a second; a busy machine only delays that.
        fn until_blamed(tid: u32) {
            let mut delays = Delays::default();
            delays.read(tid, throttled_us());
            let start = Moment::now();
            while delays.share(tid, 1, us_since(start, Moment::now()), 500_000).is_none() {
                thread::park_timeout(Duration::from_millis(5));
            }
        }
    }
}
