//! A sealed segment, open for reading.
//!
//! Footer, page index and (within a budget) bloom filters stay in memory; the file itself is opened
//! for each question, since a store has more segments than a process has file descriptors. Damage
//! found at any time marks the segment: it is left out from then on and named in the statistics.

mod arrays;
mod lookup;
mod pages;
mod rolled;
mod rows;
mod scan;

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use parking_lot::Mutex;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use parquet::bloom_filter::Sbbf;
use parquet::errors::ParquetError;
use parquet::file::metadata::{PageIndexPolicy, RowGroupMetaData};
use parquet::file::statistics::Statistics;

use super::columns::{COLUMN_COUNT, Column};
use super::manifest::SegmentEntry;
use super::rollup::{self, RollupFile};
use super::seal::{self, schema};
use crate::store::TimeRange;

use pages::{CheckedFile, PageSums};

pub(crate) use rows::hot_row;
pub(crate) use scan::{Chunk, TextColumn, hot_chunk};

/// A segment could not be read.
#[derive(Debug)]
pub(crate) enum SegmentError {
    /// Its content is damaged.
    Damaged(String),
    /// The file could not be read for another reason.
    Io(io::Error),
}

impl From<ParquetError> for SegmentError {
    fn from(error: ParquetError) -> Self {
        match error {
            ParquetError::External(inner) => match inner.downcast::<io::Error>() {
                Ok(io) => Self::from(*io),
                Err(other) => Self::Damaged(other.to_string()),
            },
            other => Self::Damaged(other.to_string()),
        }
    }
}

impl From<arrow_schema::ArrowError> for SegmentError {
    fn from(error: arrow_schema::ArrowError) -> Self {
        Self::Damaged(error.to_string())
    }
}

impl From<io::Error> for SegmentError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            // zstd reports damage as `Other`; a file that is too short or gone is damage too.
            io::ErrorKind::UnexpectedEof
            | io::ErrorKind::InvalidData
            | io::ErrorKind::InvalidInput
            | io::ErrorKind::NotFound
            | io::ErrorKind::Other => Self::Damaged(error.to_string()),
            _ => Self::Io(error),
        }
    }
}

/// Where the rows of a row group lie.
#[derive(Debug, Clone, Copy)]
struct Zone {
    /// Number of its first row in the segment.
    first_row: usize,
    rows: usize,
    ends: (i64, i64),
    txids: (u64, u64),
}

/// Bloom filters of the row groups: txid, gxid.
type Blooms = Arc<Vec<(Sbbf, Sbbf)>>;

/// Bytes that all segments of a store may keep in memory together of one kind of thing. What does
/// not fit is read anew for each question.
#[derive(Debug)]
pub(crate) struct MemoryBudget {
    limit: usize,
    used: AtomicUsize,
}

impl MemoryBudget {
    pub(crate) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { limit, used: AtomicUsize::new(0) })
    }

    pub(crate) fn take(&self, bytes: usize) -> bool {
        let fits = |used: usize| Some(used + bytes).filter(|used| *used <= self.limit);
        self.used.try_update(Ordering::Relaxed, Ordering::Relaxed, fits).is_ok()
    }

    pub(crate) fn give(&self, bytes: usize) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// What the segments of a store may keep in memory.
#[derive(Debug, Clone)]
pub(crate) struct SegmentMemory {
    blooms: Arc<MemoryBudget>,
    rollups: Arc<MemoryBudget>,
}

impl SegmentMemory {
    pub(crate) fn new(bloom_bytes: usize, rollup_bytes: usize) -> Self {
        Self { blooms: MemoryBudget::new(bloom_bytes), rollups: MemoryBudget::new(rollup_bytes) }
    }
}

