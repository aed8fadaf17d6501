//! What the store says of itself.

use std::path::PathBuf;

/// A file that was left out because its content is damaged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CorruptFile {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub reason: String,
}

/// Counters and sizes of a store. Counters start at 0 when it is opened unless said otherwise.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoreStats {
    /// Transactions ever accepted, also before a restart.
    pub xlogs_accepted: u64,
    /// Transactions that can be queried now.
    pub xlogs: u64,
    /// Profiles that can be queried now.
    pub profiles: u64,
    /// Transactions in memory, not yet sealed.
    pub hot_rows: u64,
    /// Sealed segments.
    pub segments: u64,
    /// Bytes of the WAL.
    pub wal_bytes: u64,
    /// Bytes of all sealed files.
    pub disk_bytes: u64,
    /// Bytes of the sealed segments and their rollups alone.
    pub segment_bytes: u64,
    /// Bytes of the profile packs alone.
    pub pack_bytes: u64,
    /// Frames that had been kept before and were not kept twice.
    pub duplicate_frames: u64,
    /// Appends refused because of the disk.
    pub append_errors: u64,
    /// Seals that failed; they are tried again.
    pub seal_errors: u64,
    /// Why the last of them failed.
    pub last_seal_error: Option<String>,
    /// Rows that came later than the hour they belong to was open; they lie in their own segment.
    pub late_rows: u64,
    /// Tables of rollups that were not written because they would have had too many keys; rows answer
    /// in their place.
    pub rollup_tables_over_limit: u64,
    /// Texts refused by the limit of their kind: they read `(other)`.
    pub texts_refused: u64,
    /// Different texts with the same 64-bit hash.
    pub text_collisions: u64,
    /// Texts in the dictionary.
    pub texts: u64,
    /// Counter values that were dropped because of a limit of the counter store.
    pub counter_points_dropped: u64,
    /// Files unlinked by retention.
    pub retention_files: u64,
    /// Transactions in files unlinked by retention.
    pub retention_xlogs: u64,
    /// Profiles in files unlinked by retention.
    pub retention_profiles: u64,
    /// Bytes cut off the end of the WAL when the store was opened.
    pub wal_torn_bytes: u64,
    /// Transactions read back from the WAL when the store was opened.
    pub wal_recovered_xlogs: u64,
    /// Damaged files that were left out.
    pub corrupt_files: Vec<CorruptFile>,
}
