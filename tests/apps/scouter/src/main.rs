//! The same application as `app-plain`, with Scouter.

use axum::Router;
use axum::routing::get;
use sqlx::sqlite::SqlitePool;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let _scouter = scouter::init("app")?;
    let pool = SqlitePool::connect("sqlite::memory:").await?;
    let app = Router::new().route("/", get(|| async { "hello" })).with_state(pool);
    let app = scouter::wrap(app);
    axum::serve(tokio::net::TcpListener::bind("127.0.0.1:0").await?, app).await?;
    Ok(())
}
