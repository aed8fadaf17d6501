//! Bounds of what carries lists: series, alerts, texts and answers.

use crate::sample::{active, alert, digests, frames, name, origin, parse, points};
use crate::section::{record, varint};
use scouter_wire::codec::{
    Answer, CallsiteEntry, DecodeError, Encoding, MAX_ACTIVE_STACK, MAX_LIST_ITEMS,
    MAX_REPLY_BYTES, MAX_SENTENCE_BYTES, MAX_SKETCH_BUCKETS, OptionEntry, Reply, SeriesEncoder,
    SeriesView, TextTable, put_active, put_callsites, put_options, read_active, read_alerts,
    read_callsites, read_options, read_text_ids, read_texts, write_alerts_frame,
};
use scouter_wire::record::{ActiveStep, Alert, Digest, StepKind};
use scouter_wire::text::MAX_TEXT_BYTES;

/// One more item than a list may have.
const OVER: usize = MAX_LIST_ITEMS + 1;

/// Whether a list that claims to have one item too many was refused.
fn is_refused<T: std::fmt::Debug>(result: Result<T, DecodeError>) {
    match result {
        Err(DecodeError::TooLong { length, limit, .. }) => {
            assert_eq!((length, limit), (OVER as u64, MAX_LIST_ITEMS as u64));
        }
        other => panic!("{other:?}"),
    }
}

fn body_of(found: &str) -> Vec<u8> {
    let (_, bytes) = frames().into_iter().find(|(name, _)| *name == found).unwrap();
    parse(&bytes).body.to_vec()
}

#[test]
fn points_and_digests_past_the_limit_of_a_list_are_left_out() {
    let (mut series, mut table) = (SeriesEncoder::new(), TextTable::default());
    let (mut bytes, mut count) = (Vec::new(), 0);
    let many = vec![points()[0]; OVER];
    series.counters(1, &many).write_frame(&mut bytes, 1, &origin(), name).unwrap();
    let view = SeriesView::parse(parse(&bytes).body, &mut table).unwrap();
    view.counters(&crate::sample::resolve(&table), |_, _| count += 1).unwrap();
    assert_eq!(count, MAX_LIST_ITEMS);

    (bytes, count) = (Vec::new(), 0);
    let many: Vec<Digest> = vec![digests()[0].clone(); OVER];
    series.digests(1, 2, &many).write_frame(&mut bytes, 1, &origin(), name).unwrap();
    let view = SeriesView::parse(parse(&bytes).body, &mut table).unwrap();
    view.digests(&crate::sample::resolve(&table), |_| count += 1).unwrap();
    assert_eq!(count, MAX_LIST_ITEMS);
}

#[test]
fn alerts_past_the_limit_of_a_list_are_left_out() {
    let small = Alert {
        message: String::new(),
        place: String::new(),
        service: String::new(),
        tenant: String::new(),
        ..alert()
    };
    let (mut bytes, mut count) = (Vec::new(), 0);
    write_alerts_frame(&mut bytes, 1, &origin(), &vec![small; OVER]).unwrap();
    read_alerts(parse(&bytes).body, |_| count += 1).unwrap();
    assert_eq!(count, MAX_LIST_ITEMS);
}

#[test]
fn answers_past_the_limit_of_a_list_are_cut_off() {
    let mut payload = Vec::new();
    put_options(&mut payload, &vec![OptionEntry::default(); OVER]);
    assert_eq!(read_options(&payload).unwrap().len(), MAX_LIST_ITEMS);
    payload.clear();
    put_callsites(&mut payload, &vec![CallsiteEntry::default(); OVER]);
    assert_eq!(read_callsites(&payload).unwrap().len(), MAX_LIST_ITEMS);
    payload.clear();
    put_active(&mut payload, OVER, &vec![active(); OVER]);
    let (total, listed) = read_active(&payload).unwrap();
    assert_eq!((total, listed.len()), (OVER as u64, MAX_LIST_ITEMS));
}

#[test]
fn lists_that_claim_more_than_their_limit_are_refused_before_memory_is_reserved() {
    let claim = varint(OVER as u64);
    is_refused(read_options(&claim));
    is_refused(read_callsites(&claim));
    is_refused(read_active(&[&[0][..], &claim].concat()));
    is_refused(read_texts(&claim, |_| {}));
    is_refused(read_text_ids(&claim, |_| {}));
    let origin = &body_of("alert")[..44];
    is_refused(read_alerts(&[origin, &claim].concat(), |_| {}));
    // An empty table and no counts of texts; then the time or times, and the list.
    let mut table = TextTable::default();
    let counters = [origin, &[0, 0], &[0; 8], &claim].concat();
    is_refused(SeriesView::parse(&counters, &mut table).unwrap().counters(&[], |_, _| {}));
    let digests = [origin, &[0, 0], &[0; 16], &claim].concat();
    is_refused(SeriesView::parse(&digests, &mut table).unwrap().digests(&[], |_| {}));
}

