//! Sealing: turns a generation of rows in memory into files.
//!
//! Files are written and synced first, then named in the manifest; only then do they count and only
//! then is the WAL file of the generation deleted. A seal that fails leaves the generation in memory
//! and in the WAL, and is tried again.

mod arrow;
mod chunk;
mod own;
mod pages;
pub(crate) mod schema;
mod sort;

use std::fs::{self, File};
use std::io;
use std::path::PathBuf;

use super::columns::{Narrow, Wide};
use super::config::SegmentEncoder;
use super::counters;
use super::digests::{self, DigestSeries};
use super::hot::{Generation, HotData};
use super::layout::{Hour, Layout};
use super::manifest::{CounterEntry, DigestEntry, PackEntry, RollupEntry, SegmentEntry};
use super::pack;
use super::rollup::{self, KEY_COLUMNS, Limits};
use super::segment::tail_sum;
use super::texts::{Dictionary, UNKNOWN};
use super::wal::OBJECT_KIND;
use crate::store::Series;
use scouter_wire::TextKind;

/// The files of one generation, durable but not yet named in the manifest.
#[derive(Debug, Default)]
pub(crate) struct Files {
    pub(crate) segments: Vec<SegmentEntry>,
    pub(crate) pack: Option<PackEntry>,
    pub(crate) counters: Option<CounterEntry>,
    pub(crate) digests: Vec<DigestEntry>,
    /// Tables that would have had too many keys.
    pub(crate) rollup_tables_over_limit: u64,
    written: Vec<PathBuf>,
}

/// How and where to seal.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sealer<'a> {
    pub(crate) layout: &'a Layout,
    pub(crate) dictionary: &'a Dictionary,
    pub(crate) encoder: SegmentEncoder,
}

