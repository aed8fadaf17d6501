//! The file of a segment's rollups: `magic, version | limits | length, raw length and crc32c of each
//! part | crc32c | texts | total | minutes`.
//!
//! The checksum of the head stands in the manifest with the segment, so that a file of another seal
//! is never taken for its own. A file of another version is as good as none: rows answer.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use parking_lot::Mutex;

use super::super::bytes::{Damaged, Reader};
use super::super::manifest::RollupEntry;
use super::super::segment::{MemoryBudget, SegmentError};
use super::loaded::{MinuteTable, Rollup};
use super::{Built, Limits, Need, Rows, build};

const MAGIC: [u8; 7] = *b"SCTRROL";
const VERSION: u8 = 1;
const HEAD_BYTES: usize = 56;

/// Longest content of a part before it is compressed; a longer length is damage.
const MAX_RAW_BYTES: u32 = 1 << 30;

/// One part of a file: where it lies, and what it is when it is whole.
#[derive(Debug, Clone, Copy)]
struct Part {
    offset: u64,
    length: u32,
    raw: u32,
    sum: u32,
}

impl Part {
    fn read(self, file: &File) -> io::Result<Result<Vec<u8>, Damaged>> {
        let mut content = vec![0; self.length as usize];
        file.read_exact_at(&mut content, self.offset)?;
        if crc32c::crc32c(&content) != self.sum {
            return Ok(Err(Damaged));
        }
        let raw = zstd::bulk::decompress(&content, self.raw as usize);
        Ok(raw.ok().filter(|raw| raw.len() == self.raw as usize).ok_or(Damaged))
    }
}

/// The head of a file: its limits and parts, and its own checksum.
#[derive(Debug, Clone, Copy)]
struct Head {
    limits: Limits,
    parts: [Part; 3],
    sum: u32,
}

impl Head {
    /// `None` when it is of another version.
    fn parse(bytes: &[u8]) -> Result<Option<Self>, Damaged> {
        let mut reader = Reader(bytes);
        if reader.take(7)? != MAGIC {
            return Err(Damaged);
        }
        if reader.u8()? != VERSION {
            return Ok(None);
        }
        let limits = Limits { rows_per_key: reader.u32()?, keys: reader.u32()? };
        let mut offset = HEAD_BYTES as u64;
        let mut part = || {
            let (length, raw, sum) = (reader.u32()?, reader.u32()?, reader.u32()?);
            let part = Part { offset, length, raw, sum };
            offset += u64::from(length);
            if raw > MAX_RAW_BYTES { Err(Damaged) } else { Ok(part) }
        };
        let parts = [part()?, part()?, part()?];
        let sum = reader.u32()?;
        let expected = crc32c::crc32c(&bytes[..HEAD_BYTES - 4]);
        if sum == expected { Ok(Some(Self { limits, parts, sum })) } else { Err(Damaged) }
    }

    fn read(file: &File) -> io::Result<Result<Option<Self>, Damaged>> {
        let mut bytes = [0; HEAD_BYTES];
        file.read_exact_at(&mut bytes, 0)?;
        Ok(Self::parse(&bytes))
    }
}

impl Built {
    /// The bytes of a file and the checksum of its head; `None` when there is nothing to keep.
    pub(crate) fn encode(&self) -> io::Result<Option<(Vec<u8>, u32)>> {
        if self.total.is_empty() {
            return Ok(None);
        }
        let Limits { rows_per_key, keys } = self.limits;
        let mut file = [&MAGIC[..], &[VERSION]].concat();
        file.extend_from_slice(&rows_per_key.to_le_bytes());
        file.extend_from_slice(&keys.to_le_bytes());
        let mut contents = Vec::new();
        for part in [&self.texts, &self.total, &self.minutes] {
            let raw = u32::try_from(part.len()).ok().filter(|raw| *raw <= MAX_RAW_BYTES);
            let raw = raw.ok_or(io::ErrorKind::FileTooLarge)?;
            let content = zstd::bulk::compress(part, 1)?;
            let length = u32::try_from(content.len()).map_err(|_| io::ErrorKind::FileTooLarge)?;
            for word in [length, raw, crc32c::crc32c(&content)] {
                file.extend_from_slice(&word.to_le_bytes());
            }
            contents.extend_from_slice(&content);
        }
        let sum = crc32c::crc32c(&file);
        file.extend_from_slice(&sum.to_le_bytes());
        file.append(&mut contents);
        Ok(Some((file, sum)))
    }
}

/// Length and checksum of a file that is there, as the manifest would name it.
pub(crate) fn read_sum(path: &Path) -> Option<RollupEntry> {
    let file = File::open(path).ok()?;
    let head = Head::read(&file).ok()?.ok()??;
    Some(RollupEntry { bytes: file.metadata().ok()?.len(), sum: head.sum })
}

