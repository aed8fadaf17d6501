//! Servers on real sockets, and what the recorder saw of a test.

use std::future::Future;
use std::net::SocketAddr;
use std::ops::Deref;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use scouter_core::record::XLogFlags;
use scouter_core::testing::{self, RecordedStep, RecordedXLog, Recording};
use scouter_core::{Begin, TextKind, Transaction, intern};
use scouter_tower::client::guard_redirects;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tower::ServiceExt;

use crate::grpc_shop::Shop;

/// How long a test waits for transactions that should have ended: they end on other threads, when
/// the server notices that a client has gone.
const PATIENCE: Duration = Duration::from_secs(20);

/// A server on a socket of its own; dropped, it is gone.
pub(crate) struct Server {
    pub(crate) addr: SocketAddr,
    task: JoinHandle<()>,
    shutdown: Option<oneshot::Sender<()>>,
}

impl Server {
    /// `axum::serve` as the README shows it, with graceful shutdown.
    pub(crate) async fn start(app: Router) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let (shutdown, asked) = oneshot::channel();
        let task = tokio::spawn(async move {
            let serve = axum::serve(listener, app);
            serve.with_graceful_shutdown(async { drop(asked.await) }).await.unwrap();
        });
        Self { addr, task, shutdown: Some(shutdown) }
    }

    /// The same with the peer's address on each request.
    pub(crate) async fn start_with_connect_info(app: Router) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let app = app.into_make_service_with_connect_info::<SocketAddr>();
        let task = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { addr, task, shutdown: None }
    }

    /// A plain hyper service, without tower and axum.
    pub(crate) async fn hyper<S, B>(service: S) -> Self
    where
        S: hyper::service::Service<Request<Incoming>, Response = http::Response<B>>,
        S: Clone + Send + 'static,
        S::Future: Send,
        S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
        B: http_body::Body<Data: Send, Error: Into<Box<dyn std::error::Error + Send + Sync>>>,
        B: Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let service = service.clone();
                tokio::spawn(async move {
                    let server = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
                    drop(server.serve_connection(TokioIo::new(stream), service).await);
                });
            }
        });
        Self { addr, task, shutdown: None }
    }

    /// A tonic server with a layer, as its documentation shows it.
    pub(crate) async fn tonic(layer: scouter_tower::ScouterLayer, shop: Shop) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let task = tokio::spawn(async move {
            let router = tonic::transport::Server::builder().layer(layer).add_service(shop);
            let incoming = tokio_stream::wrappers::TcpListenerStream::new(listener);
            router.serve_with_incoming(incoming).await.unwrap();
        });
        Self { addr, task, shutdown: None }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr)
    }

    pub(crate) fn client(&self) -> reqwest::Client {
        reqwest::Client::builder().no_proxy().build().unwrap()
    }

    /// One that no redirect can make carry a tenant to a host that is not listed.
    pub(crate) fn guarded_client(&self) -> reqwest::Client {
        let policy = guard_redirects(reqwest::redirect::Policy::default());
        reqwest::Client::builder().no_proxy().redirect(policy).build().unwrap()
    }

    pub(crate) fn begin_shutdown(&mut self) {
        self.shutdown.take().unwrap().send(()).unwrap();
    }

    pub(crate) async fn finished(&mut self) {
        tokio::time::timeout(PATIENCE, &mut self.task).await.unwrap().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// One finished transaction with its steps.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) xlog: RecordedXLog,
    pub(crate) steps: Vec<RecordedStep>,
}

impl Deref for Row {
    type Target = RecordedXLog;

    fn deref(&self) -> &RecordedXLog {
        &self.xlog
    }
}

impl Row {
    pub(crate) fn is_slow(&self) -> bool {
        self.flags.contains(XLogFlags::SLOW)
    }

    pub(crate) fn tag(&self, key: &str) -> Option<&str> {
        self.tags.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }
}

/// Everything that was recorded, in the order it ended.
#[derive(Debug)]
pub(crate) struct Rows {
    rows: Vec<Row>,
    pub(crate) recording: Recording,
}

