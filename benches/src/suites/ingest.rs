//! The collector under the traffic of a fleet of 64 agents, over loopback TCP, every transaction
//! with its profile.
//!
//! The collector is a process of its own. What counts is the CPU time it used until everything was
//! acknowledged, which is after it was durable; frames are encoded before they are sent, 200,000
//! transactions at a time, so that it never waits for the agents and the agents' work is nobody's.
//! Its disk is measured after it was stopped, when everything is sealed: packs are the profiles, all
//! else the XLogs with texts and filters.
//!
//! The yardstick of throughput is a process that receives the same bytes and makes them durable as
//! they are; of disk, the columns as they were sent; of memory, a collector that got nothing. There
//! is no peer here: others would need a database beside them. Figures of others, by their authors,
//! are in `docs/BENCHMARKS.md`.

mod collector;
mod connection;
mod fleet;
mod process;
mod recorder;

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use crate::harness::{Cell, FLOOR, OURS, Row};
use fleet::Fleet;
use process::Process;

const BOTH: &[&str] = &[FLOOR, OURS];

pub(crate) const ROWS: &[Row] = &[
    Row::new("ingest_tx_per_cpu_s", "tx/s", "receive the same bytes, write, fdatasync", BOTH)
        .rounds(3),
    Row::new("disk_bytes_per_xlog", "bytes", "the XLog columns as sent, zstd -1", BOTH).rounds(1),
    Row::new("disk_bytes_per_profile", "bytes", "the profile columns as sent, zstd -1", BOTH)
        .rounds(1),
    Row::new("rss_mb", "MB", "a collector that got no transaction", BOTH).rounds(1),
];

/// Transactions sent: enough for the collector to seal several segments.
const TRANSACTIONS: usize = 2_000_000;
/// What `--small` sends.
const SMALL_TRANSACTIONS: usize = 60_000;
/// Transactions encoded before any of them is sent.
const CHUNK: usize = 200_000;

/// Transactions of one run.
pub(crate) const fn total(is_small: bool) -> usize {
    if is_small { SMALL_TRANSACTIONS } else { TRANSACTIONS }
}

