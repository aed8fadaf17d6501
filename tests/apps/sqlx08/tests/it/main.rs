//! Statements of sqlx 0.8, recorded through the fallback layer.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../../../../src/mariadb.rs"]
mod mariadb;
#[path = "../../../../src/postgres.rs"]
mod postgres;

use std::sync::Once;

use scouter_core::testing::{self, RecordedDetail, Recording};
use scouter_core::{Begin, TextKind, Transaction, in_transaction, intern};
use scouter_sqlx::fallback::FallbackLayer;
use sqlx::Executor;
use sqlx::mysql::MySqlPoolOptions;
use sqlx::postgres::PgPoolOptions;
use tracing_subscriber::layer::SubscriberExt;

async fn record(work: impl Future<Output = ()>) -> Recording {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let subscriber = tracing_subscriber::registry().with(FallbackLayer::new());
        tracing::subscriber::set_global_default(subscriber).unwrap();
    });
    let recorder = testing::exclusive();
    let transaction = Transaction::begin(Begin::new(intern(TextKind::Service, "test")));
    transaction.keep_profile();
    in_transaction(transaction, work).await;
    recorder.take()
}

/// Rows fetched and rows affected.
fn rows(recording: &Recording, name: &str) -> (u64, u64) {
    let steps = recording.steps(recording.only().txid);
    let step = steps.iter().find(|step| step.name == name).unwrap();
    let RecordedDetail::Sql { rows, affected, .. } = step.detail else { unreachable!("{step:?}") };
    (rows, affected)
}

#[tokio::test]
async fn statements_of_an_application_on_sqlx_0_8_and_postgres_are_recorded() {
    let Some(server) = postgres::Postgres::shared() else { return };
    let pool = PgPoolOptions::new().max_connections(1).connect(&server.url()).await.unwrap();
    let recording = record(async {
        pool.execute("CREATE TEMPORARY TABLE old (a INTEGER, b TEXT)").await.unwrap();
        sqlx::query("INSERT INTO old SELECT 7, $1").bind("secret").execute(&pool).await.unwrap();
        pool.fetch_all("SELECT a, b FROM old WHERE a < 10 AND b <> 'secret2'").await.unwrap();
    })
    .await;
    assert_eq!(
        recording.tree(),
        "test\n    sql CREATE TEMPORARY TABLE old (a INTEGER, b TEXT)\n    \
         sql INSERT INTO old SELECT ?, $1\n    \
         sql SELECT a, b FROM old WHERE a < ? AND b <> ?\n"
    );
    assert_eq!(rows(&recording, "SELECT a, b FROM old WHERE a < ? AND b <> ?"), (1, 0));
    assert_eq!(rows(&recording, "INSERT INTO old SELECT ?, $1"), (0, 1));
}

#[tokio::test]
async fn strings_of_mysql_stay_here_though_scouter_does_not_know_the_database() {
    let Some(server) = mariadb::MariaDb::shared() else { return };
    let pool = MySqlPoolOptions::new().max_connections(1).connect(&server.url()).await.unwrap();
    let recording = record(async {
        pool.execute("CREATE TEMPORARY TABLE old (a INTEGER, b TEXT)").await.unwrap();
        pool.execute(r#"INSERT INTO old VALUES (1, "secret"), (2, "it's secret")"#).await.unwrap();
        pool.fetch_all(r#"SELECT a, b FROM old WHERE b <> "secret" AND a > 0"#).await.unwrap();
    })
    .await;
    let tree = recording.tree();
    assert!(tree.contains("sql INSERT INTO old VALUES (?, ?), …\n"), "{tree}");
    assert!(!tree.contains("secret"), "{tree}");
    assert_eq!(rows(&recording, "SELECT a, b FROM old WHERE b <> ? AND a > ?"), (1, 0));
}
