//! Collectors that are absent, silent, of another version or unwilling.

use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use scouter_exporter::{Builder, MAX_FRAME_KILLS, MIN_WINDOW_BYTES};
use scouter_wire::codec::{Ack, DropReason, RefusalCode};

use crate::collector::{Collector, Refused, State};
use crate::recorder::{DEADLINE, Recorder, agent, flush, record, until};

/// Collects what the agent says.
fn listening(builder: Builder) -> (Builder, Arc<Mutex<Vec<String>>>) {
    let said = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&said);
    (builder.on_notice(move |line| heard.lock().unwrap().push(line.to_owned())), said)
}

/// An address where nobody listens.
fn nowhere() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

#[test]
fn without_a_collector_there_is_one_line_and_everything_is_counted() {
    let recorder = Recorder::take();
    let (builder, said) = listening(agent(&nowhere()));
    let guard = builder.flush_timeout(Duration::from_millis(100)).start().unwrap();
    record(300);
    until("it has tried several times", || guard.telemetry().connection_failures >= 3);
    recorder.assert_balance_when_quiet(&guard);
    assert_eq!(guard.telemetry().pending_xlogs, 300);
    let start = Instant::now();
    let telemetry = guard.shutdown();
    assert!(start.elapsed() < Duration::from_secs(2), "the end of the process is not held up");
    recorder.assert_balance(&telemetry);
    assert_eq!(telemetry.totals.dropped(DropReason::Unsendable), 300);
    let said = said.lock().unwrap();
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].contains("cannot be reached") && said[0].contains("SCOUTER_COLLECTOR"));
}

#[test]
fn a_full_window_drops_profiles_first_and_every_loss_is_counted() {
    let recorder = Recorder::take();
    let guard = agent(&nowhere()).window_bytes(MIN_WINDOW_BYTES).start().unwrap();
    let mut recorded = 0;
    while guard.telemetry().totals.dropped(DropReason::WindowXLogs) == 0 {
        record(2_000);
        recorded += 2_000;
        assert!(recorded < 400_000, "the window has no end");
        let telemetry = guard.telemetry();
        assert!(telemetry.pending_bytes <= MIN_WINDOW_BYTES as u64);
        if telemetry.totals.dropped(DropReason::WindowXLogs) > 0 {
            // All profiles but those of the batch that came last went before the first XLog.
            assert!(telemetry.totals.dropped(DropReason::WindowProfiles) > 0);
        }
    }
    recorder.assert_balance_when_quiet(&guard);
    let telemetry = guard.shutdown();
    recorder.assert_balance(&telemetry);
}

#[test]
fn what_was_stripped_in_the_window_says_so_when_it_arrives() {
    let recorder = Recorder::take();
    let address = nowhere();
    let guard = agent(&address).window_bytes(MIN_WINDOW_BYTES).start().unwrap();
    while guard.telemetry().totals.dropped(DropReason::WindowProfiles) == 0 {
        record(2_000);
    }
    let collector = Collector::start_at(&address, State::default());
    flush(&guard);
    let telemetry = guard.shutdown();
    recorder.assert_balance(&telemetry);
    let state = collector.state();
    let dropped = telemetry.totals.dropped(DropReason::WindowProfiles);
    // Some lost their XLogs too, after their profiles.
    let arrived = dropped - telemetry.totals.dropped(DropReason::WindowXLogs);
    let fate = |name: &str| state.fates.get(name).copied().unwrap_or(0) as u64;
    assert!(arrived > 0);
    assert_eq!((fate("Dropped"), fate("Kept")), (arrived, telemetry.acked_profiles));
    assert_eq!(state.profiles.len() as u64, telemetry.acked_profiles);
    assert_eq!(state.totals.dropped(DropReason::WindowProfiles), dropped);
}

#[test]
fn a_half_open_collector_is_left_and_tried_again() {
    let recorder = Recorder::take();
    let collector = Collector::start(State { is_mute: true, ..State::default() });
    let guard = agent(&collector.address).start().unwrap();
    record(100);
    until("it is tried again", || collector.state().hellos.len() >= 2);
    assert_eq!(guard.telemetry().connections, 0);
    recorder.assert_balance_when_quiet(&guard);
    collector.state().is_mute = false;
    flush(&guard);
    let telemetry = guard.shutdown();
    recorder.assert_balance(&telemetry);
    assert_eq!(collector.state().stored, 100);
}

#[test]
fn a_collector_of_another_version_is_named_once_and_nothing_is_lost() {
    let recorder = Recorder::take();
    let collector = Collector::start(State { version: Some(9), ..State::default() });
    let (builder, said) = listening(agent(&collector.address));
    let guard = builder.start().unwrap();
    record(100);
    until("it is tried again", || guard.telemetry().connection_failures >= 2);
    assert!(said.lock().unwrap()[0].contains("version 9"), "{said:?}");
    assert_eq!(said.lock().unwrap().len(), 1);
    collector.state().version = None;
    flush(&guard);
    let telemetry = guard.shutdown();
    recorder.assert_balance(&telemetry);
    assert_eq!(collector.state().stored, 100);
}

