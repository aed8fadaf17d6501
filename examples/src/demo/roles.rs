//! The four processes. A service prints `ready ADDRESS` once it listens, and ends gracefully when
//! its standard input closes, so that none outlives the demo however that ends.

use std::net::SocketAddr;
use std::path::PathBuf;

use axum::Router;
use axum::serve::ListenerExt as _;
use scouter_collector::Collector;
use scouter_examples::shop;
use tokio::io::{AsyncReadExt as _, stdin};
use tokio::net::TcpListener;

use crate::AnyError;

pub(crate) async fn front(listen: SocketAddr, orders: SocketAddr) -> Result<(), AnyError> {
    let _scouter = scouter::init("front")?;
    serve(listen, scouter::wrap(shop::front::router(&orders.to_string()))).await
}

pub(crate) async fn orders(
    listen: SocketAddr,
    database: &str,
    billing: SocketAddr,
) -> Result<(), AnyError> {
    let _scouter = scouter::init("orders")?;
    let router = shop::orders::router(database, &billing.to_string()).await?;
    serve(listen, scouter::wrap(router)).await
}

pub(crate) async fn billing(listen: SocketAddr, database: &str) -> Result<(), AnyError> {
    let _scouter = scouter::init("billing")?;
    serve(listen, scouter::wrap(shop::billing::router(database).await?)).await
}

pub(crate) async fn collector(
    agents: SocketAddr,
    http: SocketAddr,
    data: PathBuf,
) -> Result<(), AnyError> {
    let running = Collector::builder().data(data).agents(agents).http(http).start().await?;
    announce(format_args!("ready {} {}", running.http_addr(), running.agent_addr()));
    parent_gone().await;
    running.shutdown().await?;
    Ok(())
}

async fn serve(listen: SocketAddr, app: Router) -> Result<(), AnyError> {
    let listener = TcpListener::bind(listen).await?;
    announce(format_args!("ready {}", listener.local_addr()?));
    // Answers are small: waiting to fill a packet would add 40 ms to some.
    let listener = listener.tap_io(|connection| {
        let _ = connection.set_nodelay(true);
    });
    axum::serve(listener, app).with_graceful_shutdown(parent_gone()).await?;
    Ok(())
}

/// Resolves when standard input is closed.
async fn parent_gone() {
    let mut ignored = [0; 64];
    while let Ok(1..) = stdin().read(&mut ignored).await {}
}

#[expect(clippy::print_stdout, reason = "the line the parent process waits for")]
fn announce(line: std::fmt::Arguments<'_>) {
    println!("{line}");
}
