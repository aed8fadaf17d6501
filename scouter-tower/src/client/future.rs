//! The future of a call: the step from the call to the response headers.

use std::fmt::Display;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::call::Call;
use super::message::OutboundResponse;

pin_project! {
    /// The future of a recorded call.
    ///
    /// # Cancel safety
    /// Dropped before the response, it ends the step as cancelled.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct ClientFuture<F> {
        #[pin]
        inner: F,
        call: Option<Call>,
    }
}

impl<F> ClientFuture<F> {
    pub(crate) fn new(inner: F, call: Option<Call>) -> Self {
        Self { inner, call }
    }
}

impl<F, R, E> Future for ClientFuture<F>
where
    F: Future<Output = Result<R, E>>,
    R: OutboundResponse,
    E: Display + 'static,
{
    type Output = Result<R::Scouted, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let Some(call) = this.call.as_mut() else {
            return this.inner.poll(cx).map_ok(|response| response.scouted(None));
        };
        let answer = ready!(call.polled(|| this.inner.poll(cx)));
        let call = this.call.take();
        Poll::Ready(match answer {
            Ok(response) => Ok(response.scouted(call)),
            Err(error) => {
                if let Some(call) = call {
                    call.fail(&error);
                }
                Err(error)
            }
        })
    }
}
