//! What a panic leaves on the transaction it happens in.

use std::fmt;
use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::sync::atomic::{AtomicU32, Ordering};

use scouter_core::record::EndReason;
use scouter_core::testing::capture;
use scouter_core::{callsite, current, in_transaction, set_recording, step};

use crate::support::{begin, is_own_process, poll_once, within};

fn caught(code: impl FnOnce()) {
    assert!(catch_unwind(AssertUnwindSafe(code)).is_err());
}

#[test]
fn panic_that_ends_a_transaction_is_its_error_with_message_and_place() {
    let mut line = 0;
    let recording = capture(|| {
        caught(|| {
            within("ended", || {
                line = line!() + 1;
                panic!("order {} is gone", 7);
            });
        });
    });
    let ended = recording.only();
    assert_eq!(ended.end, EndReason::Panic);
    let expected = format!("panicked at {}:{line}: order 7 is gone", file!());
    assert_eq!(ended.error, expected);
}

#[test]
fn panic_caught_inside_is_the_error_of_a_transaction_that_completes() {
    let recording = capture(|| {
        let transaction = begin("answered");
        {
            let _entered = transaction.enter();
            assert!(!transaction.has_panicked());
            caught(|| {
                let _step = step(callsite!(name: "handler"));
                panic!("boom");
            });
        }
        assert!(transaction.has_panicked());
        transaction.set_status(500);
        transaction.set_error(&"500 Internal Server Error");
        transaction.end(EndReason::Complete);
    });
    let answered = recording.only();
    assert_eq!((answered.end, answered.status), (EndReason::Complete, 500));
    assert!(answered.error.starts_with("panicked at "), "{}", answered.error);
    assert!(answered.error.ends_with(": boom"), "{}", answered.error);
}

#[test]
fn panic_of_a_future_is_the_error_of_the_transaction_it_ran_in_and_of_no_other() {
    let recording = capture(|| {
        within("around", || {
            let mut work = Box::pin(in_transaction(begin("inside"), async { panic!("in a poll") }));
            caught(|| {
                let _ = poll_once(&mut work);
            });
        });
    });
    assert!(recording.xlog("inside").unwrap().error.ends_with(": in a poll"));
    assert_eq!(recording.xlog("around").unwrap().error, "");
}

#[test]
fn future_dropped_after_its_panic_was_caught_ended_by_the_panic() {
    let recording = capture(|| {
        // As a runtime does: the panic of the poll is caught, the task dropped later.
        let mut work = Box::pin(in_transaction(begin("task"), async { panic!("in a poll") }));
        caught(|| {
            let _ = poll_once(&mut work);
        });
        drop(work);
        let mut work = Box::pin(in_transaction(begin("cancelled"), pending::<()>()));
        assert!(poll_once(&mut work).is_pending());
        drop(work);
    });
    assert_eq!(recording.xlog("task").unwrap().end, EndReason::Panic);
    let cancelled = recording.xlog("cancelled").unwrap();
    assert_eq!(cancelled.end, EndReason::CancelledBeforeResponse);
}

#[test]
fn payload_that_is_no_text_still_has_its_place_and_an_endless_message_is_cut() {
    let recording = capture(|| {
        within("number", || caught(|| panic_any(7_u8)));
        within("endless", || caught(|| panic!("{}", "é".repeat(100_000))));
    });
    let number = &recording.xlog("number").unwrap().error;
    assert!(number.contains(file!()) && number.ends_with(": (not a text)"), "{number}");
    let endless = &recording.xlog("endless").unwrap().error;
    assert!(endless.contains(file!()) && endless.ends_with("éé"), "{endless}");
    assert!(endless.len() <= scouter_core::limits::MAX_FIELD_BYTES);
}

#[test]
fn error_noted_before_a_panic_stays() {
    let recording = capture(|| {
        within("first", || {
            current::error(&"the cause");
            caught(|| panic!("the consequence"));
        });
    });
    assert_eq!(recording.only().error, "the cause");
}

struct Panics;

impl fmt::Display for Panics {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("in Display")
    }
}

#[test]
fn panic_that_the_recorder_caught_is_no_error_of_the_transaction() {
    let recording = capture(|| {
        let transaction = begin("formatting");
        {
            let _entered = transaction.enter();
            step(callsite!(name: "fails")).fail(&Panics);
            assert!(!transaction.has_panicked());
            caught(|| panic!("of the application"));
        }
        transaction.end(EndReason::Complete);
    });
    let formatting = recording.only();
    assert!(formatting.error.ends_with(": of the application"), "{}", formatting.error);
}

#[test]
fn hook_that_was_there_before_is_still_called() {
    static CALLS: AtomicU32 = AtomicU32::new(0);
    // The hook is one per process, and recording may be on in this one already.
    if !is_own_process("panics::hook_that_was_there_before_is_still_called") {
        return;
    }
    std::panic::set_hook(Box::new(|_| {
        CALLS.fetch_add(1, Ordering::Relaxed);
    }));
    set_recording(true);
    set_recording(false);
    set_recording(true);
    caught(|| panic!("outside of any transaction"));
    assert_eq!(CALLS.load(Ordering::Relaxed), 1);
    let recording = capture(|| within("hooked", || caught(|| panic!("inside"))));
    assert_eq!(CALLS.load(Ordering::Relaxed), 2);
    assert!(recording.only().error.ends_with(": inside"));
}
