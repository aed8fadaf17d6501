//! `slow`: what took at least that long is marked, everything is recorded.

use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use scouter::{ManualClock, scout};

use crate::support::{attributes, attributes_async, callsite, steps, steps_async};

const LIMIT: Duration = Duration::from_millis(200);
const BELOW: Duration = Duration::from_millis(199);

#[scout(slow = "200ms")]
fn works(clock: &ManualClock, time: Duration) -> Duration {
    clock.advance(time);
    time
}

#[scout(slow = "200ms", err)]
fn fails(clock: &ManualClock, time: Duration) -> Result<(), String> {
    clock.advance(time);
    Err("broken".into())
}

#[scout(slow = "200ms")]
fn returns_early(clock: &ManualClock, time: Duration) -> Option<Duration> {
    clock.advance(time);
    time.checked_sub(LIMIT)?;
    Some(time)
}

/// Pending once, for `time`.
async fn idle(clock: &ManualClock, time: Duration) {
    let mut is_second = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut is_second, true) {
            clock.advance(time);
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

#[scout(slow = "200ms")]
async fn waits(clock: &ManualClock, time: Duration) {
    idle(clock, time).await;
}

#[scout(slow = "200ms", err, lean)]
async fn waits_and_fails(clock: &ManualClock, time: Duration) -> Result<(), String> {
    idle(clock, time).await;
    Err("broken".into())
}

#[scout(slow = "200ms")]
fn outlives(clock: ManualClock) {
    drop(clock);
}

#[test]
fn a_step_in_which_the_clock_is_switched_is_not_marked_by_two_clocks() {
    let clock = ManualClock::install();
    let shown = attributes(move || outlives(clock));
    assert!(shown.is_empty(), "{shown:?}");
}

#[test]
fn a_step_is_marked_from_its_threshold_on() {
    let clock = ManualClock::install();
    assert_eq!(attributes(|| _ = works(&clock, BELOW)), "");
    assert_eq!(attributes(|| _ = works(&clock, LIMIT)), "slow=200ms");
    assert_eq!(attributes(|| _ = fails(&clock, LIMIT)), "slow=200ms");
    assert_eq!(attributes(|| _ = returns_early(&clock, BELOW)), "");
    assert_eq!(attributes(|| _ = returns_early(&clock, 2 * LIMIT)), "slow=200ms");
}

#[test]
fn a_future_is_marked_by_its_whole_time_and_not_by_one_poll() {
    let clock = ManualClock::install();
    assert_eq!(attributes_async(waits(&clock, BELOW)), "");
    assert_eq!(attributes_async(waits(&clock, LIMIT)), "slow=200ms");
    assert_eq!(attributes_async(async { _ = waits_and_fails(&clock, LIMIT).await }), "slow=200ms");
}

#[test]
fn fast_calls_are_recorded_and_fold_and_a_slow_one_stands_alone() {
    let clock = ManualClock::install();
    let recorded = steps(|| {
        for time in [BELOW, BELOW, LIMIT, BELOW] {
            works(&clock, time);
        }
        _ = fails(&clock, LIMIT);
    });
    assert_eq!(recorded, "works x2\nworks\nworks\nfails !error broken\n");
    let recorded = steps_async(async { _ = waits_and_fails(&clock, LIMIT).await });
    assert_eq!(recorded, "waits_and_fails !error broken\n");
}

#[scout]
fn encloses(clock: &ManualClock) {
    switched_off(clock);
}

#[scout(slow = "200ms")]
fn switched_off(clock: &ManualClock) {
    clock.advance(LIMIT);
}

#[test]
fn a_callsite_that_is_off_marks_no_step_around_it() {
    let clock = ManualClock::install();
    callsite("switched_off").set_flags(scouter::CallsiteFlags::ARGS);
    assert_eq!(attributes(|| encloses(&clock)), "");
    assert_eq!(steps(|| encloses(&clock)), "encloses\n");
}
