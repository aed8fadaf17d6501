//! scouter-tracing: spans of tracing on a registry with our layer, inside transactions of ours.

use std::future::Future;

use scouter_tracing::Bridge;
use tracing_subscriber::layer::SubscriberExt;

use super::SpanPeer;
use super::ours::Ours;
use super::tracing::Unsubscribed;

/// The bridge. What a span is to the code does not depend on who listens.
pub(crate) struct BridgedTracing {
    transactions: Ours,
    spans: Unsubscribed,
}

impl SpanPeer for BridgedTracing {
    #[expect(clippy::expect_used, reason = "the process has no other subscriber")]
    fn start() -> Self {
        let subscriber = tracing_subscriber::registry().with(Bridge::new());
        ::tracing::subscriber::set_global_default(subscriber).expect("a child starts one peer");
        Self { transactions: Ours::start(), spans: Unsubscribed }
    }

    #[inline]
    fn root(&self, inner: impl FnOnce()) {
        self.transactions.root(inner);
    }

    #[inline]
    fn step(&self, inner: impl FnOnce()) {
        self.spans.step(inner);
    }

    #[inline]
    fn other_step(&self, inner: impl FnOnce()) {
        self.spans.other_step(inner);
    }

    #[inline]
    fn step_with_two(&self, number: u64, text: &'static str, inner: impl FnOnce()) {
        self.spans.step_with_two(number, text, inner);
    }

    #[inline]
    fn step_with_text(&self, text: &str, inner: impl FnOnce()) {
        self.spans.step_with_text(text, inner);
    }

    fn root_future<F: Future>(&self, future: F) -> impl Future<Output = F::Output> {
        self.transactions.root_future(future)
    }

    fn step_future<F: Future>(&self, future: F) -> impl Future<Output = F::Output> {
        self.spans.step_future(future)
    }
}
