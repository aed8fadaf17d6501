//! Times, driven by a clock that stands still.

use std::time::Duration;

use scouter_core::clock::ManualClock;
use scouter_core::record::{StepKind, XLogFlags};
use scouter_core::testing::{RecordedDetail, exclusive};
use scouter_core::{
    ApiOutcome, OpenStep, SqlOutcome, TextId, TextKind, callsite, in_step, in_transaction, intern,
    step,
};

use crate::support::{begin, poll_once, within, yield_once};

const MS: Duration = Duration::from_millis(1);

#[test]
fn busy_and_idle_time_of_nested_async_steps_are_exact() {
    let recorder = exclusive();
    let clock = ManualClock::install();
    let mut work = Box::pin(in_transaction(
        begin("GET /"),
        in_step(callsite!(name: "outer"), async {
            clock.advance(2 * MS);
            in_step(callsite!(name: "inner"), async {
                clock.advance(3 * MS);
                yield_once().await;
                clock.advance(5 * MS);
            })
            .await;
            clock.advance(7 * MS);
            yield_once().await;
            clock.advance(11 * MS);
        }),
    ));
    assert!(poll_once(&mut work).is_pending());
    clock.advance(100 * MS);
    assert!(poll_once(&mut work).is_pending());
    clock.advance(200 * MS);
    assert!(poll_once(&mut work).is_ready());
    let recording = recorder.take();
    let xlog = recording.only();
    assert_eq!((xlog.elapsed_us, xlog.busy_us, xlog.polls), (328_000, 28_000, 3));
    assert_eq!(xlog.end_unix_us, ManualClock::START_UNIX_US + 328_000);
    let steps = recording.steps(xlog.txid);
    let near = |left: u64, right: u64| assert!(left.abs_diff(right) <= 1, "{left} {right}");
    assert_eq!((steps[0].elapsed_us, steps[0].polls), (328_000, 3));
    near(steps[0].busy_us, 28_000);
    assert_eq!((steps[1].start_us, steps[1].elapsed_us, steps[1].polls), (2_000, 108_000, 2));
    near(steps[1].busy_us, 8_000);
}

#[test]
fn instrumented_siblings_of_a_join_are_charged_for_their_own_time() {
    let recorder = exclusive();
    let clock = ManualClock::install();
    let part = |name, cost: u32| {
        in_step(name, {
            let clock = &clock;
            async move {
                clock.advance(cost * MS);
                yield_once().await;
                clock.advance(cost * MS);
            }
        })
    };
    let both = async {
        futures_util::join!(part(callsite!(name: "left"), 10), part(callsite!(name: "right"), 1));
    };
    let mut work = Box::pin(in_transaction(begin("join"), in_step(callsite!(name: "both"), both)));
    assert!(poll_once(&mut work).is_pending());
    assert!(poll_once(&mut work).is_ready());
    let recording = recorder.take();
    let steps = recording.steps(recording.only().txid);
    let busy: Vec<u64> = steps.iter().map(|step| step.busy_us.div_ceil(100) / 10).collect();
    assert_eq!(busy, [22, 20, 2]);
}

#[test]
fn statement_tells_wait_first_row_and_busy_apart() {
    let recorder = exclusive();
    let clock = ManualClock::install();
    within("sql", || {
        let mut statement = OpenStep::begin(StepKind::Sql, intern(TextKind::Sql, "SELECT ?"));
        clock.advance(4 * MS);
        statement.mark_wait_end();
        {
            let poll = statement.enter_poll();
            clock.advance(MS);
            poll.pending();
        }
        clock.advance(5 * MS);
        statement.mark_first_row();
        clock.advance(10 * MS);
        assert_eq!(statement.elapsed_us(), 20_000);
        statement.finish_sql(SqlOutcome {
            rows: 2,
            binds: 1,
            bind_values: "7",
            ..SqlOutcome::default()
        });
        let wait = OpenStep::begin(StepKind::PoolWait, intern(TextKind::Pool, "main"));
        clock.advance(3 * MS);
        wait.finish(scouter_core::record::Outcome::Ok, "");
    });
    let recording = recorder.take();
    let xlog = recording.only();
    assert_eq!((xlog.sql_us, xlog.pool_wait_us, xlog.sql_count), (16_000, 7_000, 1));
    let statement = &recording.steps(xlog.txid)[0];
    assert_eq!((statement.elapsed_us, statement.busy_us), (20_000, 1_000));
    assert_eq!(
        statement.detail,
        RecordedDetail::Sql {
            pool_wait_us: 4_000,
            first_row_us: Some(6_000),
            rows: 2,
            affected: 0,
            binds: 1,
            bind_values: "7".to_owned(),
        }
    );
}

