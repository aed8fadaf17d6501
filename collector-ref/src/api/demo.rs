//! `/api/v1/demo`: starts and removes the demo load, and lets in below `/demo/` what asks about it.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::uri::{PathAndQuery, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tower::ServiceExt;

use super::agent::{need_operator, note};
use super::error::ApiError;
use super::params::Params;
use super::{Answer, json_response};
use crate::app::App;
use crate::auth::{Caller, admit};
use crate::demo::{DemoError, Since};

/// Where the demo load is shown.
const PREFIX: &str = "/demo";

/// Whether one may be started here, and the one that is there.
pub(super) async fn get(State(app): State<Arc<App>>, params: Params) -> Answer {
    params.only(&[])?;
    Ok(json_response(&state(&app, app.demo.since())))
}

/// Starts it, unless it is there.
pub(super) async fn post(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    params: Params,
) -> Answer {
    params.only(&[])?;
    need_operator(&caller)?;
    note(&app, caller, "start demo load", ("", None), "").await?;
    let since = app.demo.start(&app).await.map_err(refused)?;
    Ok(json_response(&state(&app, Some(since))))
}

/// Removes it with all its data.
pub(super) async fn delete(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    params: Params,
) -> Answer {
    params.only(&[])?;
    need_operator(&caller)?;
    note(&app, caller, "remove demo load", ("", None), "").await?;
    app.demo.remove().await.map_err(refused)?;
    Ok(json_response(&state(&app, None)))
}

fn state(app: &App, since: Option<Since>) -> Value {
    json!({
        "is_offered": app.demo.is_offered(),
        "started_unix_us": since.map(|since| since.started_unix_us),
        "ends_unix_us": since.map(|since| since.ends_unix_us),
    })
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn refused(error: DemoError) -> ApiError {
    let (status, code) = match error {
        DemoError::NotOffered => (StatusCode::NOT_FOUND, "not_offered"),
        _ => (StatusCode::INTERNAL_SERVER_ERROR, "no_demo"),
    };
    ApiError::new(status, code, error.to_string())
}

/// Whether a path is answered by the collector of the demo load.
pub(super) fn is_inside(path: &str) -> bool {
    let inside = path.strip_prefix(PREFIX);
    inside.is_some_and(|path| path.starts_with("/api/") || path == "/metrics")
}

/// Asks the collector of the demo load, as who the sender is here.
pub(super) async fn enter(app: &App, mut request: Request) -> Response {
    if let Err(refusal) = admit(app, &mut request) {
        return refusal.into_response();
    }
    let Some(router) = app.demo.router() else {
        let message = "no demo load is running: start it on the page of this collector";
        return ApiError::new(StatusCode::NOT_FOUND, "no_demo", message).into_response();
    };
    *request.uri_mut() = without_prefix(request.uri());
    match router.oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

/// The address as the inner collector knows it.
fn without_prefix(uri: &Uri) -> Uri {
    let mut parts = uri.clone().into_parts();
    let inner = parts.path_and_query.as_ref().and_then(|all| all.as_str().strip_prefix(PREFIX));
    if let Some(inner) = inner.and_then(|inner| PathAndQuery::try_from(inner).ok()) {
        parts.path_and_query = Some(inner);
    }
    Uri::from_parts(parts).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_questions_are_asked_inside_and_without_the_prefix() {
        for (outer, inner) in [
            ("/demo/api/v1/xlogs?f=err&limit=3", "/api/v1/xlogs?f=err&limit=3"),
            ("/demo/metrics", "/metrics"),
            ("/demo/api/v1/options/%2Fhost%2Fdemo-shop", "/api/v1/options/%2Fhost%2Fdemo-shop"),
        ] {
            let uri: Uri = outer.parse().unwrap();
            assert!(is_inside(uri.path()));
            assert_eq!(without_prefix(&uri).to_string(), inner);
        }
        for page in ["/demo", "/demo/", "/demo/xlog", "/demonstration/api/v1/xlogs", "/api/v1/demo"]
        {
            assert!(!is_inside(page), "{page}");
        }
    }
}
