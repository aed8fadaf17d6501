//! The facade as its users see it: `use scouter_sqlx as sqlx` stands for the renamed dependency.

#[path = "../../../tests/src/postgres.rs"]
mod postgres;
mod shapes;
mod upstream;
