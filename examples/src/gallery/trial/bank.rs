//! The bank behind the service: somebody else's, without an agent.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::time::sleep;

/// How long `/slow` takes.
const SLOW: Duration = Duration::from_secs(5);

/// How long `/balance` takes in a bank that is tired.
const TIRED: Duration = Duration::from_millis(1_800);

pub(super) struct Bank {
    pub(super) address: SocketAddr,
    is_tired: Arc<AtomicBool>,
}

impl Bank {
    /// Opens one at a free port of loopback; it stays open until the end of the process.
    pub(super) async fn open() -> std::io::Result<Self> {
        let is_tired = Arc::new(AtomicBool::new(false));
        let tired = Arc::clone(&is_tired);
        let balance = move || {
            let pause = if tired.load(Ordering::Relaxed) { TIRED } else { Duration::ZERO };
            async move {
                sleep(pause).await;
                "7"
            }
        };
        let routes = Router::new()
            .route("/balance", get(balance))
            .route("/slow", get(async || sleep(SLOW).await))
            .route("/never", get(std::future::pending::<()>))
            .route("/broken", get(async || StatusCode::SERVICE_UNAVAILABLE));
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Ok(Self { address, is_tired })
    }

    pub(super) fn tire(&self) {
        self.is_tired.store(true, Ordering::Relaxed);
    }
}
