//! Recovery: the rows of the WAL back into memory, and what a crash left of it cut off.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use scouter_wire::codec::{BatchView, SectionDecoder, TextTable, XLogColumns};

use super::Frozen;
use super::alerts::AlertRow;
use super::digests;
use super::hot::{BatchContext, Generation, HotFrame, frame_texts};
use super::layout::Layout;
use super::manifest::Inventory;
use super::open::sealed_files;
use super::origins::Origins;
use super::state::State;
use super::texts::Dictionary;
use super::wal::{Mark, Record, WalFile, WalHeader};
use crate::store::WalSeq;

/// Removes WAL files that hold no rows, once the texts they do hold are in the state database: an
/// agent may have been told their numbers. Files that cannot go stay until the next start.
pub(super) fn remove_empty(files: &[PathBuf], dictionary: &Dictionary, state: &State) {
    let texts = dictionary.unpersisted();
    if !files.is_empty() && state.persist(texts.clone(), 0, &[]).is_ok() {
        dictionary.mark_persisted(&texts);
        for file in files {
            let _stays = fs::remove_file(file);
        }
    }
}

/// Reads the WAL back.
pub(super) struct Recovery<'a> {
    store_id: u128,
    layout: &'a Layout,
    dictionary: &'a Dictionary,
    sealed: u64,
    pub(super) origins: Origins,
    pub(super) cursor: u64,
    /// Number of the first generation that is new.
    pub(super) next: u64,
    pub(super) torn_bytes: u64,
    pub(super) xlogs: u64,
    pub(super) corrupt: Vec<(PathBuf, String)>,
    /// Files without rows.
    pub(super) empty: Vec<PathBuf>,
    /// How far the log was on disk before the crash, as far as it knew.
    mark: Mark,
    /// A file before this one ended in a torn tail: what follows was not acknowledged either.
    is_broken_off: bool,
    columns: XLogColumns,
    table: TextTable,
}

impl<'a> Recovery<'a> {
    pub(super) fn new(
        store_id: u128,
        layout: &'a Layout,
        dictionary: &'a Dictionary,
        inventory: &Inventory,
    ) -> Self {
        let mut origins = Origins::default();
        inventory.origins.iter().for_each(|mark| origins.restore(*mark));
        let mut corrupt = Vec::new();
        if inventory.damaged_lines > 0 {
            let why = format!("{} damaged lines were left out", inventory.damaged_lines);
            corrupt.push((layout.manifest(), why));
        }
        Self {
            store_id,
            layout,
            dictionary,
            sealed: inventory.generation,
            origins,
            cursor: inventory.cursor,
            next: inventory.generation + 1,
            torn_bytes: 0,
            xlogs: 0,
            corrupt,
            empty: Vec::new(),
            mark: Mark::default(),
            is_broken_off: false,
            columns: XLogColumns::new(),
            table: TextTable::default(),
        }
    }

    /// Replays the WAL files of generations that were not sealed, in order.
    pub(super) fn run(&mut self) -> io::Result<Vec<Frozen>> {
        let mut files: Vec<(u64, PathBuf)> = Vec::new();
        for entry in fs::read_dir(self.layout.wal_folder())? {
            let path = entry?.path();
            let number = path.file_stem().and_then(OsStr::to_str).and_then(|n| n.parse().ok());
            if let Some(number) = number.filter(|_| path.extension() == Some(OsStr::new("wal"))) {
                files.push((number, path));
            }
        }
        files.sort_unstable();
        // A damaged manifest may have forgotten the newest: their names are not given again.
        let sealed = sealed_files(self.layout).map(|(number, _)| number + 1).max();
        self.next = self.next.max(sealed.unwrap_or_default());
        let (done, left) = files.split_at(files.partition_point(|(n, _)| *n <= self.sealed));
        for (number, path) in done {
            self.next = self.next.max(number + 1);
            // The crash came between the seal and this deletion.
            fs::remove_file(path)?;
        }
        self.next = self.next.max(left.last().map_or(0, |(number, _)| number + 1));
        // Marks only move on, so the newest file that has one has the furthest. One file at a time
        // is held; damaged ones are met again below.
        for (number, path) in left.iter().rev() {
            match WalFile::read(path, &self.header(*number)) {
                Ok(file) => self.mark = file.mark,
                Err(error) if error.kind() == io::ErrorKind::InvalidData => {}
                Err(error) => return Err(error),
            }
            if self.mark != Mark::default() {
                break;
            }
        }
        let mut frozen = Vec::new();
        for (number, path) in left {
            frozen.extend(self.replay(*number, path)?);
        }
        Ok(frozen)
    }

    fn header(&self, generation: u64) -> WalHeader {
        WalHeader { store_id: self.store_id, generation }
    }

    /// How much of a file was on disk for certain.
    fn safe_bytes(&self, generation: u64) -> u64 {
        match self.mark.generation.cmp(&generation) {
            Ordering::Greater => u64::MAX,
            Ordering::Equal => self.mark.bytes,
            Ordering::Less => 0,
        }
    }

