//! Plain hyper on both sides: a server without a framework, and hyper-util's client calling it.
//!
//! ```text
//! cargo run -p scouter-examples --example hyper_client
//! ```
//!
//! Each call is a step of whatever made it, each request a transaction called by that step.

use std::convert::Infallible;
use std::io::Write;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty, Full};
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioIo};
use scouter::exporter::{Agent, Memory};
use scouter::tower::client::ClientLayer;
use scouter::tower::{Current, PeerAddr, ScouterLayer, Trust};
use scouter::{Begin, TextKind, Transaction, in_transaction, intern};
use tokio::net::TcpListener;
use tower::{Layer, ServiceExt};

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What the server answers.
async fn stock(
    request: Request<hyper::body::Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let current = Current::now();
    current.tag("article", request.uri().path().trim_start_matches("/stock/"));
    let mut response = Response::new(Full::from("12"));
    if request.uri().path().ends_with("/unicorn") {
        current.error(&"there are no unicorns");
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    }
    Ok(response)
}

async fn serve(listener: TcpListener) -> Result<(), BoxError> {
    // No router, so no route: a function names the requests. The layer goes around everything.
    let layer = ScouterLayer::new()
        .trust(Trust::loopback())
        .name_with(|head| head.uri.path().starts_with("/stock/").then(|| "GET /stock/{id}".into()));
    loop {
        let (stream, peer) = listener.accept().await?;
        let service = layer.layer(service_fn(stock));
        tokio::spawn(async move {
            let service = service_fn(move |mut request: Request<hyper::body::Incoming>| {
                // Without a framework nobody else says who called.
                request.extensions_mut().insert(PeerAddr(peer));
                hyper::service::Service::call(&service, request)
            });
            let connection = hyper::server::conn::http1::Builder::new();
            drop(connection.serve_connection(TokioIo::new(stream), service).await);
        });
    }
}

/// The client: one layer, and every call is a step with the trace in its headers.
async fn ask(addr: SocketAddr, article: &str) -> Result<String, BoxError> {
    let client = Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
    let client = ClientLayer::new().layer(client);
    let request = Request::get(format!("http://{addr}/stock/{article}")).body(Empty::new())?;
    let body = client.oneshot(request).await?.into_body().collect().await?;
    Ok(String::from_utf8(body.to_bytes().to_vec())?)
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    // `scouter::init("shop")?` sends to a collector; here the records are shown instead.
    let records = Memory::new();
    let scouter = Agent::builder("shop").without_collector().sink(records.clone()).start()?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let addr = listener.local_addr()?;
    tokio::spawn(serve(listener));

    let job = Transaction::begin(Begin::new(intern(TextKind::Service, "count stock")));
    in_transaction(job, async {
        for article in ["lamp", "unicorn"] {
            ask(addr, article).await?;
        }
        Ok::<_, BoxError>(())
    })
    .await?;

    scouter.flush(Duration::from_secs(5));
    let (records, mut out) = (records.content(), std::io::stdout().lock());
    records.xlogs.iter().try_for_each(|row| writeln!(out, "{row}"))?;
    records.profiles.iter().try_for_each(|(txid, tree)| write!(out, "\n{txid}\n{tree}"))?;
    Ok(())
}
