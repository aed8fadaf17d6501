//! The only place of the store that reads time.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Where a store's time comes from.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub enum StoreClock {
    /// The system's clock.
    #[default]
    System,
    /// A time set by a test, unix µs.
    Manual(Arc<AtomicI64>),
}

impl StoreClock {
    /// Now, unix µs.
    #[must_use]
    pub fn unix_us(&self) -> i64 {
        match self {
            Self::System => system_unix_us(),
            Self::Manual(time) => time.load(Ordering::Relaxed),
        }
    }
}

/// Tells the age of what is stored, for retention. The wall clock is believed once, when the store
/// opens; from then on it may run behind a steady clock, but not ahead of it by more than
/// [`MAX_AHEAD`]: a clock that is set a month forward must not delete a month.
#[derive(Debug)]
pub(crate) struct Calendar {
    opened_unix_us: i64,
    opened: Instant,
}

/// How far the wall clock may run ahead of the steady one before it is held back.
const MAX_AHEAD: Duration = Duration::from_secs(3_600);

impl Calendar {
    #[allow(clippy::disallowed_methods, reason = "this is the clock module")]
    pub(crate) fn new(clock: &StoreClock) -> Self {
        Self { opened_unix_us: clock.unix_us(), opened: Instant::now() }
    }

    /// Now, unix µs, for a wall clock that shows this.
    pub(crate) fn now(&self, wall_unix_us: i64) -> i64 {
        self.now_after(self.opened.elapsed(), wall_unix_us)
    }

    fn now_after(&self, steady: Duration, wall_unix_us: i64) -> i64 {
        let most = i64::try_from((steady + MAX_AHEAD).as_micros()).unwrap_or(i64::MAX);
        wall_unix_us.min(self.opened_unix_us.saturating_add(most))
    }
}

#[allow(clippy::disallowed_methods, reason = "this is the clock module")]
fn system_unix_us() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wall_clock_that_jumps_ahead_is_held_back_and_one_that_jumps_back_is_followed() {
        let opened = 1_000_000_000_000_000;
        let calendar = Calendar::new(&StoreClock::Manual(Arc::new(AtomicI64::new(opened))));
        let minute = Duration::from_secs(60);
        let minute_us = 60_000_000;
        assert_eq!(calendar.now_after(minute, opened + minute_us), opened + minute_us);
        let month_us = 31 * 86_400_000_000;
        assert_eq!(
            calendar.now_after(minute, opened + month_us),
            opened + minute_us + 3_600_000_000,
            "an hour ahead at most"
        );
        assert_eq!(calendar.now_after(minute, opened - month_us), opened - month_us);
    }
}
