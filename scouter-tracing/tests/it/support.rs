//! What the tests share.

use std::future::Future;
use std::task::Poll;

use scouter_core::record::EndReason;
use scouter_core::testing::{Recording, capture};
use scouter_core::{Begin, TextKind, Transaction, intern};
use scouter_tracing::Bridge;
use tracing_subscriber::prelude::*;

/// Begins a transaction.
pub(crate) fn begin() -> Transaction {
    Transaction::begin(Begin::new(intern(TextKind::Service, "GET /")))
}

/// Runs code inside a transaction that completes.
pub(crate) fn within(code: impl FnOnce()) {
    let transaction = begin();
    {
        let _entered = transaction.enter();
        code();
    }
    transaction.end(EndReason::Complete);
}

/// What is recorded of code with this bridge.
pub(crate) fn recorded_by(bridge: Bridge, code: impl FnOnce()) -> Recording {
    let subscriber = tracing_subscriber::registry().with(bridge);
    capture(|| tracing::subscriber::with_default(subscriber, code))
}

/// What is recorded of code in one transaction.
pub(crate) fn recorded(code: impl FnOnce()) -> Recording {
    recorded_by(Bridge::new(), || within(code))
}

/// What is recorded of a future in one transaction.
pub(crate) fn recorded_future(future: impl Future) -> Recording {
    recorded_by(Bridge::new(), || {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(scouter_core::in_transaction(begin(), future));
    })
}

/// Pending once, then ready.
pub(crate) async fn yield_once() {
    let mut was_polled = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut was_polled, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
