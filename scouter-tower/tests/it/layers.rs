//! Other people's layers, inside and outside of ours.

use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::error_handling::HandleErrorLayer;
use axum::response::Response;
use axum::routing::get;
use http::{Request, StatusCode};
use scouter_core::current;
use scouter_tower::ScouterLayer;
use tower::limit::GlobalConcurrencyLimitLayer;
use tower::{BoxError, Layer, Service, ServiceBuilder, ServiceExt};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::timeout::TimeoutLayer;

use crate::support::{Server, get_through, poll_once, record};

/// The error that each panic here leaves.
const BOOM: &str = "panicked at scouter-tower/tests/it/layers.rs:LINE: boom";

fn app() -> Router {
    Router::new()
        .route("/ok", get(async || "ok"))
        .route("/panic", get(async || -> &str { panic!("boom") }))
        .route("/never", get(async || std::future::pending::<&str>().await))
}

fn short() -> TimeoutLayer {
    TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, Duration::from_millis(20))
}

#[tokio::test]
async fn a_panic_that_an_inner_layer_turns_into_500_completes_with_its_message_and_place() {
    let app = scouter_tower::wrap(app().layer(CatchPanicLayer::new()));
    let (status, rows) = record(1, get_through(app, "/panic")).await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(rows.summaries(), [format!("GET /panic 500 Complete !{BOOM}")]);
}

#[tokio::test]
async fn a_panic_that_an_outer_layer_catches_ends_as_a_panic() {
    let app = scouter_tower::wrap(app()).layer(CatchPanicLayer::new());
    let (status, rows) = record(1, get_through(app, "/panic")).await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(rows.summaries(), [format!("GET /panic 0 Panic !{BOOM}")]);
}

/// A page of 10,000 bytes behind a compression layer: bytes recorded, and bytes the client got.
async fn compressed(wrap: impl FnOnce(Router, CompressionLayer) -> Router) -> (u64, u64) {
    let app = Router::new().route("/page", get(async || "0123456789".repeat(1_000)));
    let server = Server::start(wrap(app, CompressionLayer::new())).await;
    let (received, rows) = record(1, async {
        let request = server.client().get(server.url("/page")).header("accept-encoding", "gzip");
        let response = request.send().await.unwrap();
        assert_eq!(response.headers()["content-encoding"], "gzip");
        response.bytes().await.unwrap().len() as u64
    })
    .await;
    assert_eq!(rows.summaries(), ["GET /page 200 Complete"]);
    assert!(received < 10_000, "{received}");
    (rows[0].bytes_out, received)
}

#[tokio::test]
async fn with_compression_inside_the_compressed_bytes_are_counted() {
    let (recorded, received) =
        compressed(|app, compression| scouter_tower::wrap(app.layer(compression))).await;
    assert_eq!(recorded, received);
}

#[tokio::test]
async fn with_compression_outside_the_bytes_on_our_side_of_it_are_counted() {
    let (recorded, _) =
        compressed(|app, compression| scouter_tower::wrap(app).layer(compression)).await;
    assert_eq!(recorded, 10_000);
}

#[tokio::test]
async fn a_timeout_inside_answers_and_a_timeout_outside_cuts_off() {
    let (status, rows) =
        record(1, get_through(scouter_tower::wrap(app().layer(short())), "/never")).await;
    assert_eq!(status, StatusCode::GATEWAY_TIMEOUT);
    assert_eq!(rows.summaries(), ["GET /never 504 Complete !504 Gateway Timeout"]);

    let (status, rows) =
        record(1, get_through(scouter_tower::wrap(app()).layer(short()), "/never")).await;
    assert_eq!(status, StatusCode::GATEWAY_TIMEOUT);
    assert_eq!(rows.summaries(), ["GET /never 0 CancelledBeforeResponse"]);
}

