//! Everything compiles without feature `enable`, does nothing, and weighs nothing.

use std::panic::Location;

use scouter_core::checkout::{CheckoutGuard, open_checkouts};
use scouter_core::drain::{DrainVisitor, Drained, drain, new_texts, totals};
use scouter_core::record::XLog;
use scouter_core::{
    Begin, Callsite, Entered, InCurrent, OpenStep, OpenStepPoll, PollScope, StepGuard, TextId,
    TextKind, Transaction, callsites, current, in_step, in_transaction, intern, is_recording, live,
    set_recording, step, text,
};
use scouter_off::{awaited, instrumented, plain};

struct Nobody;

impl DrainVisitor for Nobody {
    fn xlog(&mut self, _: &XLog<'_>) {
        panic!("nothing was recorded");
    }
}

#[test]
fn every_handle_and_guard_weighs_nothing() {
    assert_eq!(size_of::<Transaction>(), 0);
    assert_eq!(size_of::<Entered<'_>>(), 0);
    assert_eq!(size_of::<PollScope<'_>>(), 0);
    assert_eq!(size_of::<StepGuard>(), 0);
    assert_eq!(size_of::<OpenStep>(), 0);
    assert_eq!(size_of::<OpenStepPoll<'_>>(), 0);
    assert_eq!(size_of::<CheckoutGuard>(), 0);
    assert_eq!(size_of::<TextId>(), 0);
    assert_eq!(size_of::<Callsite>(), 0);
    let future = async { 1_u64 };
    let size = size_of_val(&future);
    let site = scouter_core::callsite!(name: "wrapped");
    let wrapped = in_transaction(Transaction::inert(), in_step(site, future));
    assert_eq!(size_of_val(&wrapped), size);
}

#[test]
fn recording_cannot_be_turned_on_and_nothing_is_ever_recorded() {
    set_recording(true);
    assert!(!is_recording());
    assert_eq!(instrumented(7), plain(7));
    let transaction = Transaction::begin(Begin::new(intern(TextKind::Service, "x")));
    assert!(!transaction.is_recording());
    let _entered = transaction.enter();
    assert!(!current::is_active() && current::context().is_none());
    assert!(!step(scouter_core::callsite!(name: "step")).is_recording());
    let guard = CheckoutGuard::register(TextId::NONE, "acquire", Location::caller());
    let (mut checkouts, mut active, mut texts) = (Vec::new(), Vec::new(), Vec::new());
    open_checkouts(&mut checkouts);
    drop(guard);
    assert!(checkouts.is_empty());
    assert_eq!(live::active(&mut active, 10), 0);
    new_texts(0, &mut texts);
    assert!(texts.is_empty());
    assert_eq!(text(intern(TextKind::Sql, "SELECT 1")), "");
    assert_eq!(drain(&mut Nobody, usize::MAX), Drained::default());
    assert_eq!(totals().recorded, 0);
    assert_eq!(callsites().count(), 0);
}

#[tokio::test]
async fn futures_run_as_they_are() {
    assert_eq!(awaited(7).await, plain(7));
    assert_eq!(async { 3 }.in_current().await, 3);
    assert_eq!(scouter_core::spawn(async { 4 }).await.unwrap(), 4);
}
