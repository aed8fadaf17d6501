//! Scouter for tower: every request a transaction, every outbound call a step.
//!
//! ```
//! # #[cfg(feature = "axum")] {
//! let router: axum::Router =
//!     axum::Router::new().route("/orders/{id}", axum::routing::get(|| async { "order" }));
//! let app = scouter_tower::wrap(router);
//! # drop(app);
//! # }
//! ```
//!
//! - [`wrap`] instruments an axum router; [`ScouterLayer`] any tower or (feature `hyper`) hyper
//!   service, with options. A transaction lasts from the call to the last byte of the body and has
//!   exactly one end, whatever happens to it.
//! - [`session`] makes what follows an upgrade (WebSocket) a transaction of its own.
//! - [`client`] holds the layer for outbound calls.
//!
//! Nothing here waits, panics or fails a request. Headers that are malformed or too long are
//! ignored and counted (`propagation_malformed`, `propagation_oversized`). What a caller says about
//! tenant, baggage and its own address is believed of trusted peers only, see [`Trust`].
//!
//! Beyond tower's `Identity` layer at the same place a request costs at most one allocation: axum
//! boxes the body of any layer that wraps it. `tracestate`, `baggage` and a response id header cost
//! more when they are there. Outside axum the layer marks the request by an extension, which costs
//! two on a request that has none yet (one with a [`PeerAddr`] has).

#![forbid(unsafe_code)]

pub mod client;
mod current;
mod forwarded;
mod grpc;
mod id_header;
mod large_body;
mod server;
mod session;
mod text;
mod trust;

pub use current::Current;
pub use forwarded::ForwardedHeader;
pub use grpc::{MAX_GRPC_METHODS, MAX_TRIED_GRPC_METHODS};
pub use server::{
    MAX_IGNORED_PATHS, MAX_QUEUE_TIME, PeerAddr, RequestHead, ScouterBody, ScouterFuture,
    ScouterLayer, ScouterService,
};
pub use session::{Closed, SessionEnd, SessionFuture, session};
pub use trust::{MAX_TRUSTED_NETWORKS, Trust, TrustError};

/// Instruments an axum router: each of its requests becomes a transaction, named by its route.
///
/// It covers all routes, nested and fallback ones, that the router has *now*, and every layer on
/// them: call it last. A route added afterwards is not recorded; to see those too, put a
/// [`ScouterLayer`] around the whole service besides. The result is an axum `Router`, so
/// `axum::serve`, graceful shutdown, connect-info and state work as before. Applied twice it
/// records once; a request that a handler makes to a wrapped router in process is recorded as one
/// of its own, called by the first. A router nested with `nest_service` is opaque: its requests are recorded as
/// `GET <unmatched>` unless it is wrapped as well.
///
/// Serve it with `into_make_service_with_connect_info::<std::net::SocketAddr>()`: without the
/// address of the peer that puts on each request, the client's address of the recordings stays
/// empty, and a [`Trust`] by address never holds, so no tenant, baggage or `x-forwarded-for` is
/// believed.
///
/// Options come from the environment, see [`ScouterLayer::new`]; to set them in code write
/// `router.layer(ScouterLayer::new()...).with_state(())` instead. (Until a router has its state,
/// axum copies each layer into a box per request; `with_state` as the last call spares that.)
#[cfg(feature = "axum")]
pub fn wrap<S>(router: axum::Router<S>) -> axum::Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    // One layer on every route, fallbacks included, is enough: axum matches the route before it
    // calls the layer. A second layer around the router would cost another box per request.
    router.layer(server::EnvironmentLayer)
}

/// The method as part of a name. Methods outside the standard share one: names are a bounded
/// vocabulary, and a client may send any token.
pub(crate) fn standard_method(method: &http::Method) -> &'static str {
    use http::Method;
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        Method::CONNECT => "CONNECT",
        Method::PATCH => "PATCH",
        Method::TRACE => "TRACE",
        _ => "<method>",
    }
}

/// The header of the option, or its default when what is configured is no header name.
pub(crate) fn tenant_header() -> http::HeaderName {
    let configured = scouter_core::options::TRACE_TENANT_HEADER.value();
    configured.parse().unwrap_or(http::HeaderName::from_static("x-tenant-id"))
}
