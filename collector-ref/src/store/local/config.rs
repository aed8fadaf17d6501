//! Settings of a [`LocalStore`](super::LocalStore).

use std::path::PathBuf;
use std::time::Duration;

use super::clock::StoreClock;
use super::syncing::Syncing;
use crate::store::Retention;

/// When a frame may be acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Durability {
    /// After `fdatasync`: it survives a loss of power. Frames of one window share one sync.
    #[default]
    Power,
    /// After `write`: it survives `kill -9` of the collector, not a crash of the machine.
    Process,
    /// At once; no file is ever synced. For demos and tests of other things.
    None,
}

/// How long acknowledgements wait for others to share one `fdatasync` with. Latency of an
/// acknowledgement against syncs per second; the agent does not wait for either.
pub const DEFAULT_SYNC_WINDOW: Duration = Duration::from_millis(20);

/// Rows in memory at which they are sealed into files (about 110 MB of columns).
pub const DEFAULT_SEAL_ROWS: usize = 524_288;

/// Age of the oldest row in memory at which rows are sealed even when they are fewer.
pub const DEFAULT_SEAL_AFTER: Duration = Duration::from_secs(60);

/// Fewer rows than this are not sealed by age until [`DEFAULT_SEAL_SMALL_AFTER`], so that a quiet
/// service does not make 1,440 tiny files a day. They are durable in the WAL meanwhile.
pub const DEFAULT_SEAL_SMALL_ROWS: usize = 16_384;

/// Age at which any row is sealed.
pub const DEFAULT_SEAL_SMALL_AFTER: Duration = Duration::from_secs(15 * 60);

/// Generations of rows in memory: the one being filled and those being sealed. When the disk is
/// slower than the agents, appends wait for a place and then fail with an error that may be
/// retried; `append_errors` grows.
pub const MAX_GENERATIONS: usize = 2;

/// Bytes of inline texts in one generation; past it the generation is sealed early.
pub const MAX_GENERATION_TEXT_BYTES: usize = 64 << 20;

/// Distinct texts of one kind; past it a new text becomes `(other)` and `texts_refused` grows.
pub const DEFAULT_TEXTS_PER_KIND: usize = 1_000_000;

/// Bytes of all texts of the dictionary; past it a new text becomes `(other)` as well.
pub const DEFAULT_TEXT_BYTES: usize = 512 << 20;

/// Days for which profiles are kept (SCOUTER `mgr_purge_profile_keep_days`).
pub const DEFAULT_PROFILE_KEEP: Duration = Duration::from_secs(10 * 86_400);

/// Days for which transactions are kept (SCOUTER `mgr_purge_xlog_keep_days`).
pub const DEFAULT_XLOG_KEEP: Duration = Duration::from_secs(30 * 86_400);

/// Days for which counter values are kept (SCOUTER `mgr_purge_counter_keep_days`).
pub const DEFAULT_COUNTER_KEEP: Duration = Duration::from_secs(70 * 86_400);

/// Days for which digests are kept by ten seconds; after them by five minutes.
pub const DEFAULT_DIGEST_FINE_KEEP: Duration = Duration::from_secs(3 * 86_400);

/// Days for which digests are kept at all.
pub const DEFAULT_DIGEST_KEEP: Duration = Duration::from_secs(70 * 86_400);

/// Bytes of all sealed files; past it the oldest files are unlinked, profiles first.
pub const DEFAULT_DISK_BYTES: u64 = 64 << 30;

/// Bytes of bloom filters kept in memory; the filters of further files are read when needed.
pub const DEFAULT_BLOOM_BYTES: usize = 256 << 20;

/// Bytes of rollups kept in memory once a question has read them; those of further files are read
/// anew for each question. A day of ten million transactions of 2,000 services takes about 30 MB.
pub const DEFAULT_ROLLUP_BYTES: usize = 64 << 20;

