//! Traces and metrics to any OTLP/HTTP receiver, as protobuf, beside the collector or instead.
//!
//! What leaves: names of services, functions, statements (normalised) and calls, times, statuses,
//! error messages, notes of the application and counters. Captured values (arguments, bind values,
//! tags, login, tenant, address and agent of the client) stay unless
//! [`OtlpBuilder::user_data`] is switched on, beside the switches that capture them.
//!
//! Delivery is at least once and bounded: [`OTLP_QUEUE_REQUESTS`] requests of
//! [`OTLP_REQUEST_SPANS`] spans wait, past that the newest are dropped and counted
//! ([`OtlpSnapshot::dropped_queue`]). `https://` needs feature `tls` too. The encoding is our own, so
//! that feature `otlp` adds no crate.

mod http_duration;
mod metrics;
mod post;
mod proto;
mod sender;
mod spans;

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::{self, Thread};
use std::time::Duration;

use scouter_wire::Txid;
use scouter_wire::record::{CounterPoint, Digest, ProfileFate, Step, XLog};

pub use post::OTLP_REQUEST_TIMEOUT;
pub use sender::{OTLP_MAX_ATTEMPTS, OTLP_MAX_RETRY_AFTER, OtlpSnapshot};

use self::http_duration::HttpDurations;
use self::proto::Message;
use self::sender::{Figures, Request};
use self::spans::Tree;
use super::{Progress, Sink, Turn};
use crate::Texts;
use crate::clock::Moment;

/// Where an OTLP receiver listens by default.
pub const DEFAULT_OTLP_ENDPOINT: &str = "http://127.0.0.1:4318";

/// Most requests that wait to be sent. Past it the newest is dropped: `dropped_queue` grows.
pub const OTLP_QUEUE_REQUESTS: usize = 64;

/// Spans after which a request is closed; the last transaction is not torn apart.
pub const OTLP_REQUEST_SPANS: usize = 512;

/// After this time a request is closed however few spans it has.
const REQUEST_AGE: Duration = Duration::from_secs(1);

/// How long a transaction waits for its profile; then it is sent without.
const PROFILE_PATIENCE: Duration = Duration::from_secs(2);

/// Most transactions that wait for their profile; past it the oldest is sent without.
const MAX_AWAITED: usize = 4_096;

/// Why an OTLP sink cannot be built.
#[derive(Debug)]
#[non_exhaustive]
pub enum OtlpError {
    /// The endpoint is not `http://host[:port][/path]`, or `https://` with feature `tls`.
    Endpoint(String),
    /// A header is not `name=value`, or has characters that HTTP does not allow.
    Header(String),
    /// The process has too many threads, as a rule.
    Thread(io::Error),
}

impl fmt::Display for OtlpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Endpoint(text) => {
                write!(
                    f,
                    "the OTLP endpoint {text:?} is not of the form http://host[:port][/path], or \
                     https:// in an application that has feature `tls` of scouter"
                )
            }
            // Not its value, which may be a secret.
            Self::Header(name) => write!(f, "the OTLP header {name:?} cannot be sent"),
            Self::Thread(_) => f.write_str("the OTLP thread cannot be started"),
        }
    }
}

impl std::error::Error for OtlpError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        if let Self::Thread(error) = self { Some(error) } else { None }
    }
}

/// Where requests go.
#[derive(Clone, PartialEq, Eq)]
struct Target {
    host: String,
    port: u16,
    prefix: String,
    headers: Vec<(String, String)>,
    #[cfg(feature = "tls")]
    is_tls: bool,
    #[cfg(feature = "tls")]
    authority: Option<PathBuf>,
}

/// Settings of an [`Otlp`] sink.
#[derive(Clone)]
pub struct OtlpBuilder {
    service: String,
    endpoint: String,
    headers: Vec<(String, String)>,
    authority: Option<PathBuf>,
    has_user_data: bool,
}

impl fmt::Debug for OtlpBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OtlpBuilder").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

