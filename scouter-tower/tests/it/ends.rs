//! Every way a request can end, over real HTTP/1.1: one row each, with its reason.

use std::convert::Infallible;
use std::io;
use std::task::Poll;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use axum::response::sse::{Event, Sse};
use axum::routing::{get, post};
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use http_body::Frame;
use http_body_util::StreamBody;

use crate::support::{Server, record};

fn trailers(code: &'static str, message: Option<&'static str>) -> HeaderMap {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static(code));
    if let Some(message) = message {
        trailers.insert("grpc-message", HeaderValue::from_static(message));
    }
    trailers
}

fn with_trailers(trailers: HeaderMap) -> Response {
    let frames =
        [Ok::<_, Infallible>(Frame::data(Bytes::from("x"))), Ok(Frame::trailers(trailers))];
    Response::new(Body::new(StreamBody::new(stream::iter(frames))))
}

fn endless() -> Body {
    Body::from_stream(stream::repeat_with(|| Ok::<_, Infallible>(Bytes::from(vec![0_u8; 4096]))))
}

fn shop() -> Router {
    let nested = Router::new()
        .route("/{item}", get(async || "item"))
        .fallback(async || (StatusCode::NOT_FOUND, "nested"));
    Router::new()
        .route("/users/{id}", get(async || "hello"))
        .nest("/api", nested)
        .route_service(
            "/svc",
            tower::service_fn(async |_: http::Request<Body>| {
                Ok::<_, Infallible>(Response::new(Body::from("svc")))
            }),
        )
        .route(
            "/sse",
            get(async || {
                Sse::new(stream::iter(
                    (0..5).map(|_| Ok::<_, Infallible>(Event::default().data("x"))),
                ))
            }),
        )
        .route("/trailers/0", get(async || with_trailers(trailers("0", None))))
        .route("/trailers/5", get(async || with_trailers(trailers("5", Some("not there")))))
        .route("/trailers/bad", get(async || with_trailers(trailers("99", None))))
        .route("/trailers-only", get(async || (trailers("13", None), "")))
        .route(
            "/fixed",
            get(async || {
                let halves = stream::iter(["abc", "def"].map(Ok::<_, Infallible>));
                ([(header::CONTENT_LENGTH, "6")], Body::from_stream(halves))
            }),
        )
        .route("/empty", get(async || StatusCode::NO_CONTENT))
        .route("/unmodified", get(async || (StatusCode::NOT_MODIFIED, endless())))
        .route("/endless", get(async || endless()))
        .route(
            "/body-error",
            get(async || {
                Body::from_stream(stream::iter([
                    Ok(Bytes::from("a")),
                    Err(io::Error::other("disk on fire")),
                ]))
            }),
        )
        .route("/failing", get(async || StatusCode::BAD_GATEWAY))
        .route("/never", get(async || std::future::pending::<&str>().await))
        .route("/panic", get(async || -> &str { panic!("boom") }))
        .route(
            "/panic-in-body",
            get(async || {
                Body::from_stream(stream::poll_fn(|_| -> Poll<Option<io::Result<Bytes>>> {
                    panic!("late")
                }))
            }),
        )
        .route("/post", post(async || "never read"))
}

/// One request, read to its end as far as the server allows; one row as expected.
async fn check(method: &str, path: &str, expected: &str) {
    let server = Server::start(scouter_tower::wrap(shop())).await;
    let method = method.parse().unwrap();
    let ((), rows) = record(1, async {
        let request = server.client().request(method, server.url(path)).send();
        if let Ok(response) = request.await {
            let _ = response.bytes().await;
        }
    })
    .await;
    assert_eq!(rows.summaries(), [expected], "{path}");
}

#[tokio::test]
async fn every_route_ends_once_with_its_reason() {
    for (method, path, expected) in [
        ("GET", "/users/7", "GET /users/{id} 200 Complete"),
        ("GET", "/api/7", "GET /api/{item} 200 Complete"),
        ("GET", "/svc", "GET /svc 200 Complete"),
        ("GET", "/api/x/y", "GET <unmatched> 404 Complete"),
        ("GET", "/nope", "GET <unmatched> 404 Complete"),
        ("POST", "/users/7", "POST /users/{id} 405 Complete"),
        ("BREW", "/users/7", "<method> /users/{id} 405 Complete"),
        ("GET", "/sse", "GET /sse 200 Complete"),
        ("GET", "/trailers/0", "GET /trailers/0 1000 Complete"),
        ("GET", "/trailers/5", "GET /trailers/5 1005 Complete !grpc status 5: not there"),
        ("GET", "/trailers/bad", "GET /trailers/bad 200 Complete"),
        ("GET", "/trailers-only", "GET /trailers-only 1013 Complete !grpc status 13"),
        ("GET", "/fixed", "GET /fixed 200 Complete"),
        ("HEAD", "/fixed", "HEAD /fixed 200 Complete"),
        ("HEAD", "/endless", "HEAD /endless 200 Complete"),
        ("GET", "/empty", "GET /empty 204 Complete"),
        ("GET", "/unmodified", "GET /unmodified 304 Complete"),
        ("GET", "/body-error", "GET /body-error 200 BodyError !disk on fire"),
        ("GET", "/failing", "GET /failing 502 Complete !502 Bad Gateway"),
        ("GET", "/panic", "GET /panic 0 Panic !panicked"),
        ("GET", "/panic-in-body", "GET /panic-in-body 200 Panic !panicked"),
    ] {
        check(method, path, expected).await;
    }
}

