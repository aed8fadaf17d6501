//! The exporter's own clock, for timeouts and intervals.
//!
//! Not the recorder's: that one can be stopped by a test, and a stopped clock must not stop
//! delivery. Times that leave the process come from the recorder.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

static START: LazyLock<Instant> = LazyLock::new(now);

#[expect(clippy::disallowed_methods, reason = "this is the clock module of the exporter")]
fn now() -> Instant {
    Instant::now()
}

/// A point in time since the exporter was first used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Moment(Duration);

impl Moment {
    pub(crate) fn now() -> Self {
        Self(now().saturating_duration_since(*START))
    }

    /// How long ago `earlier` was; nothing when it lies ahead.
    pub(crate) fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }

    pub(crate) fn after(self, wait: Duration) -> Self {
        Self(self.0.saturating_add(wait))
    }

    /// Whether `interval` has passed since it; then it is `now`.
    pub(crate) fn is_due(&mut self, now: Self, interval: Duration) -> bool {
        let is_due = now.since(*self) >= interval;
        if is_due {
            *self = now;
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_due_is_done_once_an_interval() {
        let (start, second) = (Moment::now(), Duration::from_secs(1));
        let mut last = start;
        let later = [0, 999, 1_000, 1_999, 2_000].map(|ms| start.after(Duration::from_millis(ms)));
        let due = later.map(|now| last.is_due(now, second));
        assert_eq!(due, [false, false, true, false, true]);
    }
}
