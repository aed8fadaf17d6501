//! What other threads see of a running transaction.

use std::future::pending;
use std::sync::Barrier;
use std::time::Duration;

use scouter_core::clock::ManualClock;
use scouter_core::live::{LaneView, active, active_count, active_speed, lanes};
use scouter_core::record::{ActiveTransaction, EndReason, RunState, StepKind};
use scouter_core::testing::exclusive;
use scouter_core::{
    Field, OpenStep, TextKind, callsite, in_step, in_transaction, intern, step, wait,
};

use crate::support::{begin, is_own_process, poll_once, within};

fn of(service: &str) -> ActiveTransaction {
    let mut all = Vec::new();
    active(&mut all, usize::MAX);
    all.into_iter().find(|one| one.service == service).expect("it runs")
}

fn stack(one: &ActiveTransaction) -> Vec<(StepKind, &str)> {
    let name = |step: &str| step.split(" @ ").next().unwrap().len();
    one.stack.iter().map(|step| (step.kind, &step.name[..name(&step.name)])).collect()
}

#[test]
fn waiting_request_shows_the_stack_it_awaits_and_since_when() {
    let _recorder = exclusive();
    let clock = ManualClock::install();
    let transaction = begin("live waiting");
    transaction.set_text(Field::Tenant, "acme");
    transaction.set_text(Field::Login, "ann");
    transaction.set_text(Field::Ip, "192.0.2.7");
    transaction.set_text(Field::Desc, "nightly");
    let (txid, gxid) = (transaction.txid().unwrap(), transaction.gxid().unwrap());
    let mut work = Box::pin(in_transaction(
        transaction,
        in_step(callsite!(name: "handler"), async {
            clock.advance(Duration::from_millis(2));
            wait("inventory lock", pending::<()>()).await;
        }),
    ));
    assert!(poll_once(&mut work).is_pending());
    clock.advance(Duration::from_millis(40));
    let one = of("live waiting");
    assert_eq!((one.txid, one.gxid), (txid, gxid));
    assert_eq!((one.tenant.as_str(), one.login.as_str()), ("acme", "ann"));
    assert_eq!((one.ip.as_str(), one.desc.as_str()), ("192.0.2.7", "nightly"));
    assert_eq!((one.state, one.tid, one.steps), (RunState::Waiting, 0, 2));
    assert_eq!((one.age_us, one.busy_us), (42_000, 2_000));
    assert_eq!(stack(&one), [(StepKind::Method, "handler"), (StepKind::Wait, "inventory lock")]);
    assert_eq!((one.stack[0].age_us, one.stack[1].age_us), (42_000, 40_000));
}

#[test]
fn statement_being_awaited_is_the_innermost_step() {
    let _recorder = exclusive();
    let transaction = begin("live sql");
    let mut work = Box::pin(in_transaction(
        transaction,
        in_step(callsite!(name: "load"), async {
            let statement = OpenStep::begin(StepKind::Sql, intern(TextKind::Sql, "SELECT live"));
            std::future::poll_fn(|_| {
                statement.enter_poll().pending();
                std::task::Poll::<()>::Pending
            })
            .await;
        }),
    ));
    assert!(poll_once(&mut work).is_pending());
    let one = of("live sql");
    assert_eq!(stack(&one), [(StepKind::Method, "load"), (StepKind::Sql, "SELECT live")]);
}

#[test]
fn sibling_that_still_waits_is_shown_when_the_other_is_done() {
    let _recorder = exclusive();
    let both = in_step(callsite!(name: "both"), async {
        let waits = in_step(callsite!(name: "waits"), pending::<()>());
        let done = in_step(callsite!(name: "done"), async {});
        futures_util::join!(waits, done);
    });
    let mut work = Box::pin(in_transaction(begin("live join"), both));
    assert!(poll_once(&mut work).is_pending());
    let names = [(StepKind::Method, "both"), (StepKind::Method, "waits")];
    assert_eq!(stack(&of("live join")), names);
}

#[test]
fn call_in_flight_that_nobody_polls_is_shown() {
    let _recorder = exclusive();
    let call = in_step(callsite!(name: "client"), async {
        let _call = OpenStep::begin(StepKind::Api, intern(TextKind::Api, "GET live"));
        crate::support::yield_once().await;
        pending::<()>().await;
    });
    let mut work = Box::pin(in_transaction(begin("live api"), call));
    for _ in 0..2 {
        assert!(poll_once(&mut work).is_pending());
        let names = [(StepKind::Method, "client"), (StepKind::Api, "GET live")];
        assert_eq!(stack(&of("live api")), names);
    }
}

