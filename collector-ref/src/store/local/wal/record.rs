//! One record of the WAL: `length u32 | crc32c u32 | type u8 | fields | payload`.
//!
//! The checksum covers the length too, so that a tail of zeros or of old blocks never reads as a
//! record.

use std::io::IoSlice;

use scouter_wire::record::CounterPoint;
use scouter_wire::{ObjectId, TextRef};

use crate::store::Origin;
use crate::store::local::bytes::{Damaged, Reader, put_varint};

/// Length and checksum in front of a record.
pub(crate) const RECORD_HEAD_BYTES: usize = 8;

/// Longest record: a frame and its numbers. A longer length is damage.
pub(crate) const MAX_RECORD_BYTES: usize = 16 << 20;

/// Kind number of an object's name, beside those of [`TextKind`](scouter_wire::TextKind).
pub(crate) const OBJECT_KIND: u8 = 255;

/// Who sent a frame, and which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FrameId {
    pub(crate) origin: Origin,
    pub(crate) seq: u64,
    pub(crate) object: ObjectId,
}

/// What a record holds.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Record<'a> {
    /// A text or object got a number.
    Text { kind: u8, id: u32, text: &'a str },
    /// A batch of transactions with their profiles, as it came.
    Batch {
        frame: FrameId,
        arrival_unix_us: i64,
        clock_offset_us: i64,
        /// The store's numbers of the texts in the batch's table.
        texts: Vec<TextRef>,
        body: &'a [u8],
    },
    /// Counter values.
    Counters { frame: FrameId, unix_us: i64, points: Vec<CounterPoint> },
    /// Alerts, as JSON.
    Alerts { frame: FrameId, json: &'a [u8] },
    /// Digests of one interval.
    Digests { frame: FrameId, from_unix_us: i64, digests: &'a [u8] },
    /// How far the log was on disk when this was written.
    Mark(Mark),
}

/// How far the log is on disk: all files before this one, and this one up to a length.
///
/// What is damaged in front of the last mark was whole once, and may have been acknowledged: it is
/// left out, told, and what follows is read. Behind it a power loss may have kept one write and not
/// the one before, so nothing after the first damage can be trusted to have no gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Mark {
    /// Number of the file.
    pub(crate) generation: u64,
    /// Its bytes that are on disk.
    pub(crate) bytes: u64,
}

mod tag {
    pub(super) const TEXT: u8 = 1;
    pub(super) const BATCH: u8 = 2;
    pub(super) const COUNTERS: u8 = 3;
    pub(super) const ALERTS: u8 = 4;
    pub(super) const MARK: u8 = 5;
    pub(super) const DIGESTS: u8 = 6;
}

fn put_frame(out: &mut Vec<u8>, frame: &FrameId) {
    out.extend_from_slice(&frame.origin.instance.to_le_bytes());
    out.extend_from_slice(&frame.origin.epoch.to_le_bytes());
    out.extend_from_slice(&frame.seq.to_le_bytes());
    out.extend_from_slice(&frame.object.0.to_le_bytes());
}

fn read_frame(reader: &mut Reader<'_>) -> Result<FrameId, Damaged> {
    let origin = Origin { instance: reader.u128()?, epoch: reader.u64()? };
    Ok(FrameId { origin, seq: reader.u64()?, object: ObjectId(reader.u32()?) })
}

/// The fields of a record, in a buffer that is used again; the payload is written from where it
/// lies.
#[derive(Debug, Default)]
pub(crate) struct RecordHead(Vec<u8>);

impl RecordHead {
    /// Fields of a batch; its body follows as payload.
    pub(crate) fn batch(
        &mut self,
        frame: &FrameId,
        arrival_unix_us: i64,
        clock_offset_us: i64,
        texts: &[TextRef],
    ) {
        self.begin(tag::BATCH);
        put_frame(&mut self.0, frame);
        self.0.extend_from_slice(&arrival_unix_us.to_le_bytes());
        self.0.extend_from_slice(&clock_offset_us.to_le_bytes());
        put_varint(&mut self.0, texts.len() as u64);
        for text in texts {
            put_varint(&mut self.0, u64::from(text.0));
        }
    }

    /// Fields of a text; it follows as payload.
    pub(crate) fn text(&mut self, kind: u8, id: u32) {
        self.begin(tag::TEXT);
        self.0.push(kind);
        self.0.extend_from_slice(&id.to_le_bytes());
    }

    /// A whole record of counter values.
    pub(crate) fn counters(&mut self, frame: &FrameId, unix_us: i64, points: &[CounterPoint]) {
        self.begin(tag::COUNTERS);
        put_frame(&mut self.0, frame);
        self.0.extend_from_slice(&unix_us.to_le_bytes());
        put_varint(&mut self.0, points.len() as u64);
        for point in points {
            put_varint(&mut self.0, u64::from(point.name.0));
            self.0.extend_from_slice(&point.value.to_le_bytes());
        }
    }

    /// Fields of alerts; their JSON follows as payload.
    pub(crate) fn alerts(&mut self, frame: &FrameId) {
        self.begin(tag::ALERTS);
        put_frame(&mut self.0, frame);
    }

    /// Fields of digests; they follow as payload.
    pub(crate) fn digests(&mut self, frame: &FrameId, from_unix_us: i64) {
        self.begin(tag::DIGESTS);
        put_frame(&mut self.0, frame);
        self.0.extend_from_slice(&from_unix_us.to_le_bytes());
    }

    /// A whole record of how far the log is on disk.
    pub(crate) fn mark(&mut self, mark: Mark) {
        self.begin(tag::MARK);
        self.0.extend_from_slice(&mark.generation.to_le_bytes());
        self.0.extend_from_slice(&mark.bytes.to_le_bytes());
    }

    fn begin(&mut self, tag: u8) {
        self.0.clear();
        self.0.resize(RECORD_HEAD_BYTES, 0);
        self.0.push(tag);
    }

    /// Fills in length and checksum; answers the number of bytes of the whole record, or `None`
    /// when it would be too long.
    pub(crate) fn finish(&mut self, payload: &[u8]) -> Option<usize> {
        let length = self.0.len() - RECORD_HEAD_BYTES + payload.len();
        let length =
            u32::try_from(length).ok().filter(|length| *length as usize <= MAX_RECORD_BYTES)?;
        let head = length.to_le_bytes();
        let sum = crc32c::crc32c(&head);
        let sum = crc32c::crc32c_append(sum, &self.0[RECORD_HEAD_BYTES..]);
        let sum = crc32c::crc32c_append(sum, payload);
        self.0[..4].copy_from_slice(&head);
        self.0[4..8].copy_from_slice(&sum.to_le_bytes());
        Some(self.0.len() + payload.len())
    }

    /// What to write.
    pub(crate) fn slices<'a>(&'a self, payload: &'a [u8]) -> [IoSlice<'a>; 2] {
        [IoSlice::new(&self.0), IoSlice::new(payload)]
    }

    /// The bytes of a finished record without payload.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Number of bytes in front of the payload.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

/// The first record of `bytes` without its head, and its whole length; `None` when there is no
/// whole, undamaged one.
pub(crate) fn split(bytes: &[u8]) -> Option<(&[u8], usize)> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let (sum, rest) = rest.split_first_chunk::<4>()?;
    let body_bytes = u32::from_le_bytes(*length) as usize;
    if body_bytes == 0 || body_bytes > MAX_RECORD_BYTES {
        return None;
    }
    let body = rest.get(..body_bytes)?;
    let expected = crc32c::crc32c_append(crc32c::crc32c(length), body);
    (expected == u32::from_le_bytes(*sum)).then_some((body, RECORD_HEAD_BYTES + body_bytes))
}

