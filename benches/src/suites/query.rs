//! Questions to a store of ten million sealed transactions of a day, as the page asks them.
//!
//! The store is generated once for the run of the suite. What counts is the CPU time of this
//! process: a collector answers from several threads, and the page cache is warm, as it is while
//! somebody looks around; look-ups by id are counted one by one and show their 99th percentile.
//!
//! The yardstick of a scan is the sum over a column of numbers of as many rows in memory, the least
//! that any answer must touch; of a look-up, a read of 4 KiB at a random place of the packs; of a
//! recovery, reading the bytes of the log.

use std::collections::HashSet;
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use scouter_collector::generate::{Plan, fill};
use scouter_collector::store::local::{LocalStore, StoreConfig};
use scouter_collector::store::{
    AxisKind, Bounds, Filter, GridShape, Measure, PageRequest, Row as Found, Store, TimeRange,
    quantise,
};

use crate::clock;
use crate::harness::{Cell, FLOOR, OURS, Row};
use crate::traffic::SEED;

const BOTH: &[&str] = &[FLOOR, OURS];

pub(crate) const ROWS: &[Row] = &[
    Row::new("scatter_1m_ms", "ms", "add up a column of 1 M numbers", BOTH).rounds(3),
    Row::new("grid_10m_ms", "ms", "add up a column of 10 M numbers", BOTH).rounds(3),
    Row::new("p99_by_service_10m_ms", "ms", "add up a column of 10 M numbers", BOTH).rounds(3),
    Row::new("p99_by_service_10m_rollup_ms", "ms", "add up a column of 10 M numbers", BOTH)
        .rounds(3),
    Row::new("profile_by_id_10m_p99_ms", "ms", "read 4 KiB of a pack", BOTH).rounds(3),
    Row::new("trace_by_gxid_10m_p99_ms", "ms", "read 4 KiB of a pack", BOTH).rounds(3),
    Row::new("recovery_1m_ms", "ms", "read the bytes of the log", BOTH).rounds(3),
];

/// Transactions of the store, and of those the ones that are drawn and recovered.
const SIZE: (u64, u64) = (10_000_000, 1_000_000);
/// With `--small`.
const SMALL_SIZE: (u64, u64) = (60_000, 20_000);
/// Over how long they are spread.
const SPAN: Duration = Duration::from_secs(86_400);
/// Look-ups of one cell.
const LOOK_UPS: usize = 500;

/// Measures one cell.
pub(crate) fn run(cell: &Cell<'_>) -> Result<f64, String> {
    let (all, some) = if super::is_small() { SMALL_SIZE } else { SIZE };
    let is_floor = cell.peer == FLOOR;
    match cell.row {
        "scatter_1m_ms" if is_floor => Ok(sum_of(some)),
        "grid_10m_ms" | "p99_by_service_10m_ms" | "p99_by_service_10m_rollup_ms" if is_floor => {
            Ok(sum_of(all))
        }
        "recovery_1m_ms" => recovery(some, is_floor),
        row => {
            let (folder, end_unix_us) = filled(all)?;
            if is_floor {
                return read_packs(&folder);
            }
            let mut config = config(&folder);
            config.uses_rollups = row != "p99_by_service_10m_ms";
            let store = LocalStore::open(config).map_err(text)?;
            let answer = answer(&store, row, some as f64 / all as f64, end_unix_us);
            store.close().map_err(text)?;
            answer
        }
    }
}

/// Takes away what the suite has generated.
pub(crate) fn clean() {
    _ = std::fs::remove_dir_all(folder_of(std::process::id()));
}

