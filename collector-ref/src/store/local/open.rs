//! Opening a folder: lock, manifest, dictionary, recovery, threads.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use parking_lot::{Condvar, Mutex, RwLock};
use scouter_wire::codec::HashSeed;

use super::clock::Calendar;
use super::config::StoreConfig;
use super::health::Health;
use super::hot::Generation;
use super::layout::{Layout, make_folder};
use super::lock::FolderLock;
use super::manifest::{Inventory, Manifest, TooNew};
use super::recover::{Recovery, remove_empty};
use super::rollup;
use super::segment::{Segment, SegmentError, SegmentMemory};
use super::state::{Identity, State, StateResult};
use super::texts::Dictionary;
use super::wal::{Syncer, WalHeader, WalWriter};
use super::{Ingest, Inner, LocalStore, Tables, Tallies, Work};
use crate::store::OpenError;

impl LocalStore {
    /// Opens a data folder, making it when it is not there, and recovers what a crash left in the
    /// WAL.
    ///
    /// Damaged files do not stop it; they are left out and named in
    /// [`StoreStats::corrupt_files`](crate::store::StoreStats::corrupt_files).
    ///
    /// # Errors
    /// Another collector uses the folder, it cannot be read or written, it is from a newer
    /// version, or its state database does not open.
    pub fn open(config: StoreConfig) -> Result<Self, OpenError> {
        let layout = Layout::new(config.folder.clone(), config.durability);
        make(layout.folder())?;
        let lock = Arc::new(FolderLock::take(layout.folder(), &layout.lock())?);
        make(&layout.wal_folder())?;
        make(&layout.data())?;
        let (manifest, inventory) = open_manifest(&layout)?;
        let state_error = |message| OpenError::State { path: layout.state(), message };
        let (state, identity) =
            State::open(&layout.state(), config.durability).map_err(state_error)?;
        let dictionary = open_dictionary(&config, identity, &state).map_err(state_error)?;
        let memory = SegmentMemory::new(config.bloom_bytes, config.rollup_bytes);
        let mut recovery = Recovery::new(identity.store_id, &layout, &dictionary, &inventory);
        let frozen = recovery.run().map_err(at(&layout.wal_folder()))?;
        let Recovery { origins, cursor, next, torn_bytes, xlogs, corrupt, empty, .. } = recovery;
        remove_empty(&empty, &dictionary, &state);
        let header = WalHeader { store_id: identity.store_id, generation: next };
        let wal = WalWriter::create(&layout.wal(next), &header).map_err(at(&layout.wal(next)))?;
        layout.sync_folder(&layout.wal_folder()).map_err(at(&layout.wal_folder()))?;
        let active = Arc::new(Generation::new(next, cursor + 1, Arc::clone(wal.file())));
        let syncer = Syncer::start(&config, Arc::clone(&lock)).map_err(at(layout.folder()))?;
        let ingest = Ingest::new(wal, origins, Arc::clone(&active), cursor);
        let tallies = Tallies::default();
        tallies.wal_torn_bytes.store(torn_bytes, Relaxed);
        tallies.wal_recovered_xlogs.store(xlogs, Relaxed);
        let tables = Tables {
            active,
            frozen,
            segments: Arc::default(),
            packs: Arc::new(inventory.packs.clone()),
            counters: Arc::new(inventory.counters.clone()),
            digests: Arc::new(inventory.digests.clone()),
        };
        let inner = Arc::new(Inner {
            calendar: Calendar::new(&config.clock),
            layout,
            identity,
            dictionary,
            state,
            syncer,
            ingest: Mutex::new(ingest),
            spare: Mutex::default(),
            room: Condvar::new(),
            tables: RwLock::new(tables),
            manifest: Mutex::new(manifest),
            memory,
            open_packs: Mutex::default(),
            tallies,
            corrupt: Mutex::default(),
            health: Health::default(),
            retention: RwLock::new(config.retention()),
            last_seal_error: Mutex::default(),
            work: Work::default(),
            config,
            lock,
        });
        for (path, reason) in corrupt {
            inner.report_corrupt(path, reason);
        }
        inner.open_segments(&inventory);
        inner.unlink_unnamed(&inventory);
        Self::start(inner)
    }

    fn start(inner: Arc<Inner>) -> Result<Self, OpenError> {
        let thread = if inner.config.is_self_maintained {
            let worker = Arc::clone(&inner);
            let builder = std::thread::Builder::new().name("scouter-store-seal".into());
            let spawned = builder.spawn(move || worker.run());
            Some(spawned.map_err(at(inner.layout.folder()))?)
        } else {
            inner.seal_frozen();
            None
        };
        inner.work.ask();
        Ok(Self { inner, thread: Mutex::new(thread) })
    }
}

