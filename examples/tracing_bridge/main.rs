//! A service that is instrumented with tracing already: its spans become steps, its events
//! messages, and its log lines carry the ids of the transaction.
//!
//! ```text
//! cargo run -p scouter-examples --example tracing_bridge
//! ```

use std::io::Write;
use std::time::Duration;

use scouter::exporter::{Agent, Memory};
use scouter::scout;
use scouter::tracing::{Bridge, WithIds};
use tracing::{error, info, instrument};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::prelude::*;

/// Scouter's own macro goes beside those of tracing.
#[scout(service, name = "POST /orders")]
async fn place_order(order: u64) {
    info!("order {order} comes in");
    if let Err(error) = pay(order).await {
        error!(error, "the order is refused");
    }
}

#[instrument]
async fn pay(order: u64) -> Result<(), &'static str> {
    tokio::time::sleep(Duration::from_millis(2)).await;
    check(order)
}

// Its argument is not recorded before somebody switches that on, in the page or here:
// `Bridge::new().with_fields()`.
#[instrument]
fn check(order: u64) -> Result<(), &'static str> {
    if order == 13 { Err("card declined") } else { Ok(()) }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let log = tracing_subscriber::fmt::layer()
        .with_ansi(false)
        .without_time()
        .map_event_format(WithIds::text)
        .with_filter(LevelFilter::INFO);
    tracing_subscriber::registry().with(log).with(Bridge::new()).init();

    // `scouter::init("orders")?` sends to a collector; here the records are shown instead.
    let records = Memory::new();
    let scouter = Agent::builder("orders").without_collector().sink(records.clone()).start()?;
    info!("not in a transaction, so without ids");
    place_order(7).await;
    place_order(13).await;

    scouter.flush(Duration::from_secs(5));
    let mut out = std::io::stdout().lock();
    for (txid, tree) in &records.content().profiles {
        write!(out, "\n{txid}\n{tree}")?;
    }
    Ok(())
}
