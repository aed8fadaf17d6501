//! The two layers around the HTTP side: where a request comes from, and who sends it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{AUTHORIZATION, COOKIE};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::origin::{Foreign, check_origin};
use super::{Failed, Role, SESSION_COOKIE};
use crate::api::error::ApiError;
use crate::app::App;

/// Who sends a request; handlers find it in the request's extensions.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    /// Its account; none for whoever showed a token.
    pub(crate) account: Option<Arc<str>>,
    /// What it may do.
    pub(crate) role: Role,
    /// Where it is.
    pub(crate) address: IpAddr,
}

/// Paths that monitors ask for by whatever name they reach us under.
const FOR_MONITORS: [&str; 3] = ["/healthz", "/readyz", "/metrics"];

/// Refuses requests from pages of other sites and under foreign host names.
pub(crate) async fn guard_origin(
    State(app): State<Arc<App>>,
    request: Request,
    next: Next,
) -> Response {
    app.telemetry.http_requests.one();
    let is_monitor = FOR_MONITORS.contains(&request.uri().path());
    if let Err(foreign) = check_origin(request.headers(), &app.settings().public_hosts)
        && !is_monitor
    {
        app.telemetry.http_foreign_origin.one();
        let (status, code) = match foreign {
            Foreign::Host(_) => (StatusCode::MISDIRECTED_REQUEST, "foreign_host"),
            Foreign::Origin(_) => (StatusCode::FORBIDDEN, "foreign_origin"),
        };
        return ApiError::new(status, code, foreign.to_string()).into_response();
    }
    next.run(request).await
}

/// Lets only callers with a token or a session pass, and tells handlers who they are.
pub(crate) async fn authenticate(
    State(app): State<Arc<App>>,
    mut request: Request,
    next: Next,
) -> Response {
    match admit(&app, &mut request) {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    }
}

/// Notes who the sender of a request is. One that came through the door of another collector, which
/// shows this one as a part of itself, stays who it was there.
pub(crate) fn admit(app: &App, request: &mut Request) -> Result<(), ApiError> {
    if request.extensions().get::<Caller>().is_some() {
        return Ok(());
    }
    let Some(caller) = caller_of(app, request.headers(), peer(request)) else {
        app.telemetry.http_unauthorised.one();
        let message =
            "log in on the page, or send a token of this collector: Authorization: Bearer TOKEN";
        return Err(ApiError::new(StatusCode::UNAUTHORIZED, "unauthorised", message));
    };
    request.extensions_mut().insert(caller);
    Ok(())
}

/// Where a request comes from; loopback when the server was not told (only inside tests).
pub(crate) fn peer(request: &Request) -> IpAddr {
    let info = request.extensions().get::<ConnectInfo<SocketAddr>>();
    info.map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |info| info.0.ip())
}

/// Who the sender of these headers is; an administrator when nobody needs a token or an account.
pub(crate) fn caller_of(app: &App, headers: &HeaderMap, address: IpAddr) -> Option<Caller> {
    if !app.guards_people() {
        return Some(Caller { account: None, role: Role::Admin, address });
    }
    let now = app.clock.unix_us();
    if let Some((role, account)) =
        session_secret(headers).and_then(|secret| app.sessions.find(secret, now))
    {
        return Some(Caller { account, role, address });
    }
    let token = headers.get(AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")?;
    if !app.sessions.may_try(&Failed::Address(address), now) {
        app.telemetry.logins_rate_limited.one();
        return None;
    }
    let role = app.settings().tokens.role(token);
    if role.is_none() {
        app.sessions.note_failure(Failed::Address(address), now);
    }
    Some(Caller { account: None, role: role?, address })
}

/// The session cookie of a request.
pub(crate) fn session_secret(headers: &HeaderMap) -> Option<&str> {
    headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|cookies| cookies.to_str().ok())
        .flat_map(|cookies| cookies.split(';'))
        .filter_map(|cookie| cookie.trim().split_once('='))
        .find(|(name, _)| *name == SESSION_COOKIE)
        .map(|(_, secret)| secret)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_session_cookie_is_found_among_others() {
        let mut headers = HeaderMap::new();
        headers.append(COOKIE, "theme=dark; scouter_session=abc".parse().unwrap());
        assert_eq!(session_secret(&headers), Some("abc"));
        let mut headers = HeaderMap::new();
        headers.append(COOKIE, "not_scouter_session=abc".parse().unwrap());
        assert_eq!(session_secret(&headers), None);
    }
}