/// A sealed segment.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) entry: SegmentEntry,
    path: PathBuf,
    metadata: ArrowReaderMetadata,
    zones: Vec<Zone>,
    /// What the pages must sum up to; `None` in files that do not say.
    sums: Option<Arc<PageSums>>,
    blooms: Mutex<Option<Blooms>>,
    bloom_bytes: AtomicUsize,
    budget: Arc<MemoryBudget>,
    rollup: Option<RollupFile>,
    is_damaged: AtomicBool,
}

impl Segment {
    /// Opens a segment and checks it against its entry in the manifest.
    pub(crate) fn open(
        path: &Path,
        entry: SegmentEntry,
        memory: &SegmentMemory,
    ) -> Result<Self, SegmentError> {
        let file = File::open(path)?;
        if entry.tail_sum != tail_sum(&file, entry.tail_bytes)? {
            return Err(SegmentError::Damaged("the checksum of its footer does not match".into()));
        }
        let options = ArrowReaderOptions::new()
            .with_page_index_policy(PageIndexPolicy::Optional)
            .with_skip_arrow_metadata(true)
            .with_schema(schema::arrow());
        let metadata = ArrowReaderMetadata::load(&file, options)?;
        let mut zones = Vec::new();
        let mut first_row = 0;
        for group in metadata.metadata().row_groups() {
            let zone = zone(group, first_row)
                .ok_or_else(|| SegmentError::Damaged("it lacks columns or statistics".into()))?;
            first_row += zone.rows;
            zones.push(zone);
        }
        if first_row as u64 != entry.rows {
            let why = format!("it has {first_row} rows, the manifest says {}", entry.rows);
            return Err(SegmentError::Damaged(why));
        }
        let sums = PageSums::read(metadata.metadata())?.map(Arc::new);
        let rollup = entry.rollup;
        let rollup = rollup.map(|of| RollupFile::new(rollup::path_of(path), of, &memory.rollups));
        Ok(Self {
            entry,
            path: path.to_owned(),
            metadata,
            zones,
            sums,
            blooms: Mutex::new(None),
            bloom_bytes: AtomicUsize::new(0),
            budget: Arc::clone(&memory.blooms),
            rollup,
            is_damaged: AtomicBool::new(false),
        })
    }

    /// Reads every page and filter.
    pub(crate) fn verify(&self) -> Result<(), SegmentError> {
        self.blooms()?;
        for batch in self.reader()?.build()? {
            batch?;
        }
        Ok(())
    }

