//! Statements of plain pools, read from sqlx's events.
//!
//! SQLite's worker threads know only the global subscriber, and there is one per process: the
//! tests that need it run in a process of their own.

use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Once, OnceLock};

use futures_util::FutureExt;
use scouter_sqlx as ours;
use scouter_sqlx::fallback::{FallbackLayer, dropped_statements};
use scouter_tracing::Bridge;
use sqlx::{Executor, SqlitePool};
use tracing::Instrument;
use tracing::Subscriber;
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt};

use crate::support::{assert_tree, postgres, record, record_cancelled, sql, until};

/// Events of sqlx that were told of so far; it comes after the layer under test.
static EVENTS: AtomicU64 = AtomicU64::new(0);

struct CountEvents;

impl<S: Subscriber> Layer<S> for CountEvents {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == "sqlx::query" {
            EVENTS.fetch_add(1, Ordering::SeqCst);
        }
    }
}

fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // The bridge sees sqlx's events too and must not record a statement a second time. Spans of
        // these tests are left out, so that the trees have the statements alone.
        let bridge = Bridge::new().max_level(tracing::Level::TRACE).skip_target("it");
        let subscriber = tracing_subscriber::registry()
            .with(FallbackLayer::new())
            .with(bridge)
            .with(CountEvents);
        tracing::subscriber::set_global_default(subscriber).unwrap();
    });
}

/// The counters are of the whole process, so these tests take turns.
async fn turn() -> tokio::sync::MutexGuard<'static, ()> {
    static TURN: OnceLock<tokio::sync::Mutex<()>> = OnceLock::new();
    install();
    TURN.get_or_init(tokio::sync::Mutex::default).lock().await
}

async fn plain_sqlite() -> SqlitePool {
    sqlx::sqlite::SqlitePoolOptions::new()
        .max_connections(1)
        .connect("sqlite::memory:")
        .await
        .unwrap()
}

/// Waits until so many events came, and lets the span be left and entered once more.
async fn events_came(before: u64, count: u64) {
    until(|| EVENTS.load(Ordering::SeqCst) >= before + count).await;
    tokio::task::yield_now().await;
}

#[test]
fn the_fallback_works_in_a_process_of_its_own() {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "fallback::"])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("6 passed"), "{text}");
}

#[tokio::test]
#[ignore = "run by `the_fallback_works_in_a_process_of_its_own`"]
async fn a_plain_sqlite_pool_is_recorded_through_the_span_of_the_request() {
    let _turn = turn().await;
    let pool = plain_sqlite().await;
    let before = EVENTS.load(Ordering::SeqCst);
    let (recording, _) = record(async {
        let request = async {
            pool.execute("CREATE TABLE plain (a)").await.unwrap();
            let inner = async { pool.execute("INSERT INTO plain VALUES ('secret')").await };
            inner.instrument(tracing::info_span!("handler")).await.unwrap();
            pool.fetch_all("SELECT a FROM plain WHERE a IS NOT NULL").await.unwrap();
            events_came(before, 3).await;
        };
        request.instrument(tracing::info_span!("request")).await;
    })
    .await;
    assert_tree(
        &recording,
        "
test
    sql CREATE TABLE plain (a)
    sql INSERT INTO plain VALUES (?)
    sql SELECT a FROM plain WHERE a IS NOT NULL",
    );
    assert_eq!(sql(&recording, "SELECT a FROM plain WHERE a IS NOT NULL").rows, 1);
    assert_eq!(sql(&recording, "INSERT INTO plain VALUES (?)").affected, 1);
}

#[tokio::test]
#[ignore = "run by `the_fallback_works_in_a_process_of_its_own`"]
async fn statements_of_the_facade_are_recorded_once() {
    let _turn = turn().await;
    let pool = ours::wrap(plain_sqlite().await).name("once").build();
    let before = EVENTS.load(Ordering::SeqCst);
    let (recording, _) = record(async {
        let request = async {
            pool.execute("CREATE TABLE once (a)").await.unwrap();
            let mut connection = pool.acquire().await.unwrap();
            connection.fetch_all("SELECT a FROM once").await.unwrap();
            connection.fetch_optional("SELECT 1 FROM once").await.unwrap();
            events_came(before, 3).await;
        };
        request.instrument(tracing::info_span!("request")).await;
    })
    .await;
    assert_tree(
        &recording,
        "
test
    sql CREATE TABLE once (a)
    pool_wait once
    sql SELECT a FROM once
    sql SELECT ? FROM once",
    );
}

