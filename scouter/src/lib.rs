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
//! | the client's address | serve `app.into_make_service_with_connect_info::<SocketAddr>()` |
//! | a task of a request | [`InCurrent::in_current`], or `spawn` (feature `tokio`) |
//! | a consumer, a cron job | `#[scout(service)]`, or a [`Transaction`] by hand |
//! | another collector, a token, other sinks | the environment, or `scouter::exporter::Agent::builder` |
//! | outbound calls | the client layer of `scouter::tower` (features `hyper`, `reqwest`) |
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
//! `reqwest`, `tower`: the layers. `sqlx`: the recorded sqlx API as `scouter::sqlx`. `tokio`:
//! `spawn`. `testing`: captures recordings in your tests.
#![forbid(unsafe_code)]

#[cfg(not(feature = "enable"))]
mod disabled;

#[cfg(not(feature = "enable"))]
pub use disabled::{Guard, InitError, init};
#[cfg(feature = "tokio")]
pub use scouter_core::spawn;
#[cfg(all(feature = "testing", feature = "enable"))]
pub use scouter_core::testing;
pub use scouter_core::{
    Begin, Callsite, CallsiteFlags, Field, Gxid, InCurrent, OpenStep, StepGuard, TextKind,
    Transaction, Txid, Value, attr, callsite, callsites, current, fail, in_step, in_transaction,
    intern, options, plugin, record, step, wait,
};
#[cfg(feature = "enable")]
pub use scouter_exporter as exporter;
#[cfg(feature = "enable")]
pub use scouter_exporter::{Guard, InitError, init};
pub use scouter_macros::scout;
#[cfg(feature = "sqlx")]
pub use scouter_sqlx as sqlx;
#[cfg(feature = "tower")]
pub use scouter_tower as tower;
#[cfg(feature = "reqwest")]
pub use scouter_tower::client::SendScouted;
#[cfg(feature = "axum")]
pub use scouter_tower::wrap;

#[doc(hidden)]
pub use scouter_core::__private;