#[test]
fn wait_that_is_not_instrumented_shows_the_function_around_it() {
    let _recorder = exclusive();
    let mut work = Box::pin(in_transaction(
        begin("live lock"),
        in_step(callsite!(name: "outer"), async {
            in_step(callsite!(name: "before"), crate::support::yield_once()).await;
            pending::<()>().await;
        }),
    ));
    assert!(poll_once(&mut work).is_pending());
    assert_eq!(stack(&of("live lock")).last().unwrap().1, "before");
    assert!(poll_once(&mut work).is_pending());
    assert_eq!(stack(&of("live lock")), [(StepKind::Method, "outer")]);
}

#[test]
fn request_that_runs_on_another_thread_shows_its_thread_and_step() {
    let _recorder = exclusive();
    let barrier = Barrier::new(2);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            within("live running", || {
                let _outer = step(callsite!(name: "outer"));
                let _inner = step(callsite!(name: "inner"));
                barrier.wait();
                barrier.wait();
            });
        });
        barrier.wait();
        let one = of("live running");
        assert_eq!(one.state, RunState::Running);
        assert_ne!(one.tid, 0);
        assert_eq!(stack(&one), [(StepKind::Method, "outer"), (StepKind::Method, "inner")]);
        barrier.wait();
    });
}

#[test]
fn ten_thousand_in_flight_are_all_shown_and_a_limit_is_kept() {
    let _recorder = exclusive();
    let open: Vec<_> = (0..10_000).map(|_| begin("live many")).collect();
    let mut all = Vec::new();
    let total = active(&mut all, usize::MAX);
    assert_eq!(all.iter().filter(|one| one.service == "live many").count(), 10_000);
    assert!(total >= 10_000 && active_count() >= 10_000);
    assert_eq!(active(&mut all, 100), total);
    assert_eq!(all.len(), 100);
    drop(open);
}

#[test]
#[expect(clippy::mem_forget, reason = "what is tested")]
fn transaction_that_never_ends_stays_visible_and_harms_nobody() {
    let recorder = exclusive();
    let endless = begin("live endless");
    {
        let _entered = endless.enter();
        for _ in 0..100_000 {
            drop(step(callsite!(name: "tick")));
        }
    }
    std::mem::forget(endless);
    within("other", || ());
    assert_eq!(of("live endless").steps, 1, "its steps fold");
    assert_eq!(recorder.take().xlogs.len(), 1);
}

#[test]
fn finished_transactions_are_not_shown() {
    let _recorder = exclusive();
    begin("live finished").end(EndReason::Complete);
    let mut all = Vec::new();
    active(&mut all, usize::MAX);
    assert!(all.iter().all(|one| one.service != "live finished"));
}

#[test]
fn lane_tells_which_thread_polls_which_transaction_since_when() {
    let _recorder = exclusive();
    let clock = ManualClock::install();
    let transaction = begin("live lane");
    let lane = || -> Option<LaneView> {
        let mut all = Vec::new();
        lanes(&mut all);
        all.into_iter().find(|lane| lane.txid == transaction.txid())
    };
    assert_eq!(lane(), None);
    {
        let _scope = transaction.enter_poll();
        clock.advance(Duration::from_millis(150));
        let polled = lane().expect("it is polled");
        assert_eq!(polled.poll_age_us, 150_000);
        assert_eq!(polled.tid, of("live lane").tid);
    }
    assert_eq!(lane(), None);
}

#[test]
fn what_runs_is_counted_by_its_age() {
    const SECOND: Duration = Duration::from_secs(1);
    // Other tests leave transactions behind on purpose.
    if !is_own_process("live_view::what_runs_is_counted_by_its_age") {
        return;
    }
    let _recorder = exclusive();
    let clock = ManualClock::install();
    let old = begin("old");
    clock.advance(5 * SECOND);
    let slow = begin("slow");
    clock.advance(3 * SECOND);
    let fast = begin("fast");
    let speed = || active_speed([3_000_000, 8_000_000]);
    assert_eq!(speed(), [1, 1, 1]);
    clock.advance(3 * SECOND);
    assert_eq!(speed(), [0, 2, 1]);
    drop((old, slow, fast));
    assert_eq!(speed(), [0, 0, 0]);
}
