//! What many tests need.

use std::task::{Context, Poll, Waker};

use scouter_core::record::EndReason;
use scouter_core::{Begin, TextKind, Transaction, intern};

/// Begins a transaction of this service.
pub(crate) fn begin(service: &str) -> Transaction {
    Transaction::begin(Begin::new(intern(TextKind::Service, service)))
}

/// Runs code inside a transaction that completes.
pub(crate) fn within<T>(service: &str, code: impl FnOnce() -> T) -> T {
    let transaction = begin(service);
    let entered = transaction.enter();
    let result = code();
    drop(entered);
    transaction.end(EndReason::Complete);
    result
}

/// One counter of the recorder.
pub(crate) fn counter(name: &str) -> u64 {
    let counters = scouter_core::telemetry::counters();
    counters.into_iter().find(|(known, _)| *known == name).expect("known").1
}

/// Runs the test of this name alone in a process of its own, whose limits it may use up; whether
/// this is that process. In the other one the test is done.
pub(crate) fn is_own_process(test: &str) -> bool {
    const CHILD: &str = "SCOUTER_TEST_OWN_PROCESS";
    if std::env::var_os(CHILD).is_some_and(|running| running == test) {
        return true;
    }
    let child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test])
        .env(CHILD, test)
        .output()
        .unwrap();
    let shown = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success() && shown.contains("1 passed"), "{shown}");
    false
}

/// Polls a future once, without a runtime.
pub(crate) fn poll_once<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    std::pin::Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
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
