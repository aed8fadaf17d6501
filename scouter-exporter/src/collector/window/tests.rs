use scouter_wire::Txid;
use scouter_wire::codec::BatchEncoder;
use scouter_wire::record::Step;

use super::*;

fn batch(has_profile: bool) -> Payload {
    let mut encoder = BatchEncoder::new().unwrap();
    let text = "x".repeat(200);
    for id in 1..=10 {
        assert!(encoder.push_xlog(&crate::testing::xlog(id, &text)));
        if has_profile {
            encoder.begin_profile(Txid::new(id).unwrap(), 0);
            encoder.push_step(&Step { start_us: id * id * 7_919, ..Step::default() });
            encoder.end_profile();
        }
    }
    Payload::Batch(encoder.finish(&Totals::default()).unwrap())
}

fn alert() -> Payload {
    Payload::Alerts(vec![crate::testing::alert("a")])
}

#[test]
fn full_window_drops_profiles_then_series_then_xlogs_oldest_first() {
    let telemetry = Telemetry::default();
    let mut window = Window::new(usize::MAX);
    for payload in [batch(true), alert(), batch(true), batch(false)] {
        window.push(payload, &telemetry);
    }
    let dropped = |reason: DropReason| telemetry.snapshot().totals.dropped(reason);
    let mut log = Vec::new();
    while window.make_room(&telemetry) {
        log.push((
            dropped(DropReason::WindowProfiles),
            telemetry.dropped_series.value(),
            dropped(DropReason::WindowXLogs),
        ));
    }
    assert_eq!(log, [(10, 0, 0), (20, 0, 0), (20, 1, 0), (20, 1, 10), (20, 1, 20), (20, 1, 30)]);
    assert_eq!((window.bytes(), window.xlogs()), (0, 0));
}

#[test]
fn window_never_exceeds_its_limit_and_every_xlog_is_accounted_for() {
    let telemetry = Telemetry::default();
    let mut window = Window::new(8_000);
    for _ in 0..100 {
        window.push(batch(true), &telemetry);
        assert!(window.bytes() <= 8_000);
    }
    window.acknowledge(98, &telemetry);
    let acked = telemetry.acked_xlogs.value();
    let dropped = telemetry.snapshot().totals.dropped(DropReason::WindowXLogs);
    assert_eq!(acked + dropped + window.xlogs() as u64, 1_000);
    assert!(acked > 0 && dropped > 0 && window.xlogs() > 0);
    window.abandon(&telemetry);
    assert!(window.is_empty() && window.bytes() == 0);
}

#[test]
fn frames_are_found_in_sequence_whatever_was_dropped_between() {
    let telemetry = Telemetry::default();
    let mut window = Window::new(usize::MAX);
    for _ in 0..5 {
        window.push(alert(), &telemetry);
    }
    window.discard(3, &telemetry);
    assert_eq!(window.next_after(0).unwrap().seq, 1);
    assert_eq!(window.next_after(2).unwrap().seq, 4);
    assert!(window.next_after(5).is_none());
    assert_eq!(telemetry.dropped_series.value(), 1);
}

/// Two batches, the first sent, both dropped by a window that has become too small.
fn dropped_after_the_first_was_sent(telemetry: &Telemetry) -> Window {
    let mut window = Window::new(usize::MAX);
    for payload in [batch(true), batch(true)] {
        window.push(payload, telemetry);
    }
    window.note_sent(1);
    while window.make_room(telemetry) {}
    window
}

fn dropped(telemetry: &Telemetry) -> (u64, u64) {
    let totals = telemetry.snapshot().totals;
    (totals.dropped(DropReason::WindowXLogs), totals.dropped(DropReason::WindowProfiles))
}

fn acked(telemetry: &Telemetry) -> (u64, u64) {
    (telemetry.acked_xlogs.value(), telemetry.acked_profiles.value())
}

#[test]
fn what_is_dropped_after_it_was_sent_is_pending_until_the_collector_says() {
    let telemetry = Telemetry::default();
    let window = dropped_after_the_first_was_sent(&telemetry);
    assert_eq!((dropped(&telemetry), acked(&telemetry)), ((10, 10), (0, 0)));
    assert_eq!((window.xlogs(), window.bytes(), window.is_empty()), (10, 0, false));
}

#[test]
fn an_acknowledgement_of_what_was_dropped_counts_it_as_delivered_once() {
    let telemetry = Telemetry::default();
    let mut window = dropped_after_the_first_was_sent(&telemetry);
    assert!(window.acknowledge(1, &telemetry));
    assert_eq!((dropped(&telemetry), acked(&telemetry)), ((10, 10), (10, 10)));
    assert!(window.is_empty() && window.xlogs() == 0);
    assert!(!window.welcome(1, &telemetry), "it is not counted again");
    assert_eq!((dropped(&telemetry), acked(&telemetry)), ((10, 10), (10, 10)));
}

#[test]
fn a_welcome_tells_whether_what_was_dropped_is_stored() {
    for (high_water, expected) in [(1, ((10, 10), (10, 10))), (0, ((20, 20), (0, 0)))] {
        let telemetry = Telemetry::default();
        let mut window = dropped_after_the_first_was_sent(&telemetry);
        window.welcome(high_water, &telemetry);
        assert_eq!((dropped(&telemetry), acked(&telemetry)), expected);
        assert!(window.is_empty() && window.xlogs() == 0);
    }
}

#[test]
fn after_a_welcome_that_does_not_cover_it_a_frame_is_dropped_for_sure() {
    let telemetry = Telemetry::default();
    let mut window = Window::new(usize::MAX);
    window.push(batch(false), &telemetry);
    window.note_sent(1);
    window.welcome(0, &telemetry);
    while window.make_room(&telemetry) {}
    assert_eq!((dropped(&telemetry), window.xlogs()), ((10, 0), 0));
}

