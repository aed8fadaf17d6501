//! Spans on one thread.

use scouter_core::record::{EndReason, Outcome};
use scouter_core::testing::{RecordedDetail, capture, exclusive};
use scouter_core::{CallsiteFlags, callsite, callsites, options, step};
use scouter_tracing::Bridge;
use tracing::{Level, debug_span, info, info_span, instrument};
use tracing_subscriber::prelude::*;

use crate::support::{begin, recorded, recorded_by, within};

#[instrument]
fn load(id: u64) {
    parse("a secret");
}

#[instrument]
fn parse(text: &str) {
    let _step = step(callsite!(name: "ours"));
    info_span!("inside ours").in_scope(|| info!("parsed"));
}

#[test]
fn instrumented_functions_are_steps_and_mix_with_our_own() {
    let recording = recorded(|| {
        load(7);
        let _step = step(callsite!(name: "around"));
        parse("x");
    });
    assert_eq!(
        recording.tree(),
        "GET /\n    load\n        parse\n            ours\n                inside ours\n\
         \x20                   message \"parsed\"\n    around\n        parse\n            ours\n\
         \x20               inside ours\n                    message \"parsed\"\n"
    );
    let place = &recording.steps(recording.only().txid)[0].place;
    assert!(place.contains("spans.rs:"), "{place}");
}

#[test]
fn a_span_outside_of_a_transaction_is_not_recorded_and_harms_nothing() {
    let recording = recorded_by(Bridge::new(), || {
        load(1);
        within(|| load(2));
        load(3);
    });
    assert_eq!(
        recording.tree(),
        "GET /\n    load\n        parse\n            ours\n                inside ours\n\
         \x20                   message \"parsed\"\n"
    );
}

#[test]
fn spans_of_one_place_fold_and_the_step_limit_counts_the_rest() {
    let recording = recorded(|| {
        for _ in 0..1_000 {
            info_span!("turn").in_scope(|| ());
        }
    });
    assert_eq!(recording.tree(), "GET /\n    turn ×1000\n");

    let limit = options::PROFILE_STEP_MAX_COUNT.value();
    let recording = recorded(|| {
        for _ in 0..limit {
            info_span!("one").in_scope(|| ());
            info_span!("other").in_scope(|| ());
        }
    });
    let row = recording.only();
    assert_eq!(u64::from(row.steps) + u64::from(row.steps_dropped), 2 * limit);
    assert!(u64::from(row.steps_dropped) >= limit, "{row:?}");
}

#[test]
fn a_callsite_switched_off_makes_no_step() {
    fn work() {
        info_span!("switchable").in_scope(|| info_span!("child").in_scope(|| ()));
    }
    assert_eq!(recorded(work).tree(), "GET /\n    switchable\n        child\n");
    let site = callsites().find(|site| site.name() == "switchable").expect("listed");
    site.set_flags(CallsiteFlags::NONE);
    assert_eq!(recorded(work).tree(), "GET /\n    child\n");
}

#[instrument]
fn greet(name: &str, times: u8) {
    tracing::Span::current().record("times", 9);
}

#[test]
fn arguments_are_recorded_only_after_somebody_switched_them_on() {
    let recording = recorded(|| greet("Ann", 2));
    assert_eq!(recording.tree(), "GET /\n    greet\n");
    let site = callsites().find(|site| site.name() == "greet").expect("listed");
    assert_eq!(site.arg_names(), ["name", "times"]);
    site.set_flags(site.flags().with(CallsiteFlags::ARGS));
    let recording = recorded(|| greet("Ann", 2));
    assert_eq!(recording.tree(), "GET /\n    greet {name=Ann, times=2, times=9}\n");
}

struct Explodes;

impl std::fmt::Debug for Explodes {
    fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        panic!("in Debug")
    }
}

