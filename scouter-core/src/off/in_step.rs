//! Without feature `enable`: the future itself.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::callsite::Callsite;

pin_project! {
    /// The future itself.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct StepFuture<F> {
        #[pin]
        future: F,
    }
}

/// Polls the future, no more.
#[inline(always)]
pub fn in_step<F: Future>(_: &'static Callsite, future: F) -> StepFuture<F> {
    StepFuture { future }
}

/// Polls the future, no more.
#[inline(always)]
pub fn wait<F: Future>(_: &'static str, future: F) -> StepFuture<F> {
    StepFuture { future }
}

impl<F: Future> Future for StepFuture<F> {
    type Output = F::Output;

    #[inline(always)]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        self.project().future.poll(cx)
    }
}
