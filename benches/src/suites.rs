//! The suites and their rows. Names of rows are binding: tools read them.

mod active;
mod compiled_out;
mod hotpath;
mod http;
mod ingest;
mod sql;
mod wire;
#[cfg(feature = "peers")]
mod wire_otlp;

use crate::harness::{Cell, Row};

/// Names of all suites.
pub(crate) const SUITES: [&str; 6] = ["hotpath", "http", "sql", "active", "wire", "ingest"];

/// The rows of one suite. Without feature `peers` only those who are always there are measured.
pub(crate) fn rows(suite: &str) -> Vec<Row> {
    let rows = match suite {
        "hotpath" => hotpath::ROWS,
        "http" => http::ROWS,
        "sql" => sql::ROWS,
        "active" => active::ROWS,
        "wire" => wire::ROWS,
        "ingest" => ingest::ROWS,
        _ => &[],
    };
    rows.to_vec()
}

/// Measures one cell in this process.
pub(crate) fn run(suite: &str, cell: &Cell<'_>) -> Result<f64, String> {
    match suite {
        "hotpath" => hotpath::run(cell),
        "http" => http::run(cell),
        "sql" => sql::run(cell),
        "active" => active::run(cell),
        "wire" => wire::run(cell),
        "ingest" => ingest::run(cell),
        other => Err(format!("no suite `{other}`")),
    }
}

/// Whether the bench only has to show that it works.
pub(crate) fn is_small() -> bool {
    std::env::var("SCOUTER_BENCH_SMALL").is_ok_and(|small| small == "1")
}
