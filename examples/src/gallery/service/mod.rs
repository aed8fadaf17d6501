//! The service: orders in a database, a bank behind it. Nothing in here was written for a detector.
//!
//! A comment `gallery: NAME` marks the line that the alert about that fault must name.

mod blocking;
mod database;
mod errors;
mod memory;
mod pool;
mod waiting;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use scouter::{SendScouted as _, scout};
use sqlx::AnyPool;
use sqlx::any::AnyPoolOptions;
use tokio::sync::Mutex;

/// Connections of the pool: few, so that a lost one hurts.
const CONNECTIONS: u32 = 4;

/// Orders in the database.
pub(crate) const ORDERS: i64 = 500;

/// The files in which expected lines are marked.
pub(crate) const SOURCES: [(&str, &str); 7] = [
    ("service/mod.rs", include_str!("mod.rs")),
    ("service/blocking.rs", include_str!("blocking.rs")),
    ("service/database.rs", include_str!("database.rs")),
    ("service/errors.rs", include_str!("errors.rs")),
    ("service/memory.rs", include_str!("memory.rs")),
    ("service/pool.rs", include_str!("pool.rs")),
    ("service/waiting.rs", include_str!("waiting.rs")),
];

struct Shop {
    pool: AnyPool,
    http: reqwest::Client,
    /// The bank, `http://host:port`.
    back: String,
    stock: Mutex<u64>,
}

type Context = State<Arc<Shop>>;

/// Why a request failed.
struct Failure(String);

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        (StatusCode::INTERNAL_SERVER_ERROR, self.0).into_response()
    }
}

/// Connects to the database, makes its tables and returns the routes.
pub(crate) async fn router(database: &str, back: &str) -> Result<Router, sqlx::Error> {
    sqlx::any::install_default_drivers();
    let pool = AnyPoolOptions::new().max_connections(CONNECTIONS).connect(database).await?;
    make_tables(&pool).await?;
    let http = reqwest::Client::new();
    let shop = Shop { pool, http, back: back.to_owned(), stock: Mutex::new(0) };
    let routes = Router::new()
        .route("/orders/{id}", get(order))
        .merge(blocking::routes())
        .merge(database::routes())
        .merge(errors::routes())
        .merge(memory::routes())
        .merge(pool::routes())
        .merge(waiting::routes());
    Ok(routes.with_state(Arc::new(shop)))
}

async fn make_tables(pool: &AnyPool) -> Result<(), sqlx::Error> {
    for statement in [
        "DROP TABLE IF EXISTS orders",
        "CREATE TABLE orders (id BIGINT PRIMARY KEY, customer TEXT NOT NULL)",
        "DROP TABLE IF EXISTS audit",
        "CREATE TABLE audit (line TEXT NOT NULL)",
    ] {
        sqlx::query(statement).execute(pool).await?;
    }
    let mut transaction = pool.begin().await?;
    for id in 1..=ORDERS {
        sqlx::query("INSERT INTO orders (id, customer) VALUES ($1, $2)")
            .bind(id)
            .bind(format!("customer-{}", id % 17))
            .execute(&mut *transaction)
            .await?;
    }
    transaction.commit().await
}

/// What healthy customers do all the time.
#[scout]
async fn order(State(shop): Context, Path(id): Path<i64>) -> Result<String, Failure> {
    let (customer,): (String,) = sqlx::query_as("SELECT customer FROM orders WHERE id = $1")
        .bind(id)
        .fetch_one(&shop.pool)
        .await?;
    *shop.stock.lock().await += 1;
    pack(id).await;
    let answer = call(&shop, "/balance").await?;
    Ok(format!("{customer}: {answer}"))
}

#[scout]
async fn pack(order: i64) {
    tokio::time::sleep(Duration::from_millis(u64::try_from(order % 15).unwrap_or(0))).await;
}

// gallery: slow-back
#[scout]
async fn call(shop: &Shop, path: &str) -> Result<String, reqwest::Error> {
    let answer = shop.http.get(format!("{}{path}", shop.back)).send_scouted().await?;
    answer.error_for_status()?.text().await
}