#[test]
fn something_that_is_no_collector_is_left_alone() {
    let recorder = Recorder::take();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let web = std::thread::Builder::new()
        .name("test-web".into())
        .spawn(move || {
            for stream in listener.incoming().take(2) {
                let answer = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n";
                let _ = std::io::Write::write_all(&mut stream.unwrap(), answer);
            }
        })
        .unwrap();
    let guard = agent(&address).flush_timeout(Duration::ZERO).start().unwrap();
    record(10);
    until("it has failed", || guard.telemetry().connection_failures >= 2);
    let telemetry = guard.shutdown();
    recorder.assert_balance(&telemetry);
    assert_eq!(telemetry.connections, 0);
    web.join().unwrap();
}

#[test]
fn a_wrong_token_is_refused_with_a_sentence_and_the_right_one_is_welcome() {
    let recorder = Recorder::take();
    let collector = Collector::start(State { token: Some("s3cret".into()), ..State::default() });
    for token in [None, Some("guess")] {
        let (builder, said) = listening(agent(&collector.address));
        let builder = match token {
            Some(token) => builder.token(token),
            None => builder,
        };
        let guard = builder.flush_timeout(Duration::ZERO).start().unwrap();
        until("it is refused", || guard.telemetry().refusals >= 2);
        assert_eq!(guard.telemetry().connections, 0);
        assert_eq!(said.lock().unwrap().len(), 1);
        let line = said.lock().unwrap()[0].clone();
        assert!(line.contains("refuses this agent") && line.contains("token"), "{line}");
        assert!(!line.contains("guess"));
    }
    let guard = agent(&collector.address).token("s3cret").start().unwrap();
    record(10);
    flush(&guard);
    recorder.assert_balance(&guard.shutdown());
    assert_eq!(collector.state().stored, 10);
}

#[test]
fn garbage_after_the_welcome_ends_the_connection_and_nothing_is_lost() {
    let recorder = Recorder::take();
    let collector = Collector::start(State::default());
    let guard = agent(&collector.address).start().unwrap();
    record(10);
    flush(&guard);
    collector.send(&[0xff; 64]);
    until("it connects again", || guard.telemetry().connections == 2);
    record(10);
    flush(&guard);
    recorder.assert_balance(&guard.shutdown());
    assert_eq!(collector.state().stored, 20);
}

#[test]
fn a_store_that_lost_its_texts_is_told_all_of_them_again() {
    let recorder = Recorder::take();
    let collector = Collector::start(State::default());
    let guard = agent(&collector.address).start().unwrap();
    record(10);
    flush(&guard);
    collector.state().loses_texts = true;
    record(10);
    flush(&guard);
    let telemetry = guard.shutdown();
    recorder.assert_balance(&telemetry);
    assert_eq!((telemetry.refusals, collector.state().stored), (1, 20));
}

#[test]
fn the_clock_offset_is_measured_and_told() {
    let _recorder = Recorder::take();
    let ahead = 5_000_000;
    let collector = Collector::start(State { clock_ahead_us: ahead, ..State::default() });
    let guard = agent(&collector.address).start().unwrap();
    until("the object arrives", || !collector.state().objects.is_empty());
    let state = collector.state();
    let tag = state.objects[0].tags.iter().find(|(key, _)| key == "clock_offset_us").unwrap();
    let offset: i64 = tag.1.parse().unwrap();
    assert!((offset - ahead).abs() < 200_000, "{offset}");
    drop(state);
    drop(guard);
}

#[test]
fn a_clock_that_is_set_while_connected_is_measured_again() {
    let _recorder = Recorder::take();
    let collector = Collector::start(State::default());
    let guard = agent(&collector.address).start().unwrap();
    until("the object arrives", || !collector.state().objects.is_empty());
    let ahead = 90_000_000;
    collector.state().clock_ahead_us = ahead;
    until("the agent tells the new offset", || {
        let state = collector.state();
        let tags = &state.objects.last().unwrap().tags;
        let tag = tags.iter().find(|(key, _)| key == "clock_offset_us").unwrap();
        (tag.1.parse::<i64>().unwrap() - ahead).abs() < 1_000_000
    });
    assert_eq!(collector.state().hellos.len(), 1, "on the same connection");
    assert_eq!(guard.telemetry().clock_changes, 1);
}

#[test]
fn what_was_stored_before_a_full_window_dropped_it_counts_as_delivered_and_only_so() {
    let recorder = Recorder::take();
    let collector = Collector::start(State { never_acks: true, ..State::default() });
    let guard = agent(&collector.address)
        .patience(DEADLINE, DEADLINE)
        .window_bytes(MIN_WINDOW_BYTES)
        .start()
        .unwrap();
    let recorded = 12_000;
    record(recorded);
    until("the collector has all of them", || collector.state().stored == recorded);
    let telemetry = guard.telemetry();
    assert!(telemetry.pending_bytes <= MIN_WINDOW_BYTES as u64);
    assert_eq!((telemetry.acked_xlogs, telemetry.totals.dropped_xlogs()), (0, 0));
    let seq = *collector.state().high_water.values().next().unwrap();
    collector.state().never_acks = false;
    collector.acknowledge(Ack { seq, credit_bytes: 64 << 20 });
    flush(&guard);
    let telemetry = guard.shutdown();
    recorder.assert_balance(&telemetry);
    assert_eq!(telemetry.acked_xlogs, recorded as u64);
    assert_eq!(telemetry.totals.dropped(DropReason::WindowXLogs), 0, "{telemetry:?}");
    assert_eq!(telemetry.totals.dropped(DropReason::WindowProfiles), 0, "{telemetry:?}");
}

