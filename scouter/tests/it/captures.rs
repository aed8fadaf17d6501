//! Values that are captured for a while: of whom, how many, how long, and never more than is listed.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use scouter::record::EndReason;
use scouter::testing::capture;
use scouter::{Begin, CallsiteFlags, Field, TextKind, Transaction, scout};
use scouter_core::captures::{
    MAX_CAPTURE_TIME, MAX_CAPTURED_VALUES, Refused, Wish, start, state, stop, tick,
};

use crate::support::{attributes, attributes_of, callsite};

/// There is one session in a process.
static TURN: Mutex<()> = Mutex::new(());

/// Ends the session with the test.
struct Turn {
    _lock: MutexGuard<'static, ()>,
}

impl Turn {
    fn take() -> Self {
        Self { _lock: TURN.lock().unwrap_or_else(PoisonError::into_inner) }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        stop();
    }
}

fn wish(callsites: &str) -> Wish {
    Wish {
        callsites: callsites.into(),
        time: Duration::from_secs(60),
        values: 100,
        ..Wish::default()
    }
}

#[scout(args(id, card), ret, redact(card))]
fn looked_at(id: u64, card: &str, password: &str) -> usize {
    card.len() + password.len() + usize::try_from(id).unwrap()
}

fn values() -> String {
    attributes(|| _ = looked_at(7, "4242", "hunter2"))
}

/// The same, of a transaction of this tenant.
fn values_of(tenant: &str) -> String {
    let mut txid = None;
    let recording = capture(|| {
        let transaction =
            Transaction::begin(Begin::new(scouter::intern(TextKind::Service, "test")));
        transaction.set_text(Field::Tenant, tenant);
        txid = transaction.txid();
        {
            let _entered = transaction.enter();
            looked_at(7, "4242", "hunter2");
        }
        transaction.end(EndReason::Complete);
    });
    attributes_of(recording.steps(txid.unwrap()))
}

const ALL: &str = "id=7 card=<redacted> return=18";

#[test]
fn what_is_listed_is_captured_until_it_is_stopped() {
    let turn = Turn::take();
    assert_eq!(values(), "");
    let begun = start(wish("looked_*")).unwrap();
    assert_eq!((begun.callsites, begun.captured), (1, 0));
    assert!(begun.left.is_some_and(|left| left <= Duration::from_secs(60)));
    assert_eq!(values(), ALL);
    assert_eq!(state().captured, 3);
    let ended = stop();
    assert_eq!((ended.callsites, ended.captured, ended.left), (0, 3, None));
    assert_eq!(values(), "");
    assert_eq!(callsite("looked_at").flags(), CallsiteFlags::DEFAULT);
    drop(turn);
}

#[test]
fn a_callsite_is_found_by_its_place_too() {
    let _turn = Turn::take();
    let place = callsite("looked_at").place();
    assert_eq!(start(wish(&place)).unwrap().callsites, 1);
    assert_eq!(values(), ALL);
}

#[test]
fn only_the_service_and_the_tenant_that_were_asked_for_are_captured() {
    let _turn = Turn::take();
    for (service, tenant, expected) in [
        ("test", "", true),
        ("tes*", "acme", true),
        ("other", "", false),
        ("", "globex", false),
        ("", "ac*", true),
    ] {
        start(Wish { service: service.into(), tenant: tenant.into(), ..wish("looked_at") })
            .unwrap();
        assert_eq!(values_of("acme"), if expected { ALL } else { "" }, "{service:?} {tenant:?}");
        assert_eq!(stop().captured, if expected { 3 } else { 0 });
    }
}

#[test]
fn after_its_number_of_values_nothing_more_is_captured_and_callsites_are_as_before() {
    let _turn = Turn::take();
    start(Wish { values: 4, ..wish("looked_at") }).unwrap();
    assert_eq!((values(), values()), (ALL.to_owned(), "id=7".to_owned()));
    assert_eq!(values(), "");
    tick();
    assert_eq!((state().callsites, state().captured), (0, 4));
    assert!(!callsite("looked_at").is_args_on());
}

#[test]
fn after_its_time_nothing_more_is_captured_also_before_anybody_has_looked() {
    let _turn = Turn::take();
    start(Wish { time: Duration::from_secs(1), values: 10_000, ..wish("looked_at") }).unwrap();
    while state().left.is_some() {
        std::thread::yield_now();
    }
    assert_eq!(values(), "");
    assert!(callsite("looked_at").is_args_on());
    tick();
    assert!(!callsite("looked_at").is_args_on());
}

#[test]
fn what_somebody_has_switched_on_for_good_stays_as_it_is() {
    let _turn = Turn::take();
    let site = callsite("looked_at");
    site.set_flags(CallsiteFlags::DEFAULT.with(CallsiteFlags::ARGS));
    assert_eq!(
        start(Wish { tenant: "nobody".into(), ..wish("looked_at") }),
        Err(Refused::NoCallsite)
    );
    assert_eq!(values(), "id=7 card=<redacted>");
    site.set_flags(CallsiteFlags::DEFAULT);
    // And what is switched on for good meanwhile outlives the session.
    start(wish("looked_at")).unwrap();
    site.set_flags(CallsiteFlags::DEFAULT.with(CallsiteFlags::RET));
    stop();
    assert_eq!(values(), "return=18");
    site.set_flags(CallsiteFlags::DEFAULT);
}

#[test]
fn a_second_session_and_one_without_bounds_are_refused() {
    let _turn = Turn::take();
    for refused in [
        Wish { values: 0, ..wish("*") },
        Wish { values: MAX_CAPTURED_VALUES + 1, ..wish("*") },
        Wish { time: Duration::ZERO, ..wish("*") },
        Wish { time: MAX_CAPTURE_TIME + Duration::from_secs(1), ..wish("*") },
    ] {
        assert_eq!(start(refused), Err(Refused::OutOfBounds));
    }
    assert_eq!(start(wish("")), Err(Refused::NoCallsite));
    assert_eq!(start(wish("no_such_function")), Err(Refused::NoCallsite));
    start(wish("looked_at")).unwrap();
    assert_eq!(start(wish("looked_at")), Err(Refused::Busy));
}
