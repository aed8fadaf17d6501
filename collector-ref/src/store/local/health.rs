//! Whether the disk takes what the store wants to write: told once when it stops, once when it
//! goes on, and to whoever asks in between.

use std::fmt::Display;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

/// What may fail for a while.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Part {
    /// Appending to the WAL.
    Append,
    /// Sealing what is in memory.
    Seal,
    /// Finding the folder where it was.
    Folder,
}

/// How many there are.
const PARTS: usize = 3;

impl Part {
    const fn name(self) -> &'static str {
        match self {
            Self::Append => "appending to the write-ahead log",
            Self::Seal => "sealing transactions into files",
            Self::Folder => "finding the data folder",
        }
    }
}

/// The last failure of each part that has not worked since.
#[derive(Debug, Default)]
pub(crate) struct Health {
    /// Whether any part fails, so that what works costs a load.
    is_troubled: AtomicBool,
    troubles: Mutex<[Option<String>; PARTS]>,
}

impl Health {
    /// A part failed.
    pub(crate) fn failed(&self, part: Part, error: &dyn Display) {
        let mut troubles = self.troubles.lock();
        let is_new = troubles[part as usize].is_none();
        troubles[part as usize] = Some(format!("{} failed: {error}", part.name()));
        self.is_troubled.store(true, Ordering::Relaxed);
        drop(troubles);
        if is_new {
            tracing::error!(%error, "{} fails and is tried again", part.name());
        }
    }

    /// A part worked.
    #[inline]
    pub(crate) fn works(&self, part: Part) {
        if self.is_troubled.load(Ordering::Relaxed) {
            self.works_again(part);
        }
    }

    #[cold]
    fn works_again(&self, part: Part) {
        let mut troubles = self.troubles.lock();
        let was = troubles[part as usize].take();
        self.is_troubled.store(troubles.iter().any(Option::is_some), Ordering::Relaxed);
        drop(troubles);
        if was.is_some() {
            tracing::info!("{} works again", part.name());
        }
    }

    /// What fails now.
    pub(crate) fn trouble(&self) -> Option<String> {
        self.troubles.lock().iter().flatten().next().cloned()
    }
}
