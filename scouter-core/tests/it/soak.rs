//! Everything at once: churning threads, a live reader, a draining thread, foreign drops. Also what
//! the sanitizers run (`scripts/sanitize`).

use std::future::pending;
use std::sync::atomic::{AtomicBool, Ordering};

use scouter_core::drain::{DrainVisitor, drain, totals};
use scouter_core::live::active;
use scouter_core::record::{EndReason, Step, StepKind, XLog};
use scouter_core::testing::exclusive;
use scouter_core::{
    Field, OpenStep, TextKind, callsite, current, in_step, in_transaction, intern, step, text,
};

use crate::support::{begin, poll_once, within};

/// Checks what it drains: services `soak a` hold only steps `a…`, and so on.
#[derive(Default)]
struct Checker {
    xlogs: u64,
    steps: u64,
    wrong: u64,
}

impl DrainVisitor for Checker {
    fn xlog(&mut self, xlog: &XLog<'_>) {
        self.xlogs += 1;
        self.wrong += u64::from(!xlog.tenant.is_empty() && xlog.tenant != "tenant-of-soak");
        self.wrong += u64::from(xlog.elapsed_us > 60_000_000);
    }

    fn step(&mut self, step: &Step<'_>) {
        self.steps += 1;
        self.wrong += u64::from(step.elapsed_us > 60_000_000);
        self.wrong += u64::from(step.name.0 == 0);
    }
}

fn churn(letter: &'static str, rounds: usize) {
    let site = |n: usize| match (letter, n) {
        ("a", 1) => callsite!(name: "a1"),
        ("a", 2) => callsite!(name: "a2"),
        ("a", _) => callsite!(name: "a3"),
        (_, 1) => callsite!(name: "b1"),
        (_, 2) => callsite!(name: "b2"),
        (_, _) => callsite!(name: "b3"),
    };
    let service = format!("soak {letter}");
    for round in 0..rounds {
        within(&service, || {
            current::set_tenant("tenant-of-soak");
            for _ in 0..round % 30 {
                let first = step(site(1));
                first.attr("round", round);
                let second = step(site(2));
                drop(step(site(3)));
                drop(second);
            }
        });
    }
}

/// Sends half-done work to a thread that drops it.
fn foreign_drops(rounds: usize) {
    std::thread::scope(|scope| {
        for _ in 0..rounds {
            let transaction = begin("soak foreign");
            let statement = {
                let _entered = transaction.enter();
                OpenStep::begin(StepKind::Sql, intern(TextKind::Sql, "soak"))
            };
            let mut work = Box::pin(in_transaction(
                transaction,
                in_step(callsite!(name: "foreign"), pending::<()>()),
            ));
            assert!(poll_once(&mut work).is_pending());
            scope.spawn(move || drop(statement));
            scope.spawn(move || drop(work));
        }
    });
}

/// Steps of one letter only, stacked 1, 2, 3.
fn check_view(all: &[scouter_core::record::ActiveTransaction]) -> u64 {
    let mut wrong = 0;
    for one in all {
        let Some(letter) = one.service.strip_prefix("soak ") else { continue };
        if letter == "foreign" {
            continue;
        }
        for (depth, open) in one.stack.iter().enumerate() {
            let expected = format!("{letter}{} @", depth + 1);
            wrong += u64::from(!open.name.starts_with(&expected));
        }
        wrong += u64::from(!one.tenant.is_empty() && one.tenant != "tenant-of-soak");
    }
    wrong
}

#[test]
fn live_view_and_drain_stay_true_while_threads_churn() {
    let rounds = std::env::var("SCOUTER_SOAK_ROUNDS").ok();
    let rounds: usize = rounds.and_then(|rounds| rounds.parse().ok()).unwrap_or(3_000);
    let recorder = exclusive();
    let before = totals();
    let is_over = AtomicBool::new(false);
    let mut checker = Checker::default();
    let (mut seen, mut wrong) = (0, 0);
    std::thread::scope(|scope| {
        let writers = [
            scope.spawn(|| churn("a", rounds)),
            scope.spawn(|| churn("b", rounds)),
            scope.spawn(|| foreign_drops(rounds / 50)),
        ];
        let reader = scope.spawn(|| {
            let (mut all, mut seen, mut wrong) = (Vec::new(), 0, 0);
            while !is_over.load(Ordering::Relaxed) {
                active(&mut all, usize::MAX);
                seen += all.len();
                wrong += check_view(&all);
            }
            (seen, wrong)
        });
        while !writers.iter().all(std::thread::ScopedJoinHandle::is_finished) {
            drain(&mut checker, 1_000);
        }
        is_over.store(true, Ordering::Relaxed);
        (seen, wrong) = reader.join().unwrap();
    });
    while drain(&mut checker, usize::MAX).xlogs > 0 {}
    let after = totals();
    assert!(seen > 0, "the reader saw nothing");
    assert_eq!(wrong, 0, "wrong pictures among {seen}");
    assert_eq!(checker.wrong, 0);
    let made = 2 * rounds as u64 + (rounds / 50) as u64;
    assert_eq!(after.recorded - before.recorded, made);
    assert_eq!(checker.xlogs + (after.dropped() - before.dropped()), made);
    assert_eq!(after.recorded, after.drained + after.dropped() + after.pending);
    drop(recorder);
}

#[test]
fn texts_of_a_running_transaction_are_never_torn() {
    let recorder = exclusive();
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let transaction = begin("soak texts");
            for n in 0..20_000_u32 {
                let tenant = if n % 2 == 0 { "aaaaaaaaaaaaaaaaaaaaaaaa" } else { "bbbbbbbbbb" };
                transaction.set_text(Field::Tenant, tenant);
            }
            is_over.store(true, Ordering::Relaxed);
            transaction.end(EndReason::Complete);
        });
        let mut all = Vec::new();
        while !is_over.load(Ordering::Relaxed) {
            active(&mut all, usize::MAX);
            for one in all.iter().filter(|one| one.service == "soak texts") {
                let known = ["", "aaaaaaaaaaaaaaaaaaaaaaaa", "bbbbbbbbbb"];
                assert!(known.contains(&one.tenant.as_str()), "{}", one.tenant);
            }
        }
    });
    assert_eq!(text(intern(TextKind::Service, "soak texts")), "soak texts");
    drop(recorder);
}
