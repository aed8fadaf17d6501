//! Frames as a later version of this protocol may write them: kinds, reasons and keys that this one
//! does not know, records and messages that are longer, columns that are new. They must decode, and
//! what this version does know must be as it was: an old collector lives with a new agent.
//!
//! The files `tests/golden/*.future.v1.bin` hold them, so that no later change narrows what is
//! skipped. They are written by hand here, not by an encoder, which could not.

use crate::golden::golden_or;
use crate::sample::{
    frames as frames_of_today, gxid, origin, parse, points, resolve, steps, txid, xlogs,
};
use crate::section::{Section, planes, record, take_varint, varint};
use scouter_wire::codec::{
    Ack, Answer, Auth, BatchView, Command, CommandKind, DropReason, Encoding, FrameType, Hello,
    Refusal, Reply, SectionDecoder, SeriesView, TextName, TextTable, Welcome, XLogColumns,
    read_active, read_alerts, read_callsites, read_object_frame, read_options, read_text_ids,
    read_texts, write_alerts_frame, write_frame,
};
use scouter_wire::record::{
    Alert, AlertKind, AlertLevel, CodeFrame, Detail, DigestKey, EndReason, Outcome, ProfileFate,
    RunState, Step, StepKind, XLogFlags, XLogKind,
};
use scouter_wire::{TextKind, TextRef};

/// What follows where this version expects an end.
const MORE: &[u8] = b"from the future";

/// Bytes of an origin.
const ORIGIN_BYTES: usize = 44;

/// A text kind that this version does not know.
const NEW_TEXT_KIND: u8 = TextKind::ALL.len() as u8;

fn body_of_today(name: &str) -> Vec<u8> {
    let (_, bytes) = frames_of_today().into_iter().find(|(found, _)| *found == name).unwrap();
    parse(&bytes).body.to_vec()
}

/// The frames, by name.
pub(crate) fn frames() -> Vec<(&'static str, Vec<u8>)> {
    [
        ("batch", FrameType::Batch, batch()),
        ("counter", FrameType::Counter, counter()),
        ("agg", FrameType::Agg, agg()),
        ("alert", FrameType::Alert, alerts()),
        ("text", FrameType::Text, texts()),
        ("hello", FrameType::Hello, hello()),
        ("command", FrameType::Command, command()),
        ("reply_active", FrameType::Reply, reply(&active())),
    ]
    .into_iter()
    .map(|(name, frame_type, body)| {
        let mut out = Vec::new();
        write_frame(&mut out, frame_type, 7, |out| out.extend_from_slice(&body)).unwrap();
        (name, out)
    })
    .collect()
}

/// A frame from its file.
fn golden(name: &str) -> Vec<u8> {
    let made = || frames().into_iter().find(|(found, _)| *found == name).unwrap().1;
    golden_or(&format!("{name}.future.v1.bin"), made)
}

/// The head of today's frame, with two texts of a new kind at the end of its table.
fn head(body: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let mut table = TextTable::default();
    let view = SeriesView::parse(body, &mut table).unwrap();
    assert_eq!(view.origin, origin());
    let mut out = body[..ORIGIN_BYTES].to_vec();
    out.extend(varint(u64::from(NEW_TEXT_KIND) + 1));
    let mut counts = Vec::new();
    for kind in TextKind::ALL {
        let of_kind: Vec<_> =
            table.entries().iter().filter(|entry| entry.kind() == Some(kind)).collect();
        counts.extend(varint(of_kind.len() as u64));
        out.extend(varint(of_kind.len() as u64));
        for entry in of_kind {
            match entry.name {
                TextName::Id(id) => out.extend(varint(u64::from(id))),
                TextName::Hash(hash) => {
                    out.push(0);
                    out.extend(hash.to_le_bytes());
                }
                _ => unreachable!(),
            }
        }
    }
    out.extend([2, 90, 91]);
    counts.push(2);
    (out, counts)
}

/// The columns that this test changes, by their numbers.
mod column {
    pub(super) const TEXT_COUNTS: u8 = 0;
    pub(super) const CLASS: u8 = 3;
    pub(super) const FLAGS: u8 = 4;
    pub(super) const STEP_KIND: u8 = 2;
    pub(super) const STEP_STATE: u8 = 3;
    pub(super) const SQL_PRESENT: u8 = 32;
}

