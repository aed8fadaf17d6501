//! One moment seen on all clocks, as close together as the machine allows.

use super::now_ticks;
use crate::sys;

/// Most time that reading all clocks once may take, in ns. A reading that took longer was
/// interrupted and says little about how the clocks stand to each other, so it is made again.
const MAX_GAP_NS: u64 = 5_000;

/// How often a reading is made at most; then the tightest of them counts.
const READINGS: u32 = 16;

/// One moment seen on all clocks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Anchor {
    pub(super) ticks: u64,
    pub(super) mono_ns: u64,
    pub(super) unix_ns: i64,
    /// How long the reading took: the clocks may stand by so much otherwise.
    pub(super) gap_ns: u64,
    /// First moment of this epoch: the rate is measured from here, over an ever longer base.
    pub(super) base_ticks: u64,
    pub(super) base_mono_ns: u64,
}

impl Anchor {
    pub(super) const ZERO: Self =
        Self { ticks: 0, mono_ns: 0, unix_ns: 0, gap_ns: 0, base_ticks: 0, base_mono_ns: 0 };

    pub(super) fn take() -> Self {
        Self::take_by(now_ticks)
    }

    pub(super) fn take_by(ticks: fn() -> u64) -> Self {
        Self::tightest(|| {
            let from_ns = sys::monotonic_ns();
            let (ticks, unix_ns) = (ticks(), sys::realtime_ns());
            (from_ns, ticks, unix_ns, sys::monotonic_ns())
        })
    }

    /// The first reading that was not interrupted, else the one that took least: the thread may
    /// lose its processor between two clocks, which must not look like drift.
    fn tightest(mut read: impl FnMut() -> (u64, u64, i64, u64)) -> Self {
        let mut best = Self { gap_ns: u64::MAX, ..Self::ZERO };
        for _ in 0..READINGS {
            let (from_ns, ticks, unix_ns, to_ns) = read();
            let gap_ns = to_ns.saturating_sub(from_ns);
            if gap_ns < best.gap_ns {
                let mono_ns = from_ns + gap_ns / 2;
                best = Self {
                    ticks,
                    mono_ns,
                    unix_ns,
                    gap_ns,
                    base_ticks: ticks,
                    base_mono_ns: mono_ns,
                };
            }
            if best.gap_ns <= MAX_GAP_NS {
                break;
            }
        }
        best
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_that_was_interrupted_is_made_again() {
        let mut gaps = [900_000, 40_000, 700_000, 120, 7].into_iter();
        let seen = Anchor::tightest(|| {
            let gap = gaps.next().unwrap();
            (1_000, gap, 0, 1_000 + gap)
        });
        assert_eq!((seen.gap_ns, seen.ticks, seen.mono_ns), (120, 120, 1_060));
        let mut readings = 0;
        let seen = Anchor::tightest(|| {
            readings += 1;
            (0, readings, 0, if readings == 5 { 50_000 } else { 500_000 })
        });
        assert_eq!((readings, seen.gap_ns), (u64::from(READINGS), 50_000), "the best of all");
    }
}
