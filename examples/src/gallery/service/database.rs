//! Statements that are too slow, too many, or fetch too much.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use scouter::scout;

use super::{Context, Failure, ORDERS, Shop};

pub(super) fn routes() -> Router<Arc<Shop>> {
    Router::new()
        .route("/slow-sql", get(slow_sql))
        .route("/many-rows", get(many_rows))
        .route("/n-plus-one", get(n_plus_one))
        .route("/chatty-writes", get(chatty_writes))
}

#[scout]
async fn slow_sql(State(shop): Context) -> Result<String, Failure> {
    Ok(count_the_hard_way(&shop).await?.to_string())
}

// gallery: slow-sql
#[scout]
async fn count_the_hard_way(shop: &Shop) -> Result<i64, sqlx::Error> {
    let (count,): (i64,) = sqlx::query_as(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9000000) \
         SELECT COUNT(*) FROM n",
    )
    .fetch_one(&shop.pool)
    .await?;
    Ok(count)
}

#[scout]
async fn many_rows(State(shop): Context) -> Result<String, Failure> {
    Ok(load_everything(&shop).await?.to_string())
}

// gallery: many-rows
#[scout]
async fn load_everything(shop: &Shop) -> Result<usize, sqlx::Error> {
    let rows: Vec<(i64,)> = sqlx::query_as(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200000) \
         SELECT CAST(i AS BIGINT) FROM n",
    )
    .fetch_all(&shop.pool)
    .await?;
    Ok(rows.len())
}

#[scout]
async fn n_plus_one(State(shop): Context) -> Result<String, Failure> {
    let ids: Vec<(i64,)> =
        sqlx::query_as("SELECT id FROM orders WHERE id <= 60").fetch_all(&shop.pool).await?;
    let mut customers = Vec::new();
    for (id,) in ids {
        customers.push(customer_of(&shop, id).await?);
    }
    Ok(customers.join(", "))
}

// gallery: n-plus-one
#[scout]
async fn customer_of(shop: &Shop, id: i64) -> Result<String, sqlx::Error> {
    let (customer,): (String,) = sqlx::query_as("SELECT customer FROM orders WHERE id = $1")
        .bind(id)
        .fetch_one(&shop.pool)
        .await?;
    Ok(customer)
}

#[scout]
async fn chatty_writes(State(shop): Context) -> Result<(), Failure> {
    for id in 0..ORDERS / 5 {
        audit(&shop, id).await?;
    }
    Ok(())
}

// gallery: chatty-writes
#[scout]
async fn audit(shop: &Shop, id: i64) -> Result<(), sqlx::Error> {
    sqlx::query("INSERT INTO audit (line) VALUES ($1)")
        .bind(format!("looked at {id}"))
        .execute(&shop.pool)
        .await?;
    Ok(())
}
