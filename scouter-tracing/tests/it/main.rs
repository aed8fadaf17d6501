//! The bridge as applications use it, on the real registry.
#![forbid(unsafe_code)]
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests may fail too"
)]

mod asynchronous;
mod events;
mod ids;
mod neighbours;
mod spans;
mod support;
