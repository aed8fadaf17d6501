//! HTTP/1.1 as a client library would not send it: pipelining, 100-continue, upgrades, aborts.

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use axum::routing::{get, post};
use http::{StatusCode, header};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{Server, record};

async fn connect(server: &Server) -> TcpStream {
    TcpStream::connect(server.addr).await.unwrap()
}

/// Reads until the text has come `times` times.
async fn read_until(stream: &mut TcpStream, text: &str, times: usize) -> String {
    let mut seen = String::new();
    let mut buffer = [0_u8; 4096];
    while seen.matches(text).count() < times {
        let read = stream.read(&mut buffer).await.unwrap();
        assert_ne!(read, 0, "closed after {seen:?}");
        seen.push_str(str::from_utf8(&buffer[..read]).unwrap());
    }
    seen
}

#[tokio::test]
async fn pipelined_requests_are_recorded_in_order_one_each() {
    let app = Router::new()
        .route("/first", get(async || "one"))
        .route("/second", get(async || "two"))
        .route("/third", get(async || StatusCode::NO_CONTENT));
    let server = Server::start(scouter_tower::wrap(app)).await;
    let ((), rows) = record(3, async {
        let mut stream = connect(&server).await;
        let request = |path: &str| format!("GET {path} HTTP/1.1\r\nhost: a\r\n\r\n");
        let all = [request("/first"), request("/second"), request("/third")].concat();
        stream.write_all(all.as_bytes()).await.unwrap();
        read_until(&mut stream, "204 No Content", 1).await;
    })
    .await;
    assert_eq!(
        rows.summaries(),
        ["GET /first 200 Complete", "GET /second 200 Complete", "GET /third 204 Complete"]
    );
}

#[tokio::test]
async fn a_body_that_waits_for_100_continue_arrives_and_is_one_request() {
    let app = Router::new().route("/upload", post(async |body: String| body));
    let server = Server::start(scouter_tower::wrap(app)).await;
    let ((), rows) = record(1, async {
        let mut stream = connect(&server).await;
        let head =
            "POST /upload HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\nexpect: 100-continue\r\n\r\n";
        stream.write_all(head.as_bytes()).await.unwrap();
        read_until(&mut stream, "100 Continue", 1).await;
        stream.write_all(b"hello").await.unwrap();
        read_until(&mut stream, "hello", 1).await;
    })
    .await;
    assert_eq!(rows.summaries(), ["POST /upload 200 Complete"]);
}

#[tokio::test]
async fn an_upgrade_ends_the_request_and_the_connection_goes_on() {
    let app = Router::new().route(
        "/socket",
        get(async |mut request: http::Request<Body>| {
            tokio::spawn(async move {
                let upgraded = hyper::upgrade::on(&mut request).await.unwrap();
                assert!(!scouter_core::current::is_active());
                let mut stream = hyper_util::rt::TokioIo::new(upgraded);
                stream.write_all(b"ping").await.unwrap();
                stream.shutdown().await.unwrap();
            });
            Response::builder()
                .status(StatusCode::SWITCHING_PROTOCOLS)
                .header(header::CONNECTION, "upgrade")
                .header(header::UPGRADE, "pipe")
                .body(Body::empty())
                .unwrap()
        }),
    );
    let server = Server::start(scouter_tower::wrap(app)).await;
    let ((), rows) = record(1, async {
        let mut stream = connect(&server).await;
        let head =
            "GET /socket HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: pipe\r\n\r\n";
        stream.write_all(head.as_bytes()).await.unwrap();
        read_until(&mut stream, "ping", 1).await;
    })
    .await;
    assert_eq!(rows.summaries(), ["GET /socket 101 Upgraded"]);
}

#[tokio::test]
async fn an_abrupt_close_while_the_handler_works_cancels_it() {
    let (entered, handler_runs) = tokio::sync::mpsc::channel(1);
    let app = Router::new().route(
        "/work",
        get(async move || {
            entered.send(()).await.unwrap();
            std::future::pending::<&str>().await
        }),
    );
    let server = Server::start(scouter_tower::wrap(app)).await;
    let mut handler_runs = handler_runs;
    let ((), rows) = record(1, async {
        let mut stream = connect(&server).await;
        stream.write_all(b"GET /work HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
        handler_runs.recv().await.unwrap();
        stream.set_zero_linger().unwrap();
        drop(stream);
    })
    .await;
    assert_eq!(rows.summaries(), ["GET /work 0 CancelledBeforeResponse"]);
}

#[tokio::test]
async fn a_malformed_request_never_becomes_a_transaction() {
    let server = Server::start(scouter_tower::wrap(Router::new())).await;
    let (answer, rows) = record(0, async {
        let mut stream = connect(&server).await;
        stream.write_all(b"GET / HTTP/9.9\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    })
    .await;
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    assert!(rows.is_empty());
}
