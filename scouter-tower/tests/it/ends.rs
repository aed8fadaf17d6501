//! Every way a request can end, over real sockets and behind each door: one row each, with its
//! reason.

use std::convert::Infallible;
use std::io;
use std::sync::{Arc, Mutex};
use std::task::Poll;

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
use tokio::sync::Notify;

use crate::doors::{Door, Protocol};
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

/// Which doors a row makes sense behind.
#[derive(Clone, Copy, PartialEq)]
enum Behind {
    EachDoor,
    /// hyper drops the body of a HEAD or a 304 on HTTP/1.1 only; on HTTP/2 it would send it.
    Http1,
}

/// One request through each door, read to its end as far as the server allows: one row each.
async fn check(behind: Behind, method: &str, path: &str, name: (&str, &str), end: &str) {
    for door in Door::all() {
        if behind == Behind::Http1 && door.protocol == Protocol::Http2 {
            continue;
        }
        let server = door.open(shop()).await;
        let method = method.parse().unwrap();
        let ((), rows) = record(1, async {
            let request = door.client().request(method, server.url(path)).send();
            if let Ok(response) = request.await {
                let _ = response.bytes().await;
            }
        })
        .await;
        let expected = format!("{} {end}", door.name(name.0, name.1));
        assert_eq!(rows.summaries(), [expected], "{path} behind {door:?}");
    }
}

#[tokio::test]
async fn every_route_ends_once_with_its_reason_behind_each_door() {
    for (method, path, template, end) in [
        ("GET", "/users/7", "/users/{id}", "200 Complete"),
        ("GET", "/api/7", "/api/{item}", "200 Complete"),
        ("GET", "/svc", "/svc", "200 Complete"),
        ("GET", "/api/x/y", "<unmatched>", "404 Complete"),
        ("GET", "/nope", "<unmatched>", "404 Complete"),
        ("POST", "/users/7", "/users/{id}", "405 Complete"),
        ("GET", "/sse", "/sse", "200 Complete"),
        ("GET", "/trailers/0", "/trailers/0", "1000 Complete"),
        ("GET", "/trailers/5", "/trailers/5", "1005 Complete"),
        ("GET", "/trailers/bad", "/trailers/bad", "200 Complete"),
        ("GET", "/trailers-only", "/trailers-only", "1013 Complete !grpc status 13"),
        ("GET", "/fixed", "/fixed", "200 Complete"),
        ("HEAD", "/fixed", "/fixed", "200 Complete"),
        ("GET", "/empty", "/empty", "204 Complete"),
        ("GET", "/body-error", "/body-error", "200 BodyError !disk on fire"),
        ("GET", "/failing", "/failing", "502 Complete !502 Bad Gateway"),
        (
            "GET",
            "/panic",
            "/panic",
            "0 Panic !panicked at scouter-tower/tests/it/ends.rs:LINE: boom",
        ),
        (
            "GET",
            "/panic-in-body",
            "/panic-in-body",
            "200 Panic !panicked at scouter-tower/tests/it/ends.rs:LINE: late",
        ),
    ] {
        check(Behind::EachDoor, method, path, (method, template), end).await;
    }
    for (method, path, end) in
        [("HEAD", "/endless", "200 Complete"), ("GET", "/unmodified", "304 Complete")]
    {
        check(Behind::Http1, method, path, (method, path), end).await;
    }
    let name = ("<method>", "/users/{id}");
    check(Behind::EachDoor, "BREW", "/users/7", name, "405 Complete").await;
}

#[tokio::test]
async fn a_client_that_leaves_before_the_response_cancels_it() {
    for door in Door::all() {
        let entered = Arc::new(Notify::new());
        let handler_runs = Arc::clone(&entered);
        let work = async move || {
            entered.notify_one();
            std::future::pending::<&str>().await
        };
        let server = door.open(Router::new().route("/work", get(work))).await;
        let ((), rows) = record(1, async {
            let request = door.client().get(server.url("/work")).send();
            tokio::select! {
                answer = request => panic!("{answer:?}"),
                () = handler_runs.notified() => {}
            }
        })
        .await;
        let expected = format!("{} 0 CancelledBeforeResponse", door.name("GET", "/work"));
        assert_eq!(rows.summaries(), [expected], "{door:?}");
        assert_eq!(rows[0].ttfb_us, 0);
    }
}

#[tokio::test]
async fn a_client_that_leaves_in_the_body_aborts_it_and_the_bytes_are_kept() {
    for door in Door::all() {
        let server = door.open(shop()).await;
        let ((), rows) = record(1, async {
            let mut response = door.client().get(server.url("/endless")).send().await.unwrap();
            response.chunk().await.unwrap().unwrap();
            drop(response);
        })
        .await;
        let expected = format!("{} 200 AbortedInBody", door.name("GET", "/endless"));
        assert_eq!(rows.summaries(), [expected], "{door:?}");
        assert!(rows[0].bytes_out >= 4096, "{}", rows[0].bytes_out);
    }
}

#[tokio::test]
async fn the_first_byte_of_an_event_stream_is_timed_apart_from_its_end() {
    for door in Door::all() {
        let (more, events) = tokio::sync::mpsc::channel::<&str>(4);
        let events = Arc::new(Mutex::new(Some(events)));
        let app = Router::new().route(
            "/events",
            get(async move || {
                let events = events.lock().unwrap().take().unwrap();
                Sse::new(stream::unfold(events, async |mut events| {
                    let event = Event::default().data(events.recv().await?);
                    Some((Ok::<_, Infallible>(event), events))
                }))
            }),
        );
        let server = door.open(app).await;
        let (held, rows) = record(1, async {
            let mut response = door.client().get(server.url("/events")).send().await.unwrap();
            let answered = tokio::time::Instant::now();
            more.send("one").await.unwrap();
            assert_eq!(response.chunk().await.unwrap().unwrap(), "data: one\n\n");
            let held = answered.elapsed();
            more.send("two").await.unwrap();
            drop(more);
            assert_eq!(response.text().await.unwrap(), "data: two\n\n");
            held
        })
        .await;
        let row = &rows[0];
        assert!(row.ttfb_us > 0);
        // The headers had left before the client began to hold, the end came after it.
        let held_us = u64::try_from(held.as_micros()).unwrap();
        assert!(row.elapsed_us - row.ttfb_us >= held_us, "{row:?} held {held:?} {door:?}");
    }
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
    let chunks = Mutex::new(Some(chunks));
    let stream_once = move || {
        let chunks = chunks.lock().unwrap().take().unwrap();
        let frames = stream::unfold(chunks, async |mut chunks| {
            chunks.recv().await.map(|chunk| (Ok::<_, Infallible>(chunk), chunks))
        });
        std::future::ready(Body::from_stream(frames))
    };
    let stream_once = Arc::new(stream_once);
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
    for door in Door::all() {
        let failing = hyper::service::service_fn(async |_request: http::Request<_>| {
            Err::<Response, _>(io::Error::other("no route to shop"))
        });
        let layer = scouter_tower::ScouterLayer::new();
        let server = Server::hyper(tower::Layer::layer(&layer, failing)).await;
        let ((), rows) = record(1, async {
            assert!(door.client().get(server.url("/x")).send().await.is_err());
        })
        .await;
        let expected = ["GET <unmatched> 0 ServiceError !no route to shop"];
        assert_eq!(rows.summaries(), expected, "{door:?}");
        assert_eq!(rows[0].tag("path"), Some("/x"));
    }
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
