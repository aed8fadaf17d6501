//! The recorder of the test process, which all tests share: one test at a time uses it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use scouter_core::record::EndReason;
use scouter_core::{Begin, Field, TextKind, Transaction, callsite, drain, intern, step};
use scouter_exporter::{Agent, Builder, Guard, TelemetrySnapshot};

static TURN: Mutex<()> = Mutex::new(());

/// Longest that a test waits for anything.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// The recorder, empty, and what it had counted before.
pub(crate) struct Recorder {
    _turn: MutexGuard<'static, ()>,
    before: drain::Totals,
}

struct Nobody;

impl drain::DrainVisitor for Nobody {
    fn xlog(&mut self, _: &scouter_core::record::XLog<'_>) {}
}

impl Recorder {
    pub(crate) fn take() -> Self {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        while drain::drain(&mut Nobody, 10_000) != drain::Drained::default() {}
        Self { _turn: turn, before: drain::totals() }
    }

    /// As [`Recorder::assert_balance`], while the agent runs: figures are read one after the other,
    /// so they are compared again until nothing moves.
    pub(crate) fn assert_balance_when_quiet(&self, guard: &Guard) {
        until("the figures balance", || self.imbalance(&guard.telemetry()) == 0);
    }

    /// Asserts that every transaction of this test is accounted for.
    pub(crate) fn assert_balance(&self, telemetry: &TelemetrySnapshot) {
        assert_eq!(self.imbalance(telemetry), 0, "{telemetry:?}");
    }

    /// Recorded transactions that are nowhere, or some that are in two places.
    fn imbalance(&self, telemetry: &TelemetrySnapshot) -> i128 {
        let now = drain::totals();
        let recorded = now.recorded - self.before.recorded;
        // The recorder's own drops are since the process started.
        let dropped = match telemetry.totals.recorded {
            0 => 0,
            _ => telemetry.totals.dropped_xlogs() - self.before.dropped(),
        };
        let accounted = telemetry.acked_xlogs + dropped + telemetry.pending_xlogs + now.pending;
        i128::from(recorded) - i128::from(accounted)
    }
}

/// An agent for a test: hears nothing of the environment, says nothing on standard error.
pub(crate) fn agent(address: &str) -> Builder {
    Agent::builder("/test/agent")
        .collector(address)
        .without_environment()
        .patience(Duration::from_millis(300), Duration::from_millis(500))
        .on_notice(|_| {})
}

/// Records finished transactions `GET /n`, each with two steps and a tenant.
pub(crate) fn record(count: usize) {
    for number in 0..count {
        let service = intern(TextKind::Service, &format!("GET /{}", number % 7));
        let transaction = Transaction::begin(Begin::new(service));
        transaction.set_status(200);
        transaction.set_text(Field::Tenant, &format!("tenant-{}", number % 3));
        {
            let _entered = transaction.enter();
            let _outer = step(callsite!(name: "load_order"));
            let _inner = step(callsite!(name: "price"));
        }
        transaction.end(EndReason::Complete);
        // The queues are bounded, that of profiles above all: give the worker time to drain them.
        if number % 250 == 249 {
            until("the queues are drained", || drain::totals().pending < 250);
        }
    }
}

/// Waits until something holds.
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < DEADLINE, "not in time: {what}");
        std::thread::yield_now();
        std::thread::park_timeout(Duration::from_millis(1));
    }
}

pub(crate) fn flush(guard: &Guard) {
    assert!(guard.flush(DEADLINE), "not delivered in time: {:?}", guard.telemetry());
}