fn batch() -> Vec<u8> {
    let body = body_of_today("batch");
    let view = BatchView::parse(&body, &mut TextTable::default()).unwrap();
    let (mut out, counts) = head(&body);
    let mut rows = Section::open(view.xlog_section);
    rows.set(column::TEXT_COUNTS, &counts);
    let today = XLogKind::Service as u64 | (EndReason::AbortedInBody as u64) << 4;
    let class = [9 | 12 << 4 | 7 << 8 | 1 << 12 | 1 << 13, 14 | 1 << 23, today];
    rows.set(column::CLASS, &planes(3, &class));
    let flags = u64::from(XLogFlags::SLOW.with(XLogFlags::CONTINUED).0);
    rows.set(column::FLAGS, &planes(4, &[flags | 1 << 16, 1 << 31, flags]));
    let mut profiles = Section::open(view.profile_section);
    profiles.set(column::TEXT_COUNTS, &counts);
    // The first numbers that are free, and those around the last one a reader has a place for.
    rows.set(49, MORE);
    profiles.set(33, MORE);
    for number in [60, 63, 64, 200, 255] {
        rows.set(number, MORE);
        profiles.set(number, MORE);
    }
    let mut change = |number: u8, step: usize, byte: &dyn Fn(u8) -> u8| {
        // Both profiles with steps alike.
        for at in [step, 11 + step] {
            let found = &mut profiles.0.get_mut(&number).unwrap()[at];
            *found = byte(*found);
        }
    };
    change(column::STEP_STATE, 0, &|state| state & !7 | 6);
    change(column::STEP_KIND, 4, &|kind| kind & 0xf0 | 12);
    change(column::STEP_KIND, 6, &|kind| kind & 0xf | 9 << 4);
    // Its name is of another kind of text than methods are, and stands in a new column.
    change(column::STEP_KIND, 5, &|kind| kind & 0xf0 | 14);
    for present in profiles.0.get_mut(&column::SQL_PRESENT).unwrap() {
        *present |= 0xc0;
    }
    let (rows, profiles) = (rows.close(), profiles.close());
    out.push(0xfe);
    for count in [3, 3, 22, rows.len() as u64, 12_345] {
        out.extend(varint(count));
    }
    let (known, xlog_reason, profile_reason) =
        (DropReason::SummaryRing as u8, 60 << 1, 61 << 1 | 1);
    out.extend([4, known << 1, 17, xlog_reason, 5, profile_reason, 6, profile_reason, 1]);
    [out, record(MORE), rows, profiles].concat()
}

fn counter() -> Vec<u8> {
    let (head, counts) = head(&body_of_today("counter"));
    let mut out = [head, varint(u64::from(NEW_TEXT_KIND) + 1), counts].concat();
    out.extend(1_000_000i64.to_le_bytes());
    out.push(2);
    for (index, point) in (1..).zip(points()) {
        out.extend(record([&[index][..], &point.value.to_le_bytes(), MORE].concat()));
    }
    [out, MORE.to_vec()].concat()
}

fn agg() -> Vec<u8> {
    let (head, counts) = head(&body_of_today("agg"));
    let mut out = [head, varint(u64::from(NEW_TEXT_KIND) + 1), counts].concat();
    out.extend(5i64.to_le_bytes());
    out.extend(6i64.to_le_bytes());
    // Four values, one failed, 100 µs, none unseen, one bucket.
    let figures = [4, 1, 100, 0, 1, 40, 4];
    let digest = |key: &[u8]| record([key, &figures[..], MORE].concat());
    let edge = [&[4, 2, 13][..], &record("orders-db")].concat();
    out.push(4);
    out.extend(digest(&[0, 1]));
    // A key that this version does not know, of whatever layout.
    out.extend(record([&[200][..], MORE].concat()));
    out.extend(digest(&edge));
    out.extend(record([77]));
    [out, MORE.to_vec()].concat()
}

