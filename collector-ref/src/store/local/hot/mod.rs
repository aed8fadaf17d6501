//! Generations of rows in memory.
//!
//! Rows are appended to the active generation. When it is full or old it is frozen and sealed into
//! files, while a new one takes its place. A generation has one WAL file, and both end together.

mod columns;
mod data;
mod pool;

use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use parking_lot::RwLock;

pub(crate) use data::{BatchContext, HotData, HotFrame, POINTS_A_ROW, frame_texts};
pub(crate) use pool::TextPool;

/// One generation of rows in memory.
#[derive(Debug)]
pub(crate) struct Generation {
    /// Its number: that of its WAL file, its segments and its pack.
    pub(crate) number: u64,
    /// Arrival number of its first row.
    pub(crate) first_arrival: u64,
    /// When its first record was appended, unix µs; 0 while it has none.
    opened_unix_us: AtomicI64,
    /// Its WAL file, where its profiles are read from.
    pub(crate) wal: Arc<File>,
    pub(crate) data: RwLock<HotData>,
}

impl Generation {
    pub(crate) fn new(number: u64, first_arrival: u64, wal: Arc<File>) -> Self {
        Self::with_data(number, first_arrival, wal, HotData::default())
    }

    /// One that begins with this, which has no rows but room for them.
    pub(crate) fn with_data(
        number: u64,
        first_arrival: u64,
        wal: Arc<File>,
        data: HotData,
    ) -> Self {
        Self {
            number,
            first_arrival,
            opened_unix_us: AtomicI64::new(0),
            wal,
            data: RwLock::new(data),
        }
    }

    /// Number of the pack its profiles will lie in.
    pub(crate) fn pack(&self) -> u32 {
        // One generation a second for 136 years.
        u32::try_from(self.number).unwrap_or(u32::MAX)
    }

    /// When its first record was appended, unix µs; 0 while it has none.
    pub(crate) fn opened_unix_us(&self) -> i64 {
        self.opened_unix_us.load(Ordering::Relaxed)
    }

    /// Notes the time of its first record.
    pub(crate) fn open(&self, now_unix_us: i64) {
        let new = now_unix_us.max(1);
        // Fails when it is open already.
        let _before =
            self.opened_unix_us.compare_exchange(0, new, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// Number of rows.
    pub(crate) fn rows(&self) -> usize {
        self.data.read().columns.len()
    }
}
