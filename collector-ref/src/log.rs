//! Keeps lines that others can provoke from filling the log.

use std::time::Duration;

use parking_lot::Mutex;

/// A line of one kind comes at most once in this time.
pub(crate) const LOG_PERIOD: Duration = Duration::from_secs(10);

/// Lines of one kind. What is left out is counted, and the next line says how many that were.
#[derive(Debug, Default)]
pub(crate) struct Seldom(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    last_us: Option<u64>,
    left_out: u64,
}

impl Seldom {
    /// Whether a line may be written now, and how many were left out before it.
    pub(crate) fn permit(&self, monotonic_us: u64) -> Option<u64> {
        let mut state = self.0.lock();
        let period_us = u64::try_from(LOG_PERIOD.as_micros()).unwrap_or(u64::MAX);
        if state.last_us.is_some_and(|last| monotonic_us.saturating_sub(last) < period_us) {
            state.left_out += 1;
            return None;
        }
        state.last_us = Some(monotonic_us);
        Some(std::mem::take(&mut state.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_comes_at_once_and_the_next_says_how_many_were_left_out() {
        let seldom = Seldom::default();
        let period_us = u64::try_from(LOG_PERIOD.as_micros()).unwrap();
        assert_eq!(seldom.permit(5), Some(0));
        assert_eq!(seldom.permit(5), None);
        assert_eq!(seldom.permit(4 + period_us), None);
        assert_eq!(seldom.permit(5 + period_us), Some(2));
        assert_eq!(seldom.permit(5 + 2 * period_us), Some(0));
    }
}