fn alerts() -> Vec<u8> {
    let mut alert = 1_760_000_000_000_000i64.to_le_bytes().to_vec();
    alert.extend([99, 9]);
    for text in ["the disk is on fire", "src/disk.rs:1", "GET /", "acme"] {
        alert.extend(record(text));
    }
    alert.extend(1u128.to_le_bytes());
    alert.extend(2u64.to_le_bytes());
    alert.push(3);
    alert.extend_from_slice(MORE);
    let today = body_of_today("alert");
    let (origin, known) = today.split_at(ORIGIN_BYTES);
    assert_eq!(known[0], 1, "one alert");
    [origin, &[2], &record(alert)[..], &known[1..], MORE].concat()
}

fn texts() -> Vec<u8> {
    let text = |kind: u8, text: &str| {
        record([&[kind][..], &17u64.to_le_bytes(), &record(text), MORE].concat())
    };
    [vec![2], text(NEW_TEXT_KIND, "new"), text(2, "SELECT ?"), MORE.to_vec()].concat()
}

fn hello() -> Vec<u8> {
    let today = body_of_today("hello");
    // Instance, epoch, time, flags.
    let (fixed, mut object) = today.split_at(33);
    let length = take_varint(&mut object);
    assert_eq!(length, object.len() as u64);
    let mut fixed = fixed.to_vec();
    fixed[32] |= 0xfe;
    [fixed, record([object, MORE].concat()), MORE.to_vec()].concat()
}

fn command() -> Vec<u8> {
    let mut out = 5u64.to_le_bytes().to_vec();
    out.extend(999u16.to_le_bytes());
    out.extend(2_000u32.to_le_bytes());
    out.push(77);
    [out, record(MORE), MORE.to_vec()].concat()
}

fn reply(payload: &[u8]) -> Vec<u8> {
    let mut out = 5u64.to_le_bytes().to_vec();
    // Chunk 0; the last one, and six flags that are new; records.
    out.extend([0, 0xfd, 2]);
    [out, record(payload), MORE.to_vec()].concat()
}

fn active() -> Vec<u8> {
    let mut one = 1u64.to_le_bytes().to_vec();
    one.extend(2u128.to_le_bytes());
    for text in ["GET /", "acme", "kim", "192.0.2.7", "order 17"] {
        one.extend(record(text));
    }
    // 9 µs old, 8 of them busy, in a new state, on thread 7, 6 steps, 2 of them open.
    one.extend([9, 8, 5, 7, 6, 2]);
    for kind in [13, 1] {
        one.extend(record([&[kind][..], &record("SELECT 1"), &[4], MORE].concat()));
    }
    one.extend_from_slice(MORE);
    // 300 in flight, one listed.
    [varint(300), vec![1], record(one), MORE.to_vec()].concat()
}

#[test]
fn frames_without_compression_are_as_in_their_files() {
    for (name, bytes) in frames() {
        if name != "batch" {
            assert_eq!(bytes, golden(name), "{name}");
        }
    }
}

#[test]
fn xlogs_with_new_kinds_flags_and_columns_keep_all_that_is_known() {
    let bytes = golden("batch");
    let mut table = TextTable::default();
    let view = BatchView::parse(parse(&bytes).body, &mut table).unwrap();
    assert_eq!(view.totals.dropped(DropReason::SummaryRing), 17);
    assert_eq!(view.totals.dropped_xlogs(), 17 + 5);
    assert_eq!(view.totals.dropped_unknown_xlogs(), 5);
    assert_eq!(view.totals.dropped_unknown_profiles(), 6 + 1);
    let last = table.entries().last().unwrap();
    assert_eq!((last.kind(), last.name), (None, TextName::Id(91)));
    let mut columns = XLogColumns::new();
    SectionDecoder::new().unwrap().xlogs(&view, &resolve(&table), &mut columns).unwrap();
    let mut found = Vec::new();
    columns.for_each(|xlog| found.push(format!("{xlog:?}")));
    let mut expected = Vec::new();
    xlogs(&mut |xlog| {
        let (kind, end, profile) = match expected.len() {
            0 => (XLogKind::Other, EndReason::Other, ProfileFate::Other),
            1 => (XLogKind::Other, EndReason::Complete, ProfileFate::Kept),
            _ => (xlog.kind, xlog.end, xlog.profile),
        };
        let row = scouter_wire::record::XLog { kind, end, profile, ..*xlog };
        expected.push(format!("{row:?}"));
    });
    assert_eq!(found, expected);
    assert!(columns.flags().iter().all(|flags| *flags < 1 << 16));
    assert_eq!(columns.profiles().len(), 3);
}

