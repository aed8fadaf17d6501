//! The only place of the collector that reads time, so that tests can drive it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Source of time of a collector: the system's, or one that a test moves by hand.
#[derive(Debug, Clone)]
pub struct Clock {
    source: Source,
}

#[derive(Debug, Clone)]
enum Source {
    System { started: Instant },
    Manual(Arc<AtomicI64>),
}

impl Default for Clock {
    fn default() -> Self {
        Self::system()
    }
}

impl Clock {
    /// The clock of the operating system.
    #[must_use]
    #[allow(clippy::disallowed_methods, reason = "this is the clock module")]
    pub fn system() -> Self {
        Self { source: Source::System { started: Instant::now() } }
    }

    /// A clock that stands at `unix_us` until [`Clock::advance`] moves it. Its clones move along.
    #[must_use]
    pub fn manual(unix_us: i64) -> Self {
        Self { source: Source::Manual(Arc::new(AtomicI64::new(unix_us))) }
    }

    /// The same clock as the store takes it.
    pub(crate) fn of_store(&self) -> crate::store::local::StoreClock {
        match &self.source {
            Source::System { .. } => crate::store::local::StoreClock::System,
            Source::Manual(now) => crate::store::local::StoreClock::Manual(Arc::clone(now)),
        }
    }

    /// Moves a manual clock forward; does nothing to the system's clock.
    pub fn advance(&self, by: Duration) {
        if let Source::Manual(now) = &self.source {
            let by = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
            now.fetch_add(by, Ordering::SeqCst);
        }
    }

    /// Now, unix µs.
    #[must_use]
    #[allow(clippy::disallowed_methods, reason = "this is the clock module")]
    pub fn unix_us(&self) -> i64 {
        match &self.source {
            Source::System { .. } => {
                let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
            }
            Source::Manual(now) => now.load(Ordering::SeqCst),
        }
    }

    /// µs on a scale that never jumps back; for rates, ages and deadlines.
    #[must_use]
    pub fn monotonic_us(&self) -> u64 {
        match &self.source {
            Source::System { started } => {
                u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX)
            }
            Source::Manual(now) => u64::try_from(now.load(Ordering::SeqCst)).unwrap_or(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn manual_clock_stands_still_until_it_is_advanced_and_clones_move_along() {
        let clock = Clock::manual(1_000);
        let twin = clock.clone();
        assert_eq!(clock.unix_us(), 1_000);
        twin.advance(Duration::from_micros(5));
        assert_eq!((clock.unix_us(), clock.monotonic_us()), (1_005, 1_005));
    }

    #[test]
    fn system_clock_is_after_2024_and_its_monotonic_scale_does_not_go_back() {
        let clock = Clock::system();
        assert!(clock.unix_us() > 1_700_000_000_000_000);
        let first = clock.monotonic_us();
        clock.advance(Duration::from_secs(3600));
        assert!(clock.monotonic_us() >= first && clock.monotonic_us() < 3_600_000_000);
    }
}
