//! Tests that cross crates, in one binary.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]
#![allow(clippy::disallowed_methods, reason = "a test gives up by the clock on the wall")]

mod diagnosis;
mod house;
mod in_flight;
mod leaks;
mod own_counters;
mod tools;
mod watched;

#[global_allocator]
static ALLOCATOR: scouter::ScoutAlloc = scouter::ScoutAlloc::system();
