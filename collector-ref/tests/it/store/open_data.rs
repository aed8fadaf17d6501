//! Somebody else's reader: DuckDB opens the sealed files as they lie and agrees with our answers.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use scouter_collector::store::Store;

use super::support::{every_row, open};

/// Counts and sums by service, over all segments below the folder given.
const QUERY: &str = r"
import sys, json, duckdb
files = sys.argv[1] + '/data/**/*.parquet'
rows = duckdb.sql(f'''
    SELECT service, count(*), sum(elapsed_us)::BIGINT, count(*) FILTER (error <> ''),
           max(end_time)::VARCHAR, count(DISTINCT txid), count(DISTINCT tenant)
    FROM read_parquet('{files}') GROUP BY service ORDER BY service
''').fetchall()
print(json.dumps(rows))
";

/// What DuckDB and we say of one service.
#[derive(Debug, Default, PartialEq)]
struct Sums {
    rows: u64,
    elapsed_us: u64,
    errors: u64,
}

#[test]
fn duckdb_reads_the_segments_and_counts_what_we_count() {
    let Some(python) = python() else { return };
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    super::basics::with_traffic(&store, 12, 500);
    store.seal().unwrap();
    let mut ours: BTreeMap<String, Sums> = BTreeMap::new();
    for row in every_row(&store) {
        let sums = ours.entry(row.service.to_string()).or_default();
        sums.rows += 1;
        sums.elapsed_us += row.elapsed_us;
        sums.errors += u64::from(!row.error.is_empty());
    }
    assert_eq!(ours.values().map(|sums| sums.rows).sum::<u64>(), 6_000);

    let theirs = ask(&python, folder.path());
    let theirs: BTreeMap<String, Sums> = theirs
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            let number = |column: usize| row[column].as_u64().unwrap();
            let sums = Sums { rows: number(1), elapsed_us: number(2), errors: number(3) };
            assert_eq!(number(5), sums.rows, "each transaction once: {row}");
            (row[0].as_str().unwrap().to_owned(), sums)
        })
        .collect();
    assert_eq!(theirs, ours);
}

fn ask(python: &str, folder: &Path) -> serde_json::Value {
    let answer = Command::new(python).args(["-c", QUERY]).arg(folder).output().unwrap();
    assert!(answer.status.success(), "{}", String::from_utf8_lossy(&answer.stderr));
    serde_json::from_slice(&answer.stdout).unwrap()
}

/// A Python that has DuckDB, as `scripts/setup` names it.
fn python() -> Option<String> {
    let python = std::env::var("SCOUTER_PYTHON").ok();
    let is_ci = std::env::var("CI").is_ok_and(|ci| ci == "true");
    assert!(
        python.is_some() || !is_ci,
        "SCOUTER_PYTHON is needed under CI=true: see scripts/setup"
    );
    if python.is_none() {
        eprintln!("skipped: DuckDB reads the segments (run scripts/test, or set SCOUTER_PYTHON)");
    }
    python
}
