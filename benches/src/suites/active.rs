//! The list of what is running, and what a running transaction costs in memory.
//!
//! The transactions are suspended, three steps deep, as requests that wait for a database are.
//! Nobody else has this list, so there is no peer; nobody is stopped while it is read.

use std::future::Future;
use std::hint::black_box;
use std::pin::Pin;
use std::task::{Context, Waker};

use scouter_macros::scout;

use crate::clock::measure;
use crate::harness::{Cell, OURS, Row};
use crate::peers;

pub(crate) const ROWS: &[Row] = &[
    Row::new("active_list_1000_us", "us", &[OURS]),
    Row::new("active_list_10000_us", "us", &[OURS]),
    Row::new("idle_transaction_bytes", "bytes", &[OURS]).rounds(1),
];

type Request = Pin<Box<dyn Future<Output = ()>>>;

/// Measures one cell.
pub(crate) fn run(cell: &Cell<'_>) -> Result<f64, String> {
    peers::ours::start_recording();
    match cell.row {
        "active_list_1000_us" => list(cell, 1_000),
        "active_list_10000_us" => list(cell, 10_000),
        "idle_transaction_bytes" => bytes(),
        other => Err(format!("no row `{other}`")),
    }
}

fn list(cell: &Cell<'_>, count: usize) -> Result<f64, String> {
    let requests = in_flight(count);
    let mut listed = Vec::new();
    // The list is kept, as the exporter keeps it: its entries are filled again.
    let nanos = measure(cell.budget, || {
        black_box(scouter_core::live::active(&mut listed, usize::MAX));
    });
    if listed.len() != requests.len() {
        return Err(format!("{} of {} transactions were listed", listed.len(), requests.len()));
    }
    Ok(nanos / 1_000.0)
}

/// What each transaction adds to the memory of the process, the bench's own future taken off.
fn bytes() -> Result<f64, String> {
    const COUNT: usize = 20_000;
    let plain = resident_bytes()?;
    let futures: Vec<Request> = (0..COUNT).map(|_| Box::pin(waiting()) as Request).collect();
    let futures_bytes = resident_bytes()? - plain;
    drop(futures);
    let before = resident_bytes()?;
    let requests = in_flight(COUNT);
    let with_recording = resident_bytes()? - before;
    drop(requests);
    Ok((with_recording - futures_bytes.min(with_recording)) as f64 / COUNT as f64)
}

fn in_flight(count: usize) -> Vec<Request> {
    let mut cx = Context::from_waker(Waker::noop());
    let mut requests: Vec<Request> =
        (0..count).map(|_| Box::pin(peers::ours::in_request(waiting())) as Request).collect();
    for request in &mut requests {
        assert!(request.as_mut().poll(&mut cx).is_pending(), "the request waits");
    }
    requests
}

#[scout(crate = scouter_core)]
async fn waiting() {
    load().await;
}

#[scout(crate = scouter_core)]
async fn load() {
    query().await;
}

#[scout(crate = scouter_core)]
async fn query() {
    std::future::pending::<()>().await;
}

fn resident_bytes() -> Result<u64, String> {
    let status = std::fs::read_to_string("/proc/self/status").map_err(|error| error.to_string())?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes =
        line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok());
    kilobytes
        .map(|kilobytes| kilobytes * 1_024)
        .ok_or_else(|| "no VmRSS in /proc/self/status".into())
}
