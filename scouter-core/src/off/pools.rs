//! Without feature `enable`: nobody asks pools how they are.

use std::sync::Arc;

use crate::text::TextId;

/// How a pool is at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PoolState {
    /// Connections it may have at most.
    pub max: u64,
    /// Connections it has.
    pub size: u64,
    /// Of those, the ones nobody uses.
    pub idle: u64,
}

/// A pool that is never asked.
pub trait PoolProbe: Send + Sync {
    /// How it is now.
    fn state(&self) -> PoolState;
}

/// Does nothing.
#[inline(always)]
pub fn watch<P: PoolProbe + 'static>(_: TextId, _: &Arc<P>) {}

/// Waits that nobody counts.
#[derive(Debug)]
pub struct PoolWaits(());

impl PoolWaits {
    /// A wait that nobody counts.
    #[inline(always)]
    pub fn begin(&'static self) -> PoolWait {
        PoolWait(())
    }
}

/// A wait that nobody counts.
#[derive(Debug)]
#[must_use = "the wait ends when this is dropped"]
pub struct PoolWait(());

/// Where nothing is counted.
#[inline(always)]
#[must_use]
pub fn waits(_: TextId) -> &'static PoolWaits {
    static NOWHERE: PoolWaits = PoolWaits(());
    &NOWHERE
}

/// There are none.
#[must_use]
pub fn states() -> Vec<(TextId, PoolState, u64)> {
    Vec::new()
}