impl OtlpBuilder {
    /// Sets where the receiver listens; `/v1/traces` and `/v1/metrics` are appended.
    ///
    /// Default: [`DEFAULT_OTLP_ENDPOINT`]. Env, read by [`OtlpBuilder::environment`]:
    /// `SCOUTER_OTLP_ENDPOINT`, then `OTEL_EXPORTER_OTLP_ENDPOINT`.
    #[must_use]
    pub fn endpoint(mut self, endpoint: impl Into<String>) -> Self {
        self.endpoint = endpoint.into();
        self
    }

    /// Sets a file of certificates in PEM that are trusted instead of the system's, for an `https://`
    /// endpoint.
    ///
    /// Default: the system's. Env, read by [`OtlpBuilder::environment`]:
    /// `SCOUTER_OTLP_CERTIFICATE`, then `OTEL_EXPORTER_OTLP_CERTIFICATE`.
    #[must_use]
    pub fn certificate(mut self, path: impl Into<PathBuf>) -> Self {
        self.authority = Some(path.into());
        self
    }

    /// Adds a header to every request, such as a key of the receiver.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Sends captured values and facts about users too. Default: off.
    #[must_use]
    pub fn user_data(mut self, is_sent: bool) -> Self {
        self.has_user_data = is_sent;
        self
    }

    /// Takes endpoint, certificate and headers from the environment, where they are set: `SCOUTER_OTLP_ENDPOINT`
    /// and `SCOUTER_OTLP_HEADERS` before `OTEL_EXPORTER_OTLP_ENDPOINT` and
    /// `OTEL_EXPORTER_OTLP_HEADERS`. Headers are `name=value,name=value`.
    #[must_use]
    pub fn environment(self) -> Self {
        self.lookup(|name| std::env::var(name).ok())
    }

    fn lookup(mut self, value: impl Fn(&str) -> Option<String>) -> Self {
        let either = |own: &str, common: &str| value(own).or_else(|| value(common));
        if let Some(endpoint) = either("SCOUTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT") {
            self.endpoint = endpoint;
        }
        let certificate = either("SCOUTER_OTLP_CERTIFICATE", "OTEL_EXPORTER_OTLP_CERTIFICATE");
        self.authority = certificate.map(PathBuf::from).or(self.authority);
        let headers = either("SCOUTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS");
        for pair in headers.iter().flat_map(|headers| headers.split(',')) {
            if !pair.trim().is_empty() {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                self.headers.push((name.trim().into(), value.trim().into()));
            }
        }
        self
    }

    fn target(&self) -> Result<Target, OtlpError> {
        let wrong = || OtlpError::Endpoint(self.endpoint.clone());
        let endpoint = self.endpoint.trim();
        let (rest, is_tls) = match endpoint.strip_prefix("https://") {
            Some(rest) if cfg!(feature = "tls") => (rest, true),
            Some(_) => return Err(wrong()),
            None => (endpoint.strip_prefix("http://").ok_or_else(wrong)?, false),
        };
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) => (host, port.parse().map_err(|_| wrong())?),
            None if is_tls => (authority, 443),
            None => (authority, 4_318),
        };
        let is_plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
        if host.is_empty() || host.contains(['@', '[']) || !is_plain(rest) {
            return Err(wrong());
        }
        for (name, value) in &self.headers {
            let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
            let is_value = |byte: u8| byte == b' ' || byte.is_ascii_graphic();
            if name.is_empty() || !name.bytes().all(is_name) || !value.bytes().all(is_value) {
                return Err(OtlpError::Header(name.clone()));
            }
        }
        let path = path.trim_end_matches('/');
        let prefix = if path.is_empty() { String::new() } else { format!("/{path}") };
        Ok(Target {
            host: host.into(),
            port,
            prefix,
            headers: self.headers.clone(),
            #[cfg(feature = "tls")]
            is_tls,
            #[cfg(feature = "tls")]
            authority: self.authority.clone(),
        })
    }

    /// Builds the sink and starts its thread, `scouter-otlp`.
    ///
    /// # Errors
    /// When endpoint or headers cannot be used, or the thread cannot be started.
    pub fn build(&self) -> Result<Otlp, OtlpError> {
        let target = self.target()?;
        let figures = Arc::new(Figures::default());
        let (queue, requests) = sync_channel(OTLP_QUEUE_REQUESTS);
        let shared = Arc::clone(&figures);
        let handle = thread::Builder::new()
            .name("scouter-otlp".into())
            .spawn(move || sender::run(&requests, &target, &shared))
            .map_err(OtlpError::Thread)?;
        let mut resource = Message::default();
        resource.attribute(1, "service.name", &self.service);
        resource.attribute(1, "telemetry.sdk.name", "scouter");
        resource.attribute(1, "telemetry.sdk.language", "rust");
        resource.attribute(1, "telemetry.sdk.version", env!("CARGO_PKG_VERSION"));
        resource.count(1, "process.pid", u64::from(std::process::id()));
        Ok(Otlp {
            resource,
            has_user_data: self.has_user_data,
            awaited: HashMap::new(),
            order: VecDeque::new(),
            open: None,
            spans: Message::default(),
            span_count: 0,
            since: None,
            durations: HttpDurations::default(),
            queue,
            thread: handle.thread().clone(),
            figures,
        })
    }
}

