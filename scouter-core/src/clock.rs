//! The only place that reads time.
//!
//! On the request path time is a raw number of *ticks*: the time stamp counter where the kernel
//! itself trusts it (its clocksource is `tsc`), else nanoseconds of CLOCK_MONOTONIC. Ticks become
//! microseconds only off the request path, with a rate that the exporter's thread re-measures every
//! second ([`reanchor`]). When a measurement contradicts the counter (snapshot and restore, live
//! migration, a counter that drifts by more than [`MAX_DRIFT_PPM`]), the process switches to
//! CLOCK_MONOTONIC for good: the *epoch* grows. Anchor and rate of the last few epochs are kept, so
//! that a row which waits in a queue still gets the end its own clock gave it. What ran through a
//! switch or waited through one is marked `CLOCK_CHANGED`: durations of the one mix two clocks, and
//! the other may have ended after the counter went wrong, before that was seen. Differences
//! saturate at 0.
//!
//! Tests drive time with [`ManualClock`].

mod anchor;
mod manual;

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use parking_lot::Mutex;

use self::anchor::Anchor;
use crate::sys;

pub use self::manual::ManualClock;

/// Drift of the counter against CLOCK_MONOTONIC, in parts per million over one re-anchoring
/// interval, above which it is abandoned. Counter `clock_switches` grows.
pub const MAX_DRIFT_PPM: u64 = 500;

/// Shortest interval over which drift is judged, in ns: below it the reading noise dominates.
const MIN_JUDGED_NS: u64 = 100_000_000;

/// How long the first calibration watches both clocks, in ns. It happens once, at the first use.
const FIRST_CALIBRATION_NS: u64 = 300_000;

/// How many epochs that are over can still be converted; what is older is converted by the newest.
/// A process switches once in its life, so one would do but for tests.
const KEPT_EPOCHS: usize = 4;

const UNSET: u32 = 0;
const TSC: u32 = 1;
const MONOTONIC: u32 = 2;
const MANUAL: u32 = 3;

static MODE: AtomicU32 = AtomicU32::new(UNSET);
static EPOCH: AtomicU32 = AtomicU32::new(0);
/// Nanoseconds a tick, as a fixed-point number with 32 fractional bits.
static RATE: AtomicU64 = AtomicU64::new(1 << 32);
static SWITCHES: AtomicU64 = AtomicU64::new(0);

static STATE: Mutex<State> =
    Mutex::new(State { anchor: Anchor::ZERO, bad: 0, past: [Scale::NONE; KEPT_EPOCHS] });

/// How many judgements in a row must find too much drift before the counter is abandoned.
const BAD_JUDGEMENTS: u32 = 2;

/// What the lock holds.
#[derive(Debug)]
struct State {
    anchor: Anchor,
    /// Judgements in a row that found too much drift.
    bad: u32,
    /// How epochs that are over converted at their end, by number modulo their count.
    past: [Scale; KEPT_EPOCHS],
}

impl State {
    /// Begins an epoch in which `mode` counts.
    fn switch(&mut self, mode: u32, new_rate: u64, anchor: impl FnOnce() -> Anchor) {
        let now = self.present();
        self.past[now.epoch as usize % KEPT_EPOCHS] = now;
        RATE.store(new_rate, Ordering::Relaxed);
        EPOCH.fetch_add(1, Ordering::Relaxed);
        MODE.store(mode, Ordering::Release);
        self.anchor = anchor();
        self.bad = 0;
    }

    fn present(&self) -> Scale {
        Scale {
            epoch: epoch(),
            is_past: false,
            rate: RATE.load(Ordering::Relaxed),
            ticks: self.anchor.ticks,
            unix_ns: self.anchor.unix_ns,
        }
    }

    #[cfg(feature = "enable")]
    fn scale_of(&self, wanted: u32) -> Scale {
        let now = self.present();
        if wanted == now.epoch {
            return now;
        }
        let kept = self.past[wanted as usize % KEPT_EPOCHS];
        let known = if kept.rate != 0 && kept.epoch == wanted { kept } else { now };
        Scale { is_past: true, ..known }
    }
}

/// How ticks of one epoch become µs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scale {
    epoch: u32,
    #[cfg_attr(not(feature = "enable"), expect(dead_code, reason = "nothing is drained"))]
    is_past: bool,
    /// As [`RATE`]; 0 when there is none.
    rate: u64,
    ticks: u64,
    unix_ns: i64,
}

impl Scale {
    const NONE: Self = Self { epoch: 0, is_past: false, rate: 0, ticks: 0, unix_ns: 0 };

