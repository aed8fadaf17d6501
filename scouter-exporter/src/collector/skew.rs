//! How far the collector's clock is ahead of ours, measured again while a connection lasts.

use scouter_wire::codec::ClockReading;

use crate::clock::Moment;

/// Differences below this change nothing: they are noise of busy machines, and the collector takes
/// offsets below twice as much for none.
const MIN_CHANGE_US: u64 = 50_000;

/// How much the two clocks of this process may disagree about how long an answer took. More means
/// that one was set meanwhile, and the answer says nothing.
const MAX_DISAGREEMENT_US: u64 = 50_000;

/// The offset in force, and the question that is under way.
#[derive(Debug, Default)]
pub(crate) struct Skew {
    offset_us: i64,
    asked: Option<(i64, Moment)>,
}

impl Skew {
    /// What WELCOME has measured on a new connection.
    pub(crate) fn begin(&mut self, offset_us: i64) {
        *self = Self { offset_us, asked: None };
    }

    pub(crate) fn offset_us(&self) -> i64 {
        self.offset_us
    }

    /// The next question. An earlier one that was not answered is forgotten.
    pub(crate) fn ask(&mut self, unix_us: i64, now: Moment) -> ClockReading {
        self.asked = Some((unix_us, now));
        ClockReading { asked_unix_us: unix_us, ..ClockReading::default() }
    }

    /// Takes an answer; whether the offset has changed.
    ///
    /// It changes only when the truth cannot be what it was, and then to the nearest that it can
    /// be: the time that the two ways took bounds the error of the measure, however long a frame
    /// waited behind others.
    pub(crate) fn hear(&mut self, reading: &ClockReading, unix_us: i64, now: Moment) -> bool {
        let Some((asked_unix_us, asked_at)) = self.asked else { return false };
        if reading.asked_unix_us != asked_unix_us {
            return false;
        }
        self.asked = None;
        let took = i64::try_from(now.since(asked_at).as_micros()).unwrap_or(i64::MAX);
        let told = unix_us.saturating_sub(asked_unix_us);
        if told.abs_diff(took) > MAX_DISAGREEMENT_US {
            return false;
        }
        let (offset_us, error_us) = reading.offset_us(unix_us);
        let has_changed =
            offset_us.abs_diff(self.offset_us) > error_us.saturating_add(MIN_CHANGE_US);
        if has_changed {
            let error_us = i64::try_from(error_us).unwrap_or(i64::MAX);
            let (least, most) =
                (offset_us.saturating_sub(error_us), offset_us.saturating_add(error_us));
            self.offset_us = self.offset_us.clamp(least, most);
        }
        has_changed
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const SECOND_US: i64 = 1_000_000;

    /// Asks at `asked` and hears that the collector's clock is `ahead`, after `took` on the way
    /// there and nothing on the way back; our clock is set forward by `step` meanwhile.
    fn measure(skew: &mut Skew, ahead: i64, took: i64, step: i64) -> bool {
        let (asked, at) = (1_000 * SECOND_US, Moment::default());
        let mut reading = skew.ask(asked, at);
        let arrived = asked + took;
        (reading.received_unix_us, reading.answered_unix_us) = (arrived + ahead, arrived + ahead);
        let later = at.after(Duration::from_micros(u64::try_from(took).unwrap()));
        skew.hear(&reading, arrived + step, later)
    }

    #[test]
    fn a_clock_that_was_set_changes_the_offset_and_delay_alone_does_not() {
        for (before, ahead, took, expected) in [
            (0, 0, 1_000, 0),
            (0, 5 * SECOND_US, 1_000, 5 * SECOND_US),
            (5 * SECOND_US, -3 * SECOND_US, 1_000, -3 * SECOND_US + 1_000),
            // The frame waited 8 s behind others: all of it may be delay, or all but 2 s.
            (0, 0, 8 * SECOND_US, 0),
            (0, 2 * SECOND_US, 8 * SECOND_US, 2 * SECOND_US),
            (0, 20_000, 1_000, 0),
        ] {
            let mut skew = Skew::default();
            skew.begin(before);
            let has_changed = measure(&mut skew, ahead, took, 0);
            assert_eq!((skew.offset_us(), has_changed), (expected, expected != before));
        }
    }

    #[test]
    fn an_answer_over_which_our_clock_was_set_says_nothing() {
        let mut skew = Skew::default();
        assert!(!measure(&mut skew, 5 * SECOND_US, 1_000, 7 * SECOND_US));
        assert!(!measure(&mut skew, 5 * SECOND_US, 1_000, -7 * SECOND_US));
        assert_eq!(skew.offset_us(), 0);
    }

    #[test]
    fn an_answer_to_another_question_or_to_none_is_ignored() {
        let mut skew = Skew::default();
        let reading = ClockReading { received_unix_us: SECOND_US, ..ClockReading::default() };
        assert!(!skew.hear(&reading, 0, Moment::default()));
        skew.ask(1, Moment::default());
        assert!(!skew.hear(&reading, 0, Moment::default()));
        assert!(measure(&mut skew, SECOND_US, 0, 0), "the true answer still counts");
    }
}