fn answer(store: &LocalStore, row: &str, share: f64, end_unix_us: i64) -> Result<f64, String> {
    let part = SPAN.mul_f64(share);
    let from_unix_us = end_unix_us - i64::try_from(part.as_micros()).unwrap_or(i64::MAX);
    let range = TimeRange { from_unix_us, to_unix_us: end_unix_us };
    let filter = Filter::ALL;
    match row {
        "scatter_1m_ms" => least_ms(|| {
            let points = store.points(range, Measure::Elapsed, &filter, 4_000_000);
            points.map(|_| ()).map_err(text)
        }),
        "grid_10m_ms" => {
            least_ms(|| store.grid(&shape(end_unix_us), &filter).map(|_| ()).map_err(text))
        }
        "p99_by_service_10m_ms" | "p99_by_service_10m_rollup_ms" => {
            least_ms(|| store.services(TimeRange::ALL, &filter).map(|_| ()).map_err(text))
        }
        "profile_by_id_10m_p99_ms" => p99_ms(sample(store, end_unix_us)?, |row| {
            let found = store.transaction(row.txid, None).map_err(text)?;
            let found = found.first().ok_or("a transaction is missing")?;
            let mut steps = 0_u32;
            store.profile(found, &mut |_, _| steps += 1).map_err(text)?;
            if steps > 0 { Ok(()) } else { Err("a profile without steps".into()) }
        }),
        "trace_by_gxid_10m_p99_ms" => p99_ms(sample(store, end_unix_us)?, |row| {
            let found = store.trace(row.gxid).map_err(text)?;
            if found.is_empty() { Err("a trace is missing".into()) } else { Ok(()) }
        }),
        other => Err(format!("no row `{other}`")),
    }
}

/// The whole day on a large screen.
fn shape(end_unix_us: i64) -> GridShape {
    let column_ms = 60_000;
    let end_ms = quantise::time_ms(end_unix_us);
    let columns = u32::try_from(SPAN.as_millis() / u128::from(column_ms)).unwrap_or(1_440) + 2;
    GridShape {
        column_ms,
        first_column: end_ms / i64::from(column_ms) - i64::from(columns) + 2,
        columns,
        rows: 700,
        measure: Measure::Elapsed,
        axis: AxisKind::Log,
        low: quantise::elapsed(100),
        high: quantise::elapsed(10_000_000),
    }
}

/// Rows all over the day.
fn sample(store: &LocalStore, end_unix_us: i64) -> Result<Vec<Found>, String> {
    let mut rows = Vec::new();
    let piece = i64::try_from(SPAN.as_micros()).unwrap_or(i64::MAX) / LOOK_UPS as i64;
    for index in 0..LOOK_UPS as i64 {
        let from_unix_us = end_unix_us - (index + 1) * piece;
        let range = TimeRange { from_unix_us, to_unix_us: from_unix_us + piece };
        let page = PageRequest { limit: 1, after: None };
        let page = store.rows(&Bounds::time(range), &Filter::ALL, &page).map_err(text)?;
        rows.extend(page.rows);
    }
    let distinct: HashSet<_> = rows.iter().map(|row| row.txid).collect();
    if distinct.len() < LOOK_UPS / 2 {
        return Err(format!("only {} transactions to look up", distinct.len()));
    }
    Ok(rows)
}

/// How often a question is asked; the least CPU time counts, as the machine is shared.
const TIMES: usize = 5;

fn least_ms(mut ask: impl FnMut() -> Result<(), String>) -> Result<f64, String> {
    ask()?;
    let mut least = f64::INFINITY;
    for _ in 0..TIMES {
        let before = clock::own_cpu();
        ask()?;
        least = least.min((clock::own_cpu() - before).as_secs_f64() * 1e3);
    }
    Ok(least)
}

fn p99_ms(
    rows: Vec<Found>,
    mut look_up: impl FnMut(&Found) -> Result<(), String>,
) -> Result<f64, String> {
    for row in &rows {
        look_up(row)?;
    }
    let mut times = Vec::new();
    for row in &rows {
        let before = clock::own_cpu();
        look_up(row)?;
        times.push((clock::own_cpu() - before).as_secs_f64() * 1e3);
    }
    Ok(p99(&mut times))
}

fn p99(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len().saturating_sub(1) * 99 / 100).copied().unwrap_or(f64::NAN)
}

fn sum_of(count: u64) -> f64 {
    let numbers: Vec<u32> = (0..u32::try_from(count).unwrap_or(u32::MAX)).collect();
    let sum = || -> Result<(), String> {
        let numbers = std::hint::black_box(&numbers);
        std::hint::black_box(numbers.iter().map(|number| u64::from(*number)).sum::<u64>());
        Ok(())
    };
    least_ms(sum).unwrap_or(f64::NAN)
}

