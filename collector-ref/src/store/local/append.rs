//! Appending: dedupe, log, remember.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use parking_lot::MutexGuard;
use scouter_wire::record::Alert;
use scouter_wire::{ObjectId, TextKind, TextRef};

use super::config::{MAX_GENERATION_TEXT_BYTES, MAX_GENERATIONS};
use super::health::Part;
use super::hot::{BatchContext, Generation, HotFrame, POINTS_A_ROW, frame_texts};
use super::layout::make_folder;
use super::origins::Origins;
use super::texts::{Interned, OTHER};
use super::wal::{FrameId, OBJECT_KIND, RecordHead, WalHeader, WalWriter};
use super::{Frozen, Ingest, Inner, alerts, count, digests};
use crate::store::{
    AlertBatch, AppendError, Appended, CounterBatch, DigestBatch, WalSeq, XLogBatch,
};

/// How long an append waits for the sealer when memory is full.
const MAX_ROOM_WAIT: Duration = Duration::from_secs(2);

impl Inner {
    /// Numbers a text, logging it when it is new.
    pub(super) fn intern(
        &self,
        kind: u8,
        text: &str,
    ) -> Result<(u32, Option<WalSeq>), AppendError> {
        let durable = self.syncer.durable();
        if let Interned::Known(id) = self.dictionary.find(kind, text) {
            // Whoever got it first may still wait for it; the last text covers all.
            let seq = self.ingest.lock().text_seq;
            return Ok((id, (seq > durable).then_some(seq)));
        }
        let mut ingest = self.ingest.lock();
        self.check_open(&ingest)?;
        let mut text = text;
        let id = loop {
            match self.dictionary.find(kind, text) {
                Interned::Known(id) => return Ok((id, Some(ingest.text_seq))),
                Interned::New(id) => break id,
                Interned::Refused if text == OTHER => {
                    return Err(AppendError::Invalid(format!("{kind} is no kind of text")));
                }
                Interned::Refused => text = OTHER,
            }
        };
        ingest.head.text(kind, id);
        self.log(&mut ingest, text.as_bytes())?;
        self.dictionary.insert(kind, id, text);
        ingest.text_seq = ingest.seq;
        Ok((id, Some(ingest.seq)))
    }

    /// Appends a batch of transactions.
    pub(super) fn append_xlogs(&self, batch: &XLogBatch<'_>) -> Result<Appended, AppendError> {
        let rows = batch.columns.len();
        if batch.table.entries().len() != batch.texts.len() {
            let why = "the numbers of its texts do not match its text table";
            return Err(AppendError::Invalid(why.to_owned()));
        }
        let frame = FrameId { origin: batch.origin, seq: batch.seq, object: batch.object };
        let mut ingest = self.ingest.lock();
        self.check_open(&ingest)?;
        if let Some(known) = self.admit(&mut ingest, &frame, rows)? {
            return Ok(known);
        }
        ingest.head.batch(&frame, batch.arrival_unix_us, batch.clock_offset_us, batch.texts);
        let body_at = self.log(&mut ingest, batch.body)?;
        let section = batch.view.profile_section;
        let frame_in_wal = (!section.is_empty()).then(|| HotFrame {
            offset: body_at + (batch.body.len() - section.len()) as u64,
            // A record, and so a section, is far below 4 GiB.
            bytes: u32::try_from(section.len()).unwrap_or(u32::MAX),
            profiles: u32::try_from(batch.columns.profiles().len()).unwrap_or(u32::MAX),
            texts: frame_texts(batch.table, batch.texts),
        });
        let active = Arc::clone(&ingest.active);
        let context = BatchContext {
            dictionary: &self.dictionary,
            object: batch.object,
            arrival_unix_us: batch.arrival_unix_us,
            clock_offset_us: batch.clock_offset_us,
            pack: active.pack(),
        };
        let is_full = {
            let mut data = active.data.write();
            data.push_batch(context, batch.columns, frame_in_wal);
            data.weight() >= self.config.seal_rows || data.text_bytes() >= MAX_GENERATION_TEXT_BYTES
        };
        let profiles = if section.is_empty() { 0 } else { batch.columns.profiles().len() as u64 };
        let first_arrival = ingest.cursor + 1;
        ingest.cursor += rows as u64;
        ingest.kept(&frame, rows as u64, profiles);
        let seq = ingest.seq;
        if is_full {
            self.freeze_or_wait(&mut ingest);
        }
        drop(ingest);
        self.seal_inline();
        Ok(Appended::Kept { seq, first_arrival })
    }

    /// Appends counter values.
    pub(super) fn append_points(&self, batch: &CounterBatch<'_>) -> Result<Appended, AppendError> {
        let frame = FrameId { origin: batch.origin, seq: batch.seq, object: batch.object };
        let mut ingest = self.ingest.lock();
        self.check_open(&ingest)?;
        let weight = batch.points.len().div_ceil(POINTS_A_ROW);
        if let Some(known) = self.admit(&mut ingest, &frame, weight)? {
            return Ok(known);
        }
        ingest.head.counters(&frame, batch.unix_us, batch.points);
        self.log(&mut ingest, &[])?;
        let dropped =
            ingest.active.data.write().counters.push(batch.object, batch.unix_us, batch.points);
        count(&self.tallies.counter_points_dropped, dropped);
        ingest.kept(&frame, 0, 0);
        Ok(Appended::Kept { seq: ingest.seq, first_arrival: ingest.cursor + 1 })
    }

