//! The demo shop: three ordinary axum services that call each other, with exactly the lines a user
//! of Scouter adds. `cargo demo` runs them as processes of their own under a load generator.
//!
//! What they do wrong, they do on purpose: a slow search, a report with one query per order, a
//! charge that fails now and then, a lock that is held too long, a connection that is never given
//! back. The picture shows each.
#![forbid(unsafe_code)]

pub mod shop;

/// The README's code compiles.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
