//! The only place of the store that reads time.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Where a store's time comes from.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub enum StoreClock {
    /// The system's clock.
    #[default]
    System,
    /// A time set by a test, unix µs.
    Manual(Arc<AtomicI64>),
}

impl StoreClock {
    /// Now, unix µs.
    #[must_use]
    pub fn unix_us(&self) -> i64 {
        match self {
            Self::System => system_unix_us(),
            Self::Manual(time) => time.load(Ordering::Relaxed),
        }
    }
}

#[allow(clippy::disallowed_methods, reason = "this is the clock module")]
fn system_unix_us() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}