/// Checks that a file says what the rows of its segment say.
pub(crate) fn verify(path: &Path, entry: RollupEntry, rows: &Rows<'_>) -> Result<(), String> {
    let file = File::open(path).map_err(|error| error.to_string())?;
    let damaged = |damaged: Damaged| damaged.to_string();
    let head = Head::read(&file).map_err(|error| error.to_string())?.map_err(damaged)?;
    // A later version knows what it wrote.
    let Some(head) = head else { return Ok(()) };
    if head.sum != entry.sum {
        return Err("it belongs to another seal".to_owned());
    }
    let mut parts = Vec::new();
    for part in head.parts {
        parts.push(part.read(&file).map_err(|error| error.to_string())?.map_err(damaged)?);
    }
    let built = build(rows, head.limits);
    if parts == [built.texts, built.total, built.minutes] {
        Ok(())
    } else {
        Err("it does not say what the rows of its segment say".to_owned())
    }
}

/// The file of a segment's rollups; what answers whole ranges stays in memory within a budget.
#[derive(Debug)]
pub(crate) struct RollupFile {
    path: PathBuf,
    entry: RollupEntry,
    loaded: Mutex<Option<Arc<Rollup>>>,
    loaded_bytes: AtomicUsize,
    budget: Arc<MemoryBudget>,
    is_damaged: AtomicBool,
}

impl RollupFile {
    pub(crate) fn new(path: PathBuf, entry: RollupEntry, budget: &Arc<MemoryBudget>) -> Self {
        Self {
            path,
            entry,
            loaded: Mutex::new(None),
            loaded_bytes: AtomicUsize::new(0),
            budget: Arc::clone(budget),
            is_damaged: AtomicBool::new(false),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Marks it as damaged; answers whether it was not yet.
    pub(crate) fn mark_damaged(&self) -> bool {
        !self.is_damaged.swap(true, Ordering::Relaxed)
    }

    pub(crate) fn is_damaged(&self) -> bool {
        self.is_damaged.load(Ordering::Relaxed)
    }

    /// The totals of all rows, from memory or from the file; `None` when it is of another version.
    pub(crate) fn totals(&self) -> Result<Option<Arc<Rollup>>, SegmentError> {
        if let Some(loaded) = &*self.loaded.lock() {
            return Ok(Some(Arc::clone(loaded)));
        }
        let file = File::open(&self.path)?;
        let Some(head) = self.head(&file)? else { return Ok(None) };
        let [texts, total, _] = head.parts;
        let (texts, total) = (whole(texts.read(&file)?)?, whole(total.read(&file)?)?);
        let rollup = Arc::new(whole(Rollup::parse(&texts, total))?);
        let mut kept = self.loaded.lock();
        if kept.is_none() && self.budget.take(rollup.bytes()) {
            self.loaded_bytes.store(rollup.bytes(), Ordering::Relaxed);
            *kept = Some(Arc::clone(&rollup));
        }
        Ok(Some(rollup))
    }

    /// The tables of minutes that tell apart what is needed, ascending.
    pub(crate) fn minutes(
        &self,
        rollup: &Rollup,
        need: Need,
        is_wanted: impl Fn(i64) -> bool,
    ) -> Result<Vec<MinuteTable>, SegmentError> {
        let file = File::open(&self.path)?;
        let Some(head) = self.head(&file)? else { return Ok(Vec::new()) };
        let [_, _, minutes] = head.parts;
        let minutes = whole(minutes.read(&file)?)?;
        whole(rollup.minutes(&Arc::from(minutes), need, is_wanted))
    }

    fn head(&self, file: &File) -> Result<Option<Head>, SegmentError> {
        let head = whole(Head::read(file)?)?;
        if head.is_some_and(|head| head.sum != self.entry.sum) {
            return Err(SegmentError::Damaged("it belongs to another seal".into()));
        }
        Ok(head)
    }
}

impl Drop for RollupFile {
    fn drop(&mut self) {
        self.budget.give(self.loaded_bytes.load(Ordering::Relaxed));
    }
}

fn whole<T>(read: Result<T, Damaged>) -> Result<T, SegmentError> {
    read.map_err(|damaged| SegmentError::Damaged(damaged.to_string()))
}

/// Takes the file of a segment's rollups away, if there is one.
pub(crate) fn unlink(segment: &Path) {
    // What stays behind is unlinked at the next start, since no manifest names it.
    let _left = fs::remove_file(path_of(segment));
}

/// Whether rollups that the manifest does not name are of no use to anybody: their segment is gone,
/// or counts without them. `named` has what counts.
pub(crate) fn is_left_over(path: &Path, named: &HashSet<PathBuf>) -> bool {
    let segment = path.with_extension("parquet");
    path == path_of(&segment) && (named.contains(&segment) || !segment.exists())
}

/// The file of the rollups of a segment, beside it.
pub(crate) fn path_of(segment: &Path) -> PathBuf {
    segment.with_extension("rol")
}
