//! What is recorded arrives, once, whatever becomes of the connection.

use std::time::Duration;

use scouter_wire::codec::Ack;

use crate::collector::{Collector, State};
use crate::recorder::{Recorder, agent, flush, record, until};

#[test]
fn everything_recorded_arrives_with_its_texts_and_steps() {
    let recorder = Recorder::take();
    let collector = Collector::start(State::default());
    let guard = agent(&collector.address).start().unwrap();
    record(2_100);
    flush(&guard);
    let telemetry = guard.shutdown();
    recorder.assert_balance(&telemetry);
    assert_eq!((telemetry.acked_xlogs, telemetry.pending_xlogs), (2_100, 0));
    let state = collector.state();
    assert_eq!((state.stored, state.profiles.len(), state.duplicates), (2_100, 2_100, 0));
    assert_eq!(state.xlogs.len(), 21);
    assert!(state.xlogs.values().all(|count| *count == 100), "{:?}", state.xlogs);
    assert!(state.xlogs.contains_key("GET /6 tenant-2"));
    assert_eq!(state.profiles[0], "None>load_order Some(0)>price ");
    assert_eq!(state.hellos[0].object.name, "/test/agent");
}

#[test]
fn texts_travel_once_and_are_named_by_number_from_then_on() {
    let _recorder = Recorder::take();
    let collector = Collector::start(State::default());
    let guard = agent(&collector.address).start().unwrap();
    record(50);
    flush(&guard);
    let (texts, hashes) = (guard.telemetry().texts_sent, collector.state().hash_named);
    assert!(texts > 0 && hashes > 0);
    record(50);
    flush(&guard);
    let state = collector.state();
    assert_eq!(guard.telemetry().texts_sent, texts);
    assert_eq!(state.hash_named, hashes);
    assert_eq!(state.stored, 100);
}

#[test]
fn a_collector_killed_and_restarted_on_its_store_misses_nothing_and_doubles_nothing() {
    let recorder = Recorder::take();
    let mut collector =
        Collector::start(State { frames_per_connection: Some(2), ..State::default() });
    let guard = agent(&collector.address).start().unwrap();
    for _ in 0..3 {
        record(1_500);
        let address = collector.address.clone();
        let state = collector.kill();
        collector = Collector::start_at(&address, state);
    }
    collector.state().frames_per_connection = None;
    flush(&guard);
    let telemetry = guard.shutdown();
    recorder.assert_balance(&telemetry);
    assert_eq!(telemetry.acked_xlogs, 4_500);
    assert_eq!(collector.state().stored, 4_500);
    assert!(telemetry.connections > 1 && telemetry.connection_failures > 0);
}

#[test]
fn another_store_gets_what_is_not_acknowledged_in_its_own_names() {
    let recorder = Recorder::take();
    let collector = Collector::start(State { store: 1, ..State::default() });
    let address = collector.address.clone();
    let guard = agent(&address).start().unwrap();
    record(600);
    flush(&guard);
    // Now the texts have numbers of store 1. From here on nothing is acknowledged.
    collector.state().never_acks = true;
    record(600);
    until("the frames arrive", || collector.state().stored == 1_200);
    drop(collector.kill());
    let collector = Collector::start_at(&address, State { store: 2, ..State::default() });
    flush(&guard);
    let telemetry = guard.shutdown();
    recorder.assert_balance(&telemetry);
    assert_eq!(telemetry.acked_xlogs, 1_200);
    let state = collector.state();
    assert_eq!(state.stored, 600, "at least once across two stores");
    assert!(state.hash_named > 0, "the new store has not numbered them");
    assert!(state.stores_named.iter().all(|store| store.0 == 2));
    assert!(state.xlogs.contains_key("GET /6 tenant-2"), "{:?}", state.xlogs);
}

#[test]
fn a_collector_that_never_acknowledges_gets_a_new_connection_and_no_duplicates() {
    let recorder = Recorder::take();
    let collector = Collector::start(State { never_acks: true, ..State::default() });
    let guard = agent(&collector.address).start().unwrap();
    record(700);
    until("the frames are sent again", || collector.state().hellos.len() > 1);
    recorder.assert_balance_when_quiet(&guard);
    collector.state().never_acks = false;
    flush(&guard);
    let telemetry = guard.shutdown();
    recorder.assert_balance(&telemetry);
    assert_eq!((telemetry.acked_xlogs, collector.state().stored), (700, 700));
}

#[test]
fn without_credit_nothing_is_sent_until_there_is_some() {
    let recorder = Recorder::take();
    let collector = Collector::start(State { credit: Some(0), ..State::default() });
    let guard = agent(&collector.address).start().unwrap();
    record(100);
    assert!(!guard.flush(Duration::from_millis(300)));
    assert_eq!(collector.state().stored, 0);
    recorder.assert_balance_when_quiet(&guard);
    collector.state().credit = Some(1);
    collector.acknowledge(Ack { seq: 0, credit_bytes: 1 });
    flush(&guard);
    let telemetry = guard.shutdown();
    recorder.assert_balance(&telemetry);
    assert_eq!(collector.state().stored, 100);
}

#[test]
fn an_acknowledgement_of_what_was_never_sent_is_not_believed() {
    let recorder = Recorder::take();
    let collector = Collector::start(State { credit: Some(0), ..State::default() });
    let guard = agent(&collector.address).start().unwrap();
    record(100);
    until("the connection stands", || guard.telemetry().connections == 1);
    assert!(!guard.flush(Duration::from_millis(100)));
    collector.acknowledge(Ack { seq: u64::MAX, credit_bytes: 0 });
    assert!(!guard.flush(Duration::from_millis(200)));
    assert_eq!(guard.telemetry().acked_xlogs, 0);
    recorder.assert_balance_when_quiet(&guard);
    drop(guard);
}

#[test]
fn what_was_digested_since_the_last_interval_is_sent_when_the_agent_ends() {
    let _recorder = Recorder::take();
    let collector = Collector::start(State::default());
    let never = Duration::from_secs(3_600);
    let guard = agent(&collector.address).intervals(never, never).start().unwrap();
    record(40);
    flush(&guard);
    assert_eq!(collector.state().digests, []);
    record(2);
    drop(guard);
    assert_eq!(collector.state().digests.iter().map(|digest| digest.count).sum::<u64>(), 42);
}

#[test]
fn counters_digests_and_alerts_arrive_too() {
    let _recorder = Recorder::take();
    let collector = Collector::start(State::default());
    let guard = agent(&collector.address)
        .intervals(Duration::from_millis(50), Duration::from_millis(50))
        .start()
        .unwrap();
    record(50);
    scouter_core::alert::raise(
        scouter_core::alert::AlertKind::Agent,
        scouter_core::alert::AlertLevel::Info,
        "delivery.rs",
        format_args!("an alert of a test"),
    );
    flush(&guard);
    until("counters and digests arrive", || {
        let state = collector.state();
        state.points.contains_key("process_rss|B") && !state.digests.is_empty()
    });
    flush(&guard);
    let state = collector.state();
    assert!(state.points["process_rss|B"] > 0.0 && state.points.contains_key("scouter_recorded|"));
    assert!(state.points.keys().any(|name| name.starts_with("service_rate|1/s|GET /")));
    assert_eq!(state.digests.iter().map(|digest| digest.count).sum::<u64>(), 50);
    assert_eq!(state.alerts, ["an alert of a test"]);
}
