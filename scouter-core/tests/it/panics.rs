//! What a panic leaves on the transaction it happens in.

use std::fmt;
use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::sync::atomic::{AtomicU32, Ordering};

use std::time::Duration;

use scouter_core::alert::{Alert, AlertKind, AlertLevel, drain_alerts};
use scouter_core::clock::{ManualClock, wall_us};
use scouter_core::record::{EndReason, StepKind};
use scouter_core::testing::{capture, exclusive};
use scouter_core::{
    Field, OpenStep, TextKind, callsite, current, in_transaction, intern, options, set_recording,
    step,
};

use crate::support::{begin, counter, is_own_process, poll_once, within};

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
    assert!(formatting.error.contains(": of the application"), "{}", formatting.error);
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

/// The alerts of panics that were raised since the last call.
fn told() -> Vec<Alert> {
    let mut alerts = Vec::new();
    drain_alerts(&mut alerts);
    alerts.retain(|alert| alert.kind == AlertKind::Panic);
    alerts
}

#[test]
fn every_panic_raises_an_alert_with_place_message_open_steps_and_whose_request_it_was() {
    let _recorder = exclusive();
    drop(told());
    let line;
    let transaction = begin("GET /orders/{id}");
    transaction.set_text(Field::Tenant, "acme");
    let ids = transaction.gxid().zip(transaction.txid());
    {
        let _entered = transaction.enter();
        let _outer = step(callsite!(name: "load_order"));
        let _wait = OpenStep::begin(StepKind::Wait, intern(TextKind::Method, "the stock"));
        let _inner = step(callsite!(name: "price"));
        line = line!() + 1;
        caught(|| panic!("order {} is gone", 7));
    }
    drop(transaction);
    let alerts = told();
    let [alert] = &alerts[..] else { panic!("{alerts:#?}") };
    let place = format!("{}:{line}", file!());
    assert_eq!(alert.place, place);
    assert_eq!((alert.service.as_str(), alert.tenant.as_str()), ("GET /orders/{id}", "acme"));
    assert_eq!((alert.transaction, alert.level), (ids, AlertLevel::Error));
    let message = &alert.message;
    assert!(message.starts_with(&format!("panicked at {place}: order 7 is gone (")), "{message}");
    let (outer, inner) = message.split_once(" > price @ ").expect("the innermost step comes last");
    assert!(outer.contains("inside load_order @ "), "{message}");
    assert!(inner.contains(&format!("{}:{}", file!(), line - 2)), "{message}");
    assert!(alert.unix_us.abs_diff(wall_us()) < 60_000_000);
}

#[test]
fn panics_of_plain_threads_and_of_tasks_nobody_awaits_are_told_with_their_thread() {
    let _recorder = exclusive();
    drop(told());
    let thread = std::thread::Builder::new().name("stock keeper".into());
    assert!(thread.spawn(|| panic!("in a thread")).unwrap().join().is_err());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("tasks of a test")
        .build()
        .unwrap();
    drop(runtime.spawn(async { panic!("in a task") }));
    // Of one worker the second task runs after the first.
    runtime.block_on(async { runtime.spawn(async {}).await.unwrap() });
    let alerts = told();
    for (message, thread) in [("in a thread", "stock keeper"), ("in a task", "tasks of a test")] {
        let alert = alerts.iter().find(|alert| alert.message.contains(message));
        let alert = alert.unwrap_or_else(|| panic!("{message} is not in {alerts:#?}"));
        assert!(alert.message.ends_with(&format!("(thread {thread})")), "{}", alert.message);
        assert!(alert.place.starts_with(file!()) && alert.transaction.is_none(), "{alert:?}");
    }
}

#[test]
fn panics_of_one_place_are_one_alert_with_their_number_and_none_is_lost() {
    let _recorder = exclusive();
    let clock = ManualClock::install();
    drop(told());
    let before = counter("panics");
    let boom = || caught(|| panic!("again"));
    (0..5).for_each(|_| boom());
    let first = told();
    assert_eq!((first.len(), first[0].suppressed), (1, 4), "{first:#?}");
    (0..3).for_each(|_| boom());
    assert!(told().is_empty(), "within the interval");
    clock.advance(Duration::from_secs(10));
    boom();
    let second = told();
    assert_eq!((second.len(), second[0].suppressed), (1, 3), "{second:#?}");
    assert_eq!(counter("panics") - before, 9);
}

struct Unwinding;

impl Drop for Unwinding {
    fn drop(&mut self) {
        caught(|| panic!("while unwinding"));
    }
}

#[test]
fn panic_while_another_one_unwinds_passes_the_hook_too() {
    let _recorder = exclusive();
    drop(told());
    within("twice", || {
        caught(|| {
            let _unwinding = Unwinding;
            panic!("the first");
        });
    });
    let alerts = told();
    for message in ["the first", "while unwinding"] {
        assert!(alerts.iter().any(|alert| alert.message.contains(message)), "{alerts:#?}");
    }
}

#[test]
fn switched_off_or_caught_by_the_recorder_a_panic_raises_no_alert() {
    let recorder = exclusive();
    drop(told());
    within("formats", || step(callsite!(name: "fails")).fail(&Panics));
    assert!(told().is_empty());
    options::set("panic_alert_enabled", "false").unwrap();
    within("quiet", || caught(|| panic!("nobody wants to know")));
    options::set("panic_alert_enabled", "true").unwrap();
    assert!(told().is_empty());
    let quiet = recorder.take();
    assert!(quiet.xlog("quiet").unwrap().error.ends_with("nobody wants to know"));
}