    /// Appends alerts.
    pub(super) fn append_alerts(&self, batch: &AlertBatch<'_>) -> Result<Appended, AppendError> {
        let frame = FrameId { origin: batch.origin, seq: batch.seq, object: batch.object };
        let json = alerts::alerts_json(batch.alerts);
        let mut ingest = self.ingest.lock();
        self.check_open(&ingest)?;
        if let Some(known) = self.admit(&mut ingest, &frame, batch.alerts.len())? {
            return Ok(known);
        }
        ingest.head.alerts(&frame);
        self.log(&mut ingest, &json)?;
        let with_object = |alert: &Alert| (batch.object, alert.clone());
        ingest.active.data.write().alerts.extend(batch.alerts.iter().map(with_object));
        ingest.kept(&frame, 0, 0);
        Ok(Appended::Kept { seq: ingest.seq, first_arrival: ingest.cursor + 1 })
    }

    /// Appends digests.
    pub(super) fn append_digests(&self, batch: &DigestBatch<'_>) -> Result<Appended, AppendError> {
        let frame = FrameId { origin: batch.origin, seq: batch.seq, object: batch.object };
        let record = digests::encode_record(batch.digests);
        let mut ingest = self.ingest.lock();
        self.check_open(&ingest)?;
        let weight = batch.digests.len() * digests::ROWS_A_DIGEST;
        if let Some(known) = self.admit(&mut ingest, &frame, weight)? {
            return Ok(known);
        }
        ingest.head.digests(&frame, batch.from_unix_us);
        self.log(&mut ingest, &record)?;
        let mut data = ingest.active.data.write();
        data.digests.push(batch.object, batch.from_unix_us, batch.digests);
        drop(data);
        ingest.kept(&frame, 0, 0);
        Ok(Appended::Kept { seq: ingest.seq, first_arrival: ingest.cursor + 1 })
    }

    fn check_open(&self, ingest: &Ingest) -> Result<(), AppendError> {
        if ingest.is_closed { Err(AppendError::Closed) } else { Ok(()) }
    }

    /// Makes room for a frame, or answers that it has been kept before.
    fn admit(
        &self,
        ingest: &mut MutexGuard<'_, Ingest>,
        frame: &FrameId,
        weight: usize,
    ) -> Result<Option<Appended>, AppendError> {
        if let Some(known) = self.duplicate(ingest, frame) {
            return Ok(Some(known));
        }
        self.make_room(ingest, weight)?;
        // Waiting for room lets others in: the same frame may have come on another connection.
        Ok(self.duplicate(ingest, frame))
    }

    /// The answer to a frame that has been kept before.
    fn duplicate(&self, ingest: &Ingest, frame: &FrameId) -> Option<Appended> {
        if !ingest.origins.has(frame.origin, frame.seq) {
            return None;
        }
        count(&self.tallies.duplicate_frames, 1);
        Some(Appended::Duplicate { seq: ingest.seq })
    }

    /// Writes the record whose fields are in the head; answers where its payload lies.
    fn log(&self, ingest: &mut Ingest, payload: &[u8]) -> Result<u64, AppendError> {
        if ingest.head.finish(payload).is_none() {
            return Err(AppendError::Invalid(
                "it is longer than a record of the log may be".into(),
            ));
        }
        self.lock.check().map_err(|error| {
            count(&self.tallies.append_errors, 1);
            self.health.failed(Part::Folder, &error);
            AppendError::from(error)
        })?;
        if !ingest.wal.is_usable() {
            if !self.has_room() {
                return Err(self.refuse_for_memory());
            }
            self.freeze(ingest).inspect_err(|_| count(&self.tallies.append_errors, 1))?;
            // The fields are the same, only the file is another.
        }
        let Ingest { wal, head, .. } = ingest;
        let at = wal.append(head, payload, self.syncer.mark()).map_err(|error| {
            count(&self.tallies.append_errors, 1);
            self.health.failed(Part::Append, &error);
            AppendError::from(error)
        })?;
        self.health.works(Part::Append);
        ingest.seq.0 += 1;
        ingest.active.open(self.config.clock.unix_us());
        let Ingest { wal, active, seq, .. } = ingest;
        self.syncer.written(active.number, wal.file(), *seq, wal.bytes());
        Ok(at)
    }

