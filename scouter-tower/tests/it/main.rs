//! Real servers, real clients, real sockets: each request is recorded exactly once.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod allocations;
mod client_steps;
mod doors;
mod ends;
mod facts;
mod grpc;
mod grpc_shop;
mod hostile;
mod http2;
mod large;
mod layers;
mod load;
mod names;
mod plugins;
mod propagation;
mod properties;
mod raw;
mod redirects;
mod sessions;
mod support;
mod trust;