/// How far behind a damaged begin the next good record starts: where the damaged one's length says,
/// or, when the length itself is damaged, wherever one is found. `None` when there is none within
/// the length of the longest record.
pub(crate) fn next_good(bytes: &[u8]) -> Option<usize> {
    let length = u32::from_le_bytes(*bytes.first_chunk::<4>()?) as usize + RECORD_HEAD_BYTES;
    let begins = |at: &usize| {
        // The known types first: a checksum is taken only of what looks like a record.
        let tag = bytes.get(at + RECORD_HEAD_BYTES).copied().unwrap_or_default();
        (tag::TEXT..=tag::DIGESTS).contains(&tag) && split(&bytes[*at..]).is_some()
    };
    let said = Some(length).filter(|at| *at < bytes.len()).filter(begins);
    said.or_else(|| (1..bytes.len().min(MAX_RECORD_BYTES + RECORD_HEAD_BYTES)).find(begins))
}

/// Reads the fields of a record. `Ok(None)`: a type of a newer version, to be skipped.
pub(crate) fn parse(body: &[u8]) -> Result<Option<Record<'_>>, Damaged> {
    let mut reader = Reader(body);
    let record = match reader.u8()? {
        tag::TEXT => {
            let (kind, id) = (reader.u8()?, reader.u32()?);
            let text = std::str::from_utf8(reader.0).map_err(|_| Damaged)?;
            Record::Text { kind, id, text }
        }
        tag::BATCH => {
            let frame = read_frame(&mut reader)?;
            let (arrival_unix_us, clock_offset_us) = (reader.i64()?, reader.i64()?);
            let count = reader.count()?;
            let texts = (0..count).map(|_| reader.varint_u32().map(TextRef));
            let texts = texts.collect::<Result<_, _>>()?;
            Record::Batch { frame, arrival_unix_us, clock_offset_us, texts, body: reader.0 }
        }
        tag::COUNTERS => {
            let frame = read_frame(&mut reader)?;
            let unix_us = reader.i64()?;
            let count = reader.count()?;
            let point = |_| {
                let name = TextRef(reader.varint_u32()?);
                Ok(CounterPoint { name, value: reader.f64()? })
            };
            let points = (0..count).map(point).collect::<Result<_, _>>()?;
            Record::Counters { frame, unix_us, points }
        }
        tag::ALERTS => Record::Alerts { frame: read_frame(&mut reader)?, json: reader.0 },
        tag::MARK => Record::Mark(Mark { generation: reader.u64()?, bytes: reader.u64()? }),
        tag::DIGESTS => {
            let frame = read_frame(&mut reader)?;
            Record::Digests { frame, from_unix_us: reader.i64()?, digests: reader.0 }
        }
        _ => return Ok(None),
    };
    Ok(Some(record))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: FrameId =
        FrameId { origin: Origin { instance: 7, epoch: 2 }, seq: 9, object: ObjectId(3) };

    fn whole(head: &RecordHead, payload: &[u8]) -> Vec<u8> {
        head.slices(payload).iter().flat_map(|slice| slice.to_vec()).collect()
    }

    #[test]
    fn every_record_comes_back_as_it_was() {
        let mut head = RecordHead::default();
        let texts = [TextRef(1), TextRef(0), TextRef(u32::MAX)];
        head.batch(&FRAME, -5, 6, &texts);
        assert_eq!(head.finish(b"body"), Some(head.len() + 4));
        let bytes = whole(&head, b"body");
        let (body, length) = split(&bytes).unwrap();
        assert_eq!(length, bytes.len());
        let expected = Record::Batch {
            frame: FRAME,
            arrival_unix_us: -5,
            clock_offset_us: 6,
            texts: texts.to_vec(),
            body: b"body",
        };
        assert_eq!(parse(body), Ok(Some(expected)));

        head.text(OBJECT_KIND, 4);
        head.finish("/host/ä".as_bytes());
        let bytes = whole(&head, "/host/ä".as_bytes());
        let expected = Record::Text { kind: OBJECT_KIND, id: 4, text: "/host/ä" };
        assert_eq!(parse(split(&bytes).unwrap().0), Ok(Some(expected)));

        let points = vec![CounterPoint { name: TextRef(5), value: -0.5 }];
        head.counters(&FRAME, 77, &points);
        head.finish(b"");
        let bytes = whole(&head, b"");
        let expected = Record::Counters { frame: FRAME, unix_us: 77, points };
        assert_eq!(parse(split(&bytes).unwrap().0), Ok(Some(expected)));

        head.digests(&FRAME, -9);
        head.finish(b"sums");
        let bytes = whole(&head, b"sums");
        let expected = Record::Digests { frame: FRAME, from_unix_us: -9, digests: b"sums" };
        assert_eq!(parse(split(&bytes).unwrap().0), Ok(Some(expected)));

        let mark = Mark { generation: 3, bytes: 4_000_000_000 };
        head.mark(mark);
        head.finish(b"");
        let bytes = whole(&head, b"");
        assert_eq!(parse(split(&bytes).unwrap().0), Ok(Some(Record::Mark(mark))));
    }

    #[test]
    fn the_next_good_record_is_found_whatever_is_damaged_of_the_one_before() {
        let mut head = RecordHead::default();
        head.text(1, 4);
        head.finish(b"SELECT 1");
        let one = whole(&head, b"SELECT 1");
        let mut both = one.clone();
        both.extend_from_slice(&one);
        for bit in 0..one.len() * 8 {
            let mut damaged = both.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(next_good(&damaged), Some(one.len()), "bit {bit}");
            assert_eq!(next_good(&damaged[..one.len()]), None, "bit {bit}, nothing follows");
        }
        assert_eq!(next_good(&[0; 4_096]), None);
    }

    #[test]
    fn a_cut_or_flipped_record_is_none() {
        let mut head = RecordHead::default();
        head.text(1, 4);
        head.finish(b"SELECT 1");
        let bytes = whole(&head, b"SELECT 1");
        for cut in 0..bytes.len() {
            assert_eq!(split(&bytes[..cut]), None, "cut at {cut}");
        }
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(split(&flipped), None, "bit {bit}");
        }
        assert_eq!(split(&[0; 64]), None);
    }
}