#[tokio::test]
async fn a_request_that_load_shedding_inside_refuses_is_recorded_as_answered() {
    let shedding = ServiceBuilder::new()
        .layer(HandleErrorLayer::new(async |_: BoxError| StatusCode::SERVICE_UNAVAILABLE))
        .load_shed()
        // axum applies a layer per request, so a limit must be shared explicitly.
        .layer(GlobalConcurrencyLimitLayer::new(1));
    let (entered, mut runs) = tokio::sync::mpsc::channel(1);
    let app = Router::new()
        .route(
            "/work",
            get(async move || {
                entered.send(()).await.unwrap();
                std::future::pending::<&str>().await
            }),
        )
        .layer(shedding);
    let server = Server::start(scouter_tower::wrap(app)).await;
    let ((), rows) = record(2, async {
        let first = tokio::spawn(server.client().get(server.url("/work")).send());
        runs.recv().await.unwrap();
        let second = server.client().get(server.url("/work")).send().await.unwrap();
        assert_eq!(second.status(), StatusCode::SERVICE_UNAVAILABLE);
        first.abort();
    })
    .await;
    assert_eq!(
        rows.summaries(),
        ["GET /work 0 CancelledBeforeResponse", "GET /work 503 Complete !503 Service Unavailable"]
    );
}

#[tokio::test]
async fn a_service_that_is_never_ready_is_no_request() {
    #[derive(Clone)]
    struct NotReady;
    impl Service<Request<Body>> for NotReady {
        type Response = Response;
        type Error = &'static str;
        type Future = std::future::Ready<Result<Response, &'static str>>;
        fn poll_ready(
            &mut self,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Result<(), &'static str>> {
            std::task::Poll::Ready(Err("pool is gone"))
        }
        fn call(&mut self, _: Request<Body>) -> Self::Future {
            unreachable!("never ready")
        }
    }
    let (outcome, rows) =
        record(0, ScouterLayer::new().layer(NotReady).oneshot(Request::new(Body::empty()))).await;
    assert_eq!(outcome.unwrap_err(), "pool is gone");
    assert!(rows.is_empty());
}

/// Notes whether a transaction is current in its drop.
struct DropProbe(std::sync::mpsc::SyncSender<&'static str>);

impl Drop for DropProbe {
    fn drop(&mut self) {
        let place = if current::is_active() { "drop inside" } else { "drop outside" };
        self.0.send(place).unwrap();
    }
}

#[tokio::test]
async fn the_transaction_is_current_in_the_call_in_each_poll_and_in_the_drop() {
    let (seen, notes) = std::sync::mpsc::sync_channel(16);
    let service = tower::service_fn(move |_: Request<Body>| {
        assert!(current::is_active(), "in the call");
        let probe = DropProbe(seen.clone());
        async move {
            assert!(current::is_active(), "in the first poll");
            tokio::task::yield_now().await;
            assert!(current::is_active(), "in a later poll");
            let body = Body::from_stream(futures_util::stream::once(async move {
                assert!(current::is_active(), "in the body");
                let _probe = probe;
                std::future::pending::<Result<bytes::Bytes, Infallible>>().await
            }));
            Ok::<_, Infallible>(Response::new(body))
        }
    });
    let ((), rows) = record(1, async {
        let service = ScouterLayer::new().layer(service);
        let response = service.oneshot(Request::new(Body::empty())).await.unwrap();
        assert!(!current::is_active(), "between the polls");
        let mut body = Box::pin(response.into_body());
        let polled = poll_once(|cx| http_body::Body::poll_frame(body.as_mut(), cx)).await;
        assert!(polled.is_pending());
    })
    .await;
    assert_eq!(notes.try_recv().unwrap(), "drop inside");
    assert_eq!(rows.summaries(), ["GET <unmatched> 200 AbortedInBody"]);
}

#[tokio::test]
async fn a_panic_in_the_call_itself_ends_as_a_panic() {
    let service =
        tower::service_fn(|_: Request<Body>| -> std::future::Ready<Result<Response, Infallible>> {
            panic!("boom")
        });
    let (outcome, rows) = record(1, async {
        let mut service = ScouterLayer::new().layer(service);
        tokio::spawn(async move { service.call(Request::new(Body::empty())).await }).await
    })
    .await;
    assert!(outcome.unwrap_err().is_panic());
    assert_eq!(rows.summaries(), [format!("GET <unmatched> 0 Panic !{BOOM}")]);
}

#[tokio::test]
async fn a_slow_request_is_marked() {
    let app = Router::new()
        .route("/", get(async || "ok"))
        .layer(ScouterLayer::new().slow(Duration::ZERO));
    let (_, rows) = record(1, get_through(app, "/")).await;
    assert!(rows[0].is_slow());
    let app = Router::new()
        .route("/", get(async || "ok"))
        .layer(ScouterLayer::new().slow(Duration::from_secs(3600)));
    let (_, rows) = record(1, get_through(app, "/")).await;
    assert!(!rows[0].is_slow());
}