    /// The entry of a segment as its file tells it, but for the name.
    pub(crate) fn describe(path: &Path) -> Result<SegmentEntry, SegmentError> {
        let file = File::open(path)?;
        let tail_bytes = seal::tail_bytes(&file)?;
        let options = ArrowReaderOptions::new()
            .with_page_index_policy(PageIndexPolicy::Optional)
            .with_skip_arrow_metadata(true)
            .with_schema(schema::arrow());
        let metadata = ArrowReaderMetadata::load(&file, options)?;
        let groups = metadata.metadata().row_groups().iter();
        let zones = groups.map(|group| zone(group, 0)).collect::<Option<Vec<_>>>();
        let zones = zones.filter(|zones| !zones.is_empty());
        let zones = zones.ok_or_else(|| SegmentError::Damaged("it lacks statistics".into()))?;
        let least = |of: fn(&Zone) -> i64| zones.iter().map(of).min().unwrap_or_default();
        let most = |of: fn(&Zone) -> i64| zones.iter().map(of).max().unwrap_or_default();
        Ok(SegmentEntry {
            bytes: file.metadata()?.len(),
            rows: zones.iter().map(|zone| zone.rows as u64).sum(),
            first_unix_us: least(|zone| zone.ends.0),
            last_unix_us: most(|zone| zone.ends.1),
            first_txid: zones.iter().map(|zone| zone.txids.0).min().unwrap_or_default(),
            last_txid: zones.iter().map(|zone| zone.txids.1).max().unwrap_or_default(),
            tail_bytes,
            tail_sum: tail_sum(&file, tail_bytes)?,
            ..SegmentEntry::default()
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Its rollups, unless there are none or they are damaged.
    pub(crate) fn rollup(&self) -> Option<&RollupFile> {
        self.rollup.as_ref().filter(|file| !file.is_damaged())
    }

    /// Marks it as damaged; answers whether it was not yet.
    pub(crate) fn mark_damaged(&self) -> bool {
        !self.is_damaged.swap(true, Ordering::Relaxed)
    }

    pub(crate) fn is_damaged(&self) -> bool {
        self.is_damaged.load(Ordering::Relaxed)
    }

    /// Whether rows of this time range may be in it.
    pub(crate) fn overlaps(&self, range: TimeRange) -> bool {
        self.entry.first_unix_us <= range.to_unix_us
            && self.entry.last_unix_us >= range.from_unix_us
    }

    fn reader(&self) -> Result<ParquetRecordBatchReaderBuilder<CheckedFile>, SegmentError> {
        let metadata = self.metadata.clone();
        Ok(ParquetRecordBatchReaderBuilder::new_with_metadata(self.file()?, metadata))
    }

    /// The file, whose pages are checked when they are read.
    fn file(&self) -> io::Result<CheckedFile> {
        Ok(CheckedFile::new(File::open(&self.path)?, self.sums.clone()))
    }

    /// The bloom filters, from memory or from the file.
    fn blooms(&self) -> Result<Blooms, SegmentError> {
        if let Some(blooms) = &*self.blooms.lock() {
            return Ok(Arc::clone(blooms));
        }
        let file = File::open(&self.path)?;
        let mut blooms = Vec::with_capacity(self.zones.len());
        let mut bytes = 0;
        for group in self.metadata.metadata().row_groups() {
            let read = |column: Column| {
                Sbbf::read_from_column_chunk(group.column(column.index()), &file)?
                    .ok_or_else(|| SegmentError::Damaged("it lacks bloom filters".into()))
            };
            let (txid, gxid) = (read(Column::Txid)?, read(Column::Gxid)?);
            bytes += 32 * (txid.num_blocks() + gxid.num_blocks());
            blooms.push((txid, gxid));
        }
        let blooms = Arc::new(blooms);
        let mut kept = self.blooms.lock();
        if kept.is_none() && self.budget.take(bytes) {
            self.bloom_bytes.store(bytes, Ordering::Relaxed);
            *kept = Some(Arc::clone(&blooms));
        }
        Ok(blooms)
    }
}

impl Drop for Segment {
    fn drop(&mut self) {
        self.budget.give(self.bloom_bytes.load(Ordering::Relaxed));
    }
}

/// Checksum of everything behind the pages: filters, page index and footer. The footer has the
/// checksums of the pages ([`PageSums`]), whose zstd frames also carry their own, for other readers.
pub(crate) fn tail_sum(file: &File, bytes: u64) -> io::Result<u32> {
    let length = file.metadata()?.len();
    let start = length.checked_sub(bytes).ok_or(io::ErrorKind::UnexpectedEof)?;
    let bytes = usize::try_from(bytes).map_err(|_| io::ErrorKind::InvalidData)?;
    let mut tail = vec![0; bytes];
    file.read_exact_at(&mut tail, start)?;
    Ok(crc32c::crc32c(&tail))
}

fn zone(group: &RowGroupMetaData, first_row: usize) -> Option<Zone> {
    if group.num_columns() != COLUMN_COUNT {
        return None;
    }
    let bounds = |column: Column| match group.column(column.index()).statistics()? {
        Statistics::Int64(statistics) => Some((*statistics.min_opt()?, *statistics.max_opt()?)),
        _ => None,
    };
    let (first, last) = bounds(Column::Txid)?;
    Some(Zone {
        first_row,
        rows: usize::try_from(group.num_rows()).ok()?,
        ends: bounds(Column::EndTime)?,
        txids: (first.cast_unsigned(), last.cast_unsigned()),
    })
}