#[tokio::test]
#[ignore = "run by `the_fallback_works_in_a_process_of_its_own`"]
async fn a_plain_postgres_pool_is_recorded_without_a_span() {
    let Some(pool) = postgres().await else { return };
    let _turn = turn().await;
    let plain = pool.into_inner();
    let (recording, _) = record(async {
        plain.fetch_all("SELECT generate_series(1, 3)").await.unwrap();
        let ours = ours::wrap(plain.clone()).name("ours").build();
        let mut transaction = ours.begin().await.unwrap();
        transaction.fetch_all("SELECT generate_series(1, 4) AS ours").await.unwrap();
        let mut rows =
            sqlx::query("SELECT generate_series(1, 50) AS broken_off").fetch(&mut *transaction);
        futures_util::TryStreamExt::try_next(&mut rows).await.unwrap();
        drop(rows);
        transaction.commit().await.unwrap();
    })
    .await;
    assert_tree(
        &recording,
        "
test
    sql SELECT generate_series(?, ?)
    pool_wait ours
    sql BEGIN
    sql SELECT generate_series(?, ?) AS ours
    sql SELECT generate_series(?, ?) AS broken_off !cancelled
    sql COMMIT",
    );
    assert_eq!(sql(&recording, "SELECT generate_series(?, ?)").rows, 3);
}

#[tokio::test]
#[ignore = "run by `the_fallback_works_in_a_process_of_its_own`"]
async fn a_cancelled_commit_of_the_facade_is_recorded_once() {
    let Some(pool) = postgres().await else { return };
    let _turn = turn().await;
    let ours = ours::wrap(pool.into_inner()).name("cancelled commit").build();
    let attempt = async |_| {
        let transaction = ours.begin().await.unwrap();
        transaction.commit().now_or_never().is_none()
    };
    let (recording, _) = record_cancelled(attempt).await;
    let tree = recording.tree();
    assert_eq!(tree.matches("sql COMMIT").count(), 1, "{tree}");
}

#[tokio::test]
#[ignore = "run by `the_fallback_works_in_a_process_of_its_own`"]
async fn a_statement_that_no_request_owns_is_counted() {
    let _turn = turn().await;
    let pool = plain_sqlite().await;
    let (before, dropped) = (EVENTS.load(Ordering::SeqCst), dropped_statements());
    let (recording, _) = record(async {
        // No span: nothing leads from the worker thread to the transaction.
        pool.execute("SELECT 'lost'").await.unwrap();
        events_came(before, 1).await;
    })
    .await;
    assert_tree(&recording, "test");
    assert_eq!(dropped_statements() - dropped, 1);
    let mut counted = None;
    scouter_core::plugin::collect_counters(|name, value| {
        if name == "scouter_sqlx_fallback_dropped_statements|" {
            assert!(counted.replace(value).is_none(), "one layer or many, it is counted once");
        }
    });
    #[expect(clippy::cast_precision_loss, reason = "a few statements")]
    let dropped = dropped_statements() as f64;
    assert_eq!(counted, Some(dropped));
}

#[tokio::test]
#[ignore = "run by `the_fallback_works_in_a_process_of_its_own`"]
async fn statements_told_after_the_end_are_counted() {
    let _turn = turn().await;
    let pool = plain_sqlite().await;
    let (before, dropped) = (EVENTS.load(Ordering::SeqCst), dropped_statements());
    let mut kept_span = None;
    record(async {
        kept_span = Some(tracing::info_span!("kept after the request"));
    })
    .await;
    let late = async {
        pool.execute("SELECT 'late'").await.unwrap();
        events_came(before, 1).await;
    };
    late.instrument(kept_span.unwrap()).await;
    until(|| dropped_statements() > dropped).await;
    assert_eq!(dropped_statements() - dropped, 1);
}
