//! Headers that no decent client sends, over a real socket: bytes that are no text, and as much of
//! them as the server lets through.

use axum::Router;
use axum::routing::get;
use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Empty};
use hyper_util::rt::{TokioExecutor, TokioIo};
use scouter_tower::{ScouterLayer, Trust};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{Row, Server, record};

const TRACEPARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// hyper reads a head of at most 417,792 bytes over HTTP/1.1.
const LARGEST_THAT_FITS: usize = 417_000;
const TOO_LARGE: usize = 500_000;
/// hyper takes at most 100 headers.
const MANY: usize = 95;
/// hyper takes a header list of at most 16 KiB over HTTP/2.
const LARGEST_OVER_HTTP2: usize = 12_000;

async fn server() -> Server {
    let layer = ScouterLayer::new().trust(Trust::all());
    Server::start(Router::new().route("/", get(async || "ok")).layer(layer)).await
}

fn ignored_headers() -> u64 {
    let counters = scouter_core::telemetry::counters();
    let ours = counters.iter().filter(|(name, _)| name.starts_with("propagation_"));
    ours.map(|(_, count)| count).sum()
}

/// A request with these header lines, as bytes; what came back, and how it shows.
async fn send(server: &Server, lines: &[u8], expected: usize) -> (String, Vec<Row>, u64) {
    let ((answer, counted), rows) = record(expected, async {
        let before = ignored_headers();
        let mut stream = TcpStream::connect(server.addr).await.unwrap();
        let head = b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n";
        // A server that has read enough may have gone before everything was sent.
        let _ = stream.write_all(&[head, lines, b"\r\n"].concat()).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        (String::from_utf8_lossy(&answer).into_owned(), ignored_headers() - before)
    })
    .await;
    (answer, rows.to_vec(), counted)
}

fn line(name: &str, value: &[u8]) -> Vec<u8> {
    [name.as_bytes(), b": ", value, b"\r\n"].concat()
}

/// Each header we look at, and lines without which it would not be looked at.
const HEADERS: [(&str, &str); 11] = [
    ("traceparent", ""),
    ("tracestate", TRACEPARENT),
    ("baggage", TRACEPARENT),
    ("x-scouter-gxid", ""),
    ("x-scouter-caller", ""),
    ("b3", ""),
    ("x-b3-traceid", ""),
    ("x-b3-spanid", ""),
    ("x-tenant-id", ""),
    ("x-forwarded-for", ""),
    ("user-agent", ""),
];

#[tokio::test]
async fn no_header_hurts_a_request_and_each_that_is_ignored_is_counted() {
    let server = server().await;
    let huge = |byte: u8| vec![byte; LARGEST_THAT_FITS];
    for (name, traceparent) in HEADERS {
        let with = |lines: Vec<u8>| match traceparent {
            "" => lines,
            traceparent => [line("traceparent", traceparent.as_bytes()), lines].concat(),
        };
        for lines in [
            line(name, b"\xff\xfe\x80"),
            line(name, &huge(b'a')),
            line(name, &huge(b'0')),
            line(name, &huge(b',')),
            line(name, &huge(b'-')),
            line(name, &huge(0xff)),
            line(name, b"\xff").repeat(MANY),
            line(name, &[b'a'; 4_000]).repeat(MANY),
        ] {
            let shown = String::from_utf8_lossy(&lines[..lines.len().min(60)]).into_owned();
            let (answer, rows, counted) = send(&server, &with(lines), 1).await;
            assert!(answer.starts_with("HTTP/1.1 200"), "{shown}: {answer}");
            assert_eq!(rows.len(), 1, "{shown}");
            assert_eq!((rows[0].tenant.as_str(), rows[0].ip.as_str()), ("", ""), "{shown}");
            assert_eq!(rows[0].caller.is_some(), !traceparent.is_empty(), "{shown}");
            // A user agent is cut, not ignored.
            assert!(name == "user-agent" || counted > 0, "{shown} was not counted");
        }
    }
}

#[tokio::test]
async fn what_the_server_refuses_is_no_request_and_the_next_one_is_served() {
    let server = server().await;
    for (lines, status) in [
        (line("x-tenant-id", &vec![b'a'; TOO_LARGE]), "431"),
        (line("x-tenant-id", b"a\0b"), "400"),
        (line("traceparent", b"a\x7fb"), "400"),
        (line("b3", b"x").repeat(200), "431"),
    ] {
        let (answer, rows, _) = send(&server, &lines, 0).await;
        // The answer may be lost when the server closes while we still send.
        let is_expected = answer.is_empty() || answer[..12].ends_with(status);
        assert!(is_expected, "{answer}");
        assert!(rows.is_empty(), "{rows:?}");
    }
    let (answer, rows, counted) = send(&server, &line("x-tenant-id", b"acme"), 1).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!((rows[0].tenant.as_str(), counted), ("acme", 0));
}

#[tokio::test]
async fn over_http2_they_do_as_little() {
    let server = server().await;
    for (name, traceparent) in HEADERS {
        for value in [b"\xff\xfe".repeat(10), vec![b'a'; LARGEST_OVER_HTTP2]] {
            let (counted, rows) = record(1, async {
                let before = ignored_headers();
                let stream = TokioIo::new(TcpStream::connect(server.addr).await.unwrap());
                let client = hyper::client::conn::http2::handshake(TokioExecutor::new(), stream);
                let (mut sender, connection) = client.await.unwrap();
                tokio::spawn(connection);
                let mut request = Request::get(server.url("/")).header(name, value.as_slice());
                if !traceparent.is_empty() {
                    request = request.header("traceparent", traceparent);
                }
                let request = request.body(Empty::<Bytes>::new()).unwrap();
                let response = sender.send_request(request).await.unwrap();
                assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "ok");
                ignored_headers() - before
            })
            .await;
            assert_eq!(rows.summaries(), ["GET / 200 Complete"], "{name}");
            assert_eq!((rows[0].tenant.as_str(), rows[0].ip.as_str()), ("", ""), "{name}");
            assert!(name == "user-agent" || counted > 0, "{name} was not counted");
        }
    }
}
