//! The same code without any instrumentation: the price of the scenario itself.

use std::future::Future;
use std::hint::black_box;

use super::SpanPeer;

/// Records nothing.
pub(crate) struct None;

impl SpanPeer for None {
    fn start() -> Self {
        Self
    }

    #[inline]
    fn root(&self, inner: impl FnOnce()) {
        inner();
    }

    #[inline]
    fn step(&self, inner: impl FnOnce()) {
        inner();
    }

    #[inline]
    fn other_step(&self, inner: impl FnOnce()) {
        inner();
    }

    #[inline]
    fn step_with_two(&self, number: u64, text: &'static str, inner: impl FnOnce()) {
        black_box((number, text));
        inner();
    }

    #[inline]
    fn step_with_text(&self, text: &str, inner: impl FnOnce()) {
        black_box(text);
        inner();
    }

    fn root_future<F: Future>(&self, future: F) -> impl Future<Output = F::Output> {
        future
    }

    fn step_future<F: Future>(&self, future: F) -> impl Future<Output = F::Output> {
        future
    }
}
