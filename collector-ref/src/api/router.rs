//! Which address is answered by what.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};

use super::error::ApiError;
use super::{
    active, alerts, callsites, capture, counters, demo, differences, digests, dumps, env, export,
    grid, heap, monitor, objects, options, own, points, retention, samples, services, session, sfa,
    summary, symbols, threads, topology, trace, tx, xlogs,
};
use crate::app::App;
use crate::auth::{authenticate, guard_origin};
use crate::{live, page};

/// Everything the HTTP port answers.
pub(crate) fn router(app: &Arc<App>) -> Router {
    let session = get(session::get).post(session::post).delete(session::delete);
    Router::new()
        .merge(guarded(app))
        .route("/api/v1/session", resource(session))
        .route("/healthz", resource(get(monitor::healthz)))
        .route("/readyz", resource(get(monitor::readyz)))
        .route("/assets/{*path}", get(page::asset))
        .fallback(fallback)
        .layer(middleware::from_fn(no_store))
        .layer(middleware::from_fn_with_state(Arc::clone(app), guard_origin))
        .with_state(Arc::clone(app))
}

/// What a collector answers that is shown as a part of another one, which looks after the rest.
pub(crate) fn inner_router(app: &Arc<App>) -> Router {
    guarded(app).fallback(fallback).with_state(Arc::clone(app))
}

/// What only those who are somebody may ask for.
fn guarded(app: &Arc<App>) -> Router<Arc<App>> {
    let demos = get(demo::get).post(demo::post).delete(demo::delete);
    Router::new()
        .route("/api/v1/objects", resource(get(objects::get)))
        .route("/api/v1/services", resource(get(services::get)))
        .route("/api/v1/xlogs", resource(get(xlogs::get)))
        .route("/api/v1/points", resource(get(points::get)))
        .route("/api/v1/summary", resource(get(summary::get)))
        .route("/api/v1/differences", resource(get(differences::get)))
        .route("/api/v1/export", resource(get(export::get)))
        .route("/api/v1/grid", resource(get(grid::get)))
        .route("/api/v1/tx/{id}", resource(get(tx::get)))
        .route("/api/v1/trace/{gxid}", resource(get(trace::get)))
        .route("/api/v1/active", resource(get(active::get)))
        .route("/api/v1/counters", resource(get(counters::get)))
        .route("/api/v1/digests", resource(get(digests::get)))
        .route("/api/v1/samples", resource(get(samples::get)))
        .route("/api/v1/topology", resource(get(topology::get)))
        .route("/api/v1/alerts", resource(get(alerts::get)))
        .route("/api/v1/dumps", resource(get(dumps::list)))
        .route("/api/v1/dumps/{id}", resource(get(dumps::get)))
        .route("/api/v1/demo", resource(demos))
        .route("/api/v1/retention/preview", resource(get(retention::preview)))
        .route("/api/v1/self", resource(get(own::get)))
        .route("/api/v1/options/{*object}", resource(get(options::get).post(options::post)))
        .route("/api/v1/callsites/{*object}", resource(get(callsites::get).post(callsites::post)))
        .route("/api/v1/threads/{*object}", resource(post(threads::post)))
        .route("/api/v1/sfa/{*object}", resource(get(sfa::get).post(sfa::post)))
        .route("/api/v1/env/{*object}", resource(get(env::get)))
        .route("/api/v1/heap/{*object}", resource(get(heap::get)))
        .route("/api/v1/capture/{*object}", resource(get(capture::get).post(capture::post)))
        .route("/api/v1/symbols", resource(get(symbols::list).post(symbols::post)))
        .route("/api/v1/live", resource(get(live::upgrade)))
        .route("/metrics", resource(get(monitor::metrics)))
        .route_layer(middleware::from_fn_with_state(Arc::clone(app), authenticate))
}

/// A resource that says so when a method is not its own.
fn resource(methods: MethodRouter<Arc<App>>) -> MethodRouter<Arc<App>> {
    methods.fallback(|method: Method| async move {
        let message = format!("this resource does not take {method}");
        ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "bad_method", message)
    })
}

/// The page for its own addresses, the demo's answers for its own, a clear answer for everything else.
async fn fallback(State(app): State<Arc<App>>, request: Request) -> Response {
    let path = request.uri().path();
    if demo::is_inside(path) {
        return demo::enter(&app, request).await;
    }
    if request.method() == Method::GET && page::is_page_route(path) {
        return page::shell(request.headers().clone()).await;
    }
    ApiError::not_found(format!("there is nothing at {path}")).into_response()
}

/// Answers of the API are never kept, and are safe to open in a browser.
async fn no_store(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    if !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        page::secure(headers);
    }
    response
}
