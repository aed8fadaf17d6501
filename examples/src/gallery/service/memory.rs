//! Requests that take memory and keep it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use scouter::scout;

use super::Shop;

static SESSIONS: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());

pub(super) fn routes() -> Router<Arc<Shop>> {
    Router::new()
        .route("/memory-growth", get(memory_growth))
        .route("/huge-allocation", get(huge_allocation))
}

#[scout]
async fn memory_growth() {
    remember_session().await;
}

/// Nobody ever takes one out.
// gallery: memory-growth
#[scout]
async fn remember_session() {
    tokio::time::sleep(Duration::from_millis(5)).await;
    if let Ok(mut sessions) = SESSIONS.lock() {
        sessions.push(vec![1; 256 * 1_024]);
    }
}

#[scout]
async fn huge_allocation() -> String {
    render_export().await.len().to_string()
}

// gallery: huge-allocation
#[scout]
async fn render_export() -> Vec<u8> {
    vec![b' '; 200 * 1_024 * 1_024]
}