impl Sealer<'_> {
    /// Writes the files of a generation.
    ///
    /// # Errors
    /// Nothing is left behind.
    pub(crate) fn seal(&self, generation: &Generation, data: &HotData) -> io::Result<Files> {
        let mut files = Files::default();
        let result = self
            .segments(generation, data, &mut files)
            .and_then(|()| self.pack(generation, data, &mut files))
            .and_then(|()| self.counters(generation, data, &mut files))
            .and_then(|()| self.digests(generation, data, &mut files));
        match result {
            Ok(()) => Ok(files),
            Err(error) => {
                files.remove();
                Err(error)
            }
        }
    }

    fn segments(
        &self,
        generation: &Generation,
        data: &HotData,
        files: &mut Files,
    ) -> io::Result<()> {
        let opened = generation.opened_unix_us();
        let order = sort::by_end(&data.columns.end);
        for (hour, rows) in sort::by_hour(&data.columns.end, &order) {
            let folder = self.layout.make_hour(hour)?;
            let name = format!("seg-{}.parquet", generation.number);
            let path = folder.join(&name);
            files.written.push(path.clone());
            let file = match self.encoder {
                SegmentEncoder::Own => own::write(&path, data, rows)?,
                SegmentEncoder::Arrow => arrow::write(&path, data, rows)?,
            };
            self.layout.sync_file(&file)?;
            self.layout.sync_folder(&folder)?;
            drop(file);
            let file = File::open(&path)?;
            let bytes = file.metadata()?.len();
            let tail_bytes = tail_bytes(&file)?;
            let end = |row: Option<&u32>| row.map_or(0, |row| data.columns.end[*row as usize]);
            let rollup = self.rollup(generation, data, hour, rows, files)?;
            let txids = || rows.iter().map(|row| data.columns.txid[*row as usize]);
            files.segments.push(SegmentEntry {
                file: format!("{}/{name}", hour.relative()),
                bytes,
                rows: rows.len() as u64,
                first_unix_us: end(rows.first()),
                last_unix_us: end(rows.last()),
                first_txid: txids().min().unwrap_or_default(),
                last_txid: txids().max().unwrap_or_default(),
                is_late: hour < Hour::of(opened),
                tail_bytes,
                tail_sum: tail_sum(&file, tail_bytes)?,
                rollup,
            });
        }
        Ok(())
    }

    /// Writes the rollups of a segment, if it has any that pay.
    fn rollup(
        &self,
        generation: &Generation,
        data: &HotData,
        hour: Hour,
        order: &[u32],
        files: &mut Files,
    ) -> io::Result<Option<RollupEntry>> {
        let columns = &data.columns;
        let built = rollup::build(
            &rollup::Rows {
                order,
                end: &columns.end,
                elapsed: columns.wide(Wide::Elapsed),
                flags: columns.narrow(Narrow::Flags),
                sql_us: columns.wide(Wide::SqlTime),
                sql_count: columns.narrow(Narrow::SqlCount),
                api_us: columns.wide(Wide::ApiTime),
                api_count: columns.narrow(Narrow::ApiCount),
                keys: KEY_COLUMNS.map(|text| columns.text(text)),
                text: &|column, number| data.pools[KEY_COLUMNS[column] as usize].text(number),
            },
            Limits::default(),
        );
        files.rollup_tables_over_limit += built.over_limit;
        let Some((content, sum)) = built.encode()? else { return Ok(None) };
        self.write(hour, &format!("seg-{}.rol", generation.number), &content, files)?;
        Ok(Some(RollupEntry { bytes: content.len() as u64, sum }))
    }

    fn pack(&self, generation: &Generation, data: &HotData, files: &mut Files) -> io::Result<()> {
        if data.frames.is_empty() {
            return Ok(());
        }
        let newest = data.range.map_or_else(|| generation.opened_unix_us(), |(_, last)| last);
        let hour = Hour::of(newest);
        let folder = self.layout.make_hour(hour)?;
        let name = format!("seg-{}.pf", generation.number);
        let path = folder.join(&name);
        files.written.push(path.clone());
        let late = data.late_profiles.iter();
        let content = pack::PackContent {
            id: generation.pack(),
            wal: &generation.wal,
            frames: &data.frames,
            orphans: late.map(|(txid, (frame, index))| (*txid, *frame, *index)).collect(),
            dictionary: self.dictionary,
        };
        let (file, bytes) = pack::write(&path, content)?;
        self.layout.sync_file(&file)?;
        self.layout.sync_folder(&folder)?;
        files.pack = Some(PackEntry {
            id: generation.pack(),
            file: format!("{}/{name}", hour.relative()),
            bytes,
            profiles: data.profiles,
            last_unix_us: newest,
            orphans: data.late_profiles.len() as u64,
        });
        Ok(())
    }

    fn counters(
        &self,
        generation: &Generation,
        data: &HotData,
        files: &mut Files,
    ) -> io::Result<()> {
        let Some((first_unix_us, last_unix_us)) = data.counters.range() else { return Ok(()) };
        let mut series = named_series(data, self.dictionary);
        let content = counters::encode(&mut series)?;
        let name = format!("seg-{}.cnt", generation.number);
        files.counters = Some(CounterEntry {
            file: self.write(Hour::of(last_unix_us), &name, &content, files)?,
            bytes: content.len() as u64,
            points: data.counters.points() as u64,
            first_unix_us,
            last_unix_us,
        });
        Ok(())
    }

    fn digests(
        &self,
        generation: &Generation,
        data: &HotData,
        files: &mut Files,
    ) -> io::Result<()> {
        let fine = data.digests.named(self.dictionary);
        let coarse = digests::coarsen(&fine);
        let mut put = |mut series: Vec<DigestSeries>, step_us, ending| -> io::Result<()> {
            let Some((first_unix_us, last_unix_us)) = digests::range(&series) else {
                return Ok(());
            };
            let content = digests::encode(&mut series)?;
            let name = format!("seg-{}.{ending}", generation.number);
            // An interval never crosses an hour, so both files come into one folder.
            let file = self.write(Hour::of(last_unix_us), &name, &content, files)?;
            let bytes = content.len() as u64;
            files.digests.push(DigestEntry { file, bytes, step_us, first_unix_us, last_unix_us });
            Ok(())
        };
        put(fine, digests::FINE_STEP_US, "dig")?;
        put(coarse, digests::COARSE_STEP_US, "di5")
    }

    /// Writes a small file of this hour durably; answers its name in the manifest.
    fn write(
        &self,
        hour: Hour,
        name: &str,
        content: &[u8],
        files: &mut Files,
    ) -> io::Result<String> {
        let folder = self.layout.make_hour(hour)?;
        let path = folder.join(name);
        files.written.push(path.clone());
        fs::write(&path, content)?;
        self.layout.sync_file(&File::open(&path)?)?;
        self.layout.sync_folder(&folder)?;
        Ok(format!("{}/{name}", hour.relative()))
    }
}

impl Files {
    /// Unlinks what was written.
    pub(crate) fn remove(&self) {
        for path in &self.written {
            // What stays behind is unlinked at the next start, since no manifest names it.
            let _left = fs::remove_file(path);
        }
    }
}

/// The counter series of a generation with their names.
pub(crate) fn named_series(data: &HotData, dictionary: &Dictionary) -> Vec<Series> {
    let text = |kind: u8, id: u32| dictionary.text(kind, id).unwrap_or_else(|| UNKNOWN.into());
    let series = data.counters.iter().map(|(object, name, points)| Series {
        object: text(OBJECT_KIND, object.0),
        name: text(TextKind::Counter as u8, name.0),
        points: points.to_vec(),
    });
    series.collect()
}

/// Bytes behind the last page of a segment.
pub(crate) fn tail_bytes(file: &File) -> io::Result<u64> {
    use parquet::file::reader::FileReader;
    let reader = parquet::file::reader::SerializedFileReader::new(file.try_clone()?);
    let reader = reader.map_err(schema::io_error)?;
    let groups = reader.metadata().row_groups();
    let columns = groups.iter().flat_map(parquet::file::metadata::RowGroupMetaData::columns);
    let end = columns.map(|column| column.byte_range()).map(|(start, length)| start + length);
    Ok(file.metadata()?.len().saturating_sub(end.max().unwrap_or_default()))
}