/// The 99th percentile of reading a page at a random place of the profiles.
fn read_packs(folder: &Path) -> Result<f64, String> {
    let packs = files_of(folder, "pf")?;
    let mut page = [0; 4_096];
    let mut times = Vec::new();
    let mut random = SEED;
    for _ in 0..LOOK_UPS {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let at = usize::try_from(random >> 33).unwrap_or(0);
        let path = packs.get(at % packs.len().max(1)).ok_or("there are no packs")?;
        let file = File::open(path).map_err(text)?;
        let bytes = file.metadata().map_err(text)?.len();
        let offset = (random >> 20) % bytes.saturating_sub(4_096).max(1);
        let before = clock::own_cpu();
        let _ = file.read_at(&mut page, offset).map_err(text)?;
        times.push((clock::own_cpu() - before).as_secs_f64() * 1e3);
    }
    Ok(p99(&mut times))
}

/// Opens a store whose transactions are all in the log.
fn recovery(transactions: u64, is_floor: bool) -> Result<f64, String> {
    let folder = std::env::temp_dir().join(format!("scouter-bench-log-{}", std::process::id()));
    _ = std::fs::remove_dir_all(&folder);
    let result = recover(&folder, transactions, is_floor);
    _ = std::fs::remove_dir_all(&folder);
    result
}

fn recover(folder: &Path, transactions: u64, is_floor: bool) -> Result<f64, String> {
    let plan = Plan {
        transactions,
        seed: SEED,
        end_unix_us: clock::unix_us(),
        span: Duration::from_secs(3_600),
    };
    let mut unsealed = config(folder);
    unsealed.seal_rows = usize::MAX;
    scouter_collector::generate::fill_unsealed(unsealed, &plan).map_err(text)?;
    let before = clock::own_cpu();
    if is_floor {
        for path in files_of(folder, "wal")? {
            std::hint::black_box(std::fs::read(path).map_err(text)?);
        }
        return Ok((clock::own_cpu() - before).as_secs_f64() * 1e3);
    }
    let mut again = config(folder);
    again.seal_rows = usize::MAX;
    let store = LocalStore::open(again).map_err(text)?;
    let took = clock::own_cpu() - before;
    let rows = store.rows(
        &Bounds::time(TimeRange::ALL),
        &Filter::ALL,
        &PageRequest { limit: 0, after: None },
    );
    let total = rows.map_err(text)?.total;
    if total == transactions {
        Ok(took.as_secs_f64() * 1e3)
    } else {
        Err(format!("{total} of {transactions} transactions came back"))
    }
}

fn config(folder: &Path) -> StoreConfig {
    let mut config = StoreConfig::new(folder);
    // Nothing is sealed or taken away while a question is measured.
    config.is_self_maintained = false;
    config
}

fn folder_of(pid: u32) -> PathBuf {
    std::env::temp_dir().join(format!("scouter-bench-query-{pid}"))
}

/// The store of this run of the suite, made by the first cell that needs it, and when its last
/// transaction ended: at the time it was made, as older ones would not be kept.
fn filled(transactions: u64) -> Result<(PathBuf, i64), String> {
    let folder = folder_of(std::os::unix::process::parent_id());
    let (data, whole) = (folder.join("data"), folder.join("whole"));
    if let Ok(end) = std::fs::read_to_string(&whole) {
        return Ok((data, end.parse().map_err(text)?));
    }
    _ = std::fs::remove_dir_all(&folder);
    let end_unix_us = clock::unix_us();
    let plan = Plan { transactions, seed: SEED, end_unix_us, span: SPAN };
    fill(&data, &plan, &mut |_| {}).map_err(text)?;
    std::fs::write(whole, end_unix_us.to_string()).map_err(text)?;
    Ok((data, end_unix_us))
}

fn files_of(folder: &Path, extension: &str) -> Result<Vec<PathBuf>, String> {
    let (mut files, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).map_err(text)? {
            let path = entry.map_err(text)?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|kind| kind == extension) {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