#[test]
fn active_services_are_listed_until_the_reply_is_full_and_all_are_counted() {
    // Ten thousand in flight, each in a statement of 4 KiB: 40 MB, of which 16 MiB may travel.
    let mut slow = active();
    slow.stack[0].name = "x".repeat(4 * 1024);
    let many = vec![slow; 10_000];
    let mut payload = Vec::new();
    put_active(&mut payload, 12_345, &many);
    assert!(payload.len() <= MAX_REPLY_BYTES, "{}", payload.len());
    assert!(payload.len() > MAX_REPLY_BYTES - 8 * 1024, "as many as fit: {}", payload.len());
    let mut answer = Answer::default();
    for reply in Reply::chunks(1, false, Encoding::Records, &payload) {
        answer.push(&reply).unwrap();
    }
    let (total, listed) = read_active(&answer.payload).unwrap();
    assert_eq!(total, 12_345);
    assert!((3_000..4_200).contains(&listed.len()), "{}", listed.len());
    assert_eq!(listed[..], many[..listed.len()]);
}

#[test]
fn options_and_callsites_are_listed_until_the_reply_is_full() {
    let long = "x".repeat(MAX_SENTENCE_BYTES);
    let option = OptionEntry { help: long.clone(), ..OptionEntry::default() };
    let mut payload = Vec::new();
    put_options(&mut payload, &vec![option; 5_000]);
    assert!(payload.len() <= MAX_REPLY_BYTES);
    assert!((4_000..4_100).contains(&read_options(&payload).unwrap().len()));
    let callsite = CallsiteEntry { name: long, ..CallsiteEntry::default() };
    payload.clear();
    put_callsites(&mut payload, &vec![callsite; 5_000]);
    assert!(payload.len() <= MAX_REPLY_BYTES);
    assert!((4_000..4_100).contains(&read_callsites(&payload).unwrap().len()));
}

#[test]
fn of_a_deep_stack_the_innermost_steps_are_listed() {
    let deep = |depth: u64| {
        let step = |age_us| ActiveStep { kind: StepKind::Method, name: "recurse".into(), age_us };
        let stack = (0..depth).map(step).collect();
        scouter_wire::record::ActiveTransaction { stack, ..active() }
    };
    let mut payload = Vec::new();
    put_active(&mut payload, 1, &[deep(300)]);
    let (_, listed) = read_active(&payload).unwrap();
    let ages: Vec<_> = listed[0].stack.iter().map(|step| step.age_us).collect();
    assert_eq!(ages, (300 - MAX_ACTIVE_STACK as u64..300).collect::<Vec<_>>());

    // The same with a depth that no encoder writes: it stands before the records of the steps.
    payload.clear();
    put_active(&mut payload, 1, &[deep(0)]);
    let one = &payload[3..payload.len() - 1];
    let deeper = [one, &varint(MAX_ACTIVE_STACK as u64 + 1)].concat();
    let result = read_active(&[&[1, 1][..], &record(deeper)].concat());
    let limit = MAX_ACTIVE_STACK as u64;
    let what = "open steps";
    assert_eq!(result, Err(DecodeError::TooLong { what, length: limit + 1, limit }));
}

#[test]
fn texts_are_cut_at_their_limit_and_longer_ones_refused() {
    let long = "x".repeat(MAX_TEXT_BYTES + 1);
    let mut body = Vec::new();
    let texts = [(scouter_wire::TextKind::Sql, 1, long.as_str())];
    scouter_wire::codec::put_texts(&mut body, texts.into_iter());
    let mut found = 0;
    read_texts(&body, |new| found = new.text.len()).unwrap();
    assert_eq!(found, MAX_TEXT_BYTES);
    let over = [&[2][..], &[0; 8], &record(&long)].concat();
    let result = read_texts(&[&[1][..], &record(over)].concat(), |_| {});
    let (length, limit) = (MAX_TEXT_BYTES as u64 + 1, MAX_TEXT_BYTES as u64);
    assert_eq!(result, Err(DecodeError::TooLong { what: "text", length, limit }));
}

#[test]
fn a_sketch_has_at_most_its_buckets_in_ascending_order() {
    let read = |sketch: &[u8]| {
        let digest = record([&[0, 0, 0, 0, 0, 0], sketch].concat());
        let body = [&body_of("agg")[..44], &[0, 0], &[0; 16], &[1], &digest].concat();
        let mut found = 0;
        let view = SeriesView::parse(&body, &mut TextTable::default()).unwrap();
        view.digests(&[], |digest| found = digest.sketch.buckets.len()).map(|_| found)
    };
    let all: Vec<u8> = (0..MAX_SKETCH_BUCKETS).flat_map(|at| [u8::from(at > 0), 1]).collect();
    let count = |count: usize| varint(count as u64);
    assert_eq!(read(&[&count(MAX_SKETCH_BUCKETS)[..], &all].concat()), Ok(MAX_SKETCH_BUCKETS));
    let (length, limit) = (MAX_SKETCH_BUCKETS as u64 + 1, MAX_SKETCH_BUCKETS as u64);
    let too_long = DecodeError::TooLong { what: "sketch", length, limit };
    assert_eq!(read(&count(MAX_SKETCH_BUCKETS + 1)), Err(too_long));
    let past = [&[1][..], &count(MAX_SKETCH_BUCKETS), &[1]].concat();
    assert_eq!(read(&past), Err(DecodeError::OutOfRange("bucket of a sketch")));
    let twice = [2, 3, 1, 0, 1];
    assert_eq!(read(&twice), Err(DecodeError::OutOfRange("bucket of a sketch")));
    assert_eq!(read(&[1, 3, 0]), Err(DecodeError::OutOfRange("count of a sketch")));
}
