//! How long the machine did not let a thread run: such time blocks nobody, the machine is busy.

use std::fs;

use crate::cgroup;

/// What the kernel says of a thread; all 0 where it does not say (Linux only).
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Scheduled {
    /// Time it ran on a processor since it began, µs; at most a tick of the kernel behind.
    pub(super) ran_us: u64,
    /// Time it was ready and waited for a processor since it began, µs. A wait that still lasts is
    /// not in it.
    pub(super) queued_us: u64,
}

/// Time the thread that asks waited for a processor since it began, µs.
pub(super) fn own_queued_us() -> u64 {
    scheduled_at("/proc/thread-self/schedstat").queued_us
}

/// How a thread was scheduled (`/proc/self/task/TID/schedstat`).
pub(super) fn scheduled(tid: u32) -> Scheduled {
    scheduled_at(&format!("/proc/self/task/{tid}/schedstat"))
}

fn scheduled_at(path: &str) -> Scheduled {
    let text = fs::read_to_string(path).unwrap_or_default();
    let mut numbers = text.split_ascii_whitespace().map(|number| number.parse().unwrap_or(0));
    let mut us = || numbers.next().unwrap_or(0_u64) / 1_000;
    Scheduled { ran_us: us(), queued_us: us() }
}

/// Whether a thread runs or waits for a processor, rather than sleeps or waits for a disk.
pub(super) fn is_ready(tid: u32) -> bool {
    let text = fs::read_to_string(format!("/proc/self/task/{tid}/stat")).unwrap_or_default();
    is_ready_by(&text)
}

/// The state stands behind the name, which may hold anything.
fn is_ready_by(stat: &str) -> bool {
    stat.rsplit_once(')').is_some_and(|(_, rest)| rest.trim_start().starts_with('R'))
}

/// Time the control group of the process was held back by its limit since it began, µs.
pub(super) fn throttled_us() -> u64 {
    cgroup::read().throttled_us.unwrap_or(0)
}

/// Name of a thread, as the kernel shows it.
pub(super) fn thread_name(tid: u32) -> String {
    let name = fs::read_to_string(format!("/proc/self/task/{tid}/comm")).unwrap_or_default();
    match name.trim() {
        "" => format!("thread {tid}"),
        name => format!("thread {name} ({tid})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn a_thread_that_computes_runs_and_one_that_is_not_there_does_nothing() {
        let tid = fs::read_link("/proc/thread-self").expect("Linux says which thread this is");
        let tid = tid.file_name().and_then(|tid| tid.to_str()?.parse().ok()).expect("a number");
        let before = scheduled(tid);
        while scheduled(tid).ran_us == before.ran_us {}
        assert!(is_ready(tid));
        assert_eq!((scheduled(u32::MAX), is_ready(u32::MAX)), (Scheduled::default(), false));
        assert_eq!(thread_name(u32::MAX), format!("thread {}", u32::MAX));
    }

    #[test]
    fn the_state_of_a_thread_is_read_behind_its_name() {
        for (stat, is_ready) in [
            ("7 (worker) R 1 2", true),
            ("7 (worker) S 1 2", false),
            ("7 (a) R b) D 1 2", false),
            ("7 (a) S b) R 1 2", true),
            ("7 (worker", false),
            ("", false),
        ] {
            assert_eq!(is_ready_by(stat), is_ready, "{stat:?}");
        }
    }
}