#[test]
fn fields_are_bounded_and_a_panicking_debug_stays_inside() {
    let recording = recorded_by(Bridge::new().with_fields(), || {
        within(|| {
            let long = "x".repeat(10_000);
            info_span!("fields", long, bad = ?Explodes, flag = true, pi = 3.5, n = -1)
                .in_scope(|| ());
        });
    });
    let steps = recording.steps(recording.only().txid);
    let RecordedDetail::Attributes(fields) = &steps[0].detail else { panic!("{steps:?}") };
    let of = |name: &str| &fields.iter().find(|(key, _)| key == name).expect(name).1;
    assert_eq!(of("long").len(), 256);
    assert!(of("bad").contains("panicked"), "{fields:?}");
    assert_eq!((&**of("flag"), &**of("pi"), &**of("n")), ("true", "3.5", "-1"));
    assert_eq!(recording.only().end, EndReason::Complete);
}

#[test]
fn only_spans_up_to_the_level_are_recorded() {
    let code = || {
        within(|| {
            info_span!("info").in_scope(|| debug_span!("debug").in_scope(|| load(1)));
        });
    };
    let tree = recorded_by(Bridge::new(), code).tree();
    assert!(tree.contains("info") && !tree.contains("debug"), "{tree}");
    let tree = recorded_by(Bridge::new().max_level(Level::DEBUG), code).tree();
    assert!(tree.contains("info\n        debug\n            load"), "{tree}");
}

#[test]
fn a_panic_fails_the_span_it_unwinds() {
    let recording = recorded(|| {
        let panicked = std::panic::catch_unwind(|| {
            info_span!("doomed").in_scope(|| panic!("on purpose"));
        });
        assert!(panicked.is_err());
        info_span!("after").in_scope(|| ());
    });
    let steps = recording.steps(recording.only().txid);
    assert_eq!((&*steps[0].name, steps[0].outcome), ("doomed", Outcome::Panic));
    assert_eq!((&*steps[1].name, steps[1].outcome, steps[1].parent), ("after", Outcome::Ok, None));
}

#[test]
fn a_span_that_outlives_its_transaction_becomes_a_step_of_each_one_it_is_entered_in() {
    let recording = recorded_by(Bridge::new(), || {
        let span = info_span!("worker");
        within(|| span.in_scope(|| load(1)));
        span.in_scope(|| ());
        within(|| span.in_scope(|| ()));
    });
    assert_eq!(recording.xlogs.len(), 2);
    for row in &recording.xlogs {
        assert_eq!(recording.steps(row.txid)[0].name, "worker");
    }
}

#[test]
fn a_guard_held_past_its_transaction_puts_nothing_into_the_next_one() {
    let recording = recorded_by(Bridge::new(), || {
        let transaction = begin();
        let entered = transaction.enter();
        let guard = info_span!("forgotten").entered();
        drop(entered);
        transaction.end(EndReason::Complete);
        within(|| {
            info_span!("next").in_scope(|| drop(guard));
            info_span!("last").in_scope(|| ());
        });
    });
    assert!(recording.tree().ends_with("GET /\n    next\n    last\n"), "{}", recording.tree());
}

#[test]
fn guards_dropped_out_of_order_keep_the_tree() {
    let recording = recorded(|| {
        let outer = info_span!("outer").entered();
        let inner = info_span!("inner").entered();
        drop(outer);
        info_span!("still inside").in_scope(|| ());
        drop(inner);
    });
    assert_eq!(recording.tree(), "GET /\n    outer\n        inner\n            still inside\n");
}

#[test]
fn a_span_closed_on_another_thread_is_closed_with_the_time_it_was_left() {
    let recording = recorded_by(Bridge::new(), || {
        within(|| {
            let span = info_span!("handed over");
            span.in_scope(|| ());
            let closer = std::thread::Builder::new().spawn(move || drop(span)).unwrap();
            closer.join().unwrap();
        });
    });
    let steps = recording.steps(recording.only().txid);
    assert_eq!((&*steps[0].name, steps[0].outcome), ("handed over", Outcome::Ok));
}

#[test]
fn nothing_is_recorded_while_recording_is_off() {
    let recorder = exclusive();
    scouter_core::set_recording(false);
    let subscriber = tracing_subscriber::registry().with(Bridge::new());
    tracing::subscriber::with_default(subscriber, || within(|| load(1)));
    assert!(recorder.take().xlogs.is_empty());
    drop(recorder);
    assert!(capture(|| ()).xlogs.is_empty());
}
