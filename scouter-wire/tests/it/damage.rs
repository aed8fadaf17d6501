//! Damaged input: cut at each byte, each bit flipped, wild numbers. Never a panic.

use crate::sample::{frames, parse};
use scouter_wire::TextRef;
use scouter_wire::codec::{
    Ack, Auth, BatchView, ClockReading, Command, DecodeError, Frame, FrameType, Hello, Refusal,
    Reply, SectionDecoder, SeriesView, TextTable, Welcome, XLogColumns, read_active, read_alerts,
    read_callsites, read_environment, read_heap, read_object_frame, read_options, read_profile,
    read_text_ids, read_texts, read_threads,
};

/// Decodes a body as far as it goes, as a collector or agent would.
pub(crate) fn decode(
    frame_type: FrameType,
    body: &[u8],
    decoder: &mut SectionDecoder,
) -> Result<(), DecodeError> {
    let mut table = TextTable::default();
    let texts = |table: &TextTable| vec![TextRef(1); table.entries().len()];
    match frame_type {
        FrameType::Hello => Hello::read(body).map(drop),
        FrameType::Auth => Auth::read(body).map(drop),
        FrameType::Welcome => Welcome::read(body).map(drop),
        FrameType::Text => read_texts(body, |_| {}),
        FrameType::TextId => read_text_ids(body, |_| {}),
        FrameType::Batch => {
            let view = BatchView::parse(body, &mut table)?;
            let texts = texts(&table);
            let mut columns = XLogColumns::new();
            let xlogs = decoder.xlogs(&view, &texts, &mut columns);
            columns.for_each(|_| {});
            if view.counts.profiles > 0 {
                let profiles = decoder.profiles(view.profile_section, &texts)?;
                (0..profiles.len()).try_for_each(|index| profiles.steps(index, |_| {}))?;
            }
            xlogs
        }
        FrameType::Counter => {
            let view = SeriesView::parse(body, &mut table)?;
            view.counters(&texts(&table), |_, _| {})
        }
        FrameType::Agg => {
            let view = SeriesView::parse(body, &mut table)?;
            view.digests(&texts(&table), |_| {}).map(drop)
        }
        FrameType::Alert => read_alerts(body, |_| {}).map(drop),
        FrameType::Object => read_object_frame(body).map(drop),
        FrameType::Ack => Ack::read(body).map(drop),
        FrameType::Command => Command::read(body).map(drop),
        FrameType::Reply => {
            let payload = Reply::read(body)?.payload;
            read_active(payload)
                .map(drop)
                .or(read_options(payload).map(drop))
                .or(read_callsites(payload).map(drop))
                .or(read_threads(payload).map(drop))
                .or(read_profile(payload).map(drop))
                .or(read_environment(payload).map(drop))
                .or(read_heap(payload).map(drop))
        }
        FrameType::Error => Refusal::read(body).map(drop),
        FrameType::Clock => ClockReading::read(body).map(drop),
        other => unreachable!("{other:?}"),
    }
}

#[test]
fn a_frame_cut_at_any_byte_is_incomplete_and_never_decodes() {
    for (name, bytes) in frames() {
        for length in 0..bytes.len() {
            assert_eq!(Frame::parse(&bytes[..length]), Ok(None), "{name} {length}");
        }
    }
}

#[test]
fn a_body_cut_at_any_byte_is_an_error() {
    let mut decoder = SectionDecoder::new().unwrap();
    for (name, bytes) in frames() {
        let frame = parse(&bytes);
        let frame_type = frame.header.frame_type().unwrap();
        decode(frame_type, frame.body, &mut decoder).unwrap();
        for length in 0..frame.body.len() {
            let result = decode(frame_type, &frame.body[..length], &mut decoder);
            assert!(result.is_err(), "{name} {length}");
        }
    }
}

#[test]
fn any_flipped_bit_of_a_frame_is_noticed() {
    for (name, mut bytes) in frames() {
        for bit in 0..8 * bytes.len() {
            bytes[bit / 8] ^= 1 << (bit % 8);
            let whole = Frame::parse(&bytes);
            assert!(!matches!(whole, Ok(Some(_))), "{name} {bit}");
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
    }
}

#[test]
fn any_flipped_bit_of_a_body_decodes_to_something_or_an_error() {
    let mut decoder = SectionDecoder::new().unwrap();
    for (_, bytes) in frames().into_iter().chain(crate::future::frames()) {
        let frame = parse(&bytes);
        let frame_type = frame.header.frame_type().unwrap();
        let mut body = frame.body.to_vec();
        for bit in 0..8 * body.len() {
            body[bit / 8] ^= 1 << (bit % 8);
            let _ = decode(frame_type, &body, &mut decoder);
            body[bit / 8] ^= 1 << (bit % 8);
        }
    }
}

/// zstd hides the inner layout from bit flips; this breaks the section itself.
#[test]
fn any_changed_byte_inside_a_section_decodes_to_something_or_an_error() {
    let (_, bytes) = frames().into_iter().find(|(name, _)| *name == "batch").unwrap();
    let frame = parse(&bytes);
    let mut table = TextTable::default();
    let view = BatchView::parse(frame.body, &mut table).unwrap();
    let texts = vec![TextRef(1); table.entries().len()];
    let mut decoder = SectionDecoder::new().unwrap();
    let mut columns = XLogColumns::new();
    let unpack = |section: &[u8]| zstd::bulk::decompress(section, 1 << 20).unwrap();
    let (xlogs, profiles) = (unpack(view.xlog_section), unpack(view.profile_section));
    for (raw, is_profile) in [(xlogs, false), (profiles, true)] {
        let mut raw = raw;
        for at in 0..raw.len() {
            for value in [0, 1, 0x7f, 0x80, 0xff] {
                let before = std::mem::replace(&mut raw[at], value);
                let section = zstd::bulk::compress(&raw, 1).unwrap();
                if is_profile {
                    if let Ok(profiles) = decoder.profiles(&section, &texts) {
                        for index in 0..profiles.len() {
                            let _ = profiles.steps(index, |_| {});
                        }
                    }
                } else {
                    let changed = BatchView { xlog_section: &section, ..view };
                    let _ = decoder.xlogs(&changed, &texts, &mut columns);
                    columns.for_each(|_| {});
                }
                raw[at] = before;
            }
        }
    }
}

#[test]
fn a_section_that_claims_to_be_huge_is_refused_before_memory_is_reserved() {
    // A zstd frame header: magic, single segment with 8-byte content size, 1 TiB.
    let mut section = vec![0x28, 0xb5, 0x2f, 0xfd, 0xe0];
    section.extend_from_slice(&(1u64 << 40).to_le_bytes());
    let mut decoder = SectionDecoder::new().unwrap();
    let result = decoder.profiles(&section, &[]).map(drop);
    assert!(matches!(result, Err(DecodeError::TooLong { length: 0x100_0000_0000, .. })));
}

#[test]
fn references_past_the_text_table_are_refused() {
    let (_, bytes) = frames().into_iter().find(|(name, _)| *name == "batch").unwrap();
    let mut table = TextTable::default();
    let view = BatchView::parse(parse(&bytes).body, &mut table).unwrap();
    let few = vec![TextRef(1); table.entries().len() - 1];
    let mut decoder = SectionDecoder::new().unwrap();
    let mut columns = XLogColumns::new();
    let error = DecodeError::OutOfRange("text table of the section");
    assert_eq!(decoder.xlogs(&view, &few, &mut columns), Err(error));
    assert!(columns.is_empty());
    assert_eq!(decoder.profiles(view.profile_section, &few).map(drop), Err(error));
}
