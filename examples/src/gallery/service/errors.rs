//! Panics, and errors that come in crowds or in disguise.

#![expect(
    clippy::expect_used,
    clippy::unnecessary_literal_unwrap,
    reason = "a service with mistakes, made on purpose"
)]

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use scouter::{SendScouted as _, scout};

use super::{Context, Failure, Shop};

pub(super) fn routes() -> Router<Arc<Shop>> {
    Router::new()
        .route("/panic-in-handler", get(panic_in_handler))
        .route("/panic-in-task", get(panic_in_task))
        .route("/hidden-error", get(hidden_error))
        .route("/error-burst", get(error_burst))
        .route("/retry-storm", get(retry_storm))
}

/// A cart that cannot be paid for.
#[derive(Debug)]
struct Refused(u64);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cart {} has no price", self.0)
    }
}

impl std::error::Error for Refused {}

#[scout]
async fn panic_in_handler() -> String {
    let prices: Vec<u64> = Vec::with_capacity(4);
    prices[2].to_string() // gallery: panic-in-handler
}

#[scout]
async fn panic_in_task() {
    drop(scouter::spawn(async {
        let price: Result<u64, Refused> = Err(Refused(7));
        let _ = price.expect("every cart has a price"); // gallery: panic-in-task
    }));
}

// gallery: hidden-error
#[scout(err)]
async fn price_of(cart: u64) -> Result<u64, Refused> {
    tokio::task::yield_now().await;
    Err(Refused(cart))
}

/// Whoever calls learns nothing of the cause.
#[scout]
async fn hidden_error() -> Result<String, Failure> {
    match price_of(17).await {
        Ok(price) => Ok(price.to_string()),
        Err(_) => Err(Failure("something went wrong".to_owned())),
    }
}

// gallery: error-burst
#[scout(err)]
async fn charge(cart: u64) -> Result<u64, Refused> {
    tokio::task::yield_now().await;
    Err(Refused(cart))
}

#[scout]
async fn error_burst() -> Result<String, Failure> {
    Ok(charge(fastrand::u64(..1_000)).await?.to_string())
}

#[scout]
async fn retry_storm(State(shop): Context) -> Result<String, Failure> {
    try_for_ever(&shop).await
}

/// Tries again at once, and again.
// gallery: retry-storm
#[scout]
async fn try_for_ever(shop: &Shop) -> Result<String, Failure> {
    for _ in 0..200 {
        let answer = shop.http.get(format!("{}/broken", shop.back)).send_scouted().await?;
        if answer.status().is_success() {
            return Ok(answer.text().await?);
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Err(Failure("the bank is closed".to_owned()))
}
