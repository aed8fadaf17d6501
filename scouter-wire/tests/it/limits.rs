//! Each bound of the codec on both sides: the encoder cuts or refuses, the decoder refuses.

use crate::sample::{batch, frames, name, origin, parse, resolve, totals, txid, xlogs};
use crate::section::{Section, planes, record, varint};
use scouter_wire::codec::{
    Auth, BatchEncoder, BatchView, Command, DecodeError, DropReason, EncodeError, EncodedBatch,
    Encoding, Hello, MAX_BATCH_PROFILES, MAX_BATCH_STEPS, MAX_COMMAND_BYTES, MAX_FRAME_TEXTS,
    MAX_NAME_BYTES, MAX_REPLY_CHUNK_BYTES, MAX_SECTION_BYTES, MAX_SENTENCE_BYTES,
    MAX_STEP_TEXT_BYTES, MAX_TAGS, MAX_TOKEN_BYTES, Refusal, RefusalCode, Reply, SectionDecoder,
    TextTable, Totals, XLogColumns, put_object, read_object_frame,
};
use scouter_wire::record::{Detail, Step, Tag, XLog};
use scouter_wire::text::MAX_INLINE_BYTES;
use scouter_wire::{TextKind, TextRef};

/// Whether the named thing was refused for being longer than its limit.
fn is_too_long<T: std::fmt::Debug>(result: Result<T, DecodeError>, what: &str, over: usize) {
    match result {
        Err(DecodeError::TooLong { what: found, length, limit }) => {
            assert_eq!((found, length, limit), (what, over as u64, over as u64 - 1));
        }
        other => panic!("{what}: {other:?}"),
    }
}

fn body(batch: &EncodedBatch) -> Vec<u8> {
    let mut out = Vec::new();
    batch.write_frame(&mut out, 1, &origin(), name).unwrap();
    parse(&out).body.to_vec()
}

fn encoder_in_a_profile() -> BatchEncoder {
    let mut encoder = BatchEncoder::new().unwrap();
    assert!(encoder.begin_profile(txid(1), 1));
    encoder
}