#[test]
fn profiles_that_were_stored_before_they_were_dropped_count_as_delivered() {
    let telemetry = Telemetry::default();
    let mut window = Window::new(usize::MAX);
    window.push(batch(true), &telemetry);
    window.note_sent(1);
    assert!(window.make_room(&telemetry));
    window.acknowledge(1, &telemetry);
    assert_eq!((dropped(&telemetry), acked(&telemetry)), ((0, 0), (10, 10)));
}

#[test]
fn past_the_limit_the_oldest_loss_counts_as_dropped() {
    let telemetry = Telemetry::default();
    let mut window = Window::new(usize::MAX);
    for _ in 0..=MAX_UNSURE {
        window.push(alert(), &telemetry);
    }
    window.note_sent(u64::MAX);
    while window.make_room(&telemetry) {}
    assert_eq!(telemetry.dropped_series.value(), 1);
    assert_eq!(window.unsure.len(), MAX_UNSURE);
    window.abandon(&telemetry);
    assert_eq!(telemetry.dropped_series.value(), MAX_UNSURE as u64 + 1);
}

/// What is left in memory of a hundred batches in the spool.
const STUBS_BYTES: usize = 100 * size_of::<EncodedBatch>();

/// Room for some ten batches besides [`STUBS_BYTES`].
const LIMIT_BYTES: usize = STUBS_BYTES + 8_000;

fn spooled(spool_bytes: u64) -> (Window, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let mut window = Window::new(LIMIT_BYTES);
    window.set_spool(Spool::open(folder.path(), spool_bytes).unwrap());
    (window, folder)
}

/// The frame after `seq` as it would be sent.
fn sent_after(window: &mut Window, seq: u64, telemetry: &Telemetry) -> Option<(u64, Vec<u8>)> {
    let pending = window.next_to_send(seq, false, telemetry)?;
    let mut out = Vec::new();
    let name = |_, _| TextName::Id(1);
    pending.write(&mut out, &Origin::default(), &Totals::default(), name).unwrap();
    Some((pending.seq, out))
}

#[test]
fn with_a_spool_nothing_is_dropped_and_all_is_sent_as_it_was() {
    let telemetry = Telemetry::default();
    let (mut plain, (mut window, _folder)) = (Window::new(usize::MAX), spooled(1 << 24));
    for _ in 0..100 {
        plain.push(batch(true), &telemetry);
        window.push(batch(true), &telemetry);
        assert!(window.bytes() <= LIMIT_BYTES);
    }
    assert!(telemetry.spool_bytes.value() > 0);
    assert_eq!((dropped(&telemetry), window.xlogs()), ((0, 0), 1_000));
    let mut seq = 0;
    while let Some((next, frame)) = sent_after(&mut window, seq, &telemetry) {
        assert_eq!(Some((next, frame)), sent_after(&mut plain, seq, &telemetry));
        window.note_sent(next);
        window.acknowledge(next, &telemetry);
        seq = next;
    }
    assert_eq!((seq, acked(&telemetry)), (100, (1_000, 1_000)));
    assert_eq!((window.bytes(), telemetry.spool_bytes.value()), (0, 0));
}

#[test]
fn a_full_spool_drops_profiles_first_and_every_xlog_is_accounted_for() {
    let telemetry = Telemetry::default();
    let (mut window, _folder) = spooled(80 * 16 * 1024);
    for _ in 0..100 {
        window.push(batch(true), &telemetry);
    }
    let (xlogs, profiles) = dropped(&telemetry);
    assert!(profiles > 0 && profiles < 1_000, "{profiles}");
    assert!(telemetry.spool_bytes.value() <= 80 * 16 * 1024);
    window.acknowledge(100, &telemetry);
    assert_eq!(acked(&telemetry).0 + xlogs, 1_000);
    assert_eq!(acked(&telemetry).1 + profiles, 1_000);
    assert_eq!((window.xlogs(), telemetry.spool_bytes.value()), (0, 0));
}

#[test]
fn what_is_under_way_is_not_joined_by_more_than_fits() {
    let telemetry = Telemetry::default();
    let (mut window, _folder) = spooled(1 << 24);
    for _ in 0..100 {
        window.push(batch(true), &telemetry);
    }
    let first_away = window.frames.iter().find(|pending| pending.away.is_some()).unwrap().seq;
    assert!(window.next_to_send(first_away - 1, true, &telemetry).is_none());
    assert!(window.next_to_send(first_away - 1, false, &telemetry).is_some());
    assert!(window.next_to_send(100, false, &telemetry).is_none(), "there is no frame after it");
}

#[test]
fn a_spool_whose_disk_fails_loses_what_was_on_it_and_says_so() {
    let telemetry = Telemetry::default();
    let (mut window, _folder) = spooled(1 << 24);
    for _ in 0..100 {
        window.push(batch(true), &telemetry);
    }
    let away = window.frames.iter().filter(|pending| pending.away.is_some()).count() as u64;
    window.spool.as_mut().unwrap().cut();
    let mut seq = 0;
    while let Some((next, _)) = sent_after(&mut window, seq, &telemetry) {
        window.note_sent(next);
        window.acknowledge(next, &telemetry);
        seq = next;
    }
    let totals = telemetry.snapshot().totals;
    assert_eq!(totals.dropped(DropReason::Unsendable), 10 * away);
    assert_eq!(acked(&telemetry).0 + 10 * away, 1_000);
    assert_eq!(telemetry.spool_failures.value(), away);
    assert!(window.take_spool_error().is_some() && window.xlogs() == 0);
}
