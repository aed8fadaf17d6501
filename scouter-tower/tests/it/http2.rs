//! HTTP/2: trailers, a reset in the body, a reset before the response, many streams at once.

use std::convert::Infallible;

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use axum::routing::{get, post};
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, HeaderValue, Request};
use http_body::Frame;
use http_body_util::{BodyExt, Empty, StreamBody};
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;

use crate::support::{Server, record};

type Sender = SendRequest<Empty<Bytes>>;

async fn connect(server: &Server) -> Sender {
    let stream = TcpStream::connect(server.addr).await.unwrap();
    let (sender, connection) = handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    sender
}

fn request(server: &Server, method: &str, path: &str) -> Request<Empty<Bytes>> {
    Request::builder().method(method).uri(server.url(path)).body(Empty::new()).unwrap()
}

fn grpc_like() -> Router {
    let unary = async || {
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", HeaderValue::from_static("7"));
        trailers.insert("grpc-message", HeaderValue::from_static("not yours"));
        let frames =
            [Ok::<_, Infallible>(Frame::data(Bytes::from("x"))), Ok(Frame::trailers(trailers))];
        Response::new(Body::new(StreamBody::new(stream::iter(frames))))
    };
    Router::new()
        .route("/pkg.Shop/Buy", post(unary))
        .route("/ok", get(async || "ok"))
        .route("/never", get(async || std::future::pending::<&str>().await))
        .route(
            "/endless",
            get(async || {
                Body::from_stream(stream::repeat_with(|| {
                    Ok::<_, Infallible>(Bytes::from(vec![0; 4096]))
                }))
            }),
        )
}

#[tokio::test]
async fn trailers_over_http2_give_the_status() {
    let server = Server::start(scouter_tower::wrap(grpc_like())).await;
    let (trailers, rows) = record(1, async {
        let mut sender = connect(&server).await;
        let response =
            sender.send_request(request(&server, "POST", "/pkg.Shop/Buy")).await.unwrap();
        response.into_body().collect().await.unwrap().trailers().cloned()
    })
    .await;
    assert_eq!(trailers.unwrap()["grpc-status"], "7");
    assert_eq!(rows.summaries(), ["POST /pkg.Shop/Buy 1007 Complete"]);
}

#[tokio::test]
async fn a_stream_reset_in_the_body_aborts_that_request_and_no_other() {
    let server = Server::start(scouter_tower::wrap(grpc_like())).await;
    let ((), rows) = record(2, async {
        let mut sender = connect(&server).await;
        let response = sender.send_request(request(&server, "GET", "/endless")).await.unwrap();
        let mut body = response.into_body();
        body.frame().await.unwrap().unwrap();
        drop(body);
        let response = sender.send_request(request(&server, "GET", "/ok")).await.unwrap();
        assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "ok");
    })
    .await;
    let mut summaries = rows.summaries();
    summaries.sort();
    assert_eq!(summaries, ["GET /endless 200 AbortedInBody", "GET /ok 200 Complete"]);
}

#[tokio::test]
async fn a_stream_reset_before_the_response_cancels_it() {
    let server = Server::start(scouter_tower::wrap(grpc_like())).await;
    let ((), rows) = record(2, async {
        let mut sender = connect(&server).await;
        let mut never = Box::pin(sender.send_request(request(&server, "GET", "/never")));
        let ok = sender.clone().send_request(request(&server, "GET", "/ok"));
        // Both streams are open before the first is given up.
        tokio::select! {
            _ = &mut never => panic!("answered"),
            ok = ok => assert_eq!(ok.unwrap().into_body().collect().await.unwrap().to_bytes(), "ok"),
        }
        drop(never);
    })
    .await;
    let mut summaries = rows.summaries();
    summaries.sort();
    assert_eq!(summaries, ["GET /never 0 CancelledBeforeResponse", "GET /ok 200 Complete"]);
}

#[tokio::test]
async fn a_hundred_streams_of_one_connection_are_a_hundred_transactions() {
    let server = Server::start(scouter_tower::wrap(grpc_like())).await;
    let ((), rows) = record(100, async {
        let sender = connect(&server).await;
        let calls = (0..100).map(|_| {
            let mut sender = sender.clone();
            let request = request(&server, "GET", "/ok");
            async move {
                sender.send_request(request).await.unwrap().into_body().collect().await.unwrap()
            }
        });
        futures_util::future::join_all(calls).await;
    })
    .await;
    assert_eq!(rows.summaries(), vec!["GET /ok 200 Complete"; 100]);
    let distinct: std::collections::HashSet<_> = rows.iter().map(|row| &row.txid).collect();
    assert_eq!(distinct.len(), 100);
}
