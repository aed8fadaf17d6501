//! One collector per data folder.
//!
//! The lock is the operating system's (`flock`), so it ends with the process however that ends; the
//! process id in the file only serves the message of the second one.
//!
//! The file is also how the store notices that its folder was deleted, moved away or replaced while
//! it runs. Its log would stay open and go on taking records that nobody finds again, so nothing is
//! written and nothing acknowledged unless the path still leads to the file that was locked.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::store::OpenError;

/// Holds the folder until it is dropped.
#[derive(Debug)]
pub(crate) struct FolderLock {
    _file: File,
    path: PathBuf,
    /// Device and number of the file.
    identity: (u64, u64),
}

impl FolderLock {
    /// Takes the lock or says who has it.
    pub(crate) fn take(folder: &Path, path: &Path) -> Result<Self, OpenError> {
        let io = |source| OpenError::Io { path: path.to_owned(), source };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(io)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                // Only for the message: an unreadable process id is left out of it.
                let _unreadable = file.read_to_string(&mut text);
                let folder = folder.to_owned();
                return Err(OpenError::Locked { folder, pid: text.trim().parse().ok() });
            }
            Err(TryLockError::Error(source)) => return Err(io(source)),
        }
        file.set_len(0).map_err(io)?;
        file.rewind().map_err(io)?;
        write!(file, "{}", std::process::id()).map_err(io)?;
        let identity = identity(&file.metadata().map_err(io)?);
        Ok(Self { _file: file, path: path.to_owned(), identity })
    }

    /// Makes sure that the folder is still where it was: one `stat`, about a microsecond.
    ///
    /// # Errors
    /// It is not, or that cannot be told. It may be put back.
    pub(crate) fn check(&self) -> io::Result<()> {
        match fs::metadata(&self.path) {
            Ok(found) if identity(&found) == self.identity => Ok(()),
            Ok(_) => Err(gone("replaced by another one")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(gone("deleted or moved")),
            Err(error) => Err(error),
        }
    }
}

fn identity(metadata: &fs::Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

fn gone(how: &str) -> io::Error {
    let why = format!(
        "the data folder was {how} while the collector runs: put it back, or restart the collector \
         to begin a new one"
    );
    io::Error::new(io::ErrorKind::NotFound, why)
}
