//! When the machine did not let threads run that were ready.
//!
//! Seen by the watchdog, of its own thread: it wakes up a hundred times a second, so that what
//! waits for a processor waits about as long as it does. Whoever measures a time at its end, and
//! can no longer ask for delays, asks how much of it was such a time.

use std::collections::VecDeque;
use std::time::Duration;

use parking_lot::Mutex;

use crate::clock;

/// Most waits that are remembered; of more the oldest are forgotten, so that the machine is blamed
/// for less.
const MAX_WAITS: usize = 256;

/// End by the steady clock and length of each wait, µs, the oldest first.
static WAITS: Mutex<VecDeque<(u64, u64)>> = Mutex::new(VecDeque::new());

/// Says that a thread which was ready has waited so long until now.
pub fn note_late(by: Duration) {
    let by_us = u64::try_from(by.as_micros()).unwrap_or(u64::MAX);
    let mut waits = WAITS.lock();
    if waits.len() >= MAX_WAITS {
        waits.pop_front();
    }
    waits.push_back((clock::steady_us(), by_us));
}

/// How much of the last so many µs the machine was too busy to run what was ready, as far as it
/// is known: a wait that still lasts is not. Takes a lock, so it is not for what is quick.
#[must_use]
pub fn late_us_within(us: u64) -> u64 {
    within(&WAITS.lock(), us, clock::steady_us())
}

fn within(waits: &VecDeque<(u64, u64)>, us: u64, now_us: u64) -> u64 {
    let begin_us = now_us.saturating_sub(us);
    let parts = waits
        .iter()
        .map(|(end_us, by_us)| end_us.saturating_sub(end_us.saturating_sub(*by_us).max(begin_us)));
    parts.sum::<u64>().min(us)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_lies_in_the_time_that_is_asked_about_counts() {
        let waits = VecDeque::from([(1_000, 400), (2_000, 100), (3_000, 500)]);
        for (us, now_us, expected) in [
            (3_000, 3_000, 1_000),
            (400, 3_000, 400), // the begin of the last one lies before
            (1_100, 3_000, 600),
            (100, 9_000, 0),
            (0, 3_000, 0),
        ] {
            assert_eq!(within(&waits, us, now_us), expected, "{us} µs before {now_us}");
        }
    }
}
