//! Without feature `enable`: futures run as they are.

use std::future::Future;

use crate::in_transaction::{InTransaction, in_transaction};
use crate::transaction::Transaction;

/// Runs futures as they are.
pub trait InCurrent: Future + Sized {
    /// The future itself.
    fn in_current(self) -> InTransaction<Self> {
        in_transaction(Transaction::inert(), self)
    }

    /// The future itself.
    fn in_current_named(self, service: &'static str) -> InTransaction<Self> {
        let _ = service;
        in_transaction(Transaction::inert(), self)
    }
}

impl<F: Future> InCurrent for F {}

/// Spawns a future on the current tokio runtime.
///
/// # Panics
/// Outside of a tokio runtime, as `tokio::spawn` does.
#[cfg(feature = "tokio")]
#[track_caller]
pub fn spawn<F>(future: F) -> tokio::task::JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    tokio::spawn(future)
}