/// What the steps of the only profile decode to.
fn decoded(mut encoder: BatchEncoder, visit: impl FnMut(&Step<'_>)) {
    let body = body(&encoder.finish(&totals()).unwrap());
    let mut table = TextTable::default();
    let view = BatchView::parse(&body, &mut table).unwrap();
    let texts = resolve(&table);
    let mut decoder = SectionDecoder::new().unwrap();
    decoder.profiles(view.profile_section, &texts).unwrap().steps(0, visit).unwrap();
}

/// The sample batch with a column of its XLog section replaced.
fn xlogs_with(number: u8, column: &[u8]) -> Result<(), DecodeError> {
    let body = body(&batch());
    let mut table = TextTable::default();
    let view = BatchView::parse(&body, &mut table).unwrap();
    let mut section = Section::open(view.xlog_section);
    section.set(number, column);
    let view = BatchView { xlog_section: &section.close(), ..view };
    let mut columns = XLogColumns::new();
    let mut decoder = SectionDecoder::new().unwrap();
    decoder.xlogs(&view, &resolve(&table), &mut columns)
}

/// The sample batch with a column of its profile section replaced.
fn profile_with(number: u8, column: &[u8]) -> Result<(), DecodeError> {
    let body = body(&batch());
    let mut table = TextTable::default();
    let view = BatchView::parse(&body, &mut table).unwrap();
    let mut section = Section::open(view.profile_section);
    section.set(number, column);
    let (section, texts) = (section.close(), resolve(&table));
    let mut decoder = SectionDecoder::new().unwrap();
    decoder.profiles(&section, &texts)?.steps(0, |_| {})
}

#[test]
fn tags_past_their_limit_are_cut_by_the_encoder_and_refused_by_the_decoder() {
    let tags: Vec<_> = (0..=MAX_TAGS).map(|_| Tag { key: TextRef(50), value: "x" }).collect();
    let mut encoder = BatchEncoder::new().unwrap();
    xlogs(&mut |xlog| assert!(encoder.push_xlog(&XLog { tags: &tags, ..*xlog })));
    let body = body(&encoder.finish(&totals()).unwrap());
    let mut table = TextTable::default();
    let view = BatchView::parse(&body, &mut table).unwrap();
    let mut columns = XLogColumns::new();
    SectionDecoder::new().unwrap().xlogs(&view, &resolve(&table), &mut columns).unwrap();
    assert_eq!(columns.tags(0).len(), MAX_TAGS);
    let over = MAX_TAGS + 1;
    is_too_long(xlogs_with(25, &planes(1, &[over as u64, 0, 0])), "tags", over);
}

#[test]
fn attributes_past_their_limit_are_cut_by_the_encoder_and_refused_by_the_decoder() {
    let tags: Vec<_> = (0..=MAX_TAGS).map(|_| Tag { key: TextRef(50), value: "x" }).collect();
    let mut encoder = encoder_in_a_profile();
    assert!(encoder.push_step(&Step { detail: Detail::Attributes(&tags), ..Step::default() }));
    decoded(encoder, |step| match step.detail {
        Detail::Attributes(found) => assert_eq!(found.len(), MAX_TAGS),
        ref other => panic!("{other:?}"),
    });
    let over = MAX_TAGS + 1;
    is_too_long(profile_with(25, &varint(over as u64)), "attributes", over);
}

#[test]
fn texts_of_a_step_are_cut_at_a_character_and_longer_ones_refused() {
    let long = "ä".repeat(MAX_STEP_TEXT_BYTES);
    let mut encoder = encoder_in_a_profile();
    let sql = Detail::Sql {
        pool_wait_us: 0,
        first_row_us: None,
        rows: 0,
        affected: 0,
        binds: 1,
        bind_values: &long,
    };
    for detail in [Detail::Text(&long), sql] {
        assert!(encoder.push_step(&Step { detail, ..Step::default() }));
    }
    let mut seen = 0;
    decoded(encoder, |step| match step.detail {
        Detail::Text(text) | Detail::Sql { bind_values: text, .. } => {
            assert_eq!(text, &long[..MAX_STEP_TEXT_BYTES]);
            seen += 1;
        }
        ref other => panic!("{other:?}"),
    });
    assert_eq!(seen, 2);
    let over = MAX_STEP_TEXT_BYTES + 1;
    is_too_long(profile_with(28, &varint(over as u64)), "step text", over);
}

#[test]
fn inline_texts_past_their_limit_are_refused() {
    let over = MAX_INLINE_BYTES + 1;
    // Lengths of the tenants' dictionary, and of the descriptions.
    is_too_long(xlogs_with(35, &varint(over as u64)), "tenant", over);
    is_too_long(xlogs_with(29, &planes(2, &[over as u64, 0, 0])), "description", over);
}

#[test]
fn a_batch_takes_no_step_past_its_limit() {
    let mut encoder = encoder_in_a_profile();
    let step = Step::default();
    assert!((0..MAX_BATCH_STEPS).all(|_| encoder.push_step(&step)));
    assert!(!encoder.push_step(&step));
    assert_eq!(encoder.steps(), MAX_BATCH_STEPS);
    let over = MAX_BATCH_STEPS + 1;
    is_too_long(profile_with(1, &varint(over as u64)), "steps of a profile", over);
}

#[test]
fn a_batch_takes_no_profile_past_its_limit() {
    let mut encoder = BatchEncoder::new().unwrap();
    for _ in 0..MAX_BATCH_PROFILES {
        assert!(encoder.begin_profile(txid(1), 1));
        encoder.end_profile();
    }
    assert!(!encoder.begin_profile(txid(1), 1));
    assert!(!encoder.push_step(&Step::default()), "no profile is open");
    let counts = vec![0; MAX_BATCH_PROFILES + 1];
    let result = profile_with(1, &counts);
    assert!(matches!(result, Err(DecodeError::TooLong { what: "profiles", .. })), "{result:?}");
}

#[test]
fn counts_of_a_batch_past_their_limits_are_refused() {
    let whole = body(&EncodedBatch::default());
    // Origin, an empty table, flags; then the counts.
    let (head, _) = whole.split_at(46);
    for (zeros, what, limit) in [
        (0, "XLogs of a batch", scouter_wire::codec::MAX_BATCH_XLOGS),
        (1, "profiles of a batch", MAX_BATCH_PROFILES),
        (2, "steps of a batch", MAX_BATCH_STEPS),
    ] {
        let body = [head, &vec![0; zeros], &varint(limit as u64 + 1)].concat();
        let result = BatchView::parse(&body, &mut TextTable::default());
        is_too_long(result, what, limit + 1);
    }
}

#[test]
fn a_text_table_past_its_limit_is_refused_before_memory_is_reserved() {
    let origin = &body(&EncodedBatch::default())[..44];
    let over = MAX_FRAME_TEXTS + 1;
    let result = [origin, &[1], &varint(over as u64)].concat();
    is_too_long(BatchView::parse(&result, &mut TextTable::default()), "text table", over);
    // Of all kinds together, known or not.
    let two = [origin, &[9, 1, 5], &varint(MAX_FRAME_TEXTS as u64)].concat();
    let result = BatchView::parse(&two, &mut TextTable::default());
    assert!(matches!(result, Err(DecodeError::TooLong { what: "text table", .. })), "{result:?}");
    let lying = [origin, &[1], &varint(MAX_FRAME_TEXTS as u64)].concat();
    let result = BatchView::parse(&lying, &mut TextTable::default());
    assert_eq!(result, Err(DecodeError::Truncated("text table")));
}

#[test]
fn texts_of_a_later_kind_are_named_in_a_table_and_skipped() {
    let head = &body(&EncodedBatch::default())[..44];
    // Kinds 0 to 8: one service, two of kind 8.
    let table_bytes = [head, &[9, 1, 5, 0, 0, 0, 0, 0, 0, 0, 2, 6, 7]].concat();
    let rest = &body(&EncodedBatch::default())[45..];
    let mut table = TextTable::default();
    BatchView::parse(&[&table_bytes, rest].concat(), &mut table).unwrap();
    let kinds: Vec<_> =
        table.entries().iter().map(|entry| (entry.kind_number, entry.kind())).collect();
    assert_eq!(kinds, [(0, Some(TextKind::Service)), (8, None), (8, None)]);
}

#[test]
fn a_section_past_its_limit_is_refused_and_the_encoder_goes_on() {
    let long = "x".repeat(MAX_STEP_TEXT_BYTES);
    let mut encoder = encoder_in_a_profile();
    for _ in 0..=MAX_SECTION_BYTES / MAX_STEP_TEXT_BYTES {
        assert!(encoder.push_step(&Step { detail: Detail::Text(&long), ..Step::default() }));
    }
    let result = encoder.finish(&totals());
    assert!(
        matches!(result, Err(EncodeError::SectionTooLong { length }) if length > MAX_SECTION_BYTES),
        "{result:?}"
    );
    assert!(encoder.is_empty());
    xlogs(&mut |xlog| assert!(encoder.push_xlog(xlog)));
    assert_eq!(encoder.finish(&totals()).unwrap().xlogs, 3);
}

#[test]
fn names_of_an_object_are_cut_at_a_character_and_longer_ones_refused() {
    let long = "ä".repeat(MAX_NAME_BYTES);
    let mut hello = crate::sample::hello();
    hello.object.name = long.clone();
    hello.object.tags = vec![(long.clone(), long.clone())];
    let mut body = Vec::new();
    hello.put(&mut body);
    let object = Hello::read(&body).unwrap().object;
    let cut = long[..MAX_NAME_BYTES].to_owned();
    assert_eq!(object.name, cut);
    assert_eq!(object.tags, [(cut.clone(), cut)]);
    let over = MAX_NAME_BYTES + 1;
    is_too_long(read_object_frame(&varint(over as u64)), "object name", over);
}

#[test]
fn an_object_keeps_64_tags() {
    let mut object = crate::sample::object();
    object.tags = vec![("key".into(), "value".into()); 65];
    let mut body = Vec::new();
    put_object(&mut body, &object);
    assert_eq!(read_object_frame(&body).unwrap().tags.len(), 64);
}

#[test]
fn a_sentence_is_cut_at_a_character_and_a_longer_one_refused() {
    let sentence = "ä".repeat(MAX_SENTENCE_BYTES);
    let mut body = Vec::new();
    Refusal { code: RefusalCode::Busy, sentence: sentence.clone() }.put(&mut body);
    assert_eq!(Refusal::read(&body).unwrap().sentence, sentence[..MAX_SENTENCE_BYTES]);
    let over = MAX_SENTENCE_BYTES + 1;
    let body = [&[0, 0][..], &varint(over as u64)].concat();
    is_too_long(Refusal::read(&body), "refusal", over);
}

#[test]
fn a_token_is_never_cut_but_refused() {
    let mut body = Vec::new();
    Auth::Token("x".repeat(MAX_TOKEN_BYTES)).put(&mut body);
    assert!(Auth::read(&body).unwrap().matches(&"x".repeat(MAX_TOKEN_BYTES)));
    body.clear();
    let over = MAX_TOKEN_BYTES + 1;
    Auth::Token("x".repeat(over)).put(&mut body);
    is_too_long(Auth::read(&body), "token", over);
}

#[test]
fn payloads_past_their_limits_are_refused() {
    let payload = vec![7; MAX_COMMAND_BYTES + 1];
    let mut command = Command {
        id: 1,
        kind_number: 0,
        deadline_ms: 0,
        encoding: Encoding::Text,
        payload: &payload[1..],
    };
    let mut body = Vec::new();
    command.put(&mut body);
    assert_eq!(Command::read(&body).unwrap(), command);
    command.payload = &payload;
    body.clear();
    command.put(&mut body);
    is_too_long(Command::read(&body), "command payload", MAX_COMMAND_BYTES + 1);

    let over = MAX_REPLY_CHUNK_BYTES + 1;
    let body = [&[0; 8][..], &[0, 1, 0], &record(&payload[..over])].concat();
    is_too_long(Reply::read(&body), "reply payload", over);
}

#[test]
fn counts_of_dropped_records_saturate_and_unknown_reasons_stay_apart() {
    let mut totals = Totals::default();
    totals.set_dropped(DropReason::SummaryRing, u64::MAX);
    totals.set_dropped(DropReason::Rule, u64::MAX);
    totals.set_dropped(DropReason::Sampled, 5);
    assert_eq!(totals.dropped_xlogs(), u64::MAX);
    let (_, frame) = frames().into_iter().find(|(name, _)| *name == "batch").unwrap();
    let before = BatchView::parse(parse(&frame).body, &mut TextTable::default()).unwrap().totals;
    assert_eq!(before, crate::sample::totals());

    // An agent of a later version: two reasons of which only their kind is known, each twice.
    let whole = body(&EncodedBatch::default());
    let (head, _) = whole.split_at(46);
    let mut hostile = [head, &[0; 4], &varint(1_000), &[6]].concat();
    for code in [90 << 1, 90 << 1 | 1, DropReason::Rule as u64 * 2] {
        for _ in 0..2 {
            hostile.extend(varint(code));
            hostile.extend(varint(u64::MAX));
        }
    }
    hostile.push(0);
    let found = BatchView::parse(&hostile, &mut TextTable::default()).unwrap().totals;
    assert_eq!(found.dropped(DropReason::Unsendable), 0);
    assert_eq!(found.dropped(DropReason::Rule), u64::MAX);
    assert_eq!(found.dropped_unknown_xlogs(), u64::MAX);
    assert_eq!(found.dropped_unknown_profiles(), u64::MAX);
    assert_eq!(found.dropped_xlogs(), u64::MAX);

    let profiles_only = [head, &[0; 4], &[9, 1], &varint(90 << 1 | 1), &[7, 0]].concat();
    let found = BatchView::parse(&profiles_only, &mut TextTable::default()).unwrap().totals;
    assert_eq!((found.dropped_xlogs(), found.dropped_unknown_profiles()), (0, 7));
}
