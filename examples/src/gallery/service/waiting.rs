//! Requests that wait: for a lock, for the bank, for themselves.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use scouter::{SendScouted as _, scout};

use super::{Context, Failure, Shop};

pub(super) fn routes() -> Router<Arc<Shop>> {
    Router::new()
        .route("/slow-function", get(slow_function))
        .route("/stuck-lock", get(stuck_lock))
        .route("/slow-outbound", get(slow_outbound))
        .route("/stuck-outbound", get(stuck_outbound))
        .route("/held-across-call", get(held_across_call))
}

#[scout]
async fn slow_function() -> String {
    settle_all_accounts().await.to_string()
}

/// A thousand small waits, none of which is long.
// gallery: slow-function
#[scout]
async fn settle_all_accounts() -> u32 {
    for _ in 0..1_000 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    1_000
}

#[scout]
async fn stuck_lock(State(shop): Context) -> String {
    let first = shop.stock.lock().await;
    recount_stock(&shop).await;
    first.to_string()
}

/// Takes the lock that its caller holds.
// gallery: stuck-lock
#[scout]
async fn recount_stock(shop: &Shop) {
    *shop.stock.lock().await = 0;
}

#[scout]
async fn slow_outbound(State(shop): Context) -> Result<String, Failure> {
    ask_for_a_loan(&shop).await
}

// gallery: slow-outbound
#[scout]
async fn ask_for_a_loan(shop: &Shop) -> Result<String, Failure> {
    let answer = shop.http.get(format!("{}/slow", shop.back)).send_scouted().await?;
    Ok(answer.text().await?)
}

#[scout]
async fn stuck_outbound(State(shop): Context) -> Result<String, Failure> {
    ask_without_timeout(&shop).await
}

// gallery: stuck-outbound
#[scout]
async fn ask_without_timeout(shop: &Shop) -> Result<String, Failure> {
    let answer = shop.http.get(format!("{}/never", shop.back)).send_scouted().await?;
    Ok(answer.text().await?)
}

#[scout]
async fn held_across_call(State(shop): Context) -> Result<String, Failure> {
    let mut transaction = shop.pool.begin().await?;
    sqlx::query("UPDATE orders SET customer = 'x' WHERE id = 1").execute(&mut *transaction).await?;
    let approved = approve(&shop).await?;
    transaction.commit().await?;
    Ok(approved)
}

// gallery: held-across-call
#[scout]
async fn approve(shop: &Shop) -> Result<String, Failure> {
    let answer = shop.http.get(format!("{}/slow", shop.back)).send_scouted().await?;
    Ok(answer.text().await?)
}
