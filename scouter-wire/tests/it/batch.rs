//! Batches and series: what goes in comes out.

use crate::sample::{
    assert_is_sample, batch, digests, name, origin, parse, points, resolve, steps, totals, txid,
    xlogs,
};
use scouter_wire::codec::{
    BatchEncoder, BatchView, DecodeError, DigestInterval, MAX_BATCH_XLOGS, SectionDecoder,
    SeriesEncoder, SeriesView, TextTable, XLogColumns,
};
use scouter_wire::record::{ProfileFate, Step, XLog};
use scouter_wire::text::MAX_INLINE_BYTES;

fn written(batch: &scouter_wire::codec::EncodedBatch) -> Vec<u8> {
    let mut out = Vec::new();
    batch.write_frame(&mut out, 1, &origin(), name).unwrap();
    out
}

#[test]
fn every_field_of_every_record_round_trips() {
    assert_is_sample(parse(&written(&batch())).body);
}

#[test]
fn an_encoder_used_again_encodes_the_same() {
    let mut encoder = BatchEncoder::new().unwrap();
    let fill = |encoder: &mut BatchEncoder| {
        xlogs(&mut |xlog| assert!(encoder.push_xlog(xlog)));
        assert!(encoder.begin_profile(txid(9), 1));
        steps(&mut |step| assert!(encoder.push_step(step)));
        encoder.finish(&totals()).unwrap()
    };
    let first = fill(&mut encoder);
    assert!(encoder.is_empty());
    assert_eq!(first, fill(&mut encoder));
}

#[test]
fn columns_used_again_hold_only_the_last_batch() {
    let bytes = written(&batch());
    let mut table = TextTable::default();
    let view = BatchView::parse(parse(&bytes).body, &mut table).unwrap();
    let mut decoder = SectionDecoder::new().unwrap();
    let mut columns = XLogColumns::new();
    for _ in 0..3 {
        decoder.xlogs(&view, &resolve(&table), &mut columns).unwrap();
        assert_eq!((columns.len(), columns.profiles().len()), (3, 3));
    }
}

#[test]
fn counts_are_known_without_decoding_sections() {
    let bytes = written(&batch());
    let view = BatchView::parse(parse(&bytes).body, &mut TextTable::default()).unwrap();
    assert_eq!((view.counts.xlogs, view.counts.profiles, view.counts.steps), (3, 3, 22));
    assert_eq!(view.totals, totals());
}

#[test]
fn one_profile_is_read_without_the_others() {
    let bytes = written(&batch());
    let mut table = TextTable::default();
    let view = BatchView::parse(parse(&bytes).body, &mut table).unwrap();
    let texts = resolve(&table);
    let mut decoder = SectionDecoder::new().unwrap();
    let profiles = decoder.profiles(view.profile_section, &texts).unwrap();
    assert_eq!(profiles.len(), 3);
    let mut expected = Vec::new();
    steps(&mut |step| expected.push(format!("{step:?}")));
    for index in [1, 0] {
        let mut found = Vec::new();
        profiles.steps(index, |step| found.push(format!("{step:?}"))).unwrap();
        assert_eq!(found, expected);
    }
    assert_eq!(profiles.step_count(2), Some(0));
    assert_eq!(profiles.steps(3, |_| {}), Err(DecodeError::OutOfRange("profile index")));
}

#[test]
fn stripped_profiles_are_gone_and_their_xlogs_say_so() {
    let mut batch = batch();
    assert_eq!(batch.strip_profiles(), 3);
    assert_eq!(batch.strip_profiles(), 0);
    let bytes = written(&batch);
    let mut table = TextTable::default();
    let view = BatchView::parse(parse(&bytes).body, &mut table).unwrap();
    assert!(view.counts.profiles_stripped && view.profile_section.is_empty());
    let mut columns = XLogColumns::new();
    SectionDecoder::new().unwrap().xlogs(&view, &resolve(&table), &mut columns).unwrap();
    assert_eq!(columns.row(0).profile, ProfileFate::Dropped);
    assert_eq!(columns.row(1).profile, ProfileFate::Empty);
    assert!(columns.profiles().is_empty());
}

#[test]
fn long_inline_texts_are_cut_at_a_character() {
    let mut encoder = BatchEncoder::new().unwrap();
    let long = "ä".repeat(300);
    xlogs(&mut |xlog| {
        encoder.push_xlog(&XLog { tenant: &long, desc: &long, ..*xlog });
    });
    let bytes = written(&encoder.finish(&totals()).unwrap());
    let mut table = TextTable::default();
    let view = BatchView::parse(parse(&bytes).body, &mut table).unwrap();
    let mut columns = XLogColumns::new();
    SectionDecoder::new().unwrap().xlogs(&view, &resolve(&table), &mut columns).unwrap();
    assert_eq!(columns.row(0).tenant, &long[..MAX_INLINE_BYTES]);
    assert_eq!(columns.row(0).desc, &long[..MAX_INLINE_BYTES]);
}

#[test]
fn a_full_batch_refuses_the_next_record() {
    let mut encoder = BatchEncoder::new().unwrap();
    let mut refused = 0;
    xlogs(&mut |xlog| {
        for _ in 0..MAX_BATCH_XLOGS {
            refused += usize::from(!encoder.push_xlog(xlog));
        }
    });
    assert_eq!((encoder.xlogs(), refused), (MAX_BATCH_XLOGS, 2 * MAX_BATCH_XLOGS));
    assert!(!encoder.push_step(&Step::default()), "no profile is open");
}

#[test]
fn counters_and_digests_round_trip() {
    let mut encoder = SeriesEncoder::new();
    let mut bytes = Vec::new();
    encoder.counters(77, &points()).write_frame(&mut bytes, 1, &origin(), name).unwrap();
    let mut table = TextTable::default();
    let view = SeriesView::parse(parse(&bytes).body, &mut table).unwrap();
    assert_eq!(view.origin, origin());
    let mut found = Vec::new();
    view.counters(&resolve(&table), |unix_us, point| found.push((unix_us, point))).unwrap();
    assert_eq!(found, points().into_iter().map(|point| (77, point)).collect::<Vec<_>>());

    bytes.clear();
    encoder.digests(5, 6, &digests()).write_frame(&mut bytes, 1, &origin(), name).unwrap();
    let view = SeriesView::parse(parse(&bytes).body, &mut table).unwrap();
    let mut found = Vec::new();
    let interval = view.digests(&resolve(&table), |digest| found.push(digest)).unwrap();
    let expected = DigestInterval { from_unix_us: 5, to_unix_us: 6, skipped: 0 };
    assert_eq!((found, interval), (digests(), expected));
}