#[test]
fn profiles_with_new_kinds_details_and_columns_keep_all_that_is_known() {
    let bytes = golden("batch");
    let mut table = TextTable::default();
    let view = BatchView::parse(parse(&bytes).body, &mut table).unwrap();
    let texts = resolve(&table);
    let mut expected = Vec::new();
    steps(&mut |step| {
        let step = match expected.len() {
            0 => Step { outcome: Outcome::Other, ..*step },
            4 | 5 => Step { kind: StepKind::Other, ..*step },
            6 => Step { detail: Detail::None, ..*step },
            _ => *step,
        };
        expected.push(format!("{step:?}"));
    });
    let mut decoder = SectionDecoder::new().unwrap();
    let profiles = decoder.profiles(view.profile_section, &texts).unwrap();
    // The second one is reached by stepping over all steps of the first.
    for profile in [0, 1] {
        let mut found = Vec::new();
        profiles.steps(profile, |step| found.push(format!("{step:?}"))).unwrap();
        assert_eq!(found, expected);
    }
    assert_eq!(profiles.step_count(2), Some(0));
}

#[test]
fn longer_counter_points_are_read() {
    let bytes = golden("counter");
    let mut table = TextTable::default();
    let view = SeriesView::parse(parse(&bytes).body, &mut table).unwrap();
    let mut found = Vec::new();
    view.counters(&resolve(&table), |unix_us, point| found.push((unix_us, point))).unwrap();
    assert_eq!(found, points().into_iter().map(|point| (1_000_000, point)).collect::<Vec<_>>());
}

#[test]
fn digests_of_an_unknown_key_are_skipped_and_counted() {
    let bytes = golden("agg");
    let mut table = TextTable::default();
    let view = SeriesView::parse(parse(&bytes).body, &mut table).unwrap();
    let mut found = Vec::new();
    let interval = view.digests(&resolve(&table), |digest| found.push(digest)).unwrap();
    assert_eq!((interval.from_unix_us, interval.to_unix_us, interval.skipped), (5, 6, 2));
    let edge =
        DigestKey::Edge { service: TextRef(4), kind: StepKind::Other, peer: "orders-db".into() };
    let keys: Vec<_> = found.iter().map(|digest| digest.key.clone()).collect();
    assert_eq!(keys, [DigestKey::Service(TextRef(3)), edge]);
    assert!(found.iter().all(|digest| (digest.count, digest.sketch.count()) == (4, 4)));
}

#[test]
fn alerts_of_an_unknown_kind_keep_their_message() {
    let mut found = Vec::new();
    read_alerts(parse(&golden("alert")).body, |alert| found.push(alert)).unwrap();
    assert_eq!((found[0].kind, found[0].level), (AlertKind::Other, AlertLevel::Fatal));
    assert_eq!(found[0].message, "the disk is on fire");
    assert_eq!((found[0].transaction, found[0].suppressed), (Some((gxid(1), txid(2))), 3));
    assert_eq!(found[1..], [crate::sample::alert()]);
}

#[test]
fn a_field_of_an_alert_that_is_not_known_does_not_hide_the_one_behind_it() {
    let frame = |path: &str, build_id: &[u8], offset| CodeFrame {
        path: path.into(),
        build_id: build_id.into(),
        offset,
    };
    let plain = crate::sample::alert();
    let stack = vec![frame("/app", &[1, 2], 7), frame("", &[], 9), frame("/app", &[1, 2], 8)];
    let told = Alert { stack, ..plain.clone() };
    let fields = |alert: &Alert| {
        let mut out = Vec::new();
        write_alerts_frame(&mut out, 7, &origin(), std::slice::from_ref(alert)).unwrap();
        let mut rest = &parse(&out).body[ORIGIN_BYTES + 1..];
        take_varint(&mut rest);
        rest.to_vec()
    };
    let (fixed, whole) = (fields(&plain), fields(&told));
    assert!(whole.starts_with(&fixed) && whole.len() > fixed.len());
    let newer = [&fixed[..], &[99], &record("new")[..], &whole[fixed.len()..]].concat();
    let body = [&body_of_today("alert")[..ORIGIN_BYTES], &[1], &record(newer)[..]].concat();
    let mut found = Vec::new();
    read_alerts(&body, |alert| found.push(alert)).unwrap();
    assert_eq!(found, [told]);
}

