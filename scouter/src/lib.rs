//! **See the cause even when you do not know what to look for.**
//!
//! Scouter records every request of your service, unsampled, with the steps inside it; shows the
//! ones that are running right now and what each is waiting for; and names slow queries, leaks and
//! blocked threads by their line of code, their request and their tenant. It is the Rust
//! descendant of SCOUTER, the Java APM.
//!
//! # Add it to a service
//!
//! ```no_run
//! use axum::{Router, extract::Path, routing::get};
//!
//! #[scouter::scout(args(id), err)]
//! async fn load_order(id: u64) -> Result<String, std::io::Error> {
//!     Ok(format!("order {id}"))
//! }
//!
//! async fn order(Path(id): Path<u64>) -> String {
//!     load_order(id).await.unwrap_or_default()
//! }
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let _scouter = scouter::init("orders")?; // 1: send to the collector
//!     let app = scouter::wrap(Router::new().route("/orders/{id}", get(order))); // 2: requests
//!     let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
//!     axum::serve(listener, app).await?;
//!     Ok(())
//! }
//! ```
//!
//! 3: statements. Rename the dependency, change no line of code:
//! `sqlx = { package = "scouter-sqlx", version = "0.1", features = [..] }`.
//!
//! Start the collector (`cargo install scouter-collector`, `scouter-collector`), open
//! <http://127.0.0.1:6180>, send a request.
//!
//! # What to reach for
//!
//! | you want | write |
//! |---|---|
//! | a function as a step | [`#[scout]`](scout) on a `fn`, `async fn`, method or `impl` block |
//! | a piece of code as a step | [`step`]`(callsite!(name: "parse"))`, a guard |
//! | a piece of async code | [`in_step`]`(callsite!(name: "fetch"), future)` |
//! | the name of a wait | [`wait`]`("inventory lock", lock.lock()).await` |
//! | whose request it is | [`current::set_tenant`], [`current::set_login`], [`current::tag`] |
//! | the same in a handler, with the ids | the extractor `scouter::Current` (elsewhere `Current::now()`) |
//! | what follows a WebSocket upgrade | `ws.on_upgrade(scouter::session(handler))` |
//! | the client's address | serve `app.into_make_service_with_connect_info::<SocketAddr>()` |
//! | a task of a request | [`InCurrent::in_current`], or `spawn` (feature `tokio`) |
//! | a consumer, a cron job | `#[scout(service)]`, or a [`Transaction`] by hand, as below |
//! | what runs now, alerts, counters | [`live`], [`alert`], [`telemetry`] |
//! | another collector, a token, other sinks | the environment, or `scouter::exporter::Agent::builder` |
//! | a number of the business | [`counter`]`("orders_placed").add(1)`, [`gauge`]`("mails_waiting").set(7.0)` |
//! | the spans and log events you have | `scouter::tracing::Bridge` (feature `tracing`) |
//! | outbound calls | the client layer of `scouter::tower` (features `hyper`, `reqwest`, `tonic`) |
//!
//! # By hand: the consumer of a queue
//!
//! A message brings the headers of whoever sent it, so its work is a part of the same trace:
//!
//! ```
//! use scouter::record::{EndReason, StepKind, XLogKind};
//! use scouter::{Begin, OpenStep, SqlOutcome, TextKind, Transaction, intern, propagation};
//!
//! fn consume(traceparent: Option<&[u8]>, order: &str) {
//!     let caller = traceparent.and_then(propagation::parse_traceparent);
//!     let service = intern(TextKind::Service, "queue orders");
//!     let begin = Begin::new(service).kind(XLogKind::Background).context(caller.as_ref());
//!     let transaction = Transaction::begin(begin);
//!     {
//!         let _entered = transaction.enter(); // what runs now belongs to it
//!         let sql = intern(TextKind::Sql, "INSERT INTO orders VALUES (?)");
//!         let statement = OpenStep::begin(StepKind::Sql, sql);
//!         // … insert `order` …
//!         statement.finish_sql(SqlOutcome { affected: 1, ..SqlOutcome::default() });
//!     }
//!     transaction.tag("order", order);
//!     transaction.end(EndReason::Complete); // dropped instead, it would be cancelled
//! }
//!
//! # let recording = scouter::testing::capture(|| {
//! // The sender wrote `propagation::format_traceparent(&context, txid)`, its `current::context()`.
//! consume(Some(b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"), "7");
//! # });
//! # let row = recording.only();
//! # assert_eq!(row.gxid.value(), 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736);
//! # assert_eq!(row.caller.map(scouter::Txid::value), Some(0x00f0_67aa_0ba9_02b7));
//! # assert_eq!((row.sql_count, row.tags[0].1.as_str()), (1, "7"));
//! ```
//!
//! # What it costs and keeps
//!
//! A step costs two readings of the time stamp counter and a few stores; nothing is allocated and
//! no lock is taken. Your code never waits for Scouter, never panics because of it, and its memory
//! is bounded: what cannot be kept is counted, by reason, and shown. Arguments are captured only
//! where the source lists them. The measured figures are in `docs/BENCHMARKS.md`.
//!
//! # Features
//!
//! `enable` (default) records; without it every item here is a no-op. `axum` (default), `hyper`,
//! `reqwest`, `tonic`, `tower`: the layers. `sqlx`: the recorded sqlx API as `scouter::sqlx`. `tracing`:
//! `scouter::tracing`, which records the spans and events you have. `tokio`: `spawn`. `alloc`:
//! `ScoutAlloc`, an allocator that says who allocates. `native`: stacks of threads and CPU samples on
//! Linux x86_64. `testing`: captures recordings in your tests.
#![forbid(unsafe_code)]