    /// Makes sure that the active generation takes what weighs as much as these rows: waits for the
    /// sealer when memory is full.
    fn make_room(
        &self,
        ingest: &mut MutexGuard<'_, Ingest>,
        rows: usize,
    ) -> Result<(), AppendError> {
        let weight = ingest.active.data.read().weight();
        if weight == 0 || weight + rows <= self.config.seal_rows {
            return Ok(());
        }
        if self.config.is_self_maintained && !self.has_room() {
            self.work.ask();
            self.room.wait_while_for(ingest, |_| !self.has_room(), MAX_ROOM_WAIT);
            self.check_open(ingest)?;
            if !self.has_room() {
                return Err(self.refuse_for_memory());
            }
        }
        // Another append may have made room while this one waited.
        if ingest.active.data.read().weight() + rows > self.config.seal_rows {
            self.freeze(ingest).inspect_err(|_| count(&self.tallies.append_errors, 1))?;
        }
        Ok(())
    }

    /// As many generations as there may be wait to be sealed.
    fn refuse_for_memory(&self) -> AppendError {
        count(&self.tallies.append_errors, 1);
        let why = "memory is full: rows cannot be sealed as fast as they come in";
        self.health.failed(Part::Append, &why);
        AppendError::Io(std::io::Error::new(std::io::ErrorKind::TimedOut, why))
    }

    /// Whether another generation may be frozen.
    pub(super) fn has_room(&self) -> bool {
        self.tables.read().frozen.len() + 1 < MAX_GENERATIONS
    }

    /// Freezes a full generation if there is room for another; else the next append sees to it.
    fn freeze_or_wait(&self, ingest: &mut Ingest) {
        if self.has_room() || !self.config.is_self_maintained {
            // A failure shows again, and is counted, when the next append needs the room.
            let _later = self.freeze(ingest);
        } else {
            self.work.ask();
        }
    }

    /// Begins a new generation with a WAL file of its own and hands the old one to the sealer.
    ///
    /// # Errors
    /// The new file could not be made; nothing has changed.
    pub(super) fn freeze(&self, ingest: &mut Ingest) -> Result<(), AppendError> {
        self.lock.check()?;
        make_folder(&self.layout.wal_folder())?;
        let number = ingest.active.number + 1;
        let header = WalHeader { store_id: self.identity.store_id, generation: number };
        let wal = WalWriter::create(&self.layout.wal(number), &header)?;
        self.layout.sync_folder(&self.layout.wal_folder())?;
        let mut data = self.spare.lock().take().unwrap_or_default();
        data.reserve(self.config.seal_rows.min(MAX_RESERVED_ROWS));
        let file = Arc::clone(wal.file());
        let next = Arc::new(Generation::with_data(number, ingest.cursor + 1, file, data));
        let wal_bytes = std::mem::replace(&mut ingest.wal, wal).bytes();
        let generation = std::mem::replace(&mut ingest.active, Arc::clone(&next));
        let changed = std::mem::take(&mut ingest.changed);
        let mut origins = ingest.origins.all();
        origins.retain(|mark| changed.contains(&mark.origin));
        let cursor = ingest.cursor;
        let mut tables = self.tables.write();
        tables.frozen.push(Frozen { generation, origins, cursor, wal_bytes });
        tables.active = next;
        drop(tables);
        self.work.ask();
        Ok(())
    }

    /// Numbers an object.
    pub(super) fn object(&self, name: &str) -> Result<(ObjectId, Option<WalSeq>), AppendError> {
        let (id, seq) = self.intern(OBJECT_KIND, name)?;
        Ok((ObjectId(id), seq))
    }

    /// The number of the text with a hash.
    pub(super) fn by_hash(&self, kind: TextKind, hash: u64) -> Option<TextRef> {
        self.dictionary.by_hash(kind, hash).map(TextRef)
    }

    /// When the store has no thread of its own, whoever fills a generation seals it.
    fn seal_inline(&self) {
        if !self.config.is_self_maintained && !self.tables.read().frozen.is_empty() {
            self.seal_frozen();
        }
    }

    /// How many rows are hot.
    pub(super) fn hot_rows(&self) -> u64 {
        let tables = self.tables.read();
        let frozen: usize = tables.frozen.iter().map(|frozen| frozen.generation.rows()).sum();
        (frozen + tables.active.rows()) as u64
    }

    /// Counts rows that were sealed into an hour that was over.
    pub(super) fn count_late(&self, rows: u64) {
        self.tallies.late_rows.fetch_add(rows, Ordering::Relaxed);
    }
}

/// Rows for which columns are reserved at once; a larger generation grows.
const MAX_RESERVED_ROWS: usize = 1 << 20;

impl Ingest {
    /// What appends change, in a store that begins a generation.
    pub(super) fn new(
        wal: WalWriter,
        origins: Origins,
        active: Arc<Generation>,
        cursor: u64,
    ) -> Self {
        Self {
            wal,
            head: RecordHead::default(),
            origins,
            changed: HashSet::new(),
            active,
            seq: WalSeq(0),
            text_seq: WalSeq(0),
            cursor,
            is_closed: false,
        }
    }

    fn kept(&mut self, frame: &FrameId, xlogs: u64, profiles: u64) {
        self.origins.kept(frame.origin, frame.seq, frame.object, xlogs, profiles, self.seq);
        self.changed.insert(frame.origin);
    }
}
