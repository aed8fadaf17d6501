//! The collector under a feed of transactions with ten steps, over loopback TCP.
//!
//! The collector is a process of its own; what counts is the CPU time it used until everything was
//! acknowledged, which is after it was durable. Its disk is measured after it was stopped, when
//! everything is sealed: packs are the profiles, all else the XLogs with texts and filters. There
//! is no peer here: others would need a database beside them. Figures of others, by their authors'
//! and our own measurements, are in `docs/BENCHMARKS.md`.

mod agent;
mod collector;

use std::path::Path;

use crate::clock;
use crate::harness::{Cell, OURS, Row};

pub(crate) const ROWS: &[Row] = &[
    Row::new("ingest_tx_per_cpu_s", "tx/s", &[OURS]).rounds(3),
    Row::new("disk_bytes_per_xlog", "bytes", &[OURS]).rounds(1),
    Row::new("disk_bytes_per_profile", "bytes", &[OURS]).rounds(1),
    Row::new("rss_mb", "MB", &[OURS]).rounds(1),
];

/// Transactions sent: enough for the collector to seal several segments.
const TRANSACTIONS: usize = 2_000_000;
/// Of them that are not counted: the collector is starting and filling its buffers.
const WARM_UP: usize = 200_000;
/// What `--small` sends.
const SMALL_TRANSACTIONS: usize = 60_000;

/// Measures one cell; every cell is a whole run.
pub(crate) fn run(cell: &Cell<'_>) -> Result<f64, String> {
    if cell.peer == collector::PEER {
        return collector::serve(Path::new(cell.row));
    }
    let (total, warm_up) = match super::is_small() {
        true => (SMALL_TRANSACTIONS, SMALL_TRANSACTIONS / 10),
        false => (TRANSACTIONS, WARM_UP),
    };
    let folder = std::env::temp_dir().join(format!("scouter-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    let result = measure(cell.row, &folder, total, warm_up);
    _ = std::fs::remove_dir_all(&folder);
    result
}

fn measure(row: &str, folder: &Path, total: usize, warm_up: usize) -> Result<f64, String> {
    let collector = collector::Process::start(folder)?;
    let mut agent = agent::Agent::connect(collector.address, total)?;
    agent.send(warm_up)?;
    agent.wait_for_acks()?;
    let begin = clock::cpu_of(collector.pid()).ok_or("no CPU time of the collector")?;
    agent.send(total - warm_up)?;
    agent.wait_for_acks()?;
    let end = clock::cpu_of(collector.pid()).ok_or("no CPU time of the collector")?;
    let resident = collector.peak_resident_mb()?;
    collector.stop()?;
    match row {
        "ingest_tx_per_cpu_s" => Ok((total - warm_up) as f64 / (end - begin).as_secs_f64()),
        "disk_bytes_per_xlog" => Ok(bytes_of(folder, |is_pack| !is_pack)? as f64 / total as f64),
        "disk_bytes_per_profile" => Ok(bytes_of(folder, |is_pack| is_pack)? as f64 / total as f64),
        "rss_mb" => Ok(resident),
        other => Err(format!("no row `{other}`")),
    }
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
