//! A future that runs inside a transaction of its own.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;
use scouter_wire::record::EndReason;

use crate::transaction::Transaction;

pin_project! {
    /// Future of [`in_transaction`].
    ///
    /// # Cancel safety
    /// Dropped before its end, the inner future is dropped inside the transaction, so that its
    /// steps close with all they know; then the transaction ends as cancelled.
    #[must_use = "futures do nothing unless polled"]
    pub struct InTransaction<F> {
        #[pin]
        future: Option<F>,
        transaction: Option<Transaction>,
        // Stays set when a poll unwinds: whoever catches the panic may drop us much later.
        is_polled: bool,
    }

    impl<F> PinnedDrop for InTransaction<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if let Some(transaction) = this.transaction.as_ref() {
                if *this.is_polled {
                    transaction.mark_unwound();
                }
                let _inside = transaction.enter();
                this.future.set(None);
            }
            drop(this.transaction.take());
        }
    }
}

impl<F> fmt::Debug for InTransaction<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InTransaction").field("transaction", &self.transaction).finish()
    }
}

/// Polls a future inside a transaction, which ends as complete when the future does.
pub fn in_transaction<F: Future>(transaction: Transaction, future: F) -> InTransaction<F> {
    InTransaction { future: Some(future), transaction: Some(transaction), is_polled: false }
}

impl<F: Future> Future for InTransaction<F> {
    type Output = F::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let mut this = self.project();
        let Some(future) = this.future.as_mut().as_pin_mut() else {
            // Only polled again after its end, which the contract of futures forbids.
            return Poll::Pending;
        };
        let Some(transaction) = this.transaction.as_ref() else { return future.poll(cx) };
        let scope = transaction.enter_poll();
        *this.is_polled = true;
        let polled = future.poll(cx);
        *this.is_polled = false;
        if polled.is_ready() {
            // What the future still holds belongs to the transaction too.
            this.future.set(None);
            let end = scope.finish();
            if let Some(transaction) = this.transaction.take() {
                transaction.end_at(EndReason::Complete, end);
            }
        }
        polled
    }
}
