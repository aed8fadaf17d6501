//! What can go wrong, one small enum per operation.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// A batch was not kept. Nothing of it is visible and it must not be acknowledged.
#[derive(Debug)]
#[non_exhaustive]
pub enum AppendError {
    /// The disk or the quota is full. Appends succeed again when there is space.
    Full(io::Error),
    /// The folder or its files cannot be written (read-only mount, changed owner).
    ReadOnly(io::Error),
    /// Another error of the disk.
    Io(io::Error),
    /// The store is shutting down.
    Closed,
    /// The batch breaks a limit of the store (too many rows, a section too large); the text says
    /// which. Trying again does not help.
    Invalid(String),
}

impl AppendError {
    /// Whether the same append may succeed later without anybody changing the batch.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Full(_) | Self::ReadOnly(_) | Self::Io(_))
    }
}

impl From<io::Error> for AppendError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::FileTooLarge => Self::Full(error),
            io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => {
                Self::ReadOnly(error)
            }
            _ => Self::Io(error),
        }
    }
}

impl fmt::Display for AppendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full(e) => {
                write!(
                    f,
                    "the disk of the data folder is full, nothing was kept; free space and the agents send again by themselves: {e}"
                )
            }
            Self::ReadOnly(e) => {
                write!(
                    f,
                    "the data folder cannot be written, nothing was kept; check mount and owner: {e}"
                )
            }
            Self::Io(e) => write!(f, "writing to the data folder failed, nothing was kept: {e}"),
            Self::Closed => f.write_str("the store is shutting down and takes no more data"),
            Self::Invalid(why) => write!(f, "the batch cannot be stored: {why}"),
        }
    }
}

impl std::error::Error for AppendError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Full(e) | Self::ReadOnly(e) | Self::Io(e) => Some(e),
            Self::Closed | Self::Invalid(_) => None,
        }
    }
}

/// A data folder could not be opened.
#[derive(Debug)]
#[non_exhaustive]
pub enum OpenError {
    /// Another collector has it open.
    Locked {
        /// The folder.
        folder: PathBuf,
        /// Process id of the other one, if it could be read.
        pid: Option<u32>,
    },
    /// The folder or a file in it cannot be created, read or written.
    Io {
        /// What was touched.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The folder was written by a newer version.
    TooNew {
        /// The file that says so.
        path: PathBuf,
        /// Version found.
        found: u32,
    },
    /// The small database beside the data cannot be opened.
    State {
        /// The file.
        path: PathBuf,
        /// What the database said.
        message: String,
    },
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Locked { folder, pid } => {
                write!(f, "the data folder {} is in use by another collector", folder.display())?;
                if let Some(pid) = pid {
                    write!(f, " (process {pid})")?;
                }
                f.write_str("; stop it or choose another folder")
            }
            Self::Io { path, source } => {
                write!(
                    f,
                    "cannot use {}: {source}; check that the folder exists and belongs to the user of the collector",
                    path.display()
                )
            }
            Self::TooNew { path, found } => {
                write!(
                    f,
                    "{} was written by a newer collector (format {found}); use that version",
                    path.display()
                )
            }
            Self::State { path, message } => {
                write!(f, "cannot open the state database {}: {message}", path.display())
            }
        }
    }
}

impl std::error::Error for OpenError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}

/// A question could not be answered. Damaged files are not an error: they are left out and named
/// in [`StoreStats::corrupt_files`](super::StoreStats::corrupt_files).
#[derive(Debug)]
#[non_exhaustive]
pub enum QueryError {
    /// More results than the caller allows; narrow the range or the filter.
    TooMany {
        /// How many there are.
        total: u64,
        /// How many were allowed.
        limit: usize,
    },
    /// The page cursor was not made by this store or is damaged.
    BadCursor,
    /// A file could not be read for a reason other than its content.
    Io(io::Error),
}

impl From<io::Error> for QueryError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl fmt::Display for QueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooMany { total, limit } => {
                write!(
                    f,
                    "{total} results are more than the limit of {limit}; narrow the range or the filter"
                )
            }
            Self::BadCursor => {
                f.write_str("the page cursor is not one of this store; start again without it")
            }
            Self::Io(e) => write!(f, "reading the data folder failed: {e}"),
        }
    }
}

impl std::error::Error for QueryError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(e) => Some(e),
            _ => None,
        }
    }
}

/// Why a transaction has no profile to show.
#[derive(Debug)]
#[non_exhaustive]
pub enum ProfileMissing {
    /// The transaction recorded no step.
    Empty,
    /// The agent did not keep it (sampling).
    SampledOut,
    /// The agent had to drop it; it was counted there.
    DroppedByAgent,
    /// It was said to be kept but has not arrived (yet).
    NotArrived,
    /// Retention has deleted it; the transaction's row is kept longer.
    Expired,
    /// Its bytes are damaged.
    Corrupt(String),
    /// Its file could not be read.
    Io(io::Error),
}

impl fmt::Display for ProfileMissing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the transaction recorded no step"),
            Self::SampledOut => f.write_str("the agent did not keep this profile (sampled out)"),
            Self::DroppedByAgent => {
                f.write_str("the agent dropped this profile under pressure and counted it")
            }
            Self::NotArrived => f.write_str("the profile has not arrived"),
            Self::Expired => f.write_str("retention has deleted the profile"),
            Self::Corrupt(why) => write!(f, "the stored profile is damaged: {why}"),
            Self::Io(e) => write!(f, "reading the profile failed: {e}"),
        }
    }
}

impl std::error::Error for ProfileMissing {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(e) => Some(e),
            _ => None,
        }
    }
}