/// Reads what an [`Otlp`] sink counted, also after the agent took the sink.
#[derive(Debug, Clone)]
pub struct OtlpTelemetry(Arc<Figures>);

impl OtlpTelemetry {
    /// The figures now.
    #[must_use]
    pub fn snapshot(&self) -> OtlpSnapshot {
        self.0.snapshot()
    }
}

/// The sink. Give it to [`Builder::sink`](crate::Builder::sink).
pub struct Otlp {
    resource: Message,
    has_user_data: bool,
    /// Transactions whose profile is still to come, and their order.
    awaited: HashMap<Txid, Tree>,
    order: VecDeque<(Moment, Txid)>,
    /// The transaction whose profile is being read.
    open: Option<Tree>,
    /// The open request: `ScopeSpans` so far.
    spans: Message,
    span_count: usize,
    since: Option<Moment>,
    durations: HttpDurations,
    queue: SyncSender<Request>,
    thread: Thread,
    figures: Arc<Figures>,
}

impl fmt::Debug for Otlp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Otlp").field("figures", &self.figures).finish_non_exhaustive()
    }
}

impl Otlp {
    /// Starts to describe a sink; `service` becomes `service.name`.
    #[must_use]
    pub fn builder(service: impl Into<String>) -> OtlpBuilder {
        OtlpBuilder {
            service: service.into(),
            endpoint: DEFAULT_OTLP_ENDPOINT.into(),
            headers: Vec::new(),
            authority: None,
            has_user_data: false,
        }
    }

    /// A handle to what this sink counts.
    #[must_use]
    pub fn telemetry(&self) -> OtlpTelemetry {
        OtlpTelemetry(Arc::clone(&self.figures))
    }

    fn push_tree(&mut self, tree: &Tree) {
        self.figures.make(tree.spans.len() as u64);
        for span in &tree.spans {
            self.spans.message(2, span);
        }
        self.span_count += tree.spans.len();
        self.since.get_or_insert_with(Moment::now);
        if self.span_count >= OTLP_REQUEST_SPANS {
            self.close_spans();
        }
    }

    /// Sends the oldest transactions without their profile, while `is_due` says so.
    fn give_up(&mut self, is_due: impl Fn(Moment, usize) -> bool) {
        while let Some((since, txid)) = self.order.front().copied() {
            if self.awaited.contains_key(&txid) && !is_due(since, self.awaited.len()) {
                return;
            }
            self.order.pop_front();
            if let Some(tree) = self.awaited.remove(&txid) {
                self.push_tree(&tree);
            }
        }
    }

    fn close_spans(&mut self) {
        let items = std::mem::take(&mut self.span_count) as u64;
        let spans = std::mem::take(&mut self.spans);
        self.since = None;
        if items > 0 {
            self.enqueue("/v1/traces", spans, items);
        }
    }