#[test]
fn a_frame_that_no_collector_survives_is_set_aside_and_all_others_arrive() {
    let recorder = Recorder::take();
    let refuses = Some((RefusalCode::Protocol, Refused::Seq(2)));
    let collector = Collector::start(State { refuses, ..State::default() });
    let (builder, said) = listening(agent(&collector.address));
    let guard = builder.start().unwrap();
    record(2_000);
    flush(&guard);
    let telemetry = guard.shutdown();
    recorder.assert_balance(&telemetry);
    let lost = telemetry.totals.dropped(DropReason::Unsendable);
    assert!(lost > 0 && telemetry.frames_set_aside == 1, "{telemetry:?}");
    assert_eq!(collector.state().stored as u64 + lost, 2_000);
    assert!(telemetry.refusals >= u64::from(MAX_FRAME_KILLS));
    let said = said.lock().unwrap();
    assert!(said.iter().any(|line| line.contains("set aside")), "{said:?}");
}

#[test]
fn a_collector_that_welcomes_and_cannot_store_is_asked_ever_less_often_and_loses_nothing() {
    let recorder = Recorder::take();
    let refuses = Some((RefusalCode::Unavailable, Refused::All));
    let collector = Collector::start(State { refuses, ..State::default() });
    let (builder, said) = listening(agent(&collector.address));
    let start = Instant::now();
    let guard = builder.start().unwrap();
    record(100);
    until("it is tried again and again", || collector.state().hellos.len() > 5);
    // Five waits, each at least half of 0.1 s, doubled each time.
    assert!(start.elapsed() >= Duration::from_millis(50 + 100 + 200 + 400 + 800));
    collector.state().refuses = None;
    flush(&guard);
    let telemetry = guard.shutdown();
    recorder.assert_balance(&telemetry);
    assert_eq!((telemetry.acked_xlogs, telemetry.frames_set_aside), (100, 0));
    assert_eq!(said.lock().unwrap().len(), 1, "{said:?}");
}

#[test]
fn with_a_spool_a_collector_that_is_away_costs_nothing_that_the_bound_can_hold() {
    let recorder = Recorder::take();
    let collector = Collector::start(State::default());
    let address = collector.address.clone();
    let folder = tempfile::tempdir().unwrap();
    let guard = agent(&address)
        .window_bytes(MIN_WINDOW_BYTES)
        .spool(folder.path(), 64 << 20)
        .start()
        .unwrap();
    let state = collector.kill();
    // Several times what the window alone holds.
    let mut recorded = 0;
    while guard.telemetry().spool_bytes < 4 * MIN_WINDOW_BYTES as u64 {
        record(2_000);
        recorded += 2_000;
        assert!(recorded < 400_000, "nothing goes to the spool");
        assert!(guard.telemetry().pending_bytes <= MIN_WINDOW_BYTES as u64);
    }
    recorder.assert_balance_when_quiet(&guard);
    let collector = Collector::start_at(&address, state);
    flush(&guard);
    assert_eq!(guard.telemetry().spool_bytes, 0);
    let telemetry = guard.shutdown();
    recorder.assert_balance(&telemetry);
    assert_eq!((telemetry.acked_xlogs, telemetry.acked_profiles), (recorded, recorded));
    let state = collector.state();
    assert_eq!((state.stored as u64, state.duplicates), (recorded, 0));
    assert_eq!(state.profiles.len() as u64, recorded);
}

#[test]
fn when_a_collector_is_gone_the_next_one_gets_what_it_has_not_acknowledged() {
    let recorder = Recorder::take();
    let first = Collector::start(State { store: 1, ..State::default() });
    let second = Collector::start(State { store: 2, ..State::default() });
    let guard = agent(&format!("{}, {}", first.address, second.address)).start().unwrap();
    record(500);
    flush(&guard);
    let stored = first.kill().stored;
    record(500);
    flush(&guard);
    recorder.assert_balance(&guard.shutdown());
    assert_eq!((stored, second.state().stored), (500, 500));
    assert!(second.state().stores_named.iter().all(|store| store.0 == 2));
}

#[test]
fn a_collector_that_refuses_is_left_for_the_next_one() {
    let recorder = Recorder::take();
    let refuses = Some((RefusalCode::Unavailable, Refused::All));
    let full = Collector::start(State { store: 1, refuses, ..State::default() });
    let second = Collector::start(State { store: 2, ..State::default() });
    let guard = agent(&format!("{},{}", full.address, second.address)).start().unwrap();
    record(100);
    flush(&guard);
    recorder.assert_balance(&guard.shutdown());
    assert_eq!((full.state().stored, second.state().stored), (0, 100));
}
