//! Waiting longer after each failure, and never in step with other processes.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::time::Duration;

/// First wait after a failure.
pub(crate) const FIRST_WAIT: Duration = Duration::from_millis(100);

/// Longest wait between two attempts.
pub(crate) const MAX_WAIT: Duration = Duration::from_secs(15);

/// Doubles from [`FIRST_WAIT`] to [`MAX_WAIT`]; each wait is between half and all of that, at
/// random, so that a fleet does not come back to a restarted collector at the same moment.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    failures: u32,
    random: RandomState,
}

impl Backoff {
    /// How long to wait after one more failure.
    pub(crate) fn wait(&mut self) -> Duration {
        let full = FIRST_WAIT.saturating_mul(1 << self.failures.min(16)).min(MAX_WAIT);
        let share = self.random.hash_one(self.failures) % 512;
        self.failures = self.failures.saturating_add(1);
        // 512 to 1,023 parts of 1,024.
        full.saturating_mul(u32::try_from(512 + share).unwrap_or(1_024)) / 1_024
    }

    /// After a success the next failure is the first.
    pub(crate) fn reset(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_limit_and_start_again_after_a_success() {
        let mut backoff = Backoff::default();
        for failures in 0..40 {
            let full = FIRST_WAIT.saturating_mul(1 << failures.min(16)).min(MAX_WAIT);
            let wait = backoff.wait();
            assert!(wait >= full / 2 && wait <= full, "{failures}: {wait:?}");
        }
        backoff.reset();
        assert!(backoff.wait() <= FIRST_WAIT);
    }
}
