//! The README's example: a service with a database, every request and statement of it recorded.
//!
//! ```text
//! cargo run -p scouter-collector                          # the picture: http://127.0.0.1:6180
//! cargo run -p scouter-examples --example axum_sqlx
//! curl http://127.0.0.1:3000/orders/7
//! ```
//!
//! `init`, `wrap` and the renamed `sqlx` in Cargo.toml make it visible; `#[scout]` looks closer at
//! one function. Without a collector the service works all the same.

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::get;
use sqlx::sqlite::{SqlitePool, SqlitePoolOptions};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let _scouter = scouter::init("orders")?;
    let app = Router::new().route("/orders/{id}", get(order)).with_state(open_shop().await?);
    let app = scouter::wrap(app);

    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    axum::serve(listener, app)
        .with_graceful_shutdown(async { drop(tokio::signal::ctrl_c().await) })
        .await?;
    Ok(())
}

async fn order(State(shop): State<SqlitePool>, Path(id): Path<i64>) -> Result<String, StatusCode> {
    match load_order(&shop, id).await {
        Ok(Some(item)) => Ok(item),
        Ok(None) => Err(StatusCode::NOT_FOUND),
        Err(_) => Err(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

#[scouter::scout(args(id), err)]
async fn load_order(shop: &SqlitePool, id: i64) -> Result<Option<String>, sqlx::Error> {
    sqlx::query_scalar("SELECT item FROM orders WHERE id = ?").bind(id).fetch_optional(shop).await
}

async fn open_shop() -> Result<SqlitePool, sqlx::Error> {
    // One connection that is never closed: the database in memory lives as long as it does.
    let options = SqlitePoolOptions::new().max_connections(1).idle_timeout(None).max_lifetime(None);
    let shop = options.connect("sqlite::memory:").await?;
    sqlx::query("CREATE TABLE orders (id INTEGER PRIMARY KEY, item TEXT)").execute(&shop).await?;
    sqlx::query("INSERT INTO orders VALUES (7, 'seven pencils')").execute(&shop).await?;
    Ok(shop)
}