    /// That of an epoch. Takes a short lock; not for the request path.
    #[cfg(feature = "enable")]
    pub(crate) fn of(epoch: u32) -> Self {
        let _ = now_ticks(); // the first use calibrates
        STATE.lock().scale_of(epoch)
    }

    /// Whether the epoch is over, or not even known any more.
    #[cfg(feature = "enable")]
    pub(crate) const fn is_past(&self) -> bool {
        self.is_past
    }

    /// A span in µs.
    #[cfg(feature = "enable")]
    pub(crate) fn us(&self, ticks: u64) -> u64 {
        scale(ticks, self.rate) / 1_000
    }

    /// A moment as unix µs.
    pub(crate) fn unix_us(&self, ticks: u64) -> i64 {
        let ns = if ticks >= self.ticks {
            self.unix_ns.saturating_add_unsigned(scale(ticks - self.ticks, self.rate))
        } else {
            self.unix_ns.saturating_sub_unsigned(scale(self.ticks - ticks, self.rate))
        };
        ns.div_euclid(1_000)
    }
}

/// Now, in ticks. Two of them are comparable only within one [`epoch`].
#[inline(always)]
#[must_use]
pub fn now_ticks() -> u64 {
    if MODE.load(Ordering::Relaxed) == TSC { sys::rdtsc() } else { other_clock() }
}

#[cold]
#[inline(never)]
fn other_clock() -> u64 {
    match MODE.load(Ordering::Relaxed) {
        MANUAL => manual::now_ns(),
        MONOTONIC => sys::monotonic_ns(),
        _ => first_ticks(),
    }
}

/// Apart, so that what it needs is not saved and restored by each reading of another clock.
#[cold]
#[inline(never)]
fn first_ticks() -> u64 {
    calibrate_first();
    now_ticks()
}

/// Which clock counts: grows whenever the source of ticks changes.
#[inline]
#[must_use]
pub fn epoch() -> u32 {
    EPOCH.load(Ordering::Relaxed)
}

/// How often the process abandoned one clock for another.
pub(crate) fn switches() -> u64 {
    SWITCHES.load(Ordering::Relaxed)
}

fn calibrate_first() {
    let mut state = STATE.lock();
    if MODE.load(Ordering::Acquire) != UNSET {
        return;
    }
    if !sys::kernel_trusts_tsc() {
        MODE.store(MONOTONIC, Ordering::Release);
        state.anchor = Anchor::take();
        return;
    }
    let first = Anchor::take_by(sys::rdtsc);
    while sys::monotonic_ns().saturating_sub(first.mono_ns) < FIRST_CALIBRATION_NS {
        std::hint::spin_loop();
    }
    let second = Anchor::take_by(sys::rdtsc);
    let ns = second.mono_ns.saturating_sub(first.mono_ns);
    RATE.store(rate(ns, second.ticks.saturating_sub(first.ticks)), Ordering::Relaxed);
    state.anchor = second;
    MODE.store(TSC, Ordering::Release);
}

fn rate(ns: u64, ticks: u64) -> u64 {
    let wide = (u128::from(ns) << 32) / u128::from(ticks.max(1));
    u64::try_from(wide).unwrap_or(1 << 32)
}

fn scale(ticks: u64, rate: u64) -> u64 {
    u64::try_from((u128::from(ticks) * u128::from(rate)) >> 32).unwrap_or(u64::MAX)
}

/// A span of ticks in nanoseconds, by the current rate.
#[must_use]
pub fn ticks_to_ns(ticks: u64) -> u64 {
    scale(ticks, RATE.load(Ordering::Relaxed))
}

/// A span of ticks in microseconds, by the current rate.
#[must_use]
pub fn ticks_to_us(ticks: u64) -> u64 {
    ticks_to_ns(ticks) / 1_000
}

#[cfg(feature = "enable")]
/// A span of nanoseconds in ticks, by the current rate.
pub(crate) fn ns_to_ticks(ns: u64) -> u64 {
    let rate = RATE.load(Ordering::Relaxed).max(1);
    u64::try_from((u128::from(ns) << 32) / u128::from(rate)).unwrap_or(u64::MAX)
}

/// A moment in ticks as unix µs. Takes a short lock; not for the request path.
#[must_use]
pub fn unix_us(ticks: u64) -> i64 {
    let _ = now_ticks(); // the first use calibrates
    let scale = STATE.lock().present();
    scale.unix_us(ticks)
}

