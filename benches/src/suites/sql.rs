//! sqlx on SQLite in memory, through `scouter_sqlx::wrap(pool)` beside the plain pool.
//!
//! A statement on a held connection, within a transaction of ours of twenty statements. SQLite
//! runs each statement on a worker thread of sqlx, so one takes microseconds either way; the row is
//! the difference.

use sqlx::sqlite::SqlitePoolOptions;
use tokio::runtime::Runtime;

use crate::clock::measure;
use crate::harness::{Cell, NONE, OURS, Row, Shows};
use crate::peers;

const STATEMENT: &str = "the same statement on the plain pool";

pub(crate) const ROWS: &[Row] = &[
    Row::new("sql_statement_overhead_ns", "ns", STATEMENT, &[NONE, OURS]).shows(Shows::Net),
    Row::new(
        "sql_acquire_overhead_ns",
        "ns",
        "acquire and release on the plain pool",
        &[NONE, OURS],
    )
    .shows(Shows::Net),
    Row::new("allocations_per_statement", "count", STATEMENT, &[NONE, OURS])
        .shows(Shows::Net)
        .counting(),
];

/// Statements in one transaction.
const STATEMENTS: usize = 20;
const QUERY: &str = "SELECT name FROM orders WHERE id = ?";

/// Measures one cell.
pub(crate) fn run(cell: &Cell<'_>) -> Result<f64, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    // A connection that is dropped starts a task, wherever that happens.
    let _context = runtime.enter();
    let text = |error: sqlx::Error| error.to_string();
    let plain = runtime.block_on(pool()).map_err(text)?;
    match (cell.row, cell.peer) {
        ("sql_acquire_overhead_ns", NONE) => {
            let one = async || {
                for _ in 0..STATEMENTS {
                    drop(plain.acquire().await?);
                }
                Ok(())
            };
            per_statement(cell, &runtime, one)
        }
        ("sql_acquire_overhead_ns", OURS) => {
            peers::ours::start_recording();
            let pool = scouter_sqlx::wrap(plain).build();
            let one = async || {
                peers::ours::in_request(async {
                    for _ in 0..STATEMENTS {
                        drop(pool.acquire().await?);
                    }
                    Ok(())
                })
                .await
            };
            per_statement(cell, &runtime, one)
        }
        (_, NONE) => {
            let mut connection = runtime.block_on(plain.acquire()).map_err(text)?;
            let mut one = async || {
                for id in 0..STATEMENTS {
                    sqlx::query(QUERY).bind(id as i64 % 10).fetch_one(&mut *connection).await?;
                }
                Ok(())
            };
            per_statement(cell, &runtime, &mut one)
        }
        (_, OURS) => {
            peers::ours::start_recording();
            let pool = scouter_sqlx::wrap(plain).build();
            let mut connection = runtime.block_on(pool.acquire()).map_err(text)?;
            let mut one = async || {
                peers::ours::in_request(async {
                    for id in 0..STATEMENTS {
                        let query = sqlx::query(QUERY).bind(id as i64 % 10);
                        query.fetch_one(&mut *connection).await?;
                    }
                    Ok(())
                })
                .await
            };
            per_statement(cell, &runtime, &mut one)
        }
        (row, peer) => Err(format!("no row `{row}` for `{peer}`")),
    }
}

async fn pool() -> sqlx::Result<sqlx::SqlitePool> {
    let pool = SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await?;
    sqlx::query("CREATE TABLE orders (id INTEGER PRIMARY KEY, name TEXT)").execute(&pool).await?;
    for id in 0..10_i64 {
        let insert = sqlx::query("INSERT INTO orders VALUES (?, 'a name of an order')").bind(id);
        insert.execute(&pool).await?;
    }
    Ok(pool)
}

fn per_statement(
    cell: &Cell<'_>,
    runtime: &Runtime,
    mut one: impl AsyncFnMut() -> sqlx::Result<()>,
) -> Result<f64, String> {
    let mut failure = None;
    let mut run = || {
        let done: sqlx::Result<()> = runtime.block_on(one());
        if let Err(error) = done {
            failure.get_or_insert(error.to_string());
        }
    };
    let value = if cell.row == "allocations_per_statement" {
        allocations(&mut run)?
    } else {
        measure(cell.budget, &mut run)
    };
    failure.map_or(Ok(value / STATEMENTS as f64), Err)
}

/// Allocations of one transaction, on the thread of the request.
#[cfg(feature = "count")]
fn allocations(run: &mut dyn FnMut()) -> Result<f64, String> {
    const TRANSACTIONS: u64 = 200;
    for _ in 0..TRANSACTIONS {
        run();
    }
    let counted = allocation_counter::measure(|| {
        for _ in 0..TRANSACTIONS {
            run();
        }
    });
    Ok(counted.count_total as f64 / TRANSACTIONS as f64)
}

#[cfg(not(feature = "count"))]
fn allocations(_: &mut dyn FnMut()) -> Result<f64, String> {
    Err("this program does not count allocations".into())
}
