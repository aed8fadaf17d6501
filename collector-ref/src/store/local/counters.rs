//! Counter values: series of `(time, value)` per object and name.
//!
//! In memory they lie in one map per generation. A generation's series are sealed into one small
//! file: an index of series, then blocks of zstd-compressed varints (differences of times;
//! differences of values where all are whole numbers, plain bytes otherwise).

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use scouter_wire::record::CounterPoint;
use scouter_wire::{ObjectId, TextRef};

use super::bytes::{Damaged, Reader, put_text, put_varint, unzigzag, zigzag};
use crate::store::{Glob, Series, TimeRange};

/// Most series in one generation; the points of further ones are dropped and counted.
pub(crate) const MAX_SERIES: usize = 262_144;

const MAGIC: [u8; 8] = *b"SCTRCNT1";

/// Largest whole number that differences are made of: f64 holds them exactly.
const MAX_WHOLE: f64 = 4_503_599_627_370_496.0;

/// Series of one generation.
#[derive(Debug, Default)]
pub(crate) struct HotCounters {
    series: HashMap<(ObjectId, TextRef), Vec<(i64, f64)>>,
    points: usize,
    range: Option<(i64, i64)>,
}

impl HotCounters {
    pub(crate) fn points(&self) -> usize {
        self.points
    }

    pub(crate) fn range(&self) -> Option<(i64, i64)> {
        self.range
    }

    /// Appends the points of one frame; answers how many were dropped by the limit.
    pub(crate) fn push(&mut self, object: ObjectId, unix_us: i64, points: &[CounterPoint]) -> u64 {
        let mut dropped = 0;
        for point in points {
            let key = (object, point.name);
            if self.series.len() >= MAX_SERIES && !self.series.contains_key(&key) {
                dropped += 1;
                continue;
            }
            self.series.entry(key).or_default().push((unix_us, point.value));
            self.points += 1;
        }
        let (first, last) = self.range.unwrap_or((unix_us, unix_us));
        self.range = Some((first.min(unix_us), last.max(unix_us)));
        dropped
    }

    /// Series by object and name.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (ObjectId, TextRef, &[(i64, f64)])> {
        self.series.iter().map(|((object, name), points)| (*object, *name, &points[..]))
    }
}

/// Writes series into the bytes of a file.
pub(crate) fn encode(series: &mut [Series]) -> io::Result<Vec<u8>> {
    series.sort_by(|a, b| (&a.object, &a.name).cmp(&(&b.object, &b.name)));
    let mut index = Vec::new();
    let mut blocks = Vec::new();
    put_varint(&mut index, series.len() as u64);
    let mut block = Vec::new();
    for series in series {
        series.points.sort_by_key(|(time, _)| *time);
        block.clear();
        put_points(&mut block, &series.points);
        let block = zstd::bulk::compress(&block, 1)?;
        put_text(&mut index, &series.object);
        put_text(&mut index, &series.name);
        put_varint(&mut index, series.points.len() as u64);
        put_varint(&mut index, block.len() as u64);
        blocks.extend_from_slice(&block);
    }
    let mut file = MAGIC.to_vec();
    let length = u32::try_from(index.len()).map_err(|_| io::ErrorKind::FileTooLarge)?;
    file.extend_from_slice(&length.to_le_bytes());
    file.extend_from_slice(&crc32c::crc32c(&index).to_le_bytes());
    file.extend_from_slice(&crc32c::crc32c(&blocks).to_le_bytes());
    file.extend_from_slice(&index);
    file.extend_from_slice(&blocks);
    Ok(file)
}

fn put_points(out: &mut Vec<u8>, points: &[(i64, f64)]) {
    let is_whole = points.iter().all(|(_, value)| value.fract() == 0.0 && value.abs() < MAX_WHOLE);
    out.push(u8::from(is_whole));
    let (mut time, mut whole) = (0i64, 0i64);
    for (unix_us, _) in points {
        put_varint(out, zigzag(unix_us.wrapping_sub(time)));
        time = *unix_us;
    }
    for (_, value) in points {
        if is_whole {
            #[allow(clippy::cast_possible_truncation, reason = "checked to be whole and small")]
            let value = *value as i64;
            put_varint(out, zigzag(value - whole));
            whole = value;
        } else {
            out.extend_from_slice(&value.to_le_bytes());
        }
    }
}

fn read_points(block: &[u8], count: usize, range: TimeRange) -> Result<Vec<(i64, f64)>, Damaged> {
    let mut reader = Reader(block);
    let is_whole = reader.u8()? == 1;
    if count > block.len() {
        return Err(Damaged);
    }
    let mut points = Vec::with_capacity(count);
    let (mut time, mut whole) = (0i64, 0i64);
    for _ in 0..count {
        time = time.wrapping_add(unzigzag(reader.varint()?));
        points.push((time, 0.0));
    }
    for point in &mut points {
        point.1 = if is_whole {
            whole = whole.wrapping_add(unzigzag(reader.varint()?));
            #[allow(clippy::cast_precision_loss, reason = "written from an f64")]
            let value = whole as f64;
            value
        } else {
            reader.f64()?
        };
    }
    points.retain(|(time, _)| range.contains(*time));
    Ok(points)
}

/// What to read of a file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CounterQuery<'a> {
    pub(crate) object: &'a Glob,
    /// `None`: names only, no values.
    pub(crate) name: Option<&'a str>,
    pub(crate) range: TimeRange,
}

