//! The response future: the transaction from the call to the response headers.

use std::fmt::Display;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::header::CONTENT_LENGTH;
use http::{Method, Response, StatusCode};
use http_body::Body;
use pin_project_lite::pin_project;
use scouter_core::record::EndReason;

use super::body::{Progress, ScouterBody};
use super::end::Serving;
use super::refused::{self, Refusal};
use crate::id_header;

pin_project! {
    /// The future of a recorded request.
    ///
    /// # Cancel safety
    /// Dropped before the response, it ends the transaction as cancelled (or as a panic, when it
    /// is dropped by one); the wrapped future is dropped first, inside the transaction.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct ScouterFuture<F> {
        // `None` once it answered, and for a request that was rejected before the service saw it.
        #[pin]
        inner: Option<F>,
        serving: Option<Serving>,
        refusal: Option<Box<Refusal>>,
        reply: Reply,
    }

    impl<F> PinnedDrop for ScouterFuture<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            let Some(serving) = this.serving.take() else { return };
            let reason = serving.reason_of_drop(EndReason::CancelledBeforeResponse);
            {
                let _inside = serving.enter();
                this.inner.set(None);
            }
            serving.end(reason);
        }
    }
}

/// What the request said that matters for its response.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Reply {
    pub(crate) is_head: bool,
    pub(crate) is_connect: bool,
    pub(crate) sends_id: bool,
}

impl Reply {
    pub(crate) fn to(method: &Method, sends_id: bool) -> Self {
        Self { is_head: *method == Method::HEAD, is_connect: *method == Method::CONNECT, sends_id }
    }

    fn is_upgrade(self, status: StatusCode) -> bool {
        status == StatusCode::SWITCHING_PROTOCOLS || (self.is_connect && status.is_success())
    }

    pub(crate) fn is_bodyless(self, status: StatusCode) -> bool {
        self.is_head || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
    }
}

impl<F> ScouterFuture<F> {
    pub(crate) fn serving(inner: F, serving: Serving, reply: Reply) -> Self {
        Self { inner: Some(inner), serving: Some(serving), refusal: None, reply }
    }

    pub(crate) fn refused(serving: Serving, reply: Reply, refusal: Refusal) -> Self {
        Self { inner: None, serving: Some(serving), refusal: Some(Box::new(refusal)), reply }
    }

    pub(crate) fn unrecorded(inner: F) -> Self {
        Self { inner: Some(inner), serving: None, refusal: None, reply: Reply::default() }
    }
}

impl<F, B, E> Future for ScouterFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
    B: Body<Data: 'static>,
    E: Display,
{
    type Output = Result<Response<ScouterBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        if this.inner.is_none() {
            return match (this.refusal.take(), this.serving.take()) {
                (Some(refusal), Some(serving)) => {
                    Poll::Ready(Ok(refused::answer(*refusal, serving, *this.reply)))
                }
                // Polled again after it answered, which no caller may do.
                _ => Poll::Pending,
            };
        }
        let Some(serving) = this.serving.as_mut() else {
            return poll_present(&mut this.inner, cx)
                .map_ok(|response| response.map(ScouterBody::unrecorded));
        };
        let answer = ready!(serving.polled(|| {
            let polled = poll_present(&mut this.inner, cx);
            if polled.is_ready() {
                this.inner.set(None);
            }
            polled
        }));
        let Some(serving) = this.serving.take() else { return Poll::Pending };
        Poll::Ready(match answer {
            Ok(response) => Ok(answered(response, serving, *this.reply)),
            Err(error) => {
                serving.fail(&error);
                serving.end(EndReason::ServiceError);
                Err(error)
            }
        })
    }
}

fn poll_present<F: Future>(
    inner: &mut Pin<&mut Option<F>>,
    cx: &mut Context<'_>,
) -> Poll<F::Output> {
    inner.as_mut().as_pin_mut().map_or(Poll::Pending, |inner| inner.poll(cx))
}

fn answered<B: Body>(
    mut response: Response<B>,
    mut serving: Serving,
    reply: Reply,
) -> Response<ScouterBody<B>> {
    let status = response.status();
    serving.respond(status, response.headers());
    if reply.sends_id {
        id_header::write(response.headers_mut(), serving.transaction());
    }
    if reply.is_upgrade(status) {
        serving.end(EndReason::Upgraded);
        return response.map(ScouterBody::unrecorded);
    }
    if response.body().is_end_stream() {
        serving.end(EndReason::Complete);
        return response.map(ScouterBody::unrecorded);
    }
    let progress = Progress {
        sent_bytes: 0,
        expected_bytes: expected_bytes(&response),
        is_bodyless: reply.is_bodyless(status),
    };
    response.map(|body| ScouterBody::serving(body, serving, progress))
}

/// The length the server will put on the wire: hyper takes the header first, then the body's word.
fn expected_bytes<B: Body>(response: &Response<B>) -> Option<u64> {
    let header = response.headers().get(CONTENT_LENGTH);
    match header.and_then(|length| length.to_str().ok()).and_then(|length| length.parse().ok()) {
        Some(length) => Some(length),
        None => response.body().size_hint().exact(),
    }
}