impl Deref for Rows {
    type Target = [Row];

    fn deref(&self) -> &[Row] {
        &self.rows
    }
}

impl Rows {
    /// `service status end !error`, a line each, in the order of their begin. The line of a panic
    /// shows as `LINE`.
    pub(crate) fn summaries(&self) -> Vec<String> {
        let mut rows: Vec<_> = self.rows.iter().collect();
        rows.sort_by_key(|row| (row.end_unix_us - row.elapsed_us.cast_signed(), row.txid));
        rows.into_iter()
            .map(|row| {
                let error = Some(&row.error).filter(|error| !error.is_empty());
                let error = error.map(|error| format!(" !{}", without_line(error)));
                let error = error.unwrap_or_default();
                format!("{} {} {:?}{error}", row.service, row.status, row.end)
            })
            .collect()
    }

    /// The recording as an indented tree, with the server's address as `PEER`.
    pub(crate) fn tree(&self, server: &Server) -> String {
        self.recording.tree().replace(&server.addr.to_string(), "PEER")
    }

    pub(crate) fn service(&self, service: &str) -> &Row {
        self.rows.iter().find(|row| row.service == service).unwrap()
    }
}

/// `panicked at FILE:12: boom` without the number, which changes with every edit of a test.
fn without_line(error: &str) -> String {
    let Some((file, rest)) = error.split_once(".rs:") else { return error.to_owned() };
    let (line, message) = rest.split_once(": ").unwrap();
    assert!(line.parse::<u32>().is_ok_and(|line| line > 0), "{error}");
    format!("{file}.rs:LINE: {message}")
}

/// Runs a future alone in this process's recorder and waits until as many transactions have ended.
///
/// More than expected, or fewer after [`PATIENCE`], shows in the rows.
pub(crate) async fn record<F: Future>(expected: usize, run: F) -> (F::Output, Rows) {
    let recorder = testing::exclusive();
    let output = run.await;
    let mut recording = Recording::default();
    let mut take = || {
        let more = recorder.take();
        recording.xlogs.extend(more.xlogs);
        recording.profiles.extend(more.profiles);
        recording.xlogs.len()
    };
    let arrived = async {
        while take() < expected || scouter_core::live::active_count() > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let in_time = tokio::time::timeout(PATIENCE, arrived).await;
    take();
    let active = scouter_core::live::active_count();
    assert!(in_time.is_ok(), "{active} in flight after {PATIENCE:?}:\n{}", recording.tree());
    let steps = |xlog: &RecordedXLog| recording.steps(xlog.txid).to_vec();
    let rows = recording.xlogs.iter().map(|xlog| Row { steps: steps(xlog), xlog: xlog.clone() });
    (output, Rows { rows: rows.collect(), recording })
}

/// Runs a future as a job, outside any request.
pub(crate) async fn in_transaction<F: Future>(service: &str, future: F) -> F::Output {
    // Begun at the first poll: before it, recording is off.
    let transaction = Transaction::begin(Begin::new(intern(TextKind::Service, service)));
    scouter_core::in_transaction(transaction, future).await
}

/// Polls once and answers what came of it.
pub(crate) async fn poll_once<T>(mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>) -> Poll<T> {
    std::future::poll_fn(|cx| Poll::Ready(poll(cx))).await
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

/// One request through a router in process, its body read to the end.
pub(crate) async fn send_through(app: Router, request: Request<Body>) -> Answer {
    let (parts, body) = app.oneshot(request).await.unwrap().into_parts();
    let text = body.collect().await.unwrap().to_bytes();
    let text = String::from_utf8(text.to_vec()).unwrap();
    Answer { status: parts.status, headers: parts.headers, text }
}

/// A GET through a router in process.
pub(crate) async fn get_through(app: Router, path: &str) -> StatusCode {
    send_through(app, Request::get(path).body(Body::empty()).unwrap()).await.status
}
