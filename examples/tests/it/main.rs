//! The demo as a stranger runs it, checked from both sides: what the load generator saw against
//! what the collector stored.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]
#![allow(clippy::disallowed_methods, reason = "a test gives up by the clock on the wall")]

mod custom_plugin;
mod demo;
mod gallery;
#[path = "../../../tests/src/postgres.rs"]
mod postgres;
mod reconcile;
mod small;
mod survive;
mod tools;
