//! The list of what is running, and what a running transaction costs in memory.
//!
//! The transactions are suspended, three steps deep, as requests that wait for a database are.
//! Nobody else has this list, so there is no peer; nobody is stopped while it is read.

use std::future::Future;
use std::hint::black_box;
use std::pin::Pin;
use std::task::{Context, Waker};

use scouter_macros::scout;

use scouter_wire::record::{ActiveStep, ActiveTransaction};

use crate::clock::measure;
use crate::harness::{Cell, FLOOR, NONE, OURS, Row, Shows};
use crate::peers;

const COPY: &str = "memcpy of as many bytes as the list has";

pub(crate) const ROWS: &[Row] = &[
    Row::new("active_list_1000_us", "us", COPY, &[FLOOR, OURS]),
    Row::new("active_list_10000_us", "us", COPY, &[FLOOR, OURS]),
    Row::new("idle_transaction_bytes", "bytes", "the future itself, boxed", &[NONE, OURS])
        .shows(Shows::Net)
        .rounds(1),
];

type Request = Pin<Box<dyn Future<Output = ()>>>;

/// Measures one cell.
pub(crate) fn run(cell: &Cell<'_>) -> Result<f64, String> {
    peers::ours::start_recording();
    match cell.row {
        "active_list_1000_us" => list(cell, 1_000),
        "active_list_10000_us" => list(cell, 10_000),
        "idle_transaction_bytes" => bytes(cell),
        other => Err(format!("no row `{other}`")),
    }
}

fn list(cell: &Cell<'_>, count: usize) -> Result<f64, String> {
    let requests = in_flight(count);
    let mut listed = Vec::new();
    scouter_core::live::active(&mut listed, usize::MAX);
    if listed.len() != requests.len() {
        return Err(format!("{} of {} transactions were listed", listed.len(), requests.len()));
    }
    let nanos = if cell.peer == FLOOR {
        let bytes = vec![0x5c_u8; listed.iter().map(bytes_of).sum()];
        let mut copy = vec![0; bytes.len()];
        measure(cell.budget, || black_box(&mut copy).copy_from_slice(black_box(&bytes)))
    } else {
        // The list is kept, as the exporter keeps it: its entries are filled again.
        measure(cell.budget, || {
            black_box(scouter_core::live::active(&mut listed, usize::MAX));
        })
    };
    Ok(nanos / 1_000.0)
}

/// Bytes of one entry with all it owns.
fn bytes_of(entry: &ActiveTransaction) -> usize {
    let names: usize = entry.stack.iter().map(|step| step.name.len()).sum();
    size_of::<ActiveTransaction>()
        + entry.service.len()
        + entry.tenant.len()
        + entry.login.len()
        + entry.stack.len() * size_of::<ActiveStep>()
        + names
}

/// What each request in flight adds to the memory of the process, with its boxed future.
fn bytes(cell: &Cell<'_>) -> Result<f64, String> {
    const COUNT: usize = 20_000;
    let before = resident_bytes()?;
    let (held, is_recorded) = match cell.peer {
        NONE => ((0..COUNT).map(|_| suspended(waiting())).collect(), false),
        _ => (in_flight(COUNT), true),
    };
    let after = resident_bytes()?;
    let active = scouter_core::live::active_count();
    if active != if is_recorded { held.len() } else { 0 } {
        return Err(format!("{active} of {} transactions were recorded", held.len()));
    }
    Ok(after.saturating_sub(before) as f64 / held.len() as f64)
}

fn in_flight(count: usize) -> Vec<Request> {
    (0..count).map(|_| suspended(peers::ours::in_request(waiting()))).collect()
}

/// A request after its first poll.
fn suspended(future: impl Future<Output = ()> + 'static) -> Request {
    let mut request: Request = Box::pin(future);
    let mut cx = Context::from_waker(Waker::noop());
    assert!(request.as_mut().poll(&mut cx).is_pending(), "the request waits");
    request
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