#[test]
fn a_text_of_an_unknown_kind_does_not_hide_the_next_one() {
    let bytes = golden("text");
    let mut found = Vec::new();
    read_texts(parse(&bytes).body, |new| found.push((new.kind, new.hash, new.text))).unwrap();
    assert_eq!(found, [(None, 17, "new"), (Some(TextKind::Sql), 17, "SELECT ?")]);
}

#[test]
fn hello_grows_at_its_end_and_so_does_the_object_in_it() {
    assert_eq!(Hello::read(parse(&golden("hello")).body).unwrap(), crate::sample::hello());
}

#[test]
fn a_command_in_an_unknown_encoding_can_still_be_refused_by_its_id() {
    let bytes = golden("command");
    let command = Command::read(parse(&bytes).body).unwrap();
    assert_eq!((command.id, CommandKind::from_wire(command.kind_number)), (5, None));
    assert_eq!((command.encoding, command.payload), (Encoding::Other, MORE));
}

#[test]
fn a_longer_active_service_in_an_unknown_state_is_listed() {
    let bytes = golden("reply_active");
    let mut answer = Answer::default();
    assert_eq!(answer.push(&Reply::read(parse(&bytes).body).unwrap()), Ok(true));
    assert!(!answer.is_error);
    let (total, listed) = read_active(&answer.payload).unwrap();
    let [one] = listed.as_slice() else { panic!("{listed:?}") };
    assert_eq!(
        (total, one.state, one.steps, one.desc.as_str()),
        (300, RunState::Other, 6, "order 17")
    );
    let stack: Vec<_> = one.stack.iter().map(|step| (step.kind, step.age_us)).collect();
    assert_eq!(stack, [(StepKind::Other, 4), (StepKind::Sql, 4)]);
}

/// Everything but BATCH, which grows by columns, reads the same with something at its end.
#[test]
fn every_message_may_grow_at_its_end() {
    let grown = |name: &str| [&body_of_today(name), MORE].concat();
    assert_eq!(Hello::read(&grown("hello")), Hello::read(&body_of_today("hello")));
    assert_eq!(Auth::read(&grown("auth")), Auth::read(&body_of_today("auth")));
    assert_eq!(Welcome::read(&grown("welcome")), Welcome::read(&body_of_today("welcome")));
    assert_eq!(Ack::read(&grown("ack")), Ack::read(&body_of_today("ack")));
    assert_eq!(Refusal::read(&grown("error")), Refusal::read(&body_of_today("error")));
    assert_eq!(read_object_frame(&grown("object")).unwrap(), crate::sample::object());
    let mut ids = Vec::new();
    read_text_ids(&grown("text_id"), |id| ids.push(id)).unwrap();
    assert_eq!(ids, crate::sample::numbered());
    let payload = |name| {
        let body = grown(name);
        [Reply::read(&body).unwrap().payload, MORE].concat()
    };
    assert_eq!(read_options(&payload("reply_options")).unwrap(), crate::sample::options());
    assert_eq!(read_callsites(&payload("reply_callsites")).unwrap(), crate::sample::callsites());
}

/// The numbers that stand for "newer than this version" are taken: a peer that stores one and reads
/// it again finds it, and no later version may use it for something else.
#[test]
fn what_a_newer_version_named_survives_being_stored_by_its_number() {
    assert_eq!(AlertKind::from_wire(AlertKind::Other as u8), Some(AlertKind::Other));
    assert_eq!(XLogKind::from_wire(15), Some(XLogKind::Other));
    assert_eq!(EndReason::from_wire(15), Some(EndReason::Other));
    assert_eq!(ProfileFate::from_wire(15), Some(ProfileFate::Other));
    assert_eq!(StepKind::from_wire(15), Some(StepKind::Other));
    assert_eq!(Outcome::from_wire(7), Some(Outcome::Other));
    assert_eq!(RunState::from_wire(255), Some(RunState::Other));
    assert_eq!(XLogKind::from_wire(9), None);
    assert_eq!(XLogKind::from_wire_lossy(9), XLogKind::Other);
}
