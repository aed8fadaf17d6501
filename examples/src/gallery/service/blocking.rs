//! Requests that keep a thread of the runtime.

#![expect(clippy::disallowed_methods, reason = "a service reads the clock as it likes")]

use std::fs::File;
use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::routing::get;
use scouter::scout;

use super::{Failure, Shop};

pub(super) fn routes() -> Router<Arc<Shop>> {
    Router::new()
        .route("/blocking-sleep", get(blocking_sleep))
        .route("/blocking-io", get(blocking_io))
        .route("/cpu-loop", get(cpu_loop))
        .route("/starved-runtime", get(starved_runtime))
        .route("/tiny-calls", get(tiny_calls))
}

// gallery: blocking-sleep
#[scout]
async fn blocking_sleep() {
    std::thread::sleep(Duration::from_millis(600));
}

#[scout]
async fn blocking_io() -> Result<(), Failure> {
    write_all_invoices().await
}

// gallery: blocking-io
#[scout]
async fn write_all_invoices() -> Result<(), Failure> {
    let path = std::env::temp_dir().join(format!("scouter-gallery-{}", std::process::id()));
    let mut file = File::create(&path)?;
    let until = SystemTime::now() + Duration::from_secs(1);
    while SystemTime::now() < until {
        file.write_all(&[b'x'; 4_096])?;
        file.sync_all()?;
    }
    std::fs::remove_file(path)?;
    Ok(())
}

#[scout]
async fn cpu_loop() -> String {
    price_everything().await.to_string()
}

// gallery: cpu-loop
#[scout]
async fn price_everything() -> u64 {
    let until = SystemTime::now() + Duration::from_millis(900);
    let mut sum = 0_u64;
    while SystemTime::now() < until {
        sum = (0..100_000).fold(sum, |sum, n| std::hint::black_box(sum ^ n));
    }
    sum
}

/// One of these keeps a thread; a few of them keep all.
// gallery: starved-runtime
#[scout]
async fn starved_runtime() {
    std::thread::sleep(Duration::from_secs(4));
}

#[scout]
async fn tiny_calls() -> String {
    (0..10_000).map(tax_of).sum::<u64>().to_string()
}

// gallery: tiny-calls
#[scout]
fn tax_of(item: u64) -> u64 {
    item % 19
}