#[tokio::test]
async fn a_client_that_leaves_before_the_response_cancels_it() {
    let server = Server::start(scouter_tower::wrap(shop())).await;
    let ((), rows) = record(1, async {
        let request = server.client().get(server.url("/never")).timeout(Duration::from_millis(50));
        assert!(request.send().await.unwrap_err().is_timeout());
    })
    .await;
    assert_eq!(rows.summaries(), ["GET /never 0 CancelledBeforeResponse"]);
    assert_eq!(rows[0].ttfb_us, 0);
}

#[tokio::test]
async fn a_client_that_leaves_in_the_body_aborts_it_and_the_bytes_are_kept() {
    let server = Server::start(scouter_tower::wrap(shop())).await;
    let ((), rows) = record(1, async {
        let mut response = server.client().get(server.url("/endless")).send().await.unwrap();
        response.chunk().await.unwrap().unwrap();
        drop(response);
    })
    .await;
    assert_eq!(rows.summaries(), ["GET /endless 200 AbortedInBody"]);
    assert!(rows[0].bytes_out >= 4096, "{}", rows[0].bytes_out);
}

#[tokio::test]
async fn a_request_body_that_the_handler_never_reads_changes_nothing() {
    let server = Server::start(scouter_tower::wrap(shop())).await;
    let ((), rows) = record(1, async {
        let body = vec![7_u8; 300_000];
        let request = server.client().post(server.url("/post")).body(body);
        assert_eq!(request.send().await.unwrap().text().await.unwrap(), "never read");
    })
    .await;
    assert_eq!(rows.summaries(), ["POST /post 200 Complete"]);
    assert_eq!(rows[0].bytes_out, "never read".len() as u64);
}

#[tokio::test]
async fn a_graceful_shutdown_in_the_middle_of_a_stream_lets_it_complete() {
    let (more, chunks) = tokio::sync::mpsc::channel::<Bytes>(4);
    let chunks = std::sync::Mutex::new(Some(chunks));
    let stream_once = move || {
        let chunks = chunks.lock().unwrap().take().unwrap();
        let frames = stream::unfold(chunks, async |mut chunks| {
            chunks.recv().await.map(|chunk| (Ok::<_, Infallible>(chunk), chunks))
        });
        std::future::ready(Body::from_stream(frames))
    };
    let stream_once = std::sync::Arc::new(stream_once);
    let app = Router::new().route("/stream", get(move || stream_once()));
    let mut server = Server::start(scouter_tower::wrap(app)).await;
    let (text, rows) = record(1, async {
        more.send(Bytes::from("before ")).await.unwrap();
        let mut response = server.client().get(server.url("/stream")).send().await.unwrap();
        assert_eq!(response.chunk().await.unwrap().unwrap(), "before ");
        server.begin_shutdown();
        more.send(Bytes::from("after")).await.unwrap();
        drop(more);
        let rest = response.text().await.unwrap();
        server.finished().await;
        rest
    })
    .await;
    assert_eq!(text, "after");
    assert_eq!(rows.summaries(), ["GET /stream 200 Complete"]);
    assert_eq!(rows[0].bytes_out, 12);
}

#[tokio::test]
async fn a_service_that_yields_an_error_ends_with_it() {
    let failing = hyper::service::service_fn(async |_request: http::Request<_>| {
        Err::<Response, _>(io::Error::other("no route to shop"))
    });
    let layer = scouter_tower::ScouterLayer::new();
    let server = Server::hyper(tower::Layer::layer(&layer, failing)).await;
    let ((), rows) = record(1, async {
        assert!(server.client().get(server.url("/x")).send().await.is_err());
    })
    .await;
    assert_eq!(rows.summaries(), ["GET <unmatched> 0 ServiceError !no route to shop"]);
    assert_eq!(rows[0].tag("path"), Some("/x"));
}

#[tokio::test]
async fn keep_alive_requests_are_recorded_one_by_one() {
    let server = Server::start(scouter_tower::wrap(shop())).await;
    let client = server.client();
    let ((), rows) = record(20, async {
        for id in 0..20 {
            let response = client.get(server.url(&format!("/users/{id}"))).send().await.unwrap();
            assert_eq!(response.text().await.unwrap(), "hello");
        }
    })
    .await;
    assert_eq!(rows.summaries(), vec!["GET /users/{id} 200 Complete"; 20]);
}
