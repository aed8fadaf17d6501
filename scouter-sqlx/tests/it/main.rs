//! The facade as its users see it: `use scouter_sqlx as sqlx` stands for the renamed dependency.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../../../tests/src/postgres.rs"]
mod postgres;
mod any;
mod pools;
mod shapes;
mod statements;
mod support;
mod upstream;