fn at(path: &Path) -> impl Fn(io::Error) -> OpenError {
    let path: PathBuf = path.to_owned();
    move |source| OpenError::Io { path: path.clone(), source }
}

fn make(folder: &Path) -> Result<(), OpenError> {
    make_folder(folder).map_err(at(folder))
}

fn open_dictionary(
    config: &StoreConfig,
    identity: Identity,
    state: &State,
) -> StateResult<Dictionary> {
    let seed = HashSeed(identity.hash_seed);
    let dictionary = Dictionary::new(seed, config.texts_per_kind, config.text_bytes);
    let texts = state.texts()?;
    for text in &texts {
        dictionary.restore(text.kind, text.id, &text.text);
    }
    dictionary.mark_persisted(&texts);
    Ok(dictionary)
}

fn open_manifest(layout: &Layout) -> Result<(Manifest, Inventory), OpenError> {
    let path = layout.manifest();
    match Manifest::open(layout) {
        Ok(Ok(opened)) => Ok(opened),
        Ok(Err(TooNew(found))) => Err(OpenError::TooNew { path, found }),
        Err(source) => Err(OpenError::Io { path, source }),
    }
}

impl Inner {
    /// Opens the segments of the manifest; damaged ones are named and left out.
    fn open_segments(&self, inventory: &Inventory) {
        let mut segments = Vec::with_capacity(inventory.segments.len());
        for entry in &inventory.segments {
            let path = self.layout.sealed(&entry.file);
            match Segment::open(&path, entry.clone(), &self.memory) {
                Ok(segment) => segments.push(Arc::new(segment)),
                Err(SegmentError::Damaged(why)) => self.report_corrupt(path, why),
                Err(SegmentError::Io(error)) => self.report_corrupt(path, error.to_string()),
            }
        }
        Arc::make_mut(&mut self.tables.write().segments).extend(segments);
    }

    /// Unlinks sealed files that the manifest does not name: rests of a seal that did not finish,
    /// which are sealed anew from the log, and of a purge. Others are all there is of their
    /// transactions: a manifest that was damaged or lost has forgotten them, and they stay and are
    /// told at each start.
    fn unlink_unnamed(&self, inventory: &Inventory) {
        let segments = inventory.segments.iter().map(|segment| &segment.file);
        let packs = inventory.packs.iter().map(|pack| &pack.file);
        let counters = inventory.counters.iter().map(|counters| &counters.file);
        let digests = inventory.digests.iter().map(|digests| &digests.file);
        let others = counters.chain(digests);
        let mut named: HashSet<PathBuf> =
            segments.chain(packs).chain(others).map(|file| self.layout.sealed(file)).collect();
        let rolled = inventory.segments.iter().filter(|segment| segment.rollup.is_some());
        named.extend(rolled.map(|segment| rollup::path_of(&self.layout.sealed(&segment.file))));
        let unlinked: HashSet<PathBuf> =
            inventory.unlinked.iter().map(|file| self.layout.sealed(file)).collect();
        let frozen = &self.tables.read().frozen;
        let in_the_log: HashSet<u64> =
            frozen.iter().map(|frozen| frozen.generation.number).collect();
        for (number, file) in sealed_files(&self.layout) {
            if named.contains(&file) {
                continue;
            }
            let is_left_over = unlinked.contains(&file) || rollup::is_left_over(&file, &named);
            if is_left_over || in_the_log.contains(&number) {
                // Tried again at the next start.
                let _left = fs::remove_file(&file);
            } else {
                let why = "the manifest was damaged or lost and does not name it; it is kept, not \
                           served: stop the collector and run `scouter-collector repair`";
                self.report_corrupt(file, why.to_owned());
            }
        }
    }

    /// Bytes of the WAL files of all generations in memory.
    pub(super) fn wal_bytes(&self) -> u64 {
        let active = self.ingest.lock().wal.bytes();
        active + self.tables.read().frozen.iter().map(|frozen| frozen.wal_bytes).sum::<u64>()
    }
}

/// Sealed files on the disk, with the number of their generation.
pub(super) fn sealed_files(layout: &Layout) -> impl Iterator<Item = (u64, PathBuf)> {
    let hours = folders(&layout.data()).into_iter().flat_map(|day| folders(&day));
    hours.flat_map(|hour| entries(&hour)).filter_map(|file| {
        let number = file.file_stem()?.to_str()?.strip_prefix("seg-")?.parse().ok()?;
        Some((number, file))
    })
}

/// The entries of a folder; none when it cannot be read.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).collect()
}

fn folders(folder: &Path) -> Vec<PathBuf> {
    let is_folder = |path: &PathBuf| {
        fs::symlink_metadata(path).is_ok_and(|m| m.mode() & 0o170_000 == 0o040_000)
    };
    entries(folder).into_iter().filter(is_folder).collect()
}
