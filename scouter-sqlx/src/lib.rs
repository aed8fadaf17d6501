//! The sqlx API with an instrumented pool, connection and transaction.
//!
//! Your trouble: a request was slow, and somewhere inside it were statements, waits for a
//! connection and a transaction nobody committed. This crate records them in the transaction of
//! the request: text without literals, bind count, wait and execution apart, time to first row,
//! rows, error with SQLSTATE, and whether the statement was cancelled.
//!
//! # Two doors
//! Rename the dependency and change no source line (the features are sqlx's own, one by one):
//! ```toml
//! sqlx = { package = "scouter-sqlx", version = "0.1", features = ["runtime-tokio", "postgres"] }
//! ```
//! or keep sqlx and [`wrap`] the pool.
//!
//! # What is not seen
//! Statements on sqlx's own types: a second dereference (`&mut **connection`), [`Pool::inner`],
//! the hooks of [`PoolOptions`](pool::PoolOptions), migrations, listeners, COPY of PostgreSQL,
//! third-party crates that hold a plain pool. Use [`instrument`], or the fallback layer (feature
//! `fallback`), which also serves an application on sqlx 0.8. With a wrapped pool
//! `sqlx::PgConnection` still names the driver's connection, and `f(&mut transaction)` hands that
//! to a `f(&mut sqlx::PgConnection)`: see [`wrap`]. Bound values are counted for every driver and
//! written down only for SQLite, only when [allowed](Wrap::bind_values) and switched on, and not
//! in statements that speak of secrets. The line of a statement is that of the enclosing
//! `#[scout]` function: sqlx's own `async fn`s hide the caller. `acquire` and `begin` know theirs.
//!
//! Source of the idea: the Java agent of SCOUTER wraps JDBC the same way.
#![forbid(unsafe_code)]

pub use sqlx::*;

mod acquire;
mod begin;
#[cfg(feature = "_sqlite")]
mod bind;
mod connect;
mod connect_options;
mod connection;
mod driver;
mod executor;
mod facade;
mod failure;
#[cfg(feature = "fallback")]
pub mod fallback;
#[cfg(not(feature = "fallback"))]
#[path = "no_fallback.rs"]
mod fallback;
mod instrument;
mod options;
mod pool_name;
mod pool_report;
mod prepare;
mod recorded_pool;
mod recording;
mod repeat;
mod settings;
mod stream;
mod taken;
#[cfg(feature = "migrate")]
#[doc(hidden)]
pub mod testing;
mod text;
mod transaction;
mod wrap;

pub use acquire::Acquire;
pub use connect::Connection;
pub use connect_options::ConnectOptions;
pub use connection::Conn;
#[cfg(feature = "any")]
pub use facade::{AnyConnection, AnyPool, any};
#[cfg(feature = "mysql")]
pub use facade::{MySqlConnection, MySqlPool, MySqlTransaction, mysql};
#[cfg(feature = "postgres")]
pub use facade::{PgConnection, PgPool, PgTransaction, postgres};
#[cfg(feature = "_sqlite")]
pub use facade::{SqliteConnection, SqlitePool, SqliteTransaction, sqlite};
pub use facade::{pool, prelude, raw};
pub use instrument::{Instrumented, instrument};
pub use recorded_pool::Pool;
pub use transaction::Transaction;
pub use wrap::{Wrap, wrap};