/// Measures one cell; every cell is a whole run.
pub(crate) fn run(cell: &Cell<'_>) -> Result<f64, String> {
    match cell.peer {
        collector::PEER => return collector::serve(Path::new(cell.row)),
        recorder::PEER => return recorder::serve(Path::new(cell.row)),
        _ => {}
    }
    let total = total(super::is_small());
    let load = Load { total, warm_up: total / 10 };
    let folder = std::env::temp_dir().join(format!("scouter-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    let result = match (cell.row, cell.peer) {
        ("rss_mb", FLOOR) => idle_resident_mb(&folder),
        ("ingest_tx_per_cpu_s", FLOOR) => recorded_tx_per_cpu_s(load, &folder),
        (row, FLOOR) => columns_as_sent(row, load),
        (row, _) => collected(row, load, &folder),
    };
    _ = std::fs::remove_dir_all(&folder);
    result
}

/// How many transactions a run has.
#[derive(Clone, Copy)]
struct Load {
    total: usize,
    /// Of them that are not counted: the collector is starting and filling its buffers.
    warm_up: usize,
}

impl Load {
    /// Transactions a CPU second; the warm-up is over `before` and all at `after`.
    fn per_cpu_s(self, before: Duration, after: Duration) -> Result<f64, String> {
        let cpu = after.saturating_sub(before).as_secs_f64();
        if cpu > 0.0 { Ok((self.total - self.warm_up) as f64 / cpu) } else { Err("no CPU".into()) }
    }
}

/// A row of a collector that gets everything.
fn collected(row: &str, load: Load, folder: &Path) -> Result<f64, String> {
    let collector = Process::start(collector::PEER, folder)?;
    let mut fleet = Fleet::new(load.total);
    fleet.connect(collector.address)?;
    send(&mut fleet, load.warm_up)?;
    let before = collector.cpu()?;
    send(&mut fleet, load.total - load.warm_up)?;
    let after = collector.cpu()?;
    let resident = collector.peak_resident_mb()?;
    drop(fleet);
    collector.stop()?;
    let per_transaction = |bytes: u64| bytes as f64 / load.total as f64;
    match row {
        "ingest_tx_per_cpu_s" => load.per_cpu_s(before, after),
        "disk_bytes_per_xlog" => Ok(per_transaction(bytes_of(folder, |is_pack| !is_pack)?)),
        "disk_bytes_per_profile" => Ok(per_transaction(bytes_of(folder, |is_pack| is_pack)?)),
        "rss_mb" => Ok(resident),
        other => Err(format!("no row `{other}`")),
    }
}

/// Sends `count` transactions; returns when all are durable.
fn send(fleet: &mut Fleet, count: usize) -> Result<(), String> {
    let mut left = count;
    while left > 0 {
        let chunk = left.min(CHUNK);
        left -= chunk;
        for (agent, frame) in fleet.encode(chunk, left == 0)? {
            fleet.send(agent, &frame)?;
        }
    }
    fleet.wait_for_acks()
}

/// The same frames, through a process that only keeps them.
fn recorded_tx_per_cpu_s(load: Load, folder: &Path) -> Result<f64, String> {
    let process = Process::start(recorder::PEER, folder)?;
    let mut recorder = recorder::Client::connect(process.address)?;
    let mut fleet = Fleet::new(load.total);
    let mut send = |count: usize| -> Result<Duration, String> {
        let mut left = count;
        while left > 0 {
            let chunk = left.min(CHUNK);
            left -= chunk;
            for (_, frame) in fleet.encode(chunk, left == 0)? {
                recorder.send(&frame)?;
            }
        }
        recorder.wait()?;
        process.cpu_of_one_thread()
    };
    let before = send(load.warm_up)?;
    let after = send(load.total - load.warm_up)?;
    drop(recorder);
    process.stop()?;
    load.per_cpu_s(before, after)
}

/// Bytes of one kind of columns, as the agents send them.
fn columns_as_sent(row: &str, load: Load) -> Result<f64, String> {
    let mut fleet = Fleet::new(load.total);
    let mut left = load.total;
    let (mut xlogs, mut profiles) = (0, 0);
    while left > 0 {
        let chunk = left.min(CHUNK);
        left -= chunk;
        for (_, frame) in fleet.encode(chunk, left == 0)? {
            let (of_xlogs, of_profiles) = fleet::section_bytes(&frame)?;
            xlogs += of_xlogs;
            profiles += of_profiles;
        }
    }
    let bytes = if row == "disk_bytes_per_xlog" { xlogs } else { profiles };
    Ok(bytes as f64 / load.total as f64)
}

fn idle_resident_mb(folder: &Path) -> Result<f64, String> {
    let collector = Process::start(collector::PEER, folder)?;
    let resident = collector.peak_resident_mb()?;
    collector.stop()?;
    Ok(resident)
}

/// Bytes of all files that are, or are not, packs.
fn bytes_of(folder: &Path, wanted: fn(bool) -> bool) -> Result<u64, String> {
    let mut bytes = 0;
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).map_err(|error| error.to_string())? {
            let entry = entry.map_err(|error| error.to_string())?;
            let metadata = entry.metadata().map_err(|error| error.to_string())?;
            if metadata.is_dir() {
                folders.push(entry.path());
            } else if wanted(entry.path().extension().is_some_and(|kind| kind == "pf")) {
                bytes += metadata.len();
            }
        }
    }
    Ok(bytes)
}

/// Where a child that serves says where it listens.
fn announce(address: SocketAddr) -> Result<(), String> {
    use std::io::Write;
    println!("{}{address}", process::ADDRESS_PREFIX);
    std::io::stdout().flush().map_err(|error| error.to_string())
}
