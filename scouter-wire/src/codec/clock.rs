//! CLOCK: asks for the time of the other side while a connection lasts.

use super::DecodeError;
use super::bytes::Reader;

/// Body of CLOCK. The agent sends it with its own time and zeros; the collector fills in its times
/// and sends it back at once.
///
/// WELCOME measures the clocks once; this measures them again, so that a clock that is set while
/// the connection stands does not shift everything that is sent from then on. A peer that does not
/// know the frame skips it; then the first measure stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ClockReading {
    /// When the agent asked, unix µs by its clock: pairs answer and question.
    pub asked_unix_us: i64,
    /// When the question arrived, unix µs by the collector's clock; 0 in the question.
    pub received_unix_us: i64,
    /// When the answer was sent, unix µs by the collector's clock; 0 in the question.
    pub answered_unix_us: i64,
}

impl ClockReading {
    /// Appends the body.
    pub fn put(&self, out: &mut Vec<u8>) {
        for time in [self.asked_unix_us, self.received_unix_us, self.answered_unix_us] {
            out.extend_from_slice(&time.to_le_bytes());
        }
    }

    /// Reads the body. Fields that a newer peer appends are skipped.
    ///
    /// # Errors
    /// Any damage.
    pub fn read(body: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(body);
        Ok(Self {
            asked_unix_us: reader.i64("time of the question")?,
            received_unix_us: reader.i64("receive time")?,
            answered_unix_us: reader.i64("send time")?,
        })
    }

    /// How far the collector's clock is ahead of the agent's, in µs, and how far that may be off.
    /// `arrived_unix_us`: when the answer arrived, by the agent's clock.
    ///
    /// As NTP: the middle of both ways, off by at most half of the time they took.
    #[must_use]
    pub const fn offset_us(&self, arrived_unix_us: i64) -> (i64, u64) {
        let there = self.received_unix_us.saturating_sub(self.asked_unix_us);
        let back = self.answered_unix_us.saturating_sub(arrived_unix_us);
        (i64::midpoint(there, back), there.abs_diff(back).div_ceil(2))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_offset_is_the_middle_and_the_truth_is_within_its_error() {
        // The collector is 1,000 ahead; the question took 300, the answer 100.
        let reading = ClockReading {
            asked_unix_us: 10_000,
            received_unix_us: 11_300,
            answered_unix_us: 11_350,
        };
        assert_eq!(reading.offset_us(10_450), (1_100, 200));
    }

    #[test]
    fn wild_times_do_not_overflow() {
        let reading = ClockReading {
            asked_unix_us: i64::MIN,
            received_unix_us: i64::MAX,
            answered_unix_us: i64::MIN,
        };
        assert_eq!(reading.offset_us(i64::MAX).1, 1 << 63);
    }
}
