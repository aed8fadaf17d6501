//! COUNTER and AGG: numbers over time and totals of an interval, with a text table of their own.
//!
//! As with batches, the exporter keeps the part behind the head ([`EncodedSeries`]) and writes the
//! head when it sends.

use super::bytes::{Reader, put_record, put_text, put_varint};
use super::frame::{FrameType, write_frame};
use super::origin::Origin;
use super::texts::{LocalTexts, TextName, TextTable, Texts, put_table};
use super::{DecodeError, EncodeError, MAX_LIST_ITEMS, MAX_SKETCH_BUCKETS};
use crate::record::{CounterPoint, Digest, DigestKey, Sketch, StepKind};
use crate::text::MAX_INLINE_BYTES;
use crate::{TextKind, TextRef};

/// Builds COUNTER and AGG frames; its buffers are used again.
#[derive(Debug, Default)]
pub struct SeriesEncoder {
    texts: LocalTexts,
}

/// A COUNTER or AGG frame that is encoded but for its head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodedSeries {
    frame_type: FrameType,
    /// The texts it refers to, in the sender's own numbers and in the order of its table.
    pub texts: Vec<(TextKind, TextRef)>,
    tail: Vec<u8>,
}

impl SeriesEncoder {
    /// An encoder.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Encodes values that counters had at one time. Points past [`MAX_LIST_ITEMS`] are left out:
    /// split them first.
    pub fn counters(&mut self, unix_us: i64, points: &[CounterPoint]) -> EncodedSeries {
        let points = &points[..points.len().min(MAX_LIST_ITEMS)];
        let mut body = Vec::with_capacity(16 + 11 * points.len());
        body.extend_from_slice(&unix_us.to_le_bytes());
        put_varint(&mut body, points.len() as u64);
        for point in points {
            put_record(&mut body, |body| {
                put_varint(body, self.texts.index(TextKind::Counter, point.name));
                body.extend_from_slice(&point.value.to_le_bytes());
            });
        }
        self.finish(FrameType::Counter, &body)
    }

    /// Encodes the digests of an interval. Digests past [`MAX_LIST_ITEMS`] are left out: split them
    /// first.
    pub fn digests(
        &mut self,
        from_unix_us: i64,
        to_unix_us: i64,
        digests: &[Digest],
    ) -> EncodedSeries {
        let digests = &digests[..digests.len().min(MAX_LIST_ITEMS)];
        let mut body = Vec::new();
        body.extend_from_slice(&from_unix_us.to_le_bytes());
        body.extend_from_slice(&to_unix_us.to_le_bytes());
        put_varint(&mut body, digests.len() as u64);
        for digest in digests {
            put_record(&mut body, |body| {
                self.put_key(body, &digest.key);
                put_varint(body, digest.count);
                put_varint(body, digest.errors);
                put_varint(body, digest.elapsed_us);
                put_varint(body, digest.unseen_profiles);
                put_sketch(body, &digest.sketch);
            });
        }
        self.finish(FrameType::Agg, &body)
    }

    fn put_key(&mut self, body: &mut Vec<u8>, key: &DigestKey) {
        let mut put = |number: u8, kind: TextKind, text: TextRef| {
            body.push(number);
            put_varint(body, self.texts.index(kind, text));
        };
        match key {
            DigestKey::Service(service) => put(0, TextKind::Service, *service),
            DigestKey::Sql(sql) => put(1, TextKind::Sql, *sql),
            DigestKey::Api(api) => put(2, TextKind::Api, *api),
            DigestKey::Error(service, message) => {
                put(3, TextKind::Service, *service);
                put_text(body, message, MAX_INLINE_BYTES);
            }
            DigestKey::Edge { service, kind, peer } => {
                put(4, TextKind::Service, *service);
                body.push(*kind as u8);
                put_text(body, peer, MAX_INLINE_BYTES);
            }
            DigestKey::Method(method) => put(5, TextKind::Method, *method),
        }
    }

    /// Puts the number of texts of each kind before the records, so that they read on their own.
    fn finish(&mut self, frame_type: FrameType, records: &[u8]) -> EncodedSeries {
        let mut texts = Vec::new();
        self.texts.finish(&mut texts);
        let mut tail = Vec::with_capacity(records.len() + 16);
        let counts = LocalTexts::counts(&texts);
        put_varint(&mut tail, counts.len() as u64);
        counts.iter().for_each(|count| put_varint(&mut tail, *count as u64));
        tail.extend_from_slice(records);
        EncodedSeries { frame_type, texts, tail }
    }
}

impl EncodedSeries {
    /// Bytes it takes to keep it, head not included.
    #[must_use]
    pub fn kept_bytes(&self) -> usize {
        size_of::<Self>() + self.tail.len() + self.texts.len() * size_of::<(TextKind, TextRef)>()
    }

    /// Appends the frame as it is sent to one store; see
    /// [`EncodedBatch::write_frame`](super::EncodedBatch::write_frame).
    ///
    /// # Errors
    /// [`EncodeError::FrameTooLong`]; `out` is then as it was.
    pub fn write_frame(
        &self,
        out: &mut Vec<u8>,
        seq: u64,
        origin: &Origin,
        mut name: impl FnMut(TextKind, TextRef) -> TextName,
    ) -> Result<(), EncodeError> {
        write_frame(out, self.frame_type, seq, |out| {
            origin.put(out);
            let counts = LocalTexts::counts(&self.texts);
            put_table(out, &counts, self.texts.iter().map(|(kind, text)| name(*kind, *text)));
            out.extend_from_slice(&self.tail);
        })
    }
}

/// The interval of an AGG frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DigestInterval {
    /// Its begin by the agent's clock, unix µs.
    pub from_unix_us: i64,
    /// Its end by the agent's clock, unix µs.
    pub to_unix_us: i64,
    /// Digests that were skipped, since only a newer version knows what they are about. Count them.
    pub skipped: u64,
}

