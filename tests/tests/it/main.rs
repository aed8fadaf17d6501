//! Tests that cross crates, in one binary.

mod house;
mod in_flight;
mod watched;
