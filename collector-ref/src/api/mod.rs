//! The HTTP side: one file per resource.
//!
//! Everything the page and tools ask for is read-only but sessions and control. Questions run on
//! blocking threads, never on the threads that serve connections.

mod active;
mod agent;
mod alerts;
mod callsites;
mod capture;
mod counters;
mod demo;
mod differences;
mod digests;
mod dumps;
mod env;
pub(crate) mod error;
mod export;
mod grid;
mod heap;
pub(crate) mod json;
mod monitor;
mod objects;
mod options;
mod own;
pub(crate) mod params;
mod points;
mod pprof;
mod retention;
mod router;
mod samples;
mod services;
mod session;
mod sfa;
mod summary;
mod symbols;
mod text;
mod threads;
mod topology;
mod trace;
mod tx;
mod xlogs;

use std::sync::Arc;

use axum::http::header::{ACCEPT, CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use crate::app::App;
pub(crate) use dumps::dump_of;
use error::ApiError;
use params::Params;
pub(crate) use router::{inner_router, router};

/// What a handler answers.
type Answer = Result<Response, ApiError>;

/// Runs a question on a blocking thread.
async fn ask<T: Send + 'static>(
    app: &Arc<App>,
    question: impl FnOnce(&App) -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    let app = Arc::clone(app);
    let answer = tokio::task::spawn_blocking(move || question(&app)).await;
    answer.unwrap_or_else(|_| {
        let message = "the question broke the collector's code; its log says where";
        Err(ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", message))
    })
}

/// A JSON answer.
fn json_response(value: &Value) -> Response {
    let json = HeaderValue::from_static("application/json");
    ([(CONTENT_TYPE, json)], value.to_string()).into_response()
}

/// A plain text answer.
fn text_response(text: String) -> Response {
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    ([(CONTENT_TYPE, plain)], text).into_response()
}

/// Bytes that a browser keeps as a file of this name.
fn file_response(name: &'static str, bytes: Vec<u8>) -> Response {
    let binary = HeaderValue::from_static("application/octet-stream");
    let mut response = ([(CONTENT_TYPE, binary)], bytes).into_response();
    if let Ok(value) = HeaderValue::try_from(format!("attachment; filename=\"{name}\"")) {
        response.headers_mut().insert(CONTENT_DISPOSITION, value);
    }
    response
}

/// Whether plain text is asked for rather than JSON: by `format=text`, since a link cannot set a
/// header, or else by `Accept`.
fn wants_text(headers: &HeaderMap, params: &Params) -> Result<bool, ApiError> {
    match params.text("format") {
        Some("text") => return Ok(true),
        Some("json") => return Ok(false),
        Some(other) => {
            let message = format!("there is no format \"{other}\": give text or json");
            return Err(ApiError::bad("bad_parameter", message));
        }
        None => {}
    }
    let accept = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok());
    let first = accept.and_then(|accept| accept.split(',').next());
    Ok(first.is_some_and(|first| first.trim().starts_with("text/plain")))
}
