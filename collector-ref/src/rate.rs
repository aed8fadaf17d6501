//! Transactions per second, as a page shows them.

use parking_lot::Mutex;

/// The rate over the last full second.
#[derive(Debug, Default)]
pub(crate) struct Rate {
    state: Mutex<(u64, u64)>,
}

impl Rate {
    /// Takes the cumulative count at the end of a second.
    pub(crate) fn tick(&self, count: u64) {
        let mut state = self.state.lock();
        *state = (count, count.saturating_sub(state.0));
    }

    /// Transactions in the last full second.
    pub(crate) fn per_s(&self) -> u64 {
        self.state.lock().1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_the_difference_of_two_counts() {
        let rate = Rate::default();
        rate.tick(10);
        rate.tick(25);
        assert_eq!(rate.per_s(), 15);
        rate.tick(25);
        assert_eq!(rate.per_s(), 0);
    }
}
