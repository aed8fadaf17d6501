//! Connections and database transactions that do not come back.

#![expect(clippy::mem_forget, reason = "a service with mistakes, made on purpose")]

use std::mem;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use scouter::scout;
use sqlx::Any;
use sqlx::pool::PoolConnection;

use super::{Context, Failure, Shop};

static CACHE: Mutex<Vec<PoolConnection<Any>>> = Mutex::new(Vec::new());

pub(super) fn routes() -> Router<Arc<Shop>> {
    Router::new()
        .route("/forgotten-connection", get(forgotten_connection))
        .route("/stored-connection", get(stored_connection))
        .route("/uncommitted", get(uncommitted))
        .route("/pool-exhausted", get(pool_exhausted))
}

#[scout]
async fn forgotten_connection(State(shop): Context) -> Result<(), Failure> {
    let connection = shop.pool.acquire().await?; // gallery: forgotten-connection
    mem::forget(connection);
    Ok(())
}

#[scout]
async fn stored_connection(State(shop): Context) -> Result<(), Failure> {
    let mut connection = shop.pool.acquire().await?; // gallery: stored-connection
    sqlx::query("SELECT 1").execute(&mut *connection).await?;
    if let Ok(mut cache) = CACHE.lock() {
        cache.push(connection);
    }
    Ok(())
}

#[scout]
async fn uncommitted(State(shop): Context) -> Result<(), Failure> {
    let mut transaction = shop.pool.begin().await?; // gallery: uncommitted
    sqlx::query("UPDATE orders SET customer = 'y' WHERE id = 2").execute(&mut *transaction).await?;
    mem::forget(transaction);
    Ok(())
}

/// Each of these keeps one connection while it takes another.
// gallery: pool-exhausted
#[scout]
async fn pool_exhausted(State(shop): Context) -> Result<(), Failure> {
    let first = shop.pool.acquire().await?;
    tokio::time::sleep(Duration::from_millis(200)).await;
    let second = shop.pool.acquire().await?;
    drop((first, second));
    Ok(())
}
