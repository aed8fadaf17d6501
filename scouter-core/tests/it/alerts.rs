//! Alerts: what they know, and how often they come.

use std::fmt;
use std::time::Duration;

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
use scouter_core::alert::raise_for_statement;
use scouter_core::alert::{Alert, AlertKind, AlertLevel, drain_alerts, raise};
use scouter_core::clock::ManualClock;
use scouter_core::limits::{MAX_ALERT_BYTES, MAX_ALERTS};
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
use scouter_core::native::Symbols;
use scouter_core::testing::exclusive;
use scouter_core::{Field, TextKind, Transaction, intern};

use crate::support::begin;

fn drained() -> Vec<Alert> {
    let mut alerts = Vec::new();
    drain_alerts(&mut alerts);
    alerts
}

fn leak(place: &str) {
    raise(AlertKind::ConnectionLeak, AlertLevel::Error, place, format_args!("leaked at {place}"));
}

#[test]
fn alert_knows_the_transaction_it_was_raised_in() {
    let _recorder = exclusive();
    drop(drained());
    let transaction: Transaction = begin("alerting");
    transaction.set_text(Field::Tenant, "acme");
    {
        let _entered = transaction.enter();
        leak("src/knows.rs:1");
    }
    leak("src/knows.rs:2");
    let alerts = drained();
    assert_eq!(alerts[0].service, "alerting");
    assert_eq!(alerts[0].tenant, "acme");
    assert_eq!(alerts[0].transaction, transaction.gxid().zip(transaction.txid()));
    assert_eq!(alerts[0].message, "leaked at src/knows.rs:1");
    assert_eq!((alerts[1].service.as_str(), alerts[1].transaction), ("", None));
}

#[test]
fn same_alert_comes_once_per_interval_and_tells_how_many_it_swallowed() {
    let _recorder = exclusive();
    let clock = ManualClock::install();
    drop(drained());
    for _ in 0..5 {
        leak("src/rate.rs:1");
    }
    leak("src/rate.rs:2");
    let first = drained();
    assert_eq!(first.len(), 2);
    clock.advance(Duration::from_secs(10));
    leak("src/rate.rs:1");
    let second = drained();
    assert_eq!((second.len(), second[0].suppressed), (1, 4));
}

#[test]
fn step_of_the_wall_clock_mutes_no_alert_and_repeats_none() {
    let _recorder = exclusive();
    let clock = ManualClock::install();
    drop(drained());
    leak("src/step.rs:1");
    clock.step_wall_clock(-3_600_000_000);
    clock.advance(Duration::from_secs(10));
    leak("src/step.rs:1");
    let alerts = drained();
    assert_eq!(alerts.len(), 2);
    assert!(alerts[1].unix_us < alerts[0].unix_us, "its time is what the wall clock shows");
    clock.step_wall_clock(3_600_000_000);
    leak("src/step.rs:1");
    assert!(drained().is_empty());
}

struct Raises;

impl fmt::Display for Raises {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        leak("src/inner.rs:1");
        f.write_str("outer")
    }
}

struct Panics;

impl fmt::Display for Panics {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("in Display")
    }
}

#[test]
fn message_may_raise_or_panic_itself() {
    let _recorder = exclusive();
    let _clock = ManualClock::install();
    drop(drained());
    raise(AlertKind::Agent, AlertLevel::Info, "src/outer.rs:1", format_args!("{Raises}"));
    raise(AlertKind::Agent, AlertLevel::Info, "src/outer.rs:2", format_args!("{Panics}"));
    let messages: Vec<String> = drained().into_iter().map(|alert| alert.message).collect();
    assert_eq!(messages, ["leaked at src/inner.rs:1", "outer", "(formatting this text panicked)"]);
}

#[test]
fn full_queue_drops_newest_and_counts_it_and_long_messages_are_cut() {
    let dropped = || {
        let counters = scouter_core::telemetry::counters();
        counters.into_iter().find(|(name, _)| *name == "alerts_dropped").unwrap().1
    };
    let _recorder = exclusive();
    drop(drained());
    let before = dropped();
    for n in 0..MAX_ALERTS + 3 {
        leak(&format!("src/full.rs:{n}"));
    }
    assert_eq!(dropped() - before, 3);
    assert_eq!(drained().len(), MAX_ALERTS);
    let long = "é".repeat(MAX_ALERT_BYTES);
    raise(AlertKind::Agent, AlertLevel::Info, "src/long.rs:1", format_args!("{long}"));
    assert_eq!(drained()[0].message.len(), MAX_ALERT_BYTES);
}

/// Runs a statement that somebody should know of.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
#[inline(never)]
fn load_each_item(sql: &str) {
    let sql = intern(TextKind::Sql, sql);
    raise_for_statement(AlertKind::RepeatedStatement, AlertLevel::Warn, sql, format_args!("again"));
    std::hint::black_box(());
}

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
#[test]
fn an_alert_about_a_statement_names_the_code_that_ran_it_where_no_function_is_instrumented() {
    let _recorder = exclusive();
    drop(drained());
    let transaction: Transaction = begin("without functions");
    {
        let _entered = transaction.enter();
        load_each_item("SELECT * FROM item WHERE id = ?");
    }
    let [alert] = &*drained() else { panic!("one alert") };
    assert_eq!(alert.place, "SELECT * FROM item WHERE id = ?");
    let mut symbols = Symbols::new([]);
    let names = alert
        .stack
        .iter()
        .filter_map(|frame| symbols.look_up(&frame.path, &frame.build_id, frame.offset).ok());
    let names: Vec<_> = names.flatten().map(|symbol| symbol.function).collect();
    let is_there = |wanted: &str| names.iter().any(|name| name.contains(wanted));
    assert!(is_there("load_each_item") && is_there("an_alert_about_a_statement"), "{names:#?}");
}

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
#[test]
fn only_some_of_many_waiting_alerts_have_a_stack() {
    let _recorder = exclusive();
    drop(drained());
    let transaction: Transaction = begin("many statements");
    {
        let _entered = transaction.enter();
        for n in 0..40 {
            load_each_item(&format!("SELECT {n} FROM many"));
        }
    }
    let alerts = drained();
    let with_stack = alerts.iter().filter(|alert| !alert.stack.is_empty()).count();
    assert_eq!((alerts.len(), with_stack), (40, 16));
}
