//! The answer to a request that is turned away before the service sees it.

use std::fmt;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use scouter_core::options::CONTROL_REJECT_TEXT;
use scouter_core::plugin::Reject;
use scouter_core::record::EndReason;

use super::body::ScouterBody;
use super::end::Serving;
use super::future::Reply;
use super::load::RETRY_AFTER_SECONDS;
use crate::grpc;
use crate::id_header;

/// Why a request is turned away.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// A plugin says so.
    ByPlugin(Reject),
    /// As many requests as the layer lets in are active.
    Busy {
        /// How many that is.
        limit: usize,
    },
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ByPlugin(reject) => write!(f, "rejected by a plugin: {}", reject.body),
            Self::Busy { limit } => write!(f, "rejected: {limit} requests are active"),
        }
    }
}

impl Refusal {
    /// A status that is none becomes 503.
    fn status(&self) -> StatusCode {
        let status = match self {
            Self::ByPlugin(reject) => StatusCode::from_u16(reject.status).ok(),
            Self::Busy { .. } => None,
        };
        status.unwrap_or(StatusCode::SERVICE_UNAVAILABLE)
    }

    fn into_text(self) -> String {
        match self {
            Self::ByPlugin(reject) => reject.body,
            Self::Busy { .. } => CONTROL_REJECT_TEXT.value().to_string(),
        }
    }
}

/// Answers, and ends the transaction.
pub(crate) fn answer<B>(
    refusal: Refusal,
    mut serving: Serving,
    reply: Reply,
) -> Response<ScouterBody<B>> {
    serving.fail(&refusal);
    let status = refusal.status();
    let is_busy = matches!(refusal, Refusal::Busy { .. });
    let text = refusal.into_text();
    let mut response = if serving.is_grpc() {
        trailers_only(status, &text)
    } else {
        let is_bodyless = reply.is_bodyless(status);
        let text = if is_bodyless { Bytes::new() } else { Bytes::from(text) };
        serving.sent(text.len());
        let mut response = Response::new(ScouterBody::text(text));
        *response.status_mut() = status;
        if is_busy {
            let seconds = HeaderValue::from_static(RETRY_AFTER_SECONDS);
            response.headers_mut().insert(RETRY_AFTER, seconds);
        }
        response
    };
    serving.respond(response.status(), response.headers());
    if reply.sends_id {
        id_header::write(response.headers_mut(), serving.transaction());
    }
    serving.end(EndReason::Complete);
    response
}

/// The same as gRPC says it: 200, and the status in the headers, since there is no body.
fn trailers_only<B>(status: StatusCode, text: &str) -> Response<ScouterBody<B>> {
    let mut response = Response::new(ScouterBody::default());
    let headers: &mut HeaderMap = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    grpc::Code::of_http(status).write(headers, text);
    response
}
