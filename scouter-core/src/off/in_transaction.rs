//! Without feature `enable`: the future itself.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::transaction::Transaction;

pin_project! {
    /// The future itself.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct InTransaction<F> {
        #[pin]
        future: F,
    }
}

/// Polls the future, no more.
#[inline(always)]
pub fn in_transaction<F: Future>(_: Transaction, future: F) -> InTransaction<F> {
    InTransaction { future }
}

impl<F: Future> Future for InTransaction<F> {
    type Output = F::Output;

    #[inline(always)]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        self.project().future.poll(cx)
    }
}