#[cfg(not(feature = "enable"))]
mod disabled;

#[cfg(not(feature = "enable"))]
pub use disabled::{Guard, InitError, init};
#[cfg(feature = "alloc")]
pub use scouter_core::ScoutAlloc;
#[cfg(feature = "testing")]
pub use scouter_core::clock::ManualClock;
#[cfg(all(feature = "testing", feature = "enable"))]
pub use scouter_core::testing;
pub use scouter_core::{
    ApiOutcome, Begin, Callsite, CallsiteFlags, Counter, Field, Gauge, Gxid, InCurrent, OpenStep,
    SqlOutcome, StepGuard, TextId, TextKind, TraceContext, Transaction, Txid, Value, alert, attr,
    callsite, callsites, checkout, counter, current, fail, gauge, in_step, in_transaction, intern,
    live, options, plugin, propagation, record, step, telemetry, wait,
};
#[cfg(feature = "tokio")]
pub use scouter_core::{spawn, watch_runtime};
#[cfg(feature = "enable")]
pub use scouter_exporter as exporter;
#[cfg(all(feature = "enable", not(feature = "tokio")))]
pub use scouter_exporter::init;
#[cfg(feature = "enable")]
pub use scouter_exporter::{Guard, InitError};
pub use scouter_macros::scout;
#[cfg(feature = "sqlx")]
pub use scouter_sqlx as sqlx;
#[cfg(feature = "tower")]
pub use scouter_tower as tower;
#[cfg(feature = "reqwest")]
pub use scouter_tower::client::SendScouted;
#[cfg(feature = "axum")]
pub use scouter_tower::wrap;
#[cfg(feature = "tower")]
pub use scouter_tower::{Current, session};
#[cfg(feature = "tracing")]
pub use scouter_tracing as tracing;

#[doc(hidden)]
pub use scouter_core::__private;

/// Starts the agent, as [`exporter::init`] does, and shows the tokio runtime it is called in among
/// the counters ([`watch_runtime`]).
///
/// # Errors
/// Those of [`exporter::init`].
///
/// # Examples
/// ```no_run
/// let _scouter = scouter::init("orders")?;
/// # Ok::<(), scouter::InitError>(())
/// ```
#[cfg(all(feature = "enable", feature = "tokio"))]
pub fn init(name: &str) -> Result<Guard, InitError> {
    watch_runtime();
    scouter_exporter::init(name)
}
