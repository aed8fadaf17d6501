//! A file of digests: `magic | raw length u32 | crc32c u32 | zstd`, and in it a table of texts and
//! the series, each with the differences of its intervals.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use super::record::{kind_number, kind_of_number, put_peer, put_totals, read_peer, read_totals};
use super::{COARSE_STEP_US, DigestSeries, FINE_STEP_US, NamedKey, range};
use crate::store::local::bytes::{Damaged, Reader, put_text, put_varint, unzigzag, zigzag};
use crate::store::local::manifest::DigestEntry;

const MAGIC: [u8; 8] = *b"SCTRDIG1";

/// Longest content of a file before it is compressed; a longer length is damage.
const MAX_RAW_BYTES: usize = 1 << 30;

/// Writes series into the bytes of a file.
pub(crate) fn encode(series: &mut [DigestSeries]) -> io::Result<Vec<u8>> {
    series.sort_by(|a, b| a.key.cmp(&b.key));
    let mut texts = Texts::default();
    let mut rows = Vec::new();
    put_varint(&mut rows, series.len() as u64);
    for DigestSeries { key, slots } in &*series {
        rows.push(kind_number(key.kind));
        for text in [&key.object, &key.name, &key.detail] {
            put_varint(&mut rows, texts.number(text));
        }
        put_peer(&mut rows, key.peer);
        put_varint(&mut rows, slots.len() as u64);
        let mut last = 0i64;
        for (begin, totals) in slots {
            put_varint(&mut rows, zigzag(begin.wrapping_sub(last)));
            put_totals(&mut rows, totals);
            last = *begin;
        }
    }
    let mut raw = Vec::new();
    put_varint(&mut raw, texts.list.len() as u64);
    texts.list.iter().for_each(|text| put_text(&mut raw, text));
    raw.extend_from_slice(&rows);
    let length = u32::try_from(raw.len()).ok().filter(|length| *length as usize <= MAX_RAW_BYTES);
    let length = length.ok_or(io::ErrorKind::FileTooLarge)?.to_le_bytes();
    let content = zstd::bulk::compress(&raw, 1)?;
    let sum = crc32c::crc32c_append(crc32c::crc32c(&length), &content);
    Ok([&MAGIC[..], &length, &sum.to_le_bytes(), &content].concat())
}

/// Distinct texts by the order in which they are met.
#[derive(Default)]
struct Texts {
    list: Vec<Arc<str>>,
    numbers: HashMap<Arc<str>, u64>,
}

impl Texts {
    fn number(&mut self, text: &Arc<str>) -> u64 {
        *self.numbers.entry(Arc::clone(text)).or_insert_with(|| {
            self.list.push(Arc::clone(text));
            self.list.len() as u64 - 1
        })
    }
}

/// Reads the series of a file whose keys are wanted. The inner error is damage.
pub(super) fn read(
    path: &Path,
    is_wanted: impl Fn(&NamedKey) -> bool,
) -> io::Result<Result<Vec<DigestSeries>, Damaged>> {
    Ok(parse(&fs::read(path)?, is_wanted))
}

/// Checks a whole file.
pub(crate) fn verify(path: &Path) -> Result<(), String> {
    let read = read(path, |_| false).map_err(|error| error.to_string())?;
    read.map(|_| ()).map_err(|damaged| damaged.to_string())
}

/// The entry of a file as it tells it; `None` when it is damaged.
pub(crate) fn salvage(path: &Path, is_fine: bool, file: String) -> Option<DigestEntry> {
    let series = read(path, |_| true).ok()?.ok()?;
    let (first_unix_us, last_unix_us) = range(&series)?;
    let bytes = fs::metadata(path).ok()?.len();
    let step_us = if is_fine { FINE_STEP_US } else { COARSE_STEP_US };
    Some(DigestEntry { file, bytes, step_us, first_unix_us, last_unix_us })
}

fn parse(
    bytes: &[u8],
    is_wanted: impl Fn(&NamedKey) -> bool,
) -> Result<Vec<DigestSeries>, Damaged> {
    let mut reader = Reader(bytes);
    if reader.take(8)? != MAGIC {
        return Err(Damaged);
    }
    let (length, sum) = (reader.u32()?, reader.u32()?);
    let expected = crc32c::crc32c_append(crc32c::crc32c(&length.to_le_bytes()), reader.0);
    if expected != sum || length as usize > MAX_RAW_BYTES {
        return Err(Damaged);
    }
    let raw = zstd::bulk::decompress(reader.0, length as usize).map_err(|_| Damaged)?;
    let mut reader = Reader(&raw);
    let texts = (0..reader.count()?).map(|_| reader.text().map(Arc::<str>::from));
    let texts = texts.collect::<Result<Vec<_>, _>>()?;
    let mut series = Vec::new();
    for _ in 0..reader.count()? {
        let one = read_series(&mut reader, &texts)?;
        if is_wanted(&one.key) {
            series.push(one);
        }
    }
    Ok(series)
}

fn read_series(reader: &mut Reader<'_>, texts: &[Arc<str>]) -> Result<DigestSeries, Damaged> {
    let kind = kind_of_number(reader.u8()?)?;
    let mut text = || {
        let number = reader.varint_u32()? as usize;
        texts.get(number).cloned().ok_or(Damaged)
    };
    let (object, name, detail) = (text()?, text()?, text()?);
    let peer = read_peer(reader)?;
    let mut begin = 0i64;
    let slots = (0..reader.count()?).map(|_| {
        begin = begin.wrapping_add(unzigzag(reader.varint()?));
        Ok((begin, read_totals(reader)?))
    });
    let slots = slots.collect::<Result<_, _>>()?;
    Ok(DigestSeries { key: NamedKey { object, kind, name, detail, peer }, slots })
}

#[cfg(test)]
mod tests {
    use scouter_wire::record::{Sketch, StepKind};

    use super::*;
    use crate::store::{DigestKind, DigestTotals};

    fn sample() -> Vec<DigestSeries> {
        let totals = |count: u64| {
            let mut sketch = Sketch::default();
            sketch.insert_many(10 * count, count);
            DigestTotals { count, errors: 1, elapsed_us: 5, unseen_profiles: 2, sketch }
        };
        let key = |kind, name: &str, detail: &str, peer: Option<StepKind>| NamedKey {
            object: "/node/orders".into(),
            kind,
            name: name.into(),
            detail: detail.into(),
            peer: peer.map(|kind| kind as u8),
        };
        let edge = key(DigestKind::Edge, "GET /", "db:5432", Some(StepKind::Sql));
        vec![
            DigestSeries {
                key: key(DigestKind::Sql, "SELECT 1", "", None),
                slots: vec![(-10_000_000, totals(1)), (20_000_000, totals(9))],
            },
            DigestSeries { key: edge, slots: vec![(0, totals(3))] },
        ]
    }

    #[test]
    fn series_come_back_and_only_those_that_are_wanted() {
        let file = encode(&mut sample()).unwrap();
        assert_eq!(parse(&file, |_| true), Ok(sample()));
        assert_eq!(parse(&file, |key| key.kind == DigestKind::Edge).unwrap(), &sample()[1..]);
    }

    #[test]
    fn any_damage_of_the_file_is_noticed() {
        let file = encode(&mut sample()).unwrap();
        for cut in 0..file.len() {
            assert_eq!(parse(&file[..cut], |_| true), Err(Damaged), "cut at {cut}");
        }
        for bit in 0..file.len() * 8 {
            let mut flipped = file.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(parse(&flipped, |_| true), Err(Damaged), "bit {bit}");
        }
    }
}
