//! Tests of the recorder from outside. Forbidding `unsafe` here also proves that applications may.
#![forbid(unsafe_code)]
#![allow(
    clippy::cast_possible_truncation,
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests may fail too"
)]

mod alerts;
mod basics;
mod bounds;
mod cancel;
mod checkouts;
mod forced;
mod guards;
mod limits;
mod live_view;
mod options;
mod panics;
mod plugins;
mod propagation;
mod rules;
mod soak;
mod spawned;
mod support;
mod threads;
mod times;
