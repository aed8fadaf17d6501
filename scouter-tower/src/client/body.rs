//! The body of a response: the step lasts until its end.

use std::fmt::Display;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Buf;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use super::call::Call;

pin_project! {
    /// A response body that ends the step of its call at its last frame, at an error, or when it
    /// is dropped. It yields the frames of the wrapped body unchanged.
    #[derive(Debug)]
    pub struct ClientBody<B> {
        #[pin]
        inner: B,
        call: Option<Call>,
    }
}

impl<B> ClientBody<B> {
    pub(crate) fn new(inner: B, call: Option<Call>) -> Self {
        Self { inner, call }
    }
}

impl<B> Body for ClientBody<B>
where
    B: Body,
    B::Error: Display + 'static,
{
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let mut this = self.project();
        let Some(call) = this.call.as_mut() else { return this.inner.poll_frame(cx) };
        let polled = ready!(call.polled(|| this.inner.as_mut().poll_frame(cx)));
        match &polled {
            None => this.call.take().into_iter().for_each(Call::complete),
            Some(Err(error)) => {
                this.call.take().into_iter().for_each(|call| call.fail(error));
            }
            Some(Ok(frame)) => {
                if let Some(data) = frame.data_ref() {
                    call.received(data.remaining());
                }
                if let Some(trailers) = frame.trailers_ref() {
                    call.note_grpc_status(trailers);
                }
                if frame.is_trailers() || this.inner.is_end_stream() {
                    this.call.take().into_iter().for_each(Call::complete);
                }
            }
        }
        Poll::Ready(polled)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
