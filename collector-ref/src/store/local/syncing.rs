//! What makes the write-ahead log durable.

use std::fmt;
use std::fs::File;
use std::io;
use std::sync::Arc;

/// How a file is brought to the disk.
#[derive(Clone, Default)]
#[non_exhaustive]
pub enum Syncing {
    /// By `fdatasync`.
    #[default]
    System,
    /// By what a test says: it may wait as a slow disk does, or fail as a broken one.
    Manual(ManualSync),
}

/// A test's own way to bring a file to the disk.
pub type ManualSync = Arc<dyn Fn(&File) -> io::Result<()> + Send + Sync>;

impl Syncing {
    pub(crate) fn sync(&self, file: &File) -> io::Result<()> {
        match self {
            Self::System => file.sync_data(),
            Self::Manual(sync) => sync(file),
        }
    }
}

impl fmt::Debug for Syncing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::System => "System",
            Self::Manual(_) => "Manual",
        })
    }
}
