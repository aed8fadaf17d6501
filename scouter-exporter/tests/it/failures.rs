//! Bursts of errors, retry storms and cascades, from recorded transactions to alerts.

use std::time::Duration;

use scouter_core::alert::{Alert, AlertKind};
use scouter_core::record::{EndReason, Outcome, StepKind};
use scouter_core::{
    ApiOutcome, Begin, Field, OpenStep, TextKind, Transaction, callsite, intern, step,
};
use scouter_exporter::{HOP_WINDOW, Memory};

use crate::recorder::{DEADLINE, Recorder, agent, flush, until};

/// A request that calls `billing:80` a few times without luck; answers the line of its caller.
fn fail(service: &str, calls: usize) -> u32 {
    let transaction = Transaction::begin(Begin::new(intern(TextKind::Service, service)));
    transaction.set_text(Field::Tenant, "acme");
    let line = {
        let _entered = transaction.enter();
        let line = line!() + 1;
        let bill = step(callsite!(name: "bill"));
        for _ in 0..calls {
            let call = OpenStep::begin(StepKind::Api, intern(TextKind::Api, "POST billing"));
            call.finish_api(ApiOutcome {
                outcome: Outcome::Error,
                error: "connection refused",
                address: "billing:80",
                ..ApiOutcome::default()
            });
        }
        drop(bill);
        line
    };
    transaction.end(EndReason::Complete);
    line
}

fn told(memory: &Memory, kind: AlertKind) -> Option<Alert> {
    memory.content().alerts.into_iter().find(|alert| alert.kind == kind)
}

#[test]
fn failures_behind_a_service_are_told_by_burst_storm_and_cascade_with_line_and_tenant() {
    const { assert!(HOP_WINDOW.as_secs() < DEADLINE.as_secs() / 2, "it would not be seen") };
    let _recorder = Recorder::take();
    let memory = Memory::new();
    let guard = agent("").without_collector().sink(memory.clone()).start().unwrap();
    let mut line = 0;
    for _ in 0..30 {
        line = fail("GET /front", 3);
    }
    flush(&guard);
    let kinds = [AlertKind::ErrorBurst, AlertKind::RetryStorm, AlertKind::Cascade];
    until("all three are told", || {
        flush(&guard);
        std::thread::park_timeout(Duration::from_millis(20));
        kinds.iter().all(|kind| told(&memory, *kind).is_some())
    });
    drop(guard);
    for kind in kinds {
        let alert = told(&memory, kind).unwrap();
        assert_eq!(alert.place, format!("{}:{line}", file!()), "{alert:?}");
        assert_eq!(alert.service, "GET /front", "{alert:?}");
        assert!(alert.transaction.is_some(), "{alert:?}");
        assert!(alert.message.contains("connection refused"), "{alert:?}");
    }
    let burst = told(&memory, AlertKind::ErrorBurst).unwrap();
    assert_eq!(burst.tenant, "acme");
    for kind in [AlertKind::RetryStorm, AlertKind::Cascade] {
        assert!(told(&memory, kind).unwrap().message.contains("billing:80"));
    }
}