/// Reads the series of a file that a query asks for. The inner error is damage.
pub(crate) fn read(
    path: &Path,
    query: CounterQuery<'_>,
) -> io::Result<Result<Vec<Series>, Damaged>> {
    Ok(parse(&fs::read(path)?, query))
}

/// Checks a whole file.
pub(crate) fn verify(path: &Path) -> Result<(), String> {
    let query = CounterQuery { object: &Glob::new("*"), name: None, range: TimeRange::ALL };
    let read = read(path, query).map_err(|error| error.to_string())?;
    read.map(|_| ()).map_err(|damaged| damaged.to_string())
}

fn parse(bytes: &[u8], query: CounterQuery<'_>) -> Result<Vec<Series>, Damaged> {
    let mut reader = Reader(bytes);
    if reader.take(8)? != MAGIC {
        return Err(Damaged);
    }
    let length = reader.u32()? as usize;
    let (index_sum, block_sum) = (reader.u32()?, reader.u32()?);
    let index = reader.take(length)?;
    let mut blocks = reader;
    if crc32c::crc32c(index) != index_sum || crc32c::crc32c(blocks.0) != block_sum {
        return Err(Damaged);
    }
    let mut index = Reader(index);
    let mut found = Vec::new();
    for _ in 0..index.count()? {
        let (object, name) = (index.text()?, index.text()?);
        let count = usize::try_from(index.varint()?).map_err(|_| Damaged)?;
        let length = usize::try_from(index.varint()?).map_err(|_| Damaged)?;
        let block = blocks.take(length)?;
        if query.name.is_some_and(|wanted| wanted != name) || !query.object.matches(object) {
            continue;
        }
        let points = if query.name.is_some() {
            // Times and values take at most 10 bytes each.
            let limit = count.checked_mul(20).ok_or(Damaged)? + 1;
            let block = zstd::bulk::decompress(block, limit).map_err(|_| Damaged)?;
            read_points(&block, count, query.range)?
        } else {
            Vec::new()
        };
        let (object, name): (Arc<str>, Arc<str>) = (object.into(), name.into());
        found.push(Series { object, name, points });
    }
    Ok(found)
}

/// Joins the series of many files into one per object and name, ascending by time.
pub(crate) fn merge(parts: Vec<Series>) -> Vec<Series> {
    let mut merged = HashMap::<_, Vec<(i64, f64)>>::new();
    for part in parts {
        merged.entry((part.object, part.name)).or_default().extend(part.points);
    }
    let mut series: Vec<Series> = merged
        .into_iter()
        .map(|((object, name), mut points)| {
            points.sort_by_key(|(time, _)| *time);
            Series { object, name, points }
        })
        .collect();
    series.sort_by(|a, b| (&a.object, &a.name).cmp(&(&b.object, &b.name)));
    series
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Vec<Series> {
        let series = |object: &str, name: &str, points: &[(i64, f64)]| Series {
            object: object.into(),
            name: name.into(),
            points: points.to_vec(),
        };
        vec![
            series("/a", "cpu|%", &[(2, 0.25), (4, f64::NAN), (6, -1.5)]),
            series("/a", "rate|1/s", &[(0, 5.0), (2_000_000, 7.0), (4_000_000, -1e15)]),
            series("/b", "rate|1/s", &[(1, 0.0)]),
        ]
    }

    #[test]
    fn series_come_back_by_object_name_and_range() {
        let file = encode(&mut sample()).unwrap();
        let any = Glob::new("*");
        let query = |object, name, range| CounterQuery { object, name, range };
        let rate = parse(&file, query(&any, Some("rate|1/s"), TimeRange::ALL)).unwrap();
        assert_eq!(rate, &sample()[1..]);
        let range = TimeRange { from_unix_us: 1, to_unix_us: 2_000_000 };
        let b = Glob::new("/a");
        let part = parse(&file, query(&b, Some("rate|1/s"), range)).unwrap();
        assert_eq!(part[0].points, [(2_000_000, 7.0)]);
        let cpu = parse(&file, query(&any, Some("cpu|%"), TimeRange::ALL)).unwrap();
        assert!(cpu[0].points[1].1.is_nan());
        assert_eq!(parse(&file, query(&any, None, TimeRange::ALL)).unwrap().len(), 3);
    }

    #[test]
    fn any_damage_of_the_file_is_noticed() {
        let file = encode(&mut sample()).unwrap();
        let any = Glob::new("*");
        let query = CounterQuery { object: &any, name: Some("cpu|%"), range: TimeRange::ALL };
        for cut in 0..file.len() {
            assert_eq!(parse(&file[..cut], query).err(), Some(Damaged), "cut at {cut}");
        }
        for bit in 0..file.len() * 8 {
            let mut flipped = file.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(parse(&flipped, query).err(), Some(Damaged), "bit {bit}");
        }
    }

    #[test]
    fn steady_counters_take_little_more_than_half_a_byte_a_value() {
        let points: Vec<_> = (0..10_000i64)
            .map(|i| (i * 2_000_000, f64::from(i32::try_from(100 + i % 3).unwrap())))
            .collect();
        let mut series = [Series { object: "/a".into(), name: "x".into(), points }];
        let bytes = encode(&mut series).unwrap().len();
        assert!(bytes < 5_000, "{bytes} bytes for 10,000 values");
    }
}
