//! Keeps the orders. Its report makes one query per order, and its `/leak` forgets a connection.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, Query, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use scouter::{SendScouted as _, scout};
use serde::{Deserialize, Serialize};
use sqlx::any::AnyRow;
use sqlx::pool::PoolConnection;
use sqlx::{Any, AnyPool, Row as _};
use tokio::sync::Mutex;

use super::{Answer, Failure, database};

/// Connections `/leak` forgets at the most, so that the shop stays open.
const MAX_FORGOTTEN: usize = 2;

struct Orders {
    pool: AnyPool,
    http: reqwest::Client,
    billing: String,
    forgotten: Mutex<Vec<PoolConnection<Any>>>,
}

#[derive(Serialize)]
struct Line {
    sku: String,
    quantity: i64,
    cents: i64,
}

/// Connects to the database at `url` and returns the routes; `billing` is the neighbour's address.
///
/// # Errors
/// When the database cannot be reached or its tables cannot be made.
pub async fn router(url: &str, billing: &str) -> Result<Router, sqlx::Error> {
    let pool = database::connect(url).await?;
    database::make_orders(&pool).await?;
    let orders = Orders {
        pool,
        http: super::http_client(),
        billing: format!("http://{billing}"),
        forgotten: Mutex::new(Vec::new()),
    };
    Ok(Router::new()
        .route("/orders/{id}", get(order))
        .route("/orders", post(place))
        .route("/search", get(search))
        .route("/report/{tenant}", get(report))
        .route("/leak", get(leak))
        .with_state(Arc::new(orders)))
}

async fn order(State(orders): State<Arc<Orders>>, Path(id): Path<i64>) -> Answer<Json<Vec<Line>>> {
    let known = sqlx::query("SELECT customer, state FROM orders WHERE id = $1")
        .bind(id)
        .fetch_one(&orders.pool)
        .await?;
    scouter::current::tag("customer", known.try_get("customer")?);
    Ok(Json(lines_of(&orders.pool, id).await?))
}

#[scout(args(id), err)]
async fn lines_of(pool: &AnyPool, id: i64) -> Result<Vec<Line>, sqlx::Error> {
    let rows = sqlx::query("SELECT sku, quantity, cents FROM items WHERE order_id = $1")
        .bind(id)
        .fetch_all(pool)
        .await?;
    rows.iter().map(line).collect()
}

fn line(row: &AnyRow) -> Result<Line, sqlx::Error> {
    Ok(Line {
        sku: row.try_get("sku")?,
        quantity: row.try_get("quantity")?,
        cents: row.try_get("cents")?,
    })
}

#[derive(Deserialize)]
struct Basket {
    lines: i64,
    cents: i64,
}

/// One database transaction around the order, then the charge.
async fn place(State(orders): State<Arc<Orders>>, Json(basket): Json<Basket>) -> Answer<String> {
    let id = insert_order(&orders.pool, &basket).await?;
    let charge = serde_json::json!({ "order": id, "cents": basket.cents });
    let call = orders.http.post(format!("{}/charges", orders.billing)).json(&charge);
    let answer = call.send_scouted().await?;
    if !answer.status().is_success() {
        return Err(Failure::of_peer("billing", answer.status()));
    }
    Ok(format!("order {id}"))
}

#[scout(err)]
async fn insert_order(pool: &AnyPool, basket: &Basket) -> Result<i64, sqlx::Error> {
    let id = fastrand::i64(1_000_000..i64::MAX);
    let mut placing = pool.begin().await?;
    sqlx::query("INSERT INTO orders (id, tenant, customer, state) VALUES ($1, $2, $3, 'new')")
        .bind(id)
        .bind(scouter::current::tenant_string())
        .bind("customer-0")
        .execute(&mut *placing)
        .await?;
    for line in 0..basket.lines {
        sqlx::query("INSERT INTO items (order_id, sku, quantity, cents) VALUES ($1, $2, $3, $4)")
            .bind(id)
            .bind(format!("sku-{line}"))
            .bind(1_i64)
            .bind(basket.cents / basket.lines.max(1))
            .execute(&mut *placing)
            .await?;
    }
    placing.commit().await?;
    Ok(id)
}

#[derive(Deserialize)]
struct Search {
    q: String,
}

/// Reads every item, and now and then takes long.
async fn search(State(orders): State<Arc<Orders>>, Query(search): Query<Search>) -> Answer<String> {
    let rows = sqlx::query("SELECT sku, quantity, cents FROM items WHERE sku LIKE $1 LIMIT 500")
        .bind(format!("%{}%", search.q))
        .fetch_all(&orders.pool)
        .await?;
    if fastrand::u8(..) < 20 {
        rank(rows.len()).await;
    }
    Ok(format!("{} items", rows.len()))
}

#[scout(args(rows))]
async fn rank(rows: usize) {
    let pause = Duration::from_millis(300 + u64::try_from(rows).unwrap_or(0));
    tokio::time::sleep(pause).await;
}

/// One query for the orders, then one for each: the classic.
async fn report(State(orders): State<Arc<Orders>>, Path(tenant): Path<String>) -> Answer<String> {
    let ids = sqlx::query("SELECT id FROM orders WHERE tenant = $1 ORDER BY id LIMIT 40")
        .bind(&tenant)
        .fetch_all(&orders.pool)
        .await?;
    let mut cents = 0;
    for row in &ids {
        for line in lines_of(&orders.pool, row.try_get("id")?).await? {
            cents += line.quantity * line.cents;
        }
    }
    Ok(format!("{tenant}: {} orders, {cents} cents", ids.len()))
}

/// Takes a connection and never gives it back; an alert names this line.
async fn leak(State(orders): State<Arc<Orders>>) -> Answer<&'static str> {
    let mut forgotten = orders.forgotten.lock().await;
    if forgotten.len() < MAX_FORGOTTEN {
        let connection = orders.pool.acquire().await?;
        forgotten.push(connection);
    }
    Ok("forgot to give a connection back")
}
