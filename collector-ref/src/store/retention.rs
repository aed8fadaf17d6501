//! How much is kept, and what a change of it would take away.

use std::time::Duration;

/// How long each kind of data is kept, and how much of all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Age of profiles.
    pub profiles: Duration,
    /// Age of transactions.
    pub xlogs: Duration,
    /// Age of counter values.
    pub counters: Duration,
    /// Age of digests by ten seconds.
    pub digests_fine: Duration,
    /// Age of digests by five minutes.
    pub digests: Duration,
    /// Bytes of all sealed files.
    pub disk_bytes: u64,
}

/// What retention would take away at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RetentionPreview {
    /// Files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Transactions in them.
    pub xlogs: u64,
    /// Profiles in them.
    pub profiles: u64,
}
