//! What the store does by itself: seals what is full or old, and purges.

use std::fs;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use super::health::Part;
use super::hot::Generation;
use super::manifest::{Event, OriginEntry, Sealed};
use super::seal::Sealer;
use super::segment::{Segment, SegmentError};
use super::{Frozen, Inner, count};
use crate::store::AppendError;

/// How often the store looks whether something is old enough.
const ROUND: Duration = Duration::from_secs(1);

/// References to a generation that is being sealed when nobody reads it: the sealer's own.
const SEALER_HOLDS: usize = 1;

impl Inner {
    /// The store's own thread.
    pub(super) fn run(&self) {
        loop {
            let mut state = self.work.state.lock();
            if !state.is_stopping && !state.is_wanted {
                let _timed_out = self.work.wake.wait_for(&mut state, ROUND);
            }
            state.is_wanted = false;
            if state.is_stopping {
                return;
            }
            drop(state);
            self.maintain();
        }
    }

    /// One round: freezes what is due, seals what is frozen, purges.
    pub(super) fn maintain(&self) {
        match self.lock.check() {
            Ok(()) => self.health.works(Part::Folder),
            // Whatever is there now is not ours: nothing is put into it, and nothing taken away.
            Err(error) => return self.health.failed(Part::Folder, &error),
        }
        self.freeze_due();
        self.seal_frozen();
        self.purge();
    }

    fn freeze_due(&self) {
        let mut ingest = self.ingest.lock();
        let opened = ingest.active.opened_unix_us();
        // While nothing can be sealed, the active one goes on until it is full.
        if opened == 0 || ingest.is_closed || !self.has_room() {
            return;
        }
        // A clock that was set back would else keep it from being sealed until it has caught up.
        let age = Duration::from_micros(self.config.clock.unix_us().abs_diff(opened));
        let rows = ingest.active.rows();
        let is_due = age >= self.config.seal_small_after
            || (age >= self.config.seal_after && rows >= self.config.seal_small_rows)
            || self.syncer.has_failed(ingest.active.number);
        if is_due {
            // A failure is tried again in the next round.
            let _later = self.freeze(&mut ingest);
        }
    }

    /// Seals frozen generations, oldest first, until one fails; answers whether none is left.
    pub(super) fn seal_frozen(&self) -> bool {
        loop {
            let next = self.tables.read().frozen.first().cloned();
            let Some(frozen) = next else { return true };
            // A panic, which would be a defect of ours, must not end the thread that seals.
            let outcome = catch_unwind(AssertUnwindSafe(|| self.seal_one(&frozen)));
            let outcome = outcome.unwrap_or_else(|_| {
                Err(AppendError::Io(io::Error::other("sealing panicked; the log says where")))
            });
            if let Err(error) = outcome {
                count(&self.tallies.seal_errors, 1);
                self.health.failed(Part::Seal, &error);
                self.last_seal_error.lock().replace(error);
                return false;
            }
            self.health.works(Part::Seal);
        }
    }

    /// Seals one generation. Whoever comes second finds it done.
    fn seal_one(&self, frozen: &Frozen) -> Result<(), AppendError> {
        let mut manifest = self.manifest.lock();
        self.lock.check()?;
        let generation = &frozen.generation;
        let number = generation.number;
        if !self.tables.read().frozen.iter().any(|other| other.generation.number == number) {
            return Ok(());
        }
        generation.data.write().settle_late_profiles(generation.pack());
        let data = generation.data.read();
        let sealer = Sealer {
            layout: &self.layout,
            dictionary: &self.dictionary,
            encoder: self.config.encoder,
        };
        let files = sealer.seal(generation, &data)?;
        let result = self.open_sealed(&files).and_then(|segments| {
            self.persist(generation.number, &data)?;
            let event = Event::Sealed(Sealed {
                generation: number,
                cursor: frozen.cursor,
                segments: files.segments.clone(),
                pack: files.pack.clone(),
                counters: files.counters.clone(),
                digests: files.digests.clone(),
                origins: frozen.origins.iter().copied().map(OriginEntry::from).collect(),
            });
            manifest.append(&self.layout, &event)?;
            Ok(segments)
        });
        let segments = result.inspect_err(|_| files.remove())?;
        drop(data);
        let late = files.segments.iter().filter(|segment| segment.is_late);
        self.count_late(late.map(|segment| segment.rows).sum());
        count(&self.tallies.rollup_tables_over_limit, files.rollup_tables_over_limit);
        {
            let mut tables = self.tables.write();
            tables.frozen.retain(|other| other.generation.number != number);
            Arc::make_mut(&mut tables.segments).extend(segments);
            Arc::make_mut(&mut tables.packs).extend(files.pack);
            Arc::make_mut(&mut tables.counters).extend(files.counters);
            Arc::make_mut(&mut tables.digests).extend(files.digests);
        }
        drop(manifest);
        self.keep_memory(generation);
        self.syncer.sealed(number);
        // A file that stays behind is out of date by the manifest and is deleted at the next start.
        let _left = fs::remove_file(self.layout.wal(number));
        // Under the lock, so that nobody who is about to wait misses it.
        let _ingest = self.ingest.lock();
        self.room.notify_all();
        Ok(())
    }

    /// Keeps the memory of a sealed generation for the next one, if it was full: then another will
    /// soon be. A quiet store seals by age and gives its memory back.
    fn keep_memory(&self, generation: &Arc<Generation>) {
        // Nobody can find it any more; whoever still reads it from an older view holds it too.
        if Arc::strong_count(generation) > SEALER_HOLDS {
            return;
        }
        let mut data = generation.data.write();
        if 2 * data.weight() >= self.config.seal_rows {
            let emptied = std::mem::take(&mut *data).emptied();
            *self.spare.lock() = Some(emptied);
        } else {
            *self.spare.lock() = None;
        }
    }

    /// Opens new segments, which also checks them.
    fn open_sealed(&self, files: &super::seal::Files) -> Result<Vec<Arc<Segment>>, AppendError> {
        let open = |entry: &super::manifest::SegmentEntry| {
            let path = self.layout.sealed(&entry.file);
            Segment::open(&path, entry.clone(), &self.memory).map(Arc::new).map_err(|error| {
                AppendError::from(match error {
                    SegmentError::Io(error) => error,
                    SegmentError::Damaged(why) => io::Error::other(why),
                })
            })
        };
        files.segments.iter().map(open).collect()
    }

    /// Writes new texts and a generation's alerts into the state database.
    fn persist(&self, number: u64, data: &super::hot::HotData) -> Result<(), AppendError> {
        let texts = self.dictionary.unpersisted();
        let alerts: Vec<_> = data
            .alerts
            .iter()
            .map(|(object, alert)| (self.object_name(*object), alert.clone()))
            .collect();
        self.state
            .persist(texts.clone(), number, &alerts)
            .map_err(|why| AppendError::Io(io::Error::other(why)))?;
        self.dictionary.mark_persisted(&texts);
        Ok(())
    }
}
