//! The response body: the transaction lives until its last frame.

use std::any::{Any, TypeId};
use std::fmt::Display;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use scouter_core::record::EndReason;

use super::end::Serving;
use crate::large_body;

pin_project! {
    /// A response body that ends its transaction exactly once: at its last frame, at an error, or
    /// when it is dropped.
    ///
    /// It yields the frames of the wrapped body unchanged. The transaction is current on the
    /// thread while the wrapped body is polled or dropped.
    #[derive(Debug)]
    pub struct ScouterBody<B> {
        // `None` once it came to its end (or for the empty body of a rejected request).
        #[pin]
        inner: Option<B>,
        serving: Option<Serving>,
        progress: Progress,
        // What a rejected request is answered with; empty otherwise.
        text: Bytes,
    }

    impl<B> PinnedDrop for ScouterBody<B> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            let Some(serving) = this.serving.take() else { return };
            let unpolled_end = if this.progress.is_complete() {
                EndReason::Complete
            } else {
                EndReason::AbortedInBody
            };
            let reason = serving.reason_of_drop(unpolled_end);
            {
                let _inside = serving.enter();
                this.inner.set(None);
            }
            serving.end(reason);
        }
    }
}

/// How much of the body has left, to tell a body the server needs no more from an aborted one.
///
/// hyper never polls a body of known length to its end, nor the body of a reply that has none on
/// the wire (HEAD, 204, 304): it drops them.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Progress {
    pub(crate) sent_bytes: u64,
    pub(crate) expected_bytes: Option<u64>,
    pub(crate) is_bodyless: bool,
}

impl Progress {
    fn is_complete(self) -> bool {
        self.is_bodyless || self.expected_bytes.is_some_and(|expected| self.sent_bytes >= expected)
    }
}

impl<B> ScouterBody<B> {
    pub(crate) fn serving(inner: B, serving: Serving, progress: Progress) -> Self {
        Self { inner: Some(inner), serving: Some(serving), progress, text: Bytes::new() }
    }

    pub(crate) fn unrecorded(inner: B) -> Self {
        let progress = Progress::default();
        Self { inner: Some(inner), serving: None, progress, text: Bytes::new() }
    }

    /// A text that belongs to no transaction any more. It is sent where the data of the wrapped
    /// body are `Bytes` (axum, http-body-util) and left out elsewhere.
    pub(crate) fn text(text: Bytes) -> Self {
        Self { inner: None, serving: None, progress: Progress::default(), text }
    }
}

impl<B> Default for ScouterBody<B> {
    /// An empty body that belongs to no transaction.
    fn default() -> Self {
        Self::text(Bytes::new())
    }
}

impl<B> Body for ScouterBody<B>
where
    B: Body<Data: 'static>,
    B::Error: Display,
{
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let mut this = self.project();
        let Some(mut inner) = this.inner.as_mut().as_pin_mut() else {
            return Poll::Ready(take_text::<B::Data>(this.text).map(|data| Ok(Frame::data(data))));
        };
        let Some(serving) = this.serving.as_mut() else { return inner.poll_frame(cx) };

        let polled = ready!(serving.polled(|| inner.as_mut().poll_frame(cx)));
        let reason = match &polled {
            None => Some(EndReason::Complete),
            Some(Err(error)) => {
                serving.fail(error);
                Some(EndReason::BodyError)
            }
            Some(Ok(frame)) => {
                if let Some(data) = frame.data_ref() {
                    this.progress.sent_bytes += data.remaining() as u64;
                    serving.sent(data.remaining());
                    large_body::look_at_piece(data.remaining(), |tell| {
                        let _inside = serving.enter();
                        tell();
                    });
                }
                if let Some(trailers) = frame.trailers_ref() {
                    let _ = serving.note_grpc_status(trailers);
                    Some(EndReason::Complete)
                } else {
                    inner.is_end_stream().then_some(EndReason::Complete)
                }
            }
        };
        if let Some(reason) = reason
            && let Some(serving) = this.serving.take()
        {
            {
                let _inside = serving.enter();
                this.inner.set(None);
            }
            serving.end(reason);
        }
        Poll::Ready(polled)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().map_or_else(|| self.sendable() == 0, Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        let text = || SizeHint::with_exact(self.sendable());
        self.inner.as_ref().map_or_else(text, Body::size_hint)
    }
}

impl<B: Body<Data: 'static>> ScouterBody<B> {
    fn sendable(&self) -> u64 {
        let is_sent = TypeId::of::<B::Data>() == TypeId::of::<Bytes>();
        if is_sent { self.text.len() as u64 } else { 0 }
    }
}

/// The text as data of the wrapped body's kind, once.
fn take_text<D: 'static>(text: &mut Bytes) -> Option<D> {
    let mut text = Some(std::mem::take(text)).filter(|text| !text.is_empty());
    let slot: &mut dyn Any = &mut text;
    slot.downcast_mut::<Option<D>>().and_then(Option::take)
}
