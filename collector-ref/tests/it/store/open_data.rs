//! Somebody else's readers: DuckDB, pandas and ClickHouse's engine open the sealed files as they
//! lie, those of both encoders, and agree with what our API answers.
//!
//! Percentiles here are of the nearest rank: the `p`-th of `n` values is the `⌈n·p / 100⌉`-th
//! smallest. Theirs are exact, ours are at most 5 % off that one.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::process::Command;

use scouter_collector::Clock;
use scouter_collector::store::local::{LocalStore, SegmentEncoder};
use scouter_collector::store::{Row, Store};
use serde_json::{Map, Value, json};

use super::support::{NOON, config, every_row};
use crate::server::collector::{ALL, start_in};

/// Rows of the two parts together.
const ROWS: usize = 6_000;

/// What a row of ours has in a column.
type NumberOf = fn(&Row) -> u64;
type TextOf = fn(&Row) -> &str;

/// Columns that are summed.
const NUMBERS: [(&str, NumberOf); 15] = [
    ("elapsed_us", |row| row.elapsed_us),
    ("busy_us", |row| row.busy_us),
    ("ttfb_us", |row| row.ttfb_us),
    ("sql_us", |row| row.sql_us),
    ("sql_rows", |row| row.sql_rows),
    ("pool_wait_us", |row| row.pool_wait_us),
    ("api_us", |row| row.api_us),
    ("bytes_out", |row| row.bytes_out),
    ("alloc_bytes", |row| row.alloc_bytes),
    ("status", |row| row.status.into()),
    ("polls", |row| row.polls.into()),
    ("sql_count", |row| row.sql_count.into()),
    ("api_count", |row| row.api_count.into()),
    ("steps", |row| row.steps.into()),
    ("steps_dropped", |row| row.steps_dropped.into()),
];

/// Columns whose distinct values are counted.
const TEXTS: [(&str, TextOf); 8] = [
    ("object", |row| &row.object),
    ("service", |row| &row.service),
    ("error", |row| &row.error),
    ("tenant", |row| &row.tenant),
    ("login", |row| &row.login),
    ("desc", |row| &row.desc),
    ("ip", |row| &row.ip),
    ("user_agent", |row| &row.user_agent),
];