    /// Sends metrics, each with the number of its data points, of which a receiver may reject some.
    fn push_metrics(&mut self, metrics: impl Iterator<Item = (Message, u64)>) {
        let mut all = Message::default();
        let mut items = 0;
        for (metric, points) in metrics {
            all.message(2, &metric);
            items += points;
        }
        if items > 0 {
            self.figures.make(items);
            self.enqueue("/v1/metrics", all, items);
        }
    }

    /// Wraps `ScopeSpans` or `ScopeMetrics`, whose fields have the same numbers, in a request.
    fn enqueue(&self, path: &'static str, mut scope: Message, items: u64) {
        let mut name = Message::default();
        name.text(1, "scouter").text(2, env!("CARGO_PKG_VERSION"));
        scope.message(1, &name);
        let mut resource = Message::default();
        resource.message(1, &self.resource).message(2, &scope);
        let mut request = Message::default();
        request.message(1, &resource);
        let request = Request { path, body: request.0, items };
        if self.queue.try_send(request).is_err() {
            self.figures.settle(&self.figures.dropped_queue, items);
        }
    }
}

impl Sink for Otlp {
    fn name(&self) -> &'static str {
        "otlp"
    }

    fn xlog(&mut self, xlog: &XLog<'_>, texts: &Texts) {
        self.durations.add(xlog);
        let tree = Tree::new(xlog, texts, self.has_user_data);
        if xlog.profile != ProfileFate::Kept {
            return self.push_tree(&tree);
        }
        self.order.push_back((Moment::now(), xlog.txid));
        if let Some(same) = self.awaited.insert(xlog.txid, tree) {
            self.push_tree(&same);
        }
        self.give_up(|_, awaited| awaited > MAX_AWAITED);
    }

    fn profile_begin(&mut self, txid: Txid, _: i64) {
        self.open = self.awaited.remove(&txid);
        if self.open.is_none() {
            Figures::add(&self.figures.lost_profiles, 1);
        }
    }

    fn step(&mut self, step: &Step<'_>, texts: &Texts) {
        if let Some(tree) = &mut self.open {
            tree.step(step, texts, self.has_user_data);
        }
    }

    fn profile_end(&mut self) {
        if let Some(tree) = self.open.take() {
            self.push_tree(&tree);
        }
    }

    fn counters(&mut self, unix_us: i64, points: &[CounterPoint], texts: &Texts) {
        self.push_metrics(points.iter().map(|point| (metrics::gauge(unix_us, point, texts), 1)));
    }

    fn digests(&mut self, from_unix_us: i64, to_unix_us: i64, digests: &[Digest], texts: &Texts) {
        self.push_metrics(
            digests
                .iter()
                .filter_map(|digest| metrics::histogram(from_unix_us, to_unix_us, digest, texts))
                .map(|metric| (metric, 1)),
        );
    }

    fn turn(&mut self, turn: &mut Turn<'_>) -> Progress {
        let now = Moment::now();
        let is_flush = turn.is_flush;
        let durations = self.durations.take(turn.unix_us, is_flush, turn.texts);
        self.push_metrics(durations.into_iter());
        self.give_up(|since, _| is_flush || now.since(since) >= PROFILE_PATIENCE);
        if is_flush || self.since.is_some_and(|since| now.since(since) >= REQUEST_AGE) {
            self.close_spans();
        }
        if self.awaited.is_empty() && self.figures.snapshot().pending == 0 {
            Progress::Idle
        } else {
            Progress::Waiting
        }
    }
}

impl Drop for Otlp {
    /// What is not sent when the agent ends is counted (`dropped_ended`), by the thread, which is
    /// not waited for: a receiver that keeps silent must not hold the application's exit up.
    fn drop(&mut self) {
        self.give_up(|_, _| true);
        self.close_spans();
        self.figures.is_ended.store(true, Ordering::Release);
        self.thread.unpark();
    }
}

#[cfg(test)]
mod tests;
