//! The exporter against a small collector over real sockets, with the real recorder.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test fails by panicking and may read the time"
)]

mod collector;
mod control;
mod delivery;
mod failures;
mod last_words;
mod manual;
mod otlp;
mod recorder;
mod settings;
mod sinks;
mod tools;
mod weather;
