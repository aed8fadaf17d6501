//! The facade as its users see it: `use scouter_sqlx as sqlx` stands for the renamed dependency.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::mem_forget,
    clippy::large_futures,
    reason = "a test fails by panicking"
)]
#![allow(clippy::drop_non_drop, reason = "what a driver answers is dropped whatever it is")]

mod allocations;
mod any;
mod fallback;
mod hooks;
#[path = "../../../tests/src/mariadb.rs"]
mod mariadb;
mod mysql;
mod pools;
#[path = "../../../tests/src/postgres.rs"]
mod postgres;
mod savepoints;
mod shapes;
mod sizes;
mod soak;
mod statements;
mod support;
mod upstream;
mod wrapped;
