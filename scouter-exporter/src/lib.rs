//! Ships what scouter-core recorded.
//!
//! One thread, `scouter-export`, drains the recorder every 10 to 50 ms and gives what it finds to
//! its sinks: the collector (batches, kept until they are acknowledged), JSON lines, memory, or
//! your own [`Sink`]. On the side it counts: [`counters`](COUNTER_INTERVAL) every two seconds,
//! digests per service, statement, outbound call, error and edge [every ten](DIGEST_INTERVAL).
//!
//! What it promises:
//! - The application never waits for it. Records wait in bounded queues; past them they are dropped
//!   and counted by reason, oldest profiles first, XLogs last.
//! - Nothing is lost silently: `recorded == acknowledged + dropped(by reason) + pending`, at any
//!   time, in [`Guard::telemetry`] and in every batch.
//! - It survives a collector that is absent, slow, silent, restarted, replaced or hostile, and a
//!   sink that panics.
//! - It never records itself: it runs in no transaction, and nothing in it is instrumented.
//!
//! No async runtime is involved: an agent must work in any application, and go on when the
//! application's runtime is blocked. The rejected alternative, a task on the application's runtime,
//! stops exactly when it is needed.
#![forbid(unsafe_code)]

mod agent;
mod backoff;
mod cgroup;
mod clock;
mod collector;
mod config;
mod core_source;
mod counters;
mod digest;
mod failures;
mod growth;
mod guard;
mod last_words;
mod notice;
mod pressure;
mod process;
mod sink;
mod source;
mod telemetry;
#[cfg(test)]
mod testing;
mod texts;
#[cfg(feature = "tls")]
mod tls;
mod tools;
mod visitors;
mod watch;
mod worker;

pub use agent::{Agent, Builder, InitError, init};
pub use collector::{
    ACK_TIMEOUT, BATCH_AGE, BATCH_XLOGS, CLOCK_OFFSET_TAG, CONNECT_TIMEOUT, DEFAULT_SPOOL_BYTES,
    DEFAULT_WINDOW_BYTES, GREETING_TIMEOUT, MAX_ACTIVE_LISTED, MAX_FRAME_KILLS,
};
pub use config::{
    CONFIG_INTERVAL, DEFAULT_COLLECTOR, DEFAULT_CONFIG_FILE, DEFAULT_FLUSH_TIMEOUT,
    MIN_WINDOW_BYTES, SettingInfo, settings,
};
pub use counters::{MAX_COUNTED_SERVICES, MAX_COUNTED_TENANTS};
pub use digest::MAX_DIGESTS;
pub use failures::{ERROR_WINDOW, HOP_WINDOW, MAX_FINGERPRINTS, MAX_HOPS};
pub use guard::Guard;
#[cfg(feature = "otlp")]
pub use sink::{
    DEFAULT_OTLP_ENDPOINT, OTLP_MAX_ATTEMPTS, OTLP_MAX_RETRY_AFTER, OTLP_QUEUE_REQUESTS,
    OTLP_REQUEST_SPANS, OTLP_REQUEST_TIMEOUT, Otlp, OtlpBuilder, OtlpError, OtlpSnapshot,
    OtlpTelemetry,
};
pub use sink::{JsonLines, MAX_MEMORY_RECORDS, Memory, MemoryContent, Progress, Sink, Turn};
pub use telemetry::TelemetrySnapshot;
pub use texts::Texts;
#[cfg(feature = "tls")]
#[doc(hidden)]
pub use tls::client as tls_client;
pub use tools::{
    CPU_WINDOW, DEFAULT_CAPTURE_SECONDS, DEFAULT_CAPTURED_VALUES, DEFAULT_CPU_HZ, LOGICAL_WINDOW,
    MAX_CPU_SECONDS, MAX_CPU_STACKS, MAX_LOGICAL_STACKS, MAX_STACKS_OF_A_SERVICE,
};
pub use visitors::RECENT_USER_US;
pub use worker::{COUNTER_INTERVAL, DIGEST_INTERVAL};