/// The wall clock now in unix µs, without a lock: to compare with what another host wrote.
#[must_use]
pub fn wall_us() -> i64 {
    if MODE.load(Ordering::Relaxed) == MANUAL {
        unix_us(now_ticks())
    } else {
        sys::realtime_ns() / 1_000
    }
}

/// Time that no step of the wall clock and no change of the source of ticks moves, in µs. Only
/// differences mean something.
#[cfg(feature = "enable")]
pub(crate) fn steady_us() -> u64 {
    let ns =
        if MODE.load(Ordering::Relaxed) == MANUAL { manual::now_ns() } else { sys::monotonic_ns() };
    ns / 1_000
}

/// Compares the clocks again; the exporter's thread calls it every second.
///
/// Follows steps of the wall clock, refines the rate, and abandons the time stamp counter when it
/// disagrees with CLOCK_MONOTONIC by more than [`MAX_DRIFT_PPM`] twice in a row.
pub fn reanchor() {
    let _ = now_ticks(); // the first use calibrates
    let mut state = STATE.lock();
    match MODE.load(Ordering::Relaxed) {
        TSC => reanchor_tsc(&mut state, Anchor::take()),
        MONOTONIC => state.anchor = Anchor::take(),
        _ => {}
    }
}

fn reanchor_tsc(state: &mut State, seen: Anchor) {
    let anchor = &mut state.anchor;
    let mono_ns = seen.mono_ns.saturating_sub(anchor.mono_ns);
    if mono_ns < MIN_JUDGED_NS && seen.ticks >= anchor.ticks {
        // Too short to judge or to measure a rate by, so the rest of the anchor stays.
        let since_ns = ticks_to_ns(seen.ticks - anchor.ticks);
        anchor.unix_ns = seen.unix_ns.saturating_sub_unsigned(since_ns);
        return;
    }
    let predicted_ns = ticks_to_ns(seen.ticks.saturating_sub(anchor.ticks));
    let drift_ns = predicted_ns.abs_diff(mono_ns);
    // The very first rate comes from a short watch, so it may be off by far more than a clock is.
    let tolerated_ppm = if anchor.ticks == anchor.base_ticks { 20_000 } else { MAX_DRIFT_PPM };
    let tolerated_ns = mono_ns / 1_000_000 * tolerated_ppm + anchor.gap_ns + seen.gap_ns;
    let is_backwards = seen.ticks < anchor.ticks;
    if is_backwards || drift_ns > tolerated_ns {
        state.bad += 1;
        // A counter that goes back is broken; anything else is believed when it is seen again,
        // from the same anchor.
        if is_backwards || state.bad >= BAD_JUDGEMENTS {
            SWITCHES.fetch_add(1, Ordering::Relaxed);
            state.switch(MONOTONIC, 1 << 32, Anchor::take);
        }
        return;
    }
    state.bad = 0;
    let base_ns = seen.mono_ns - anchor.base_mono_ns;
    RATE.store(rate(base_ns, seen.ticks - anchor.base_ticks), Ordering::Relaxed);
    *anchor = Anchor { base_ticks: anchor.base_ticks, base_mono_ns: anchor.base_mono_ns, ..seen };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::manual::MANUAL_USER;

    #[test]
    fn real_clock_agrees_with_the_wall_clock_after_reanchoring() {
        let _turn = MANUAL_USER.lock();
        reanchor();
        let ours = unix_us(now_ticks());
        let theirs = sys::realtime_ns() / 1_000;
        assert!(ours.abs_diff(theirs) < 50_000, "{ours} {theirs}");
    }

    /// Runs `check` on the state of the clock, which is put back after it.
    fn on_state(check: impl FnOnce(&mut State)) {
        let _turn = MANUAL_USER.lock();
        reanchor();
        let mut state = STATE.lock();
        let (mode, rate, anchor) =
            (MODE.load(Ordering::Relaxed), RATE.load(Ordering::Relaxed), state.anchor);
        state.bad = 0;
        check(&mut state);
        state.bad = 0;
        MODE.store(mode, Ordering::Release);
        RATE.store(rate, Ordering::Relaxed);
        state.anchor = anchor;
    }

    #[test]
    fn counter_that_runs_backwards_is_abandoned_and_the_epoch_grows() {
        on_state(|state| {
            let before = epoch();
            let backwards = Anchor { ticks: state.anchor.ticks - 1, ..state.anchor };
            reanchor_tsc(state, backwards);
            assert_eq!(epoch(), before + 1);
            assert_eq!(MODE.load(Ordering::Relaxed), MONOTONIC);
        });
    }

    /// An anchor that was re-measured before, at a rate of two ticks a nanosecond.
    fn settle(state: &mut State) -> Anchor {
        RATE.store(1 << 31, Ordering::Relaxed);
        let (ticks, mono_ns) = (1 << 50, 1 << 40);
        state.anchor = Anchor {
            ticks,
            mono_ns,
            unix_ns: 1 << 60,
            gap_ns: 100,
            base_ticks: ticks - 2_000_000_000,
            base_mono_ns: mono_ns - 1_000_000_000,
        };
        MODE.store(TSC, Ordering::Relaxed);
        state.anchor
    }

    /// What is seen after `ns` if the counter is off by so many parts per million.
    fn after(from: Anchor, ns: u64, drift_ppm: i64) -> Anchor {
        let ticks = 2 * ns.saturating_add_signed(ns.cast_signed() / 1_000_000 * drift_ppm);
        Anchor {
            ticks: from.ticks + ticks,
            mono_ns: from.mono_ns + ns,
            unix_ns: from.unix_ns.saturating_add_unsigned(ns),
            ..from
        }
    }

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn drift_beyond_the_limit_abandons_the_counter_when_it_is_seen_twice() {
        on_state(|state| {
            let base = settle(state);
            let before = epoch();
            reanchor_tsc(state, after(base, SECOND, 600));
            assert_eq!((MODE.load(Ordering::Relaxed), epoch()), (TSC, before));
            reanchor_tsc(state, after(base, 2 * SECOND, 600));
            assert_eq!((MODE.load(Ordering::Relaxed), epoch()), (MONOTONIC, before + 1));
        });
    }

    #[test]
    fn single_bad_judgement_and_drift_within_the_limit_keep_the_counter() {
        on_state(|state| {
            let base = settle(state);
            for round in 0..10 {
                let at = (2 * round + 1) * SECOND;
                reanchor_tsc(state, after(base, at, 90_000));
                assert_eq!(state.bad, 1);
                reanchor_tsc(state, after(base, at + SECOND, 0));
                assert_eq!(state.bad, 0);
            }
            reanchor_tsc(state, after(state.anchor, SECOND, 400));
            assert_eq!((MODE.load(Ordering::Relaxed), state.bad), (TSC, 0));
        });
    }

    #[test]
    fn step_of_the_wall_clock_is_followed_and_is_no_drift() {
        on_state(|state| {
            let base = settle(state);
            let hour_ns = 3_600 * SECOND.cast_signed();
            for (round, step_ns) in [(1, hour_ns), (2, -hour_ns)] {
                let seen = after(base, round * SECOND, 0);
                reanchor_tsc(state, Anchor { unix_ns: seen.unix_ns + step_ns, ..seen });
                let unix_us = state.present().unix_us(seen.ticks);
                assert_eq!(unix_us, (seen.unix_ns + step_ns) / 1_000);
            }
            // Also within less than a judgement takes.
            let seen = after(base, 2 * SECOND + MIN_JUDGED_NS / 2, 0);
            reanchor_tsc(state, seen);
            assert_eq!(state.present().unix_us(seen.ticks), seen.unix_ns / 1_000);
            assert_eq!((MODE.load(Ordering::Relaxed), state.bad), (TSC, 0));
        });
    }

    #[test]
    fn ticks_of_an_epoch_that_is_over_are_converted_by_its_own_anchor_and_rate() {
        on_state(|state| {
            // Four ticks a nanosecond, and a counter far from the one that follows.
            RATE.store(1 << 30, Ordering::Relaxed);
            state.anchor = Anchor { ticks: 1 << 60, unix_ns: 5_000_000, ..state.anchor };
            let before = epoch();
            state.switch(MONOTONIC, 1 << 32, || Anchor::ZERO);
            let past = state.scale_of(before);
            assert!(past.is_past());
            assert_eq!(past.us(4_000), 1);
            assert_eq!(past.unix_us((1 << 60) + 4_000), 5_001);
            assert_eq!(past.unix_us((1 << 60) - 4_000), 4_999);
            let now = state.scale_of(before + 1);
            assert!(!now.is_past());
            assert_eq!((now.us(4_000), now.unix_us(4_000)), (4, 4));
            for _ in 0..KEPT_EPOCHS {
                state.switch(MONOTONIC, 1 << 32, || Anchor::ZERO);
            }
            let unknown = state.scale_of(before);
            assert!(unknown.is_past() && unknown.us(4_000) == 4, "the newest stands in");
        });
    }
}
