//! A connection that outlives its request and is not used is told with the line that took it.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use axum::routing::get;
use serde_json::Value;
use sqlx::pool::PoolConnection;
use sqlx::sqlite::{SqlitePool, SqlitePoolOptions};
use sqlx::{Executor as _, Sqlite};
use tokio::sync::Mutex;
use tower::ServiceExt as _;

use crate::watched::Watched;

/// Between two statements of the task that keeps its connection for a reason.
const WORK: Duration = Duration::from_millis(200);

struct Shop {
    pool: SqlitePool,
    forgotten: Mutex<Vec<PoolConnection<Sqlite>>>,
}

async fn forget(State(shop): State<Arc<Shop>>) {
    let mut connection = shop.pool.acquire().await.expect("a connection");
    connection.execute("SELECT 4711").await.expect("it works");
    shop.forgotten.lock().await.push(connection);
}

async fn hand_over(State(shop): State<Arc<Shop>>) {
    let mut connection = shop.pool.acquire().await.expect("a connection");
    tokio::spawn(async move {
        while connection.execute("SELECT 1").await.is_ok() {
            tokio::time::sleep(WORK).await;
        }
    });
}

#[test]
fn a_forgotten_connection_is_told_with_its_line_and_one_in_use_is_not() {
    let watched = Watched::start();
    watched.run(async {
        let pool = SqlitePoolOptions::new().max_connections(3).connect("sqlite::memory:").await;
        let shop = Arc::new(Shop { pool: pool.expect("SQLite"), forgotten: Mutex::default() });
        let app = Router::new().route("/forget", get(forget)).route("/hand-over", get(hand_over));
        let app = scouter::wrap(app.with_state(shop.clone()));
        for path in ["/hand-over", "/forget"] {
            let request = Request::get(path).body(Body::empty()).expect("a request");
            let answer = app.clone().oneshot(request).await.expect("never fails");
            assert!(answer.status().is_success());
        }

        let leaks = watched.until(|| leaks(watched)).await;
        assert_eq!(leaks.len(), 1, "{leaks:#?}");
        let leak = &leaks[0];
        let line = include_str!("leaks.rs")
            .lines()
            .position(|line| line.contains("shop.pool.acquire()"))
            .map_or(0, |index| index + 1);
        let place = leak["place"].as_str().unwrap_or_default();
        assert!(place.ends_with(&format!("leaks.rs:{line}")), "{leak:#}");
        assert_eq!(leak["service"], "GET /forget", "{leak:#}");
        assert!(leak["message"].as_str().is_some_and(|text| text.contains("SELECT ?")), "{leak:#}");
        assert!(leak["gxid"].is_string() && leak["txid"].is_string(), "{leak:#}");
        shop.forgotten.lock().await.clear();
    });
}

/// The leaks that were told, once there are any.
async fn leaks(watched: &Watched) -> Option<Vec<Value>> {
    let alerts =
        watched.get("/api/v1/alerts?from_unix_us=0&to_unix_us=4000000000000000&limit=1000").await?;
    let leaks: Vec<Value> = alerts["alerts"]
        .as_array()?
        .iter()
        .filter(|alert| alert["kind"] == "connection_leak")
        .cloned()
        .collect();
    (!leaks.is_empty()).then_some(leaks)
}