    fn replay(&mut self, number: u64, path: &Path) -> io::Result<Option<Frozen>> {
        let wal = match WalFile::read(path, &self.header(number)) {
            Ok(wal) => wal,
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                self.corrupt.push((path.to_owned(), error.to_string()));
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        if self.is_broken_off {
            self.torn_bytes += wal.bytes();
            fs::remove_file(path)?;
            return Ok(None);
        }
        let safe_bytes = self.safe_bytes(number);
        self.is_broken_off = wal.is_torn(safe_bytes);
        let file = Arc::new(fs::File::open(path)?);
        let generation = Arc::new(Generation::new(number, self.cursor + 1, file));
        let mut decoder = SectionDecoder::new().map_err(io::Error::other)?;
        let mut changed = HashSet::new();
        let mut broken = 0u64;
        let report = wal.replay(path, safe_bytes, &mut |record, end| {
            let frame = match record {
                Record::Text { .. } | Record::Mark(_) => None,
                Record::Batch { frame, .. }
                | Record::Counters { frame, .. }
                | Record::Digests { frame, .. }
                | Record::Alerts { frame, .. } => Some(frame.origin),
            };
            changed.extend(frame);
            if !self.apply(&generation, &mut decoder, record, end) {
                broken += 1;
            }
        })?;
        self.torn_bytes += report.torn_bytes;
        if report.damaged_records + broken > 0 {
            let why = format!("{} damaged records were left out", report.damaged_records + broken);
            self.corrupt.push((path.to_owned(), why));
        }
        if generation.data.read().is_empty() {
            self.empty.push(path.to_owned());
            return Ok(None);
        }
        // What was written before a crash may not have reached the disk: what is told from now on as
        // kept has.
        self.layout.sync_file(&generation.wal)?;
        let mut origins = self.origins.all();
        origins.retain(|mark| changed.contains(&mark.origin));
        let wal_bytes = report.good_bytes;
        Ok(Some(Frozen { generation, origins, cursor: self.cursor, wal_bytes }))
    }

    /// Takes one record over; answers whether it could be understood.
    fn apply(
        &mut self,
        generation: &Generation,
        decoder: &mut SectionDecoder,
        record: &Record<'_>,
        end: u64,
    ) -> bool {
        match record {
            Record::Text { kind, id, text } => self.dictionary.restore(*kind, *id, text),
            Record::Mark(_) => true,
            Record::Counters { frame, unix_us, points } => {
                generation.open(*unix_us);
                generation.data.write().counters.push(frame.object, *unix_us, points);
                self.origins.kept(frame.origin, frame.seq, frame.object, 0, 0, WalSeq(0));
                true
            }
            Record::Digests { frame, from_unix_us, digests } => {
                let Ok(digests) = digests::decode(digests) else { return false };
                generation.open(*from_unix_us);
                generation.data.write().digests.push(frame.object, *from_unix_us, &digests);
                self.origins.kept(frame.origin, frame.seq, frame.object, 0, 0, WalSeq(0));
                true
            }
            Record::Alerts { frame, json } => {
                let alerts = AlertRow::parse_all(json);
                if let Some(alert) = alerts.first() {
                    generation.open(alert.unix_us);
                }
                let with_object = alerts.into_iter().map(|alert| (frame.object, alert));
                generation.data.write().alerts.extend(with_object);
                self.origins.kept(frame.origin, frame.seq, frame.object, 0, 0, WalSeq(0));
                true
            }
            Record::Batch { frame, arrival_unix_us, clock_offset_us, texts, body } => {
                let Ok(view) = BatchView::parse(body, &mut self.table) else { return false };
                if decoder.xlogs(&view, texts, &mut self.columns).is_err() {
                    return false;
                }
                generation.open(*arrival_unix_us);
                let section = view.profile_section;
                let profiles = if section.is_empty() { 0 } else { self.columns.profiles().len() };
                let hot = (!section.is_empty()).then(|| HotFrame {
                    offset: end - section.len() as u64,
                    bytes: u32::try_from(section.len()).unwrap_or(u32::MAX),
                    profiles: u32::try_from(profiles).unwrap_or(u32::MAX),
                    texts: frame_texts(&self.table, texts),
                });
                let context = BatchContext {
                    dictionary: self.dictionary,
                    object: frame.object,
                    arrival_unix_us: *arrival_unix_us,
                    clock_offset_us: *clock_offset_us,
                    pack: generation.pack(),
                };
                generation.data.write().push_batch(context, &self.columns, hot);
                let rows = self.columns.len() as u64;
                self.cursor += rows;
                self.xlogs += rows;
                self.origins.kept(
                    frame.origin,
                    frame.seq,
                    frame.object,
                    rows,
                    profiles as u64,
                    WalSeq(0),
                );
                true
            }
        }
    }
}