/// Settings of a store. [`StoreConfig::new`] gives the documented defaults.
#[derive(Debug, Clone)]
pub struct StoreConfig {
    /// The data folder; made when it is not there.
    pub folder: PathBuf,
    /// When a frame may be acknowledged. Default: [`Durability::Power`].
    pub durability: Durability,
    /// Default: [`DEFAULT_SYNC_WINDOW`].
    pub sync_window: Duration,
    /// Default: [`DEFAULT_SEAL_ROWS`].
    pub seal_rows: usize,
    /// Default: [`DEFAULT_SEAL_AFTER`].
    pub seal_after: Duration,
    /// Default: [`DEFAULT_SEAL_SMALL_ROWS`].
    pub seal_small_rows: usize,
    /// Default: [`DEFAULT_SEAL_SMALL_AFTER`].
    pub seal_small_after: Duration,
    /// Default: [`DEFAULT_TEXTS_PER_KIND`].
    pub texts_per_kind: usize,
    /// Default: [`DEFAULT_TEXT_BYTES`].
    pub text_bytes: usize,
    /// Default: [`DEFAULT_PROFILE_KEEP`].
    pub profile_keep: Duration,
    /// Default: [`DEFAULT_XLOG_KEEP`].
    pub xlog_keep: Duration,
    /// Default: [`DEFAULT_COUNTER_KEEP`].
    pub counter_keep: Duration,
    /// How long digests are kept by ten seconds. Default: [`DEFAULT_DIGEST_FINE_KEEP`].
    pub digest_fine_keep: Duration,
    /// How long digests are kept by five minutes. Default: [`DEFAULT_DIGEST_KEEP`].
    pub digest_keep: Duration,
    /// Default: [`DEFAULT_DISK_BYTES`].
    pub disk_bytes: u64,
    /// Default: [`DEFAULT_BLOOM_BYTES`].
    pub bloom_bytes: usize,
    /// Default: [`DEFAULT_ROLLUP_BYTES`].
    pub rollup_bytes: usize,
    /// Whether questions are answered from rollups where those can; the answers are the same
    /// without, which is for comparison. Default: yes.
    pub uses_rollups: bool,
    /// Whether the store seals and purges on its own thread. When not, the caller calls
    /// [`LocalStore::maintain`](super::LocalStore::maintain). Default: yes.
    pub is_self_maintained: bool,
    /// Which encoder writes segments. Default: [`SegmentEncoder::Own`].
    pub encoder: SegmentEncoder,
    /// Where the time comes from. Default: the system.
    pub clock: StoreClock,
    /// What makes the log durable under [`Durability::Power`]. Default: [`Syncing::System`].
    pub syncing: Syncing,
}

/// Which encoder writes the pages of a segment. Both write the same schema and the same values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum SegmentEncoder {
    /// Our own page encoder, spliced into the file by the parquet crate: less CPU.
    #[default]
    Own,
    /// The parquet crate's `ArrowWriter` with tuned properties: the reference.
    Arrow,
}

impl StoreConfig {
    /// How much it keeps.
    #[must_use]
    pub fn retention(&self) -> Retention {
        Retention {
            profiles: self.profile_keep,
            xlogs: self.xlog_keep,
            counters: self.counter_keep,
            digests_fine: self.digest_fine_keep,
            digests: self.digest_keep,
            disk_bytes: self.disk_bytes,
        }
    }

    /// The defaults, over this folder.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            durability: Durability::default(),
            sync_window: DEFAULT_SYNC_WINDOW,
            seal_rows: DEFAULT_SEAL_ROWS,
            seal_after: DEFAULT_SEAL_AFTER,
            seal_small_rows: DEFAULT_SEAL_SMALL_ROWS,
            seal_small_after: DEFAULT_SEAL_SMALL_AFTER,
            texts_per_kind: DEFAULT_TEXTS_PER_KIND,
            text_bytes: DEFAULT_TEXT_BYTES,
            profile_keep: DEFAULT_PROFILE_KEEP,
            xlog_keep: DEFAULT_XLOG_KEEP,
            counter_keep: DEFAULT_COUNTER_KEEP,
            digest_fine_keep: DEFAULT_DIGEST_FINE_KEEP,
            digest_keep: DEFAULT_DIGEST_KEEP,
            disk_bytes: DEFAULT_DISK_BYTES,
            bloom_bytes: DEFAULT_BLOOM_BYTES,
            rollup_bytes: DEFAULT_ROLLUP_BYTES,
            uses_rollups: true,
            is_self_maintained: true,
            encoder: SegmentEncoder::default(),
            clock: StoreClock::System,
            syncing: Syncing::System,
        }
    }
}
