//! Guards dropped late, out of order, never; panics; transactions that interleave on one thread.

use std::panic::{AssertUnwindSafe, catch_unwind};

use scouter_core::record::{EndReason, Outcome};
use scouter_core::testing::capture;
use scouter_core::{attr, callsite, current, fail, step};

use crate::support::{begin, within};

#[test]
fn guard_that_outlives_its_transaction_changes_nothing() {
    let recording = capture(|| {
        let transaction = begin("first");
        let late = {
            let _entered = transaction.enter();
            step(callsite!(name: "late"))
        };
        transaction.end(EndReason::Complete);
        // The header may serve the next transaction by now.
        within("second", || {
            let _inside = step(callsite!(name: "inside"));
            late.attr("lost", 1_u64);
            late.fail(&"lost");
            drop(late);
        });
    });
    assert_eq!(recording.tree(), "first\n    late !unfinished\nsecond\n    inside\n");
}

#[test]
fn guards_dropped_out_of_order_keep_the_tree() {
    let recording = capture(|| {
        within("out of order", || {
            let outer = step(callsite!(name: "outer"));
            let inner = step(callsite!(name: "inner"));
            drop(outer);
            let child = step(callsite!(name: "child of inner"));
            drop(child);
            drop(inner);
            let _after = step(callsite!(name: "after"));
        });
    });
    assert_eq!(
        recording.tree(),
        "out of order\n    outer\n        inner\n            child of inner\n        after\n"
    );
}

#[test]
fn guard_that_outlives_its_scope_closes_its_step_and_nothing_else() {
    let recording = capture(|| {
        let transaction = begin("outlived");
        let guard = {
            let _entered = transaction.enter();
            step(callsite!(name: "outlives"))
        };
        // Another thread works on the transaction by now.
        let transaction = std::thread::scope(|scope| {
            let there = scope.spawn(move || {
                let there = transaction.enter();
                let open = step(callsite!(name: "there"));
                drop((open, there));
                transaction
            });
            there.join().unwrap()
        });
        let before = crate::support::counter("steps_closed_by_others");
        drop(guard);
        assert!(crate::support::counter("steps_closed_by_others") > before);
        transaction.end(EndReason::Complete);
    });
    assert_eq!(recording.tree(), "outlived\n    outlives\n    there\n");
}

#[test]
#[expect(clippy::mem_forget, reason = "what is tested")]
fn forgotten_step_is_unfinished_and_no_parent_of_what_follows_its_scope() {
    let recording = capture(|| {
        let transaction = begin("forgetful");
        {
            let _entered = transaction.enter();
            std::mem::forget(step(callsite!(name: "forgotten")));
        }
        {
            let _entered = transaction.enter();
            let _next = step(callsite!(name: "next"));
        }
        transaction.end(EndReason::Complete);
    });
    assert_eq!(recording.tree(), "forgetful\n    forgotten !unfinished\n    next\n");
}

#[test]
#[expect(clippy::mem_forget, reason = "what is tested")]
fn forgotten_scope_does_not_write_into_whatever_reuses_the_transaction() {
    let recording = capture(|| {
        let transaction = begin("forgotten scope");
        std::mem::forget(transaction.enter());
        transaction.end(EndReason::Complete);
        assert!(!current::is_active());
        assert!(!step(callsite!(name: "nowhere")).is_recording());
        let next = begin("next");
        assert!(!current::is_active(), "nobody entered it");
        attr("lost", 1_u64);
        next.end(EndReason::Complete);
        // Leaves the thread clean for the next test on it.
        within("clean", || ());
    });
    assert_eq!(recording.tree(), "forgotten scope\nnext\nclean\n");
}

#[test]
fn panic_closes_steps_marks_the_transaction_and_restores_the_lane() {
    let recording = capture(|| {
        within("outer", || {
            let outer = current::txid();
            let panicked = catch_unwind(AssertUnwindSafe(|| {
                let transaction = begin("panics");
                let _entered = transaction.enter();
                let _step = step(callsite!(name: "panicking"));
                panic!("on purpose");
            }));
            assert!(panicked.is_err());
            assert_eq!(current::txid(), outer);
            let _after = step(callsite!(name: "after"));
        });
    });
    let panics = recording.xlog("panics").unwrap();
    assert_eq!(panics.end, EndReason::Panic);
    assert!(panics.error.ends_with(": on purpose"), "{}", panics.error);
    assert_eq!(recording.steps(panics.txid)[0].outcome, Outcome::Panic);
    let outer = recording.xlog("outer").unwrap();
    assert_eq!((outer.end, outer.error.as_str()), (EndReason::Complete, ""));
}

#[test]
fn two_transactions_interleaved_on_one_thread_do_not_mix() {
    let recording = capture(|| {
        let (first, second) = (begin("first"), begin("second"));
        for round in 0..3_u64 {
            {
                let _entered = first.enter();
                step(callsite!(name: "a")).attr("round", round);
            }
            let _entered = second.enter();
            step(callsite!(name: "b")).attr("round", round);
            let _nested = first.enter();
            step(callsite!(name: "c")).attr("round", round);
        }
        first.end(EndReason::Complete);
        second.end(EndReason::Complete);
    });
    let names = |service: &str| -> Vec<String> {
        let xlog = recording.xlog(service).unwrap();
        recording.steps(xlog.txid).iter().map(|step| step.name.clone()).collect()
    };
    assert_eq!(names("first"), ["a", "c", "a", "c", "a", "c"]);
    assert_eq!(names("second"), ["b", "b", "b"]);
}

#[test]
fn recursion_keeps_its_depth() {
    fn recurse(depth: u32) {
        if depth > 0 {
            let _step = step(callsite!(name: "recurse"));
            recurse(depth - 1);
        }
    }
    let recording = capture(|| within("deep", || recurse(500)));
    let steps = recording.steps(recording.only().txid);
    assert_eq!(steps.len(), 500);
    assert!(steps.iter().zip(0_u32..).all(|(step, n)| step.parent == n.checked_sub(1)));
    assert!(steps.iter().all(|step| step.outcome == Outcome::Ok));
}

#[test]
fn first_error_of_a_step_wins_and_marks_only_the_step() {
    let recording = capture(|| {
        within("failing", || {
            let guard = step(callsite!(name: "fails"));
            fail(&"first");
            guard.fail(&"second");
        });
    });
    let steps = recording.steps(recording.only().txid);
    assert_eq!((steps[0].outcome, steps[0].error.as_str()), (Outcome::Error, "first"));
    assert_eq!(recording.only().error, "");
}

#[test]
fn callsite_that_is_switched_off_records_nothing_until_it_is_on_again() {
    let site = callsite!(name: "switched");
    let before = site.flags();
    let recording = capture(|| {
        within("switching", || {
            site.set_flags(before.without(scouter_core::CallsiteFlags::STEP));
            assert!(!step(site).is_recording());
            site.set_flags(before);
            assert!(step(site).is_recording());
        });
    });
    assert_eq!(recording.tree(), "switching\n    switched\n");
}

#[test]
fn nothing_is_recorded_while_recording_is_off() {
    let recorder = scouter_core::testing::exclusive();
    scouter_core::set_recording(false);
    let transaction = begin("off");
    assert!(!transaction.is_recording());
    let _entered = transaction.enter();
    assert!(!step(callsite!(name: "off")).is_recording());
    assert!(recorder.take().xlogs.is_empty());
}
