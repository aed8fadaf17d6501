//! `/api/v1/session`: a browser trades a token, or a name and a password, for a cookie, asks who it
//! is, and leaves.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::error::ApiError;
use super::{Answer, ask, json_response};
use crate::app::App;
use crate::auth::{Caller, Failed, Role, SESSION_COOKIE, caller_of, peer, session_secret};
use crate::limits::MAX_BODY_BYTES;

/// How long a login waits for its turn to be checked.
const CHECK_TIMEOUT: Duration = Duration::from_secs(5);

/// Either a token, or an account with its password.
#[derive(Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum Login {
    Token { token: String },
    Account { name: String, password: String },
}

/// Who the caller is, and whether anything is needed to be somebody.
pub(super) async fn get(State(app): State<Arc<App>>, request: Request) -> Answer {
    match caller_of(&app, request.headers(), peer(&request)) {
        Some(Caller { account, role, .. }) => {
            Ok(json_response(&who(&app, account.as_deref(), role)))
        }
        None => Err(unauthorised()),
    }
}

fn who(app: &App, account: Option<&str>, role: Role) -> Value {
    json!({ "role": role, "account": account, "auth_required": app.guards_people() })
}

/// Trades a token or a password for a session cookie.
pub(super) async fn post(State(app): State<Arc<App>>, request: Request) -> Answer {
    let address = Failed::Address(peer(&request));
    may_try(&app, &address)?;
    let (account, role) = match body(request).await? {
        Login::Token { token } => match app.settings().tokens.role(&token) {
            Some(role) => (None, role),
            None => return Err(failed(&app, [Some(address), None])),
        },
        Login::Account { name, password } => {
            let is_known = app.settings().accounts.has(&name);
            let of_account = is_known.then(|| Failed::Account(name.as_str().into()));
            if let Some(of_account) = &of_account {
                may_try(&app, of_account)?;
            }
            match check(&app, name, password).await? {
                Some((name, role)) => (Some(name), role),
                None => return Err(failed(&app, [Some(address), of_account])),
            }
        }
    };
    let now = app.clock.unix_us();
    let answer = json_response(&who(&app, account.as_deref(), role));
    let (secret, dropped) = app.sessions.open(role, account, now).map_err(|error| {
        let message = format!("the operating system gives no random numbers: {error}");
        ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", message)
    })?;
    app.telemetry.sessions_dropped.add(dropped);
    // Over TLS the cookie never goes out in the clear, also if the page is asked for by http://.
    let secure = if app.is_https() { "; Secure" } else { "" };
    let cookie = format!("{SESSION_COOKIE}={secret}; HttpOnly; SameSite=Strict; Path=/{secure}");
    Ok(with_cookie(answer, &cookie))
}

fn may_try(app: &App, who: &Failed) -> Result<(), ApiError> {
    if app.sessions.may_try(who, app.clock.unix_us()) {
        return Ok(());
    }
    app.telemetry.logins_rate_limited.one();
    let message = "too many failed logins from this address or with this account: wait a minute";
    Err(ApiError::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", message))
}

/// Checks a password on a thread that may work; how many do so at once is limited.
async fn check(
    app: &Arc<App>,
    name: String,
    password: String,
) -> Result<Option<(Arc<str>, Role)>, ApiError> {
    let busy = || {
        let message = "too many people log in at this moment: try again";
        ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "busy", message)
    };
    let room = tokio::time::timeout(CHECK_TIMEOUT, app.password_checks.acquire());
    let _room = room.await.map_err(|_| busy())?.map_err(|_| busy())?;
    ask(app, move |app| Ok(app.settings().accounts.check(&name, &password))).await
}

fn failed(app: &App, whose: [Option<Failed>; 2]) -> ApiError {
    for who in whose.into_iter().flatten() {
        app.sessions.note_failure(who, app.clock.unix_us());
    }
    app.telemetry.http_unauthorised.one();
    unauthorised()
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
    let message = "this token or password is not one of the collector's: check it and log in again";
    ApiError::new(StatusCode::UNAUTHORIZED, "unauthorised", message)
}

fn with_cookie(mut response: Response, cookie: &str) -> Response {
    // Made of hex digits and fixed words only.
    if let Ok(cookie) = HeaderValue::from_str(cookie) {
        response.headers_mut().insert(SET_COOKIE, cookie);
    }
    response
}
