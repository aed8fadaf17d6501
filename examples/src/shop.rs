//! front -> orders -> billing, each with its own router and its own database pool.

pub mod billing;
mod database;
mod failure;
pub mod front;
pub mod orders;

pub use failure::Failure;
use scouter::tower::client::guard_redirects;

/// A client that no redirect makes carry tenant and baggage to a host that is not listed.
fn http_client() -> reqwest::Client {
    let policy = guard_redirects(reqwest::redirect::Policy::default());
    // What can fail is TLS, which plain HTTP between neighbours does not have.
    reqwest::Client::builder().redirect(policy).build().unwrap_or_default()
}

/// What a handler of the shop answers.
pub type Answer<T> = Result<T, Failure>;
