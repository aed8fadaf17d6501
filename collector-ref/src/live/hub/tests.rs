use axum::body::Bytes;
use scouter_wire::record::{EndReason, ProfileFate, XLog, XLogFlags, XLogKind};
use scouter_wire::{Gxid, TextRef, Txid};
use tokio::sync::mpsc;

use super::super::row::Labels;
use super::*;
use crate::store::{Filter, Measure};

fn row(arrival: u64) -> LiveRow {
    let xlog = XLog {
        end_unix_us: 1_795_343_597_000_000 + i64::try_from(arrival).unwrap() * 1_000,
        elapsed_us: arrival,
        txid: Txid::new(arrival).unwrap(),
        gxid: Gxid::new(1).unwrap(),
        caller: None,
        kind: XLogKind::Web,
        end: EndReason::Complete,
        profile: ProfileFate::Kept,
        flags: XLogFlags::default(),
        service: TextRef::NONE,
        status: 200,
        error: "",
        busy_us: 0,
        polls: 0,
        ttfb_us: 0,
        sql_count: 0,
        sql_us: 0,
        sql_rows: 0,
        pool_wait_us: 0,
        api_count: 0,
        api_us: 0,
        bytes_out: 0,
        alloc_bytes: 0,
        steps: 0,
        steps_dropped: 0,
        tenant: "",
        login: "",
        desc: "",
        ip: "",
        user_agent: "",
        tags: &[],
    };
    LiveRow::new(&xlog, arrival, 0, Arc::new(Labels::new("/h/o".into(), "GET /".into())), false)
}

fn batch(arrivals: std::ops::RangeInclusive<u64>) -> Vec<LiveRow> {
    arrivals.map(row).collect()
}

/// A hub that watches from arrival number 1 on, with one viewer whose queue holds `queue` frames.
fn hub(queue: usize) -> (Hub, Arc<Viewer>, mpsc::Receiver<Bytes>) {
    let hub = Hub::default();
    let (sender, frames) = mpsc::channel(queue);
    let viewer = Arc::new(Viewer::new(sender));
    assert!(hub.enter(&viewer, 1));
    hub.watched.store(1, Ordering::SeqCst);
    hub.rows.lock().next = 1;
    viewer.subscribe_points(Measure::Elapsed, Filter::ALL, 0);
    (hub, viewer, frames)
}

/// Frames of all queued messages: type, cursor, and number of points or the gap's edges.
fn read(frames: &mut mpsc::Receiver<Bytes>) -> Vec<(u8, u64, u64, u64)> {
    let mut seen = Vec::new();
    while let Ok(message) = frames.try_recv() {
        let mut rest = &message[..];
        while !rest.is_empty() {
            let length = u32::from_le_bytes(rest[4..8].try_into().unwrap()) as usize;
            let cursor = u64::from_le_bytes(rest[8..16].try_into().unwrap());
            let word = |at: usize| u64::from_le_bytes(rest[at..at + 8].try_into().unwrap());
            seen.push(match rest[0] {
                blocks::GAP => (blocks::GAP, cursor, word(16), word(24)),
                kind => {
                    let count = u32::from_le_bytes(rest[24..28].try_into().unwrap());
                    (kind, cursor, u64::from(count), 0)
                }
            });
            rest = &rest[16 + length..];
        }
    }
    seen
}

#[test]
fn batches_of_several_connections_come_out_in_the_order_of_arrival() {
    let (hub, _viewer, mut frames) = hub(64);
    let telemetry = Telemetry::default();
    hub.publish(batch(4..=6));
    hub.tick(&telemetry);
    assert_eq!(read(&mut frames), [], "the predecessors are missing");
    hub.publish(batch(1..=3));
    hub.publish(batch(7..=7));
    hub.tick(&telemetry);
    assert_eq!(read(&mut frames), [(blocks::POINTS, 7, 7, 0)]);
    hub.tick(&telemetry);
    assert_eq!(read(&mut frames), [], "nothing is sent twice");
}

#[test]
fn rows_that_the_snapshot_held_are_not_sent_again() {
    let (hub, viewer, mut frames) = hub(64);
    viewer.subscribe_points(Measure::Elapsed, Filter::ALL, 2);
    hub.publish(batch(1..=3));
    hub.tick(&Telemetry::default());
    assert_eq!(read(&mut frames), [(blocks::POINTS, 3, 1, 0)]);
}

#[test]
fn a_slow_viewer_gets_a_gap_that_names_exactly_what_it_missed() {
    let (hub, _viewer, mut frames) = hub(1);
    let telemetry = Telemetry::default();
    for arrival in 1..=4 {
        hub.publish(batch(arrival..=arrival));
        hub.tick(&telemetry);
    }
    assert_eq!(telemetry.viewer_points_dropped.value(), 3);
    assert_eq!(telemetry.viewer_gaps.value(), 1, "one gap, however long");
    assert_eq!(read(&mut frames), [(blocks::POINTS, 1, 1, 0)]);
    hub.publish(batch(5..=5));
    hub.tick(&telemetry);
    assert_eq!(read(&mut frames), [(blocks::GAP, 4, 1, 4), (blocks::POINTS, 5, 1, 0)]);
}

#[test]
fn rows_that_never_come_are_given_up_with_a_gap() {
    let (hub, _viewer, mut frames) = hub(64);
    let telemetry = Telemetry::default();
    hub.publish(batch(1..=1));
    hub.publish(batch(3..=3));
    for _ in 0..=MAX_WAIT_TICKS {
        hub.tick(&telemetry);
    }
    assert_eq!(
        read(&mut frames),
        [(blocks::POINTS, 1, 1, 0), (blocks::GAP, 2, 1, 2), (blocks::POINTS, 3, 1, 0)]
    );
}

#[test]
fn the_newest_rows_are_kept_within_their_bound() {
    let (hub, viewer, mut frames) = hub(64);
    let telemetry = Telemetry::default();
    viewer.unsubscribe_points();
    let mut next = 1;
    for _ in 0..4 {
        hub.publish(batch(next..=next + 49_999));
        next += 50_000;
        hub.tick(&telemetry);
        assert!(hub.rows.lock().recent.len() <= MAX_RECENT_ROWS);
    }
    viewer.subscribe_points(Measure::Elapsed, Filter::ALL, 10);
    hub.tick(&telemetry);
    let seen = read(&mut frames);
    assert_eq!((seen[0].0, seen[0].2), (blocks::GAP, 10), "what it needs is gone");
}

#[test]
fn with_the_last_watcher_the_rows_go() {
    let (hub, _viewer, _frames) = hub(64);
    hub.publish(batch(1..=3));
    assert_eq!(hub.wants_rows(), Some(false));
    hub.unwatch();
    assert_eq!(hub.wants_rows(), None);
    assert_eq!(hub.rows.lock().next, 0);
}
