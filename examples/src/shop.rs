//! front -> orders -> billing, each with its own router and its own database pool.

pub mod billing;
mod database;
mod failure;
pub mod front;
pub mod orders;

pub use failure::Failure;

/// What a handler of the shop answers.
pub type Answer<T> = Result<T, Failure>;
