//! Opening a folder: lock, manifest, dictionary, and the rows of the WAL back into memory.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use parking_lot::{Condvar, Mutex, RwLock};
use scouter_wire::codec::{BatchView, HashSeed, SectionDecoder, TextTable, XLogColumns};

use super::alerts::AlertRow;
use super::clock::Calendar;
use super::config::StoreConfig;
use super::hot::{BatchContext, Generation, HotFrame, frame_texts};
use super::layout::Layout;
use super::lock::FolderLock;
use super::manifest::{Inventory, Manifest, TooNew};
use super::origins::Origins;
use super::segment::{BloomBudget, Segment, SegmentError};
use super::state::{Identity, State, StateResult};
use super::texts::Dictionary;
use super::wal::{Record, RecordHead, Syncer, WalHeader, WalWriter, replay};
use super::{Frozen, Ingest, Inner, LocalStore, Tables, Tallies, Work};
use crate::store::{OpenError, WalSeq};

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
        make_folder(layout.folder())?;
        let lock = FolderLock::take(layout.folder(), &layout.lock())?;
        make_folder(&layout.wal_folder())?;
        make_folder(&layout.data())?;
        let (manifest, inventory) = open_manifest(&layout)?;
        let state_error = |message| OpenError::State { path: layout.state(), message };
        let (state, identity) =
            State::open(&layout.state(), config.durability).map_err(state_error)?;
        let dictionary = open_dictionary(&config, identity, &state).map_err(state_error)?;
        let blooms = BloomBudget::new(config.bloom_bytes);
        let mut recovery =
            Recovery::new(identity.store_id, &layout, &dictionary, &state, &inventory);
        let frozen = recovery.run().map_err(at(&layout.wal_folder()))?;
        let Recovery { origins, cursor, next, torn_bytes, xlogs, corrupt, .. } = recovery;
        let header = WalHeader { store_id: identity.store_id, generation: next };
        let wal = WalWriter::create(&layout.wal(next), &header).map_err(at(&layout.wal(next)))?;
        layout.sync_folder(&layout.wal_folder()).map_err(at(&layout.wal_folder()))?;
        let active = Arc::new(Generation::new(next, cursor + 1, Arc::clone(wal.file())));
        let syncer =
            Syncer::start(config.durability, config.sync_window).map_err(at(layout.folder()))?;
        let ingest = Ingest {
            wal,
            head: RecordHead::default(),
            origins,
            changed: HashSet::new(),
            active: Arc::clone(&active),
            seq: WalSeq(0),
            text_seq: WalSeq(0),
            cursor,
            is_closed: false,
        };
        let tallies = Tallies::default();
        tallies.wal_torn_bytes.store(torn_bytes, Ordering::Relaxed);
        tallies.wal_recovered_xlogs.store(xlogs, Ordering::Relaxed);
        let tables = Tables {
            active,
            frozen,
            segments: Arc::default(),
            packs: Arc::new(inventory.packs.clone()),
            counters: Arc::new(inventory.counters.clone()),
        };
        let inner = Arc::new(Inner {
            calendar: Calendar::new(&config.clock),
            layout,
            identity,
            dictionary,
            state,
            syncer,
            ingest: Mutex::new(ingest),
            room: Condvar::new(),
            tables: RwLock::new(tables),
            manifest: Mutex::new(manifest),
            blooms,
            open_packs: Mutex::default(),
            tallies,
            corrupt: Mutex::default(),
            last_seal_error: Mutex::default(),
            log_trouble: Mutex::default(),
            work: Work::default(),
            config,
            _lock: lock,
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

fn make_folder(folder: &Path) -> Result<(), OpenError> {
    fs::create_dir_all(folder).map_err(at(folder))
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

/// Reads the WAL back.
struct Recovery<'a> {
    store_id: u128,
    layout: &'a Layout,
    dictionary: &'a Dictionary,
    state: &'a State,
    sealed: u64,
    origins: Origins,
    cursor: u64,
    /// Number of the first generation that is new.
    next: u64,
    torn_bytes: u64,
    xlogs: u64,
    corrupt: Vec<(PathBuf, String)>,
    columns: XLogColumns,
    table: TextTable,
}

impl<'a> Recovery<'a> {
    fn new(
        store_id: u128,
        layout: &'a Layout,
        dictionary: &'a Dictionary,
        state: &'a State,
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
            state,
            sealed: inventory.generation,
            origins,
            cursor: inventory.cursor,
            next: inventory.generation + 1,
            torn_bytes: 0,
            xlogs: 0,
            corrupt,
            columns: XLogColumns::new(),
            table: TextTable::default(),
        }
    }

    /// Replays the WAL files of generations that were not sealed, in order.
    fn run(&mut self) -> io::Result<Vec<Frozen>> {
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
        let mut frozen = Vec::new();
        for (number, path) in files {
            self.next = self.next.max(number + 1);
            if number <= self.sealed {
                // The crash came between the seal and this deletion.
                fs::remove_file(&path)?;
            } else if let Some(generation) = self.replay(number, &path)? {
                frozen.push(generation);
            }
        }
        Ok(frozen)
    }

    fn replay(&mut self, number: u64, path: &Path) -> io::Result<Option<Frozen>> {
        let file = Arc::new(fs::File::open(path)?);
        let generation = Arc::new(Generation::new(number, self.cursor + 1, file));
        let header = WalHeader { store_id: self.store_id, generation: number };
        let mut decoder = SectionDecoder::new().map_err(io::Error::other)?;
        let mut changed = HashSet::new();
        let mut broken = 0u64;
        let report = replay(path, &header, &mut |record, end| {
            let frame = match record {
                Record::Text { .. } => None,
                Record::Batch { frame, .. }
                | Record::Counters { frame, .. }
                | Record::Alerts { frame, .. } => Some(frame.origin),
            };
            changed.extend(frame);
            if !self.apply(&generation, &mut decoder, record, end) {
                broken += 1;
            }
        });
        let report = match report {
            Ok(report) => report,
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                self.corrupt.push((path.to_owned(), error.to_string()));
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        self.torn_bytes += report.torn_bytes;
        if report.damaged_records + broken > 0 {
            let damaged = report.damaged_records + broken;
            let skipped = report.skipped_bytes;
            let why = format!("{damaged} damaged records were left out ({skipped} bytes skipped)");
            self.corrupt.push((path.to_owned(), why));
        }
        if generation.data.read().is_empty() {
            self.keep_texts(number, path)?;
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

    /// Unlinks a WAL without rows, once the state database has its texts: agents were told their
    /// numbers. While the database cannot take them the WAL stays, for the next start.
    fn keep_texts(&mut self, number: u64, path: &Path) -> io::Result<()> {
        let texts = self.dictionary.unpersisted();
        match self.state.persist(texts.clone(), number, &[]) {
            Ok(()) => {
                self.dictionary.mark_persisted(&texts);
                fs::remove_file(path)
            }
            Err(why) => {
                let why = format!("its texts could not be saved, it is kept: {why}");
                self.corrupt.push((path.to_owned(), why));
                Ok(())
            }
        }
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
            Record::Counters { frame, unix_us, points } => {
                generation.open(*unix_us);
                generation.data.write().counters.push(frame.object, *unix_us, points);
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

impl Inner {
    /// Opens the segments of the manifest; damaged ones are named and left out.
    fn open_segments(&self, inventory: &Inventory) {
        let mut segments = Vec::with_capacity(inventory.segments.len());
        for entry in &inventory.segments {
            let path = self.layout.sealed(&entry.file);
            match Segment::open(&path, entry.clone(), &self.blooms) {
                Ok(segment) => segments.push(Arc::new(segment)),
                Err(SegmentError::Damaged(why)) => self.report_corrupt(path, why),
                Err(SegmentError::Io(error)) => self.report_corrupt(path, error.to_string()),
            }
        }
        Arc::make_mut(&mut self.tables.write().segments).extend(segments);
    }

    /// Unlinks sealed files that the manifest does not name: rests of a seal or a purge that did
    /// not finish. When the manifest was damaged they may be all there is of their transactions:
    /// then only those go that are sealed anew from the log, and the others stay and are told.
    fn unlink_unnamed(&self, inventory: &Inventory) {
        let is_whole = inventory.damaged_lines == 0 && inventory.torn_bytes == 0;
        let segments = inventory.segments.iter().map(|segment| &segment.file);
        let packs = inventory.packs.iter().map(|pack| &pack.file);
        let counters = inventory.counters.iter().map(|counters| &counters.file);
        let named: HashSet<PathBuf> =
            segments.chain(packs).chain(counters).map(|file| self.layout.sealed(file)).collect();
        let frozen = &self.tables.read().frozen;
        let in_the_log: HashSet<u64> =
            frozen.iter().map(|frozen| frozen.generation.number).collect();
        for (number, file) in sealed_files(&self.layout) {
            if named.contains(&file) {
                continue;
            }
            if is_whole || in_the_log.contains(&number) {
                // Tried again at the next start.
                let _left = fs::remove_file(&file);
            } else {
                let why = "the manifest was damaged and does not name it; it is kept, not served";
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
fn sealed_files(layout: &Layout) -> impl Iterator<Item = (u64, PathBuf)> {
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
