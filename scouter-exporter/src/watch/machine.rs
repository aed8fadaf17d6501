//! How long the machine did not let a thread run: such time blocks nobody, the machine is busy.

use std::fs;

use crate::cgroup;

/// Time a thread was ready and waited for a processor since it began, µs; 0 where the kernel does
/// not say (`/proc/self/task/TID/schedstat`, Linux only).
pub(super) fn run_queue_us(tid: u32) -> u64 {
    let text = fs::read_to_string(format!("/proc/self/task/{tid}/schedstat")).unwrap_or_default();
    second_number(&text) / 1_000
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

fn second_number(text: &str) -> u64 {
    text.split_ascii_whitespace().nth(1).and_then(|number| number.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_in_the_run_queue_is_the_second_number_and_nonsense_is_none() {
        assert_eq!(second_number("81000 4711 12\n"), 4_711);
        for text in ["", "81000", "81000 many 12"] {
            assert_eq!(second_number(text), 0, "{text:?}");
        }
        assert_eq!(run_queue_us(u32::MAX), 0, "there is no such thread");
        assert_eq!(thread_name(u32::MAX), format!("thread {}", u32::MAX));
    }
}
