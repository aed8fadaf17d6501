//! An ordinary application: what `app-scouter` is compared with.

use axum::Router;
use axum::routing::get;
use sqlx::sqlite::SqlitePool;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let pool = SqlitePool::connect("sqlite::memory:").await?;
    let app = Router::new().route("/", get(|| async { "hello" })).with_state(pool);
    axum::serve(tokio::net::TcpListener::bind("127.0.0.1:0").await?, app).await?;
    Ok(())
}
