//! The bank behind the service: somebody else's, without an agent.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::time::sleep;

/// How long `/slow` takes.
const SLOW: Duration = Duration::from_secs(5);

/// By how much each answer of `/tired` takes longer than the one before, up to the limit.
const TIRING: (u64, u64) = (40, 1_500);

/// Opens the bank at a free port of loopback; it stays open until the end of the process.
pub(super) async fn open() -> std::io::Result<SocketAddr> {
    let asked = Arc::new(AtomicU64::new(0));
    let tired = move || {
        let ms = (asked.fetch_add(1, Ordering::Relaxed) * TIRING.0).min(TIRING.1);
        async move { sleep(Duration::from_millis(ms)).await }
    };
    let routes = Router::new()
        .route("/balance", get(async || "7"))
        .route("/slow", get(async || sleep(SLOW).await))
        .route("/never", get(std::future::pending::<()>))
        .route("/broken", get(async || StatusCode::SERVICE_UNAVAILABLE))
        .route("/tired", get(tired));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, routes).await });
    Ok(address)
}