#[test]
fn outbound_call_tells_its_headers_from_its_end() {
    let recorder = exclusive();
    let clock = ManualClock::install();
    let callee = scouter_core::Txid::new(77);
    within("api", || {
        let mut call = OpenStep::begin(StepKind::Api, intern(TextKind::Api, "GET billing"));
        clock.advance(5 * MS);
        call.mark_response();
        clock.advance(5 * MS);
        call.finish_api(ApiOutcome {
            status: 200,
            callee,
            address: "billing:80",
            ..ApiOutcome::default()
        });
    });
    let recording = recorder.take();
    let xlog = recording.only();
    assert_eq!((xlog.api_count, xlog.api_us), (1, 10_000));
    assert_eq!(
        recording.steps(xlog.txid)[0].detail,
        RecordedDetail::Api { status: 200, callee, address: "billing:80".into(), ttfb_us: 5_000 }
    );
}

#[test]
fn step_learned_of_late_begins_in_the_past_but_never_before_its_transaction() {
    let recorder = exclusive();
    let clock = ManualClock::install();
    within("late", || {
        clock.advance(10 * MS);
        let past = |ago| OpenStep::begin_past(StepKind::Sql, TextId::NONE, ago);
        past(4 * MS).finish_sql(SqlOutcome::default());
        past(50 * MS).finish_sql(SqlOutcome::default());
    });
    let recording = recorder.take();
    let steps = recording.steps(recording.only().txid);
    assert_eq!((steps[0].start_us, steps[0].elapsed_us), (6_000, 4_000));
    assert_eq!((steps[1].start_us, steps[1].elapsed_us), (0, 10_000));
}

#[test]
fn slow_transaction_is_marked_at_its_threshold() {
    let recorder = exclusive();
    let clock = ManualClock::install();
    for (service, ms) in [("fast", 999_u32), ("slow", 1_000)] {
        within(service, || clock.advance(ms * MS));
    }
    let recording = recorder.take();
    let is_slow = |service| recording.xlog(service).unwrap().flags.contains(XLogFlags::SLOW);
    assert_eq!((is_slow("fast"), is_slow("slow")), (false, true));
}

#[test]
fn clock_that_changes_inside_a_transaction_marks_it_and_never_wraps_a_duration() {
    let recorder = exclusive();
    let transaction = begin("switched clock");
    let clock = ManualClock::install();
    {
        let _entered = transaction.enter();
        drop(step(callsite!(name: "after the switch")));
    }
    transaction.set_ttfb_now();
    drop(transaction);
    let recording = recorder.take();
    drop(clock);
    let xlog = recording.only();
    assert!(xlog.flags.contains(XLogFlags::CLOCK_CHANGED));
    let steps = recording.steps(xlog.txid);
    assert!(steps.iter().all(|step| step.elapsed_us < 86_400_000_000));
    assert!(xlog.elapsed_us < 86_400_000_000);
}

#[test]
fn what_waits_through_a_switch_of_the_clock_keeps_its_own_times_and_is_marked() {
    let recorder = exclusive();
    let clock = ManualClock::install();
    within("waits", || {
        let _step = step(callsite!(name: "part"));
        clock.advance(3 * MS);
    });
    drop(clock);
    let now_us = scouter_core::clock::unix_us(scouter_core::clock::now_ticks());
    within("runs after it", || drop(step(callsite!(name: "part"))));
    let recording = recorder.take();
    let waits = recording.xlog("waits").unwrap();
    assert_eq!(waits.end_unix_us, ManualClock::START_UNIX_US + 3_000);
    assert_eq!(waits.elapsed_us, 3_000);
    assert!(waits.flags.contains(XLogFlags::CLOCK_CHANGED));
    let profile = &recording.profiles[0];
    assert_eq!((profile.txid, profile.end_unix_us), (waits.txid, waits.end_unix_us));
    assert_eq!(profile.steps[0].elapsed_us, 3_000);
    let after = recording.xlog("runs after it").unwrap();
    assert!(after.end_unix_us.abs_diff(now_us) < 3_600_000_000, "{}", after.end_unix_us);
}

#[test]
fn folded_run_sums_its_times_and_keeps_its_longest() {
    let recorder = exclusive();
    let clock = ManualClock::install();
    within("fold", || {
        for ms in [3_u32, 9, 1] {
            let _step = step(callsite!(name: "part"));
            clock.advance(ms * MS);
        }
    });
    let recording = recorder.take();
    let fold = &recording.steps(recording.only().txid)[0];
    assert_eq!(
        (fold.count, fold.elapsed_us, fold.max_us, fold.busy_us),
        (3, 13_000, 9_000, 13_000)
    );
}
