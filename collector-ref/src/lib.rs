//! The reference collector of Scouter: ingest, store, query, live view and page.
//!
//! It takes what agents record ([ingest](Collector)), keeps it durably ([`store`]), answers
//! questions about it over HTTP, shows it live on its page, and hands it to [`plugin`]s. Run the
//! binary `scouter-collector`, build one with [`Collector::builder`], or [`embed`] one while
//! developing.
#![forbid(unsafe_code)]

mod api;
mod app;
mod audit;
mod auth;
mod clock;
mod collector;
mod config;
mod control;
pub mod demo;
mod dumps;
mod embed;
mod engine;
mod error;
pub mod generate;
mod ingest;
pub mod limits;
mod live;
mod log;
mod names;
mod objects;
mod page;
pub mod plugin;
mod profile;
mod query;
mod rate;
mod running;
mod self_watch;
mod settings;
pub mod store;
mod symbols;
mod telemetry;
mod tls;

pub use auth::{
    Account, Accounts, AgentGroup, HashError, MAX_PASSWORD_BYTES, MIN_PASSWORD_BYTES, Role, Tokens,
    hash_password,
};
pub use clock::Clock;
pub use collector::{Builder, Collector, DEFAULT_AGENTS, DEFAULT_DATA, DEFAULT_HTTP};
pub use config::{DurabilityName, FileConfig, FileLimits, Retention};
pub use dumps::{AutoDump, DEFAULT_INTERVAL_S as DEFAULT_DUMP_INTERVAL_S};
pub use embed::{Embedded, embed, embed_with};
pub use error::{ShutdownError, StartError};
pub use limits::Limits;
pub use plugin::CollectorPlugin;
pub use running::Running;
pub use settings::Reloaded;
pub use tls::{RENEWAL_INTERVAL, TlsError, TlsFiles};
