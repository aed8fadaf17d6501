//! The store on a local disk.
//!
//! ```text
//! append ─> WAL ─(group fdatasync)─> durable ─> acknowledged by the caller
//!    └────> active generation (columns in memory) ─ full or old ─> frozen ─ seal ─> files, manifest
//! query ──> view = active + frozen generations + segments, as of one moment
//! ```
//! One mutex orders appends; queries never take it. Sealing, retention and syncing have their own
//! threads. A row is always in exactly one place of a view: a generation leaves the list of frozen
//! ones in the same step in which its segments join theirs.

mod alerts;
mod append;
mod bytes;
mod check;
mod clock;
mod columns;
mod config;
mod counters;
mod digests;
mod health;
mod hot;
mod layout;
mod lock;
mod maintain;
mod manifest;
mod open;
mod origins;
mod pack;
mod profile;
mod query;
mod recover;
mod retention;
mod rollup;
mod seal;
mod seam;
mod segment;
mod spread;
mod state;
mod syncing;
mod texts;
mod view;
mod wal;

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;

use parking_lot::{Condvar, Mutex, RwLock};

use self::clock::Calendar;
use self::health::Health;
use self::hot::{Generation, HotData};
use self::layout::Layout;
use self::lock::FolderLock;
use self::manifest::{CounterEntry, DigestEntry, Manifest, PackEntry};
use self::origins::Origins;
use self::pack::PackIndex;
use self::segment::{Segment, SegmentMemory};
use self::state::{Identity, State};
use self::texts::Dictionary;
use self::view::{Source, View};
use self::wal::{RecordHead, Syncer, WalWriter};
use super::{AppendError, CorruptFile, Origin, OriginMark, Retention, WalSeq};

pub use check::{CheckReport, check, repair};
pub use clock::StoreClock;
pub use config::{
    DEFAULT_BLOOM_BYTES, DEFAULT_COUNTER_KEEP, DEFAULT_DIGEST_FINE_KEEP, DEFAULT_DIGEST_KEEP,
    DEFAULT_DISK_BYTES, DEFAULT_PROFILE_KEEP, DEFAULT_ROLLUP_BYTES, DEFAULT_SEAL_AFTER,
    DEFAULT_SEAL_ROWS, DEFAULT_SEAL_SMALL_AFTER, DEFAULT_SEAL_SMALL_ROWS, DEFAULT_SYNC_WINDOW,
    DEFAULT_TEXT_BYTES, DEFAULT_TEXTS_PER_KIND, DEFAULT_XLOG_KEEP, Durability,
    MAX_GENERATION_TEXT_BYTES, MAX_GENERATIONS, SegmentEncoder, StoreConfig,
};
pub use syncing::{ManualSync, Syncing};

/// Indexes of packs kept in memory, about 1.5 MB each, least recently used out first. A day of 100
/// transactions a second has 20.
const MAX_OPEN_PACKS: usize = 32;

/// A store on a local disk. See the module's documentation for how it works.
#[derive(Debug)]
pub struct LocalStore {
    inner: Arc<Inner>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Debug)]
struct Inner {
    config: StoreConfig,
    calendar: Calendar,
    layout: Layout,
    identity: Identity,
    dictionary: Dictionary,
    state: State,
    syncer: Syncer,
    ingest: Mutex<Ingest>,
    /// Memory of the last sealed generation, for the next one. At most one, so together with the
    /// active and the frozen ones there is never more than [`MAX_GENERATIONS`] have room for.
    spare: Mutex<Option<HotData>>,
    /// Signalled when a frozen generation has been sealed.
    room: Condvar,
    tables: RwLock<Tables>,
    /// Held for the whole of a seal or purge: one at a time.
    manifest: Mutex<Manifest>,
    memory: SegmentMemory,
    open_packs: Mutex<Vec<(u32, Arc<PackIndex>)>>,
    tallies: Tallies,
    corrupt: Mutex<Vec<CorruptFile>>,
    health: Health,
    /// How long things are kept.
    retention: RwLock<Retention>,
    /// Why the last seal failed.
    last_seal_error: Mutex<Option<AppendError>>,
    work: Work,
    /// Last, so that the folder is released when everything else has ended.
    lock: Arc<FolderLock>,
}

/// What appends change, in their order.
#[derive(Debug)]
struct Ingest {
    wal: WalWriter,
    head: RecordHead,
    origins: Origins,
    /// Origins that changed since the active generation began.
    changed: HashSet<Origin>,
    active: Arc<Generation>,
    seq: WalSeq,
    /// Sequence of the last text; texts up to the durable sequence need no wait.
    text_seq: WalSeq,
    /// Arrival number of the last row.
    cursor: u64,
    is_closed: bool,
}

/// A generation that waits to be sealed, with what was true when it was frozen.
#[derive(Debug, Clone)]
struct Frozen {
    generation: Arc<Generation>,
    origins: Vec<OriginMark>,
    cursor: u64,
    wal_bytes: u64,
}

/// What queries see.
#[derive(Debug)]
struct Tables {
    active: Arc<Generation>,
    frozen: Vec<Frozen>,
    segments: Arc<Vec<Arc<Segment>>>,
    packs: Arc<Vec<PackEntry>>,
    counters: Arc<Vec<CounterEntry>>,
    digests: Arc<Vec<DigestEntry>>,
}

/// Counters of the store; their meaning is told at [`StoreStats`](super::StoreStats).
#[derive(Debug, Default)]
struct Tallies {
    duplicate_frames: AtomicU64,
    append_errors: AtomicU64,
    seal_errors: AtomicU64,
    late_rows: AtomicU64,
    rollup_tables_over_limit: AtomicU64,
    counter_points_dropped: AtomicU64,
    retention_files: AtomicU64,
    retention_xlogs: AtomicU64,
    retention_profiles: AtomicU64,
    wal_torn_bytes: AtomicU64,
    wal_recovered_xlogs: AtomicU64,
}

/// Wakes the store's own thread.
#[derive(Debug, Default)]
struct Work {
    state: Mutex<WorkState>,
    wake: Condvar,
}

#[derive(Debug, Default)]
struct WorkState {
    is_wanted: bool,
    is_stopping: bool,
}

impl Work {
    fn ask(&self) {
        self.state.lock().is_wanted = true;
        self.wake.notify_one();
    }

    fn stop(&self) {
        self.state.lock().is_stopping = true;
        self.wake.notify_one();
    }
}

/// Adds to a tally.
fn count(tally: &AtomicU64, more: u64) {
    tally.fetch_add(more, Ordering::Relaxed);
}

/// Most damaged files named in the statistics; further ones are left out just the same.
const MAX_CORRUPT_FILES: usize = 1_000;

impl Inner {
    fn report_corrupt(&self, path: PathBuf, reason: String) {
        let mut corrupt = self.corrupt.lock();
        if corrupt.len() < MAX_CORRUPT_FILES && !corrupt.iter().any(|known| known.path == path) {
            corrupt.push(CorruptFile { path, reason });
        }
    }

    /// Everything at this moment.
    fn view(&self) -> View {
        let tables = self.tables.read();
        let segments = tables.segments.iter().map(|segment| Source::Sealed(Arc::clone(segment)));
        let mut sources: Vec<Source> = segments.collect();
        for frozen in &tables.frozen {
            sources.push(Source::Hot(Arc::clone(&frozen.generation), frozen.generation.rows()));
        }
        let rows = tables.active.rows();
        sources.push(Source::Hot(Arc::clone(&tables.active), rows));
        let cursor = tables.active.first_arrival - 1 + rows as u64;
        View { sources, cursor, uses_rollups: self.config.uses_rollups }
    }
}
