//! A clock for tests.

use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::{Mutex, MutexGuard};

use super::{Anchor, MANUAL, MODE, RATE, STATE, now_ticks};

static MANUAL_NS: AtomicU64 = AtomicU64::new(0);
pub(super) static MANUAL_USER: Mutex<()> = Mutex::new(());

#[inline(always)]
pub(super) fn now_ns() -> u64 {
    MANUAL_NS.load(Ordering::Relaxed)
}

/// Time that stands still until a test moves it. One tick is one nanosecond.
///
/// Process-global: while one exists every reading of the process comes from it; a second one waits
/// until the first is dropped. Dropping it returns to the clock used before.
#[derive(Debug)]
pub struct ManualClock {
    before: (u32, u64, Anchor),
    _user: MutexGuard<'static, ()>,
}

impl ManualClock {
    /// The unix time at which every manual clock starts: 2023-11-14 22:13:20 UTC.
    pub const START_UNIX_US: i64 = 1_700_000_000_000_000;

    /// Stops the clock of the process at [`ManualClock::START_UNIX_US`].
    #[must_use]
    pub fn install() -> Self {
        let user = MANUAL_USER.lock();
        let _ = now_ticks(); // the first use calibrates
        let mut state = STATE.lock();
        let before = (MODE.load(Ordering::Relaxed), RATE.load(Ordering::Relaxed), state.anchor);
        let start_ns = 1_000_000_000;
        MANUAL_NS.store(start_ns, Ordering::Relaxed);
        state.switch(MANUAL, 1 << 32, || Anchor {
            ticks: start_ns,
            unix_ns: Self::START_UNIX_US * 1_000,
            ..Anchor::ZERO
        });
        Self { before, _user: user }
    }

    /// Moves time forward.
    pub fn advance(&self, by: std::time::Duration) {
        let ns = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
        MANUAL_NS.fetch_add(ns, Ordering::Relaxed);
    }
}

impl ManualClock {
    /// Moves the wall clock alone, back if `by_us` is negative, as an administrator does.
    pub fn step_wall_clock(&self, by_us: i64) {
        let mut state = STATE.lock();
        state.anchor.unix_ns = state.anchor.unix_ns.saturating_add(by_us.saturating_mul(1_000));
    }
}

impl Drop for ManualClock {
    fn drop(&mut self) {
        let (mode, rate, anchor) = self.before;
        STATE.lock().switch(mode, rate, || anchor);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{ticks_to_us, unix_us};
    use std::time::Duration;

    #[test]
    fn manual_clock_moves_only_when_told() {
        let clock = ManualClock::install();
        let start = now_ticks();
        assert_eq!(now_ticks(), start);
        assert_eq!(unix_us(start), ManualClock::START_UNIX_US);
        clock.advance(Duration::from_millis(3));
        assert_eq!(ticks_to_us(now_ticks() - start), 3_000);
        assert_eq!(unix_us(now_ticks()), ManualClock::START_UNIX_US + 3_000);
    }
}