/// A COUNTER or AGG body whose head is read.
#[derive(Debug, Clone, Copy)]
pub struct SeriesView<'a> {
    /// Who sent it, and the store whose numbers it uses.
    pub origin: Origin,
    tail: &'a [u8],
}

impl<'a> SeriesView<'a> {
    /// Reads the head; its text table goes into `table`.
    ///
    /// # Errors
    /// Any damage of the head.
    pub fn parse(body: &'a [u8], table: &mut TextTable) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(body);
        let origin = Origin::read(&mut reader)?;
        table.parse(&mut reader)?;
        Ok(Self { origin, tail: reader.rest() })
    }

    fn records<'t>(&self, texts: &'t [TextRef]) -> Result<(Texts<'t>, Reader<'a>), DecodeError> {
        let mut reader = Reader::new(self.tail);
        let kinds = reader.length(32, "text kinds")?;
        let start = reader.rest();
        reader.skip_varints(kinds, "text counts")?;
        let (counts, _) = start.split_at(start.len() - reader.rest().len());
        Ok((Texts::new(&mut Reader::new(counts), texts)?, reader))
    }

    /// Visits the points of a COUNTER frame with their time, unix µs. `texts` are the store's
    /// numbers of the table's entries. What a newer agent appends is skipped.
    ///
    /// # Errors
    /// Any damage; points before it have been visited.
    pub fn counters(
        &self,
        texts: &[TextRef],
        mut visit: impl FnMut(i64, CounterPoint),
    ) -> Result<(), DecodeError> {
        let (texts, mut reader) = self.records(texts)?;
        let unix_us = reader.i64("counter time")?;
        for _ in 0..reader.length(MAX_LIST_ITEMS, "counter points")? {
            let mut point = reader.record("counter point")?;
            let name = texts.resolve(TextKind::Counter, point.varint("counter name")?)?;
            visit(unix_us, CounterPoint { name, value: point.f64("counter value")? });
        }
        Ok(())
    }

    /// Visits the digests of an AGG frame and answers what interval they are of. `texts` are the
    /// store's numbers of the table's entries. Digests of a key that only a newer agent knows are
    /// skipped and counted; what it appends is skipped.
    ///
    /// # Errors
    /// Any damage; digests before it have been visited.
    pub fn digests(
        &self,
        texts: &[TextRef],
        mut visit: impl FnMut(Digest),
    ) -> Result<DigestInterval, DecodeError> {
        let (texts, mut reader) = self.records(texts)?;
        let mut interval = DigestInterval {
            from_unix_us: reader.i64("interval")?,
            to_unix_us: reader.i64("interval")?,
            skipped: 0,
        };
        for _ in 0..reader.length(MAX_LIST_ITEMS, "digests")? {
            let mut digest = reader.record("digest")?;
            let Some(key) = read_key(&mut digest, &texts)? else {
                interval.skipped += 1;
                continue;
            };
            visit(Digest {
                key,
                count: digest.varint("digest")?,
                errors: digest.varint("digest")?,
                elapsed_us: digest.varint("digest")?,
                unseen_profiles: digest.varint("digest")?,
                sketch: read_sketch(&mut digest)?,
            });
        }
        Ok(interval)
    }
}

/// `None` for a key that only a newer version knows.
fn read_key(reader: &mut Reader<'_>, texts: &Texts<'_>) -> Result<Option<DigestKey>, DecodeError> {
    let number = reader.u8("digest key")?;
    let mut text = |kind| {
        let index = reader.varint("digest key")?;
        texts.resolve(kind, index)
    };
    Ok(Some(match number {
        0 => DigestKey::Service(text(TextKind::Service)?),
        1 => DigestKey::Sql(text(TextKind::Sql)?),
        2 => DigestKey::Api(text(TextKind::Api)?),
        3 => {
            let service = text(TextKind::Service)?;
            DigestKey::Error(service, reader.text(MAX_INLINE_BYTES, "error")?.to_owned())
        }
        4 => {
            let service = text(TextKind::Service)?;
            let kind = StepKind::from_wire_lossy(reader.u8("kind of peer")?);
            let peer = reader.text(MAX_INLINE_BYTES, "peer")?.to_owned();
            DigestKey::Edge { service, kind, peer }
        }
        5 => DigestKey::Method(text(TextKind::Method)?),
        _ => return Ok(None),
    }))
}

fn put_sketch(out: &mut Vec<u8>, sketch: &Sketch) {
    put_varint(out, sketch.buckets.len() as u64);
    let mut last = 0;
    for (bucket, count) in &sketch.buckets {
        put_varint(out, u64::from(bucket.wrapping_sub(last)));
        put_varint(out, *count);
        last = *bucket;
    }
}

fn read_sketch(reader: &mut Reader<'_>) -> Result<Sketch, DecodeError> {
    let count = reader.length(MAX_SKETCH_BUCKETS, "sketch")?;
    let mut sketch = Sketch::default();
    let mut last = 0u16;
    for at in 0..count {
        let ahead = u16::try_from(reader.varint("sketch")?).ok();
        let bucket = ahead
            .filter(|ahead| at == 0 || *ahead > 0)
            .and_then(|ahead| last.checked_add(ahead))
            .filter(|bucket| usize::from(*bucket) < MAX_SKETCH_BUCKETS)
            .ok_or(DecodeError::OutOfRange("bucket of a sketch"))?;
        let count = reader.varint("sketch")?;
        if count == 0 {
            return Err(DecodeError::OutOfRange("count of a sketch"));
        }
        sketch.buckets.push((bucket, count));
        last = bucket;
    }
    Ok(sketch)
}
