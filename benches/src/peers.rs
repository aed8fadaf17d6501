//! What every recorder must be able to do to be measured, and those that can.
//!
//! The scenarios are generic over [`SpanPeer`], so each peer's calls are inlined as they would be
//! in a user's code. Every peer runs with the background work that it needs to keep up (draining
//! each 10 ms) and throws away what comes out of it: the figures are those of the thread that
//! records.

use std::future::Future;
use std::time::Duration;

pub(crate) mod bridge;
#[cfg(feature = "peers")]
pub(crate) mod fastrace;
pub(crate) mod floor;
pub(crate) mod none;
#[cfg(feature = "peers")]
pub(crate) mod opentelemetry;
pub(crate) mod ours;
pub(crate) mod tracing;
#[cfg(feature = "peers")]
pub(crate) mod tracing_opentelemetry;

/// fastrace; in front of axum its layer of fastrace-axum.
pub(crate) const FASTRACE: &str = "fastrace";
/// tracing with a plain registry, which times and exports nothing.
pub(crate) const REGISTRY: &str = "tracing-registry";
/// tracing without a subscriber.
pub(crate) const TRACING_OFF: &str = "tracing-off";
/// opentelemetry_sdk.
pub(crate) const OTEL_SDK: &str = "opentelemetry_sdk";
/// tracing with tracing-opentelemetry on opentelemetry_sdk.
pub(crate) const TRACING_OTEL: &str = "tracing-opentelemetry";
/// The layer of tower-http, without a subscriber.
pub(crate) const TRACE_LAYER: &str = "tower-http TraceLayer";
/// The layer of tower-http on a plain registry.
pub(crate) const TRACE_LAYER_REGISTRY: &str = "tower-http TraceLayer + registry";
/// The layer of opentelemetry-instrumentation-tower.
pub(crate) const OTEL_TOWER: &str = "opentelemetry-instrumentation-tower";
/// OTLP as protobuf.
pub(crate) const OTLP: &str = "OTLP protobuf";
/// OTLP as protobuf, compressed as ours is.
pub(crate) const OTLP_ZSTD: &str = "OTLP protobuf + zstd";

/// await-tree.
pub(crate) const AWAIT_TREE: &str = "await-tree";
/// async-backtrace.
pub(crate) const ASYNC_BACKTRACE: &str = "async-backtrace";

/// The attribute of tracing that records no arguments.
pub(crate) const TRACING_ATTRIBUTE: &str = "tracing::instrument(skip_all)";
/// The attribute of fastrace.
pub(crate) const FASTRACE_ATTRIBUTE: &str = "fastrace::trace";

/// Those that only feature `peers` brings.
pub(crate) const HEAVY: [&str; 10] = [
    FASTRACE,
    OTEL_SDK,
    TRACING_OTEL,
    TRACE_LAYER,
    TRACE_LAYER_REGISTRY,
    OTEL_TOWER,
    OTLP,
    OTLP_ZSTD,
    AWAIT_TREE,
    ASYNC_BACKTRACE,
];

/// Whether this build can measure `peer`.
pub(crate) fn is_built(peer: &str) -> bool {
    cfg!(feature = "peers") || !HEAVY.contains(&peer)
}

/// How often a peer's background thread collects what was recorded.
pub(crate) const DRAIN_INTERVAL: Duration = Duration::from_millis(10);

/// A recorder under measurement.
pub(crate) trait SpanPeer: Sized {
    /// Sets it up, with its background work.
    fn start() -> Self;

    /// A transaction around `inner`.
    fn root(&self, inner: impl FnOnce());

    /// A step around `inner`.
    fn step(&self, inner: impl FnOnce());

    /// A step that others are inside of.
    #[inline]
    fn outer_step(&self, inner: impl FnOnce()) {
        self.step(inner);
    }

    /// A step of another place in the code.
    fn other_step(&self, inner: impl FnOnce());

    /// A step with an integer and a static string.
    fn step_with_two(&self, number: u64, text: &'static str, inner: impl FnOnce());

    /// A step with a string that is known at run time only.
    fn step_with_text(&self, text: &str, inner: impl FnOnce());

    /// A transaction around a future, to be polled by the bench.
    fn root_future<F: Future>(&self, future: F) -> impl Future<Output = F::Output>;

    /// A step around a future.
    fn step_future<F: Future>(&self, future: F) -> impl Future<Output = F::Output>;
}
