//! fastrace with a reporter that throws everything away.

use std::future::Future;

use fastrace::collector::{Config, Reporter, SpanContext, SpanRecord};
use fastrace::future::FutureExt;
use fastrace::local::LocalSpan;
use fastrace::{Span, set_reporter};

use super::{DRAIN_INTERVAL, SpanPeer};

/// Throws records away.
struct Discard;

impl Reporter for Discard {
    fn report(&mut self, spans: Vec<SpanRecord>) {
        drop(spans);
    }
}

/// fastrace.
pub(crate) struct Fastrace;

impl SpanPeer for Fastrace {
    fn start() -> Self {
        set_reporter(Discard, Config::default().report_interval(DRAIN_INTERVAL));
        Self
    }

    #[inline]
    fn root(&self, inner: impl FnOnce()) {
        let root = Span::root("root", SpanContext::random());
        let _parent = root.set_local_parent();
        inner();
    }

    #[inline]
    fn step(&self, inner: impl FnOnce()) {
        let _step = LocalSpan::enter_with_local_parent("step");
        inner();
    }

    #[inline]
    fn other_step(&self, inner: impl FnOnce()) {
        let _step = LocalSpan::enter_with_local_parent("other step");
        inner();
    }

    #[inline]
    fn step_with_two(&self, number: u64, text: &'static str, inner: impl FnOnce()) {
        let _step = LocalSpan::enter_with_local_parent("step")
            .with_property(|| ("number", number.to_string()))
            .with_property(|| ("text", text));
        inner();
    }

    #[inline]
    fn step_with_text(&self, text: &str, inner: impl FnOnce()) {
        let _step =
            LocalSpan::enter_with_local_parent("step").with_property(|| ("text", text.to_owned()));
        inner();
    }

    fn root_future<F: Future>(&self, future: F) -> impl Future<Output = F::Output> {
        future.in_span(Span::root("root", SpanContext::random()))
    }

    async fn step_future<F: Future>(&self, future: F) -> F::Output {
        // The span is made at the first poll: only then the parent is known.
        future.in_span(Span::enter_with_local_parent("step")).await
    }
}