#[tokio::test(flavor = "multi_thread")]
async fn duckdb_reads_the_segments_and_counts_what_we_count() {
    agrees("DuckDB", include_str!("readers/by_duckdb.py")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pandas_reads_the_segments_and_counts_what_we_count() {
    agrees("pandas", include_str!("readers/by_pandas.py")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clickhouse_reads_the_segments_and_counts_what_we_count() {
    agrees("ClickHouse's engine", include_str!("readers/by_clickhouse.py")).await;
}

async fn agrees(reader: &str, script: &str) {
    let Some(python) = python(reader) else { return };
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let rows = fill(&data);
    let theirs = ask(&python, script, &data);
    assert_eq!(theirs["sums"], Value::Object(sums(&rows)), "{reader}");
    assert_eq!(theirs["distinct"], Value::Object(distinct(&rows)), "{reader}");
    assert_eq!(theirs["ids"], ids(&rows), "{reader}");

    let collector = start_in(folder, |builder| builder.clock(Clock::manual(NOON))).await;
    let ours = collector.json(&format!("/api/v1/services?{ALL}")).await;
    assert_same_groups(&theirs["services"], &ours["services"], &["service", "object"]);
    let ours = collector.json(&format!("/api/v1/summary?{ALL}&by=tenant&limit=1000")).await;
    assert_eq!(ours["total"], ROWS);
    let named = named_tenants(&theirs["tenants"]);
    assert_same_groups(&named, &ours["groups"], &["value"]);
}

/// Two parts of different hours, one by each encoder.
fn fill(folder: &Path) -> Vec<Row> {
    let mut config = config(folder);
    for (part, encoder) in [SegmentEncoder::Own, SegmentEncoder::Arrow].into_iter().enumerate() {
        config.encoder = encoder;
        let store = LocalStore::open(config.clone()).unwrap();
        let (first, start) = (1 + 10 * part as u128, NOON - 7_200_000_000 * (1 + part as i64));
        super::basics::add_traffic(&store, first, start, 6, ROWS / 12);
        store.seal().unwrap();
    }
    let store = super::support::open_with(&config);
    let rows = every_row(&store);
    assert_eq!((rows.len(), store.stats().hot_rows), (ROWS, 0));
    assert!(store.stats().segments >= 2);
    rows
}

fn sums(rows: &[Row]) -> Map<String, Value> {
    let sum = |of: fn(&Row) -> u64| rows.iter().map(of).sum::<u64>();
    NUMBERS.into_iter().map(|(name, of)| (name.to_owned(), sum(of).into())).collect()
}

fn distinct(rows: &[Row]) -> Map<String, Value> {
    let count = |of: fn(&Row) -> &str| rows.iter().map(of).collect::<HashSet<_>>().len();
    TEXTS.into_iter().map(|(name, of)| (name.to_owned(), count(of).into())).collect()
}

fn ids(rows: &[Row]) -> Value {
    let txids: HashSet<u64> = rows.iter().map(|row| row.txid.value()).collect();
    let gxids: HashSet<u128> = rows.iter().map(|row| row.gxid.value()).collect();
    let hexadecimal = |gxid: Option<&u128>| format!("{:032x}", gxid.unwrap());
    json!({
        "txids": txids.len(),
        "least_txid": txids.iter().min(),
        "greatest_txid": txids.iter().max(),
        "gxids": gxids.len(),
        "least_gxid": hexadecimal(gxids.iter().min()),
        "greatest_gxid": hexadecimal(gxids.iter().max()),
        "callers": rows.iter().filter(|row| row.caller.is_some()).count(),
    })
}

/// As our API calls them.
fn named_tenants(groups: &Value) -> Value {
    let mut groups = groups.clone();
    for group in groups.as_array_mut().unwrap() {
        group["value"] = group["tenant"].take();
    }
    groups
}

/// Every figure of ours is theirs, percentiles within 5 %.
fn assert_same_groups(theirs: &Value, ours: &Value, by: &[&str]) {
    let key = |group: &Value| -> Vec<String> {
        by.iter().map(|name| group[*name].as_str().unwrap().to_owned()).collect()
    };
    let of = |groups: &Value| -> BTreeMap<Vec<String>, Value> {
        groups.as_array().unwrap().iter().map(|group| (key(group), group.clone())).collect()
    };
    let (theirs, ours) = (of(theirs), of(ours));
    assert!(ours.len() > 50, "{} groups", ours.len());
    assert!(ours.keys().eq(theirs.keys()), "the same groups");
    for (key, ours) in &ours {
        for (name, figure) in ours.as_object().unwrap() {
            let exact = &theirs[key][name];
            if name.starts_with('p') && name.ends_with("_us") {
                let (figure, exact) = (figure.as_u64().unwrap(), exact.as_u64().unwrap());
                let is_near = figure.abs_diff(exact) * 20 <= exact;
                assert!(is_near, "{name} of {key:?}: {figure}, exactly {exact}");
            } else {
                assert_eq!(figure, exact, "{name} of {key:?}");
            }
        }
    }
}

fn ask(python: &str, script: &str, folder: &Path) -> Value {
    let names = |names: Vec<&str>| json!(names).to_string();
    let output = Command::new(python)
        .args(["-c", script])
        .arg(folder)
        .arg(names(NUMBERS.iter().map(|(name, _)| *name).collect()))
        .arg(names(TEXTS.iter().map(|(name, _)| *name).collect()))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A Python that has the readers, as `scripts/setup` names it.
fn python(reader: &str) -> Option<String> {
    let python = std::env::var("SCOUTER_PYTHON").ok();
    let is_ci = std::env::var("CI").is_ok_and(|ci| ci == "true");
    assert!(
        python.is_some() || !is_ci,
        "SCOUTER_PYTHON is needed under CI=true: see scripts/setup"
    );
    if python.is_none() {
        eprintln!("skipped: {reader} reads the segments (run scripts/test, or set SCOUTER_PYTHON)");
    }
    python
}
