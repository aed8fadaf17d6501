//! Tests of the records and the codec.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::cast_possible_truncation,
    reason = "a test fails by panicking, and its casts are part of its data"
)]

mod batch;
mod damage;
mod frames;
mod future;
mod golden;
mod limits;
mod list_limits;
mod message_properties;
mod properties;
mod rewrite;
mod sample;
mod section;
