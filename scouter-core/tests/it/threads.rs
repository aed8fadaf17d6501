//! Threads that come and go, and what happens in their destructors.

use std::cell::RefCell;

use scouter_core::drain::totals;
use scouter_core::record::EndReason;
use scouter_core::testing::{capture, exclusive};
use scouter_core::{TextKind, callsite, current, intern, step};

use crate::support::{begin, within};

struct Late;

impl Drop for Late {
    fn drop(&mut self) {
        // The recorder's own thread-locals may be gone or not; it must not matter.
        within("in a destructor", || {
            let _step = step(callsite!(name: "late"));
            current::message("late");
        });
        let _ = intern(TextKind::Service, "interned in a destructor");
    }
}

thread_local! {
    static FIRST: RefCell<Option<Late>> = const { RefCell::new(None) };
    static LAST: RefCell<Option<Late>> = const { RefCell::new(None) };
}

#[test]
fn recording_in_thread_local_destructors_neither_panics_nor_loses_uncounted() {
    let recorder = exclusive();
    let before = totals();
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            FIRST.with(|late| *late.borrow_mut() = Some(Late));
            within("usual", || ());
            LAST.with(|late| *late.borrow_mut() = Some(Late));
        });
        thread.join().unwrap();
    });
    let after = totals();
    let recording = recorder.take();
    let refused = after.dropped_no_thread - before.dropped_no_thread;
    assert_eq!(recording.xlogs.len() as u64 + refused, 3, "{}", recording.tree());
    assert_eq!(after.recorded, before.recorded + 3);
}

#[test]
fn transaction_that_ends_on_a_dying_thread_is_kept() {
    struct Holder(RefCell<Option<scouter_core::Transaction>>);
    impl Drop for Holder {
        fn drop(&mut self) {
            if let Some(transaction) = self.0.take() {
                transaction.end(EndReason::Complete);
            }
        }
    }
    thread_local! {
        static HOLDER: Holder = const { Holder(RefCell::new(None)) };
    }
    let recording = capture(|| {
        std::thread::scope(|scope| {
            let thread = scope.spawn(|| {
                HOLDER.with(|holder| *holder.0.borrow_mut() = Some(begin("dying")));
                within("before", || ());
            });
            thread.join().unwrap();
        });
    });
    assert!(recording.xlog("dying").is_some(), "{}", recording.tree());
}

#[test]
fn hundreds_of_short_threads_lose_nothing() {
    let recorder = exclusive();
    let before = totals();
    let (mut xlogs, mut profiles) = (0, 0);
    for _ in 0..40 {
        std::thread::scope(|scope| {
            for _ in 0..10 {
                scope.spawn(|| {
                    for _ in 0..5 {
                        within("short", || drop(step(callsite!(name: "work"))));
                    }
                });
            }
        });
        // Threads inherit each other's queues, so undrained they would come under pressure.
        let recording = recorder.take();
        xlogs += recording.xlogs.len();
        profiles += recording.profiles.len();
    }
    assert_eq!((xlogs, profiles), (2_000, 2_000));
    let after = totals();
    assert_eq!(after.recorded - before.recorded, 2_000);
    assert_eq!(after.recorded, after.drained + after.dropped() + after.pending);
}

#[test]
fn transaction_moves_between_threads_with_its_steps() {
    let recording = capture(|| {
        let transaction = begin("moving");
        {
            let _entered = transaction.enter();
            drop(step(callsite!(name: "here")));
        }
        let transaction = std::thread::scope(|scope| {
            let there = scope.spawn(move || {
                {
                    let _entered = transaction.enter();
                    drop(step(callsite!(name: "there")));
                }
                transaction
            });
            there.join().unwrap()
        });
        transaction.end(EndReason::Complete);
    });
    assert_eq!(recording.tree(), "moving\n    here\n    there\n");
}
