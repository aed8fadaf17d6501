//! tracing: without a subscriber, and with a plain registry (which times and exports nothing).

use std::future::Future;

use tracing::{Instrument, info_span};

use super::SpanPeer;

/// tracing without a subscriber: the price of being switched off.
pub(crate) struct Unsubscribed;

/// tracing with the registry of tracing-subscriber and no layer.
pub(crate) struct Registry;

/// The calls, which are the same whatever listens.
macro_rules! tracing_calls {
    () => {
        #[inline]
        fn root(&self, inner: impl FnOnce()) {
            let _root = info_span!("root").entered();
            inner();
        }

        #[inline]
        fn step(&self, inner: impl FnOnce()) {
            let _step = info_span!("step").entered();
            inner();
        }

        #[inline]
        fn other_step(&self, inner: impl FnOnce()) {
            let _step = info_span!("other step").entered();
            inner();
        }

        #[inline]
        fn step_with_two(&self, number: u64, text: &'static str, inner: impl FnOnce()) {
            let _step = info_span!("step", number, text).entered();
            inner();
        }

        #[inline]
        fn step_with_text(&self, text: &str, inner: impl FnOnce()) {
            let _step = info_span!("step", text).entered();
            inner();
        }

        fn root_future<F: Future>(&self, future: F) -> impl Future<Output = F::Output> {
            future.instrument(info_span!("root"))
        }

        async fn step_future<F: Future>(&self, future: F) -> F::Output {
            future.instrument(info_span!("step")).await
        }
    };
}
#[cfg(feature = "peers")]
pub(super) use tracing_calls;

impl SpanPeer for Unsubscribed {
    fn start() -> Self {
        Self
    }

    tracing_calls!();
}

impl SpanPeer for Registry {
    #[expect(clippy::expect_used, reason = "the process has no other subscriber")]
    fn start() -> Self {
        ::tracing::subscriber::set_global_default(tracing_subscriber::registry())
            .expect("a child starts one peer");
        Self
    }

    tracing_calls!();
}
