//! Futures dropped before their end, on this thread and on others.

use std::future::pending;

use scouter_core::record::{EndReason, Outcome, StepKind};
use scouter_core::testing::{capture, capture_async};
use scouter_core::{
    OpenStep, SqlOutcome, TextKind, callsite, in_step, in_transaction, intern, step, wait,
};

use crate::support::{begin, poll_once, within, yield_once};

#[test]
fn dropped_future_closes_its_steps_as_cancelled_before_its_transaction_ends() {
    let recording = capture(|| {
        let mut work = Box::pin(in_transaction(
            begin("GET /slow"),
            in_step(callsite!(name: "handler"), async {
                let statement =
                    OpenStep::begin(StepKind::Sql, intern(TextKind::Sql, "SELECT sleep(?)"));
                wait("lock", pending::<()>()).await;
                drop(statement);
            }),
        ));
        assert!(poll_once(&mut work).is_pending());
        drop(work);
    });
    assert_eq!(
        recording.tree(),
        "GET /slow !cancelled_before_response\n    handler !cancelled\n        sql SELECT sleep(?) !cancelled\n        wait lock !cancelled\n"
    );
    assert_eq!(recording.only().sql_count, 1, "a cancelled statement was a statement");
}

#[test]
fn future_dropped_on_another_thread_is_cancelled_there() {
    let recording = capture(|| {
        let mut work = Box::pin(in_transaction(
            begin("moved"),
            in_step(callsite!(name: "handler"), async {
                pending::<()>().await;
            }),
        ));
        assert!(poll_once(&mut work).is_pending());
        std::thread::scope(|scope| {
            scope.spawn(move || drop(work));
        });
    });
    assert_eq!(recording.tree(), "moved !cancelled_before_response\n    handler !cancelled\n");
}

#[test]
fn step_dropped_outside_its_transaction_is_closed_by_its_generation_only() {
    let count = || {
        let counters = scouter_core::telemetry::counters();
        counters.into_iter().find(|(name, _)| *name == "steps_closed_by_others").unwrap().1
    };
    let recording = capture(|| {
        let before = count();
        let transaction = begin("foreign");
        let (first, second) = {
            let _entered = transaction.enter();
            let open = || OpenStep::begin(StepKind::Sql, intern(TextKind::Sql, "SELECT ?"));
            (open(), open())
        };
        std::thread::scope(|scope| {
            scope.spawn(move || first.finish_sql(SqlOutcome { rows: 9, ..SqlOutcome::default() }));
        });
        assert_eq!(count(), before + 1);
        transaction.end(EndReason::Complete);
        within("next", || drop(step(callsite!(name: "of the next"))));
        drop(second);
        assert_eq!(count(), before + 1, "its transaction is over");
    });
    assert_eq!(
        recording.tree(),
        "foreign\n    sql SELECT ?\n    sql SELECT ? !unfinished\nnext\n    of the next\n"
    );
    assert_eq!(recording.xlog("foreign").unwrap().sql_rows, 0);
}

#[tokio::test]
async fn loser_of_a_select_is_cancelled_and_keeps_its_parent() {
    let recording = capture_async(async {
        let work = in_step(callsite!(name: "race"), async {
            let slow = Box::pin(in_step(callsite!(name: "slow"), pending::<()>()));
            let fast = Box::pin(in_step(callsite!(name: "fast"), yield_once()));
            drop(futures_util::future::select(slow, fast).await);
            let _after = step(callsite!(name: "after"));
        });
        in_transaction(begin("select"), work).await;
    })
    .await;
    assert_eq!(
        recording.tree(),
        "select\n    race\n        slow !cancelled\n        fast\n        after\n"
    );
}

#[test]
fn future_that_is_never_polled_records_nothing() {
    let recording = capture(|| {
        within("never", || drop(in_step(callsite!(name: "unpolled"), async {})));
    });
    assert_eq!(recording.tree(), "never\n");
}

#[test]
fn step_future_polled_in_another_transaction_belongs_to_none() {
    let recording = capture(|| {
        let (first, second) = (begin("first"), begin("second"));
        let mut work = Box::pin(in_step(callsite!(name: "wanderer"), yield_once()));
        {
            let _entered = first.enter();
            assert!(poll_once(&mut work).is_pending());
        }
        {
            let _entered = second.enter();
            assert!(poll_once(&mut work).is_ready());
        }
        first.end(EndReason::Complete);
        second.end(EndReason::Complete);
    });
    let first = recording.xlog("first").unwrap();
    assert_eq!(recording.steps(first.txid).len(), 1);
    assert!(recording.steps(recording.xlog("second").unwrap().txid).is_empty());
}

#[test]
fn panic_in_a_poll_closes_the_step_as_panicked() {
    let recording = capture(|| {
        let mut work = Box::pin(in_transaction(
            begin("poll panics"),
            in_step(callsite!(name: "handler"), async {
                yield_once().await;
                panic!("on purpose");
            }),
        ));
        assert!(poll_once(&mut work).is_pending());
        let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
            let mut work = work;
            let _ = poll_once(&mut work);
        }));
        assert!(caught.is_err());
    });
    let xlog = recording.only();
    assert_eq!(xlog.end, EndReason::Panic);
    assert_eq!(recording.steps(xlog.txid)[0].outcome, Outcome::Panic);
}

#[test]
fn future_moved_under_another_step_leaves_that_step_innermost() {
    let recording = capture(|| {
        within("moved future", || {
            let mut work = Box::pin(in_step(callsite!(name: "future"), yield_once()));
            {
                let _first = step(callsite!(name: "first"));
                assert!(poll_once(&mut work).is_pending());
            }
            let _second = step(callsite!(name: "second"));
            assert!(poll_once(&mut work).is_ready());
            let _inside = step(callsite!(name: "inside second"));
        });
    });
    assert_eq!(
        recording.tree(),
        "moved future\n    first\n        future\n    second\n        inside second\n"
    );
}
