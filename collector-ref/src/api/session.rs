//! `/api/v1/session`: a browser trades a token for a cookie, asks who it is, and leaves.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;

use super::error::ApiError;
use super::{Answer, json_response};
use crate::app::App;
use crate::auth::{SESSION_COOKIE, peer, role_of, session_secret};
use crate::limits::MAX_BODY_BYTES;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Login {
    token: String,
}

/// Who the caller is, and whether a token is needed at all.
pub(super) async fn get(State(app): State<Arc<App>>, request: Request) -> Answer {
    let is_guarded = app.tokens.guards_people();
    match role_of(&app, request.headers(), peer(&request)) {
        Some(role) => Ok(json_response(&json!({ "role": role, "auth_required": is_guarded }))),
        None => Err(unauthorised()),
    }
}

/// Trades a token for a session cookie.
pub(super) async fn post(State(app): State<Arc<App>>, request: Request) -> Answer {
    let (address, now) = (peer(&request), app.clock.unix_us());
    if !app.sessions.may_try(address, now) {
        app.telemetry.logins_rate_limited.one();
        let message = "too many failed logins from this address: wait a minute";
        return Err(ApiError::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", message));
    }
    let Login { token } = body(request).await?;
    let Some(role) = app.tokens.role(&token) else {
        app.sessions.note_failure(address, now);
        app.telemetry.http_unauthorised.one();
        return Err(unauthorised());
    };
    let (secret, dropped) = app.sessions.open(role, now).map_err(|error| {
        let message = format!("the operating system gives no random numbers: {error}");
        ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", message)
    })?;
    app.telemetry.sessions_dropped.add(dropped);
    let answer = json_response(&json!({ "role": role, "auth_required": true }));
    // Over TLS the cookie never goes out in the clear, also if the page is asked for by http://.
    let secure = if app.is_https() { "; Secure" } else { "" };
    let cookie = format!("{SESSION_COOKIE}={secret}; HttpOnly; SameSite=Strict; Path=/{secure}");
    Ok(with_cookie(answer, &cookie))
}

/// Ends the session of the caller.
pub(super) async fn delete(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    if let Some(secret) = session_secret(&headers) {
        app.sessions.close(secret);
    }
    let gone = format!("{SESSION_COOKIE}=; HttpOnly; SameSite=Strict; Path=/; Max-Age=0");
    with_cookie(StatusCode::NO_CONTENT.into_response(), &gone)
}

/// Reads a JSON body of bounded length.
pub(super) async fn body<T: serde::de::DeserializeOwned>(request: Request) -> Result<T, ApiError> {
    let bytes = axum::body::to_bytes(request.into_body(), MAX_BODY_BYTES).await.map_err(|_| {
        let message = format!("the body is broken or longer than {MAX_BODY_BYTES} bytes");
        ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "bad_body", message)
    })?;
    serde_json::from_slice(&bytes).map_err(|error| {
        ApiError::bad("bad_body", format!("the body is not the JSON this resource takes: {error}"))
    })
}

fn unauthorised() -> ApiError {
    let message = "this token is not one of the collector's: check it and log in again";
    ApiError::new(StatusCode::UNAUTHORIZED, "unauthorised", message)
}

fn with_cookie(mut response: Response, cookie: &str) -> Response {
    // Made of hex digits and fixed words only.
    if let Ok(cookie) = HeaderValue::from_str(cookie) {
        response.headers_mut().insert(SET_COOKIE, cookie);
    }
    response
}
