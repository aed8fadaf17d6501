//! A savepoint that fails or is cancelled: the transaction around it must not be lost silently.

use futures_util::FutureExt;
use scouter_core::record::AlertKind;
use scouter_sqlx as sqlx;
use sqlx::{Connection, Executor, PgPool, SqlitePool};

use crate::support::{MAX_YIELDS, of_place, postgres, record, sqlite};

/// How often a begin is cancelled anew when the server answers within the first poll.
const MAX_CANCELS: usize = MAX_YIELDS;

async fn table() -> SqlitePool {
    let pool = sqlite().await;
    pool.execute("CREATE TABLE kept (a INTEGER)").await.unwrap();
    pool
}

/// The name is the pool's own, as of one kind and place only the first alert is told.
async fn pg_table(name: &str) -> Option<PgPool> {
    let pool = sqlx::wrap(postgres().await?.into_inner()).name(name).build();
    // Of one name per connection, and the pool has one: no other test sees it.
    pool.execute("DROP TABLE IF EXISTS pg_temp.kept").await.unwrap();
    pool.execute("CREATE TEMPORARY TABLE kept (a INTEGER)").await.unwrap();
    Some(pool)
}

const INSERT: &str = "INSERT INTO kept VALUES (1)";
const COUNT: &str = "SELECT COUNT(*) FROM kept";

macro_rules! cancel_savepoint {
    ($transaction:expr) => {
        // On a busy machine the database may answer within the first poll: then once more.
        for attempt in 0.. {
            assert!(attempt < MAX_CANCELS, "the savepoint cannot be cancelled");
            match $transaction.begin().now_or_never() {
                None => break,
                Some(savepoint) => savepoint.unwrap().rollback().await.unwrap(),
            }
        }
    };
}

#[tokio::test]
async fn a_cancelled_savepoint_leaves_the_transaction_of_sqlite_whole() {
    let pool = table().await;
    let mut outer = pool.begin().await.unwrap();
    outer.execute(INSERT).await.unwrap();
    for _ in 0..3 {
        cancel_savepoint!(outer);
        outer.execute(INSERT).await.unwrap();
    }
    let mut inner = outer.begin().await.unwrap();
    cancel_savepoint!(inner);
    inner.execute(INSERT).await.unwrap();
    inner.commit().await.unwrap();
    outer.commit().await.unwrap();
    let rows: i64 = sqlx::query_scalar(COUNT).fetch_one(&pool).await.unwrap();
    assert_eq!(rows, 5);
}

#[tokio::test]
async fn a_savepoint_that_is_refused_leaves_the_transaction_whole() {
    let sqlite = table().await;
    let mut outer = sqlite.begin().await.unwrap();
    outer.execute(INSERT).await.unwrap();
    let refused = outer.begin_with("BEGIN IMMEDIATE").await;
    assert!(matches!(refused, Err(sqlx::Error::InvalidSavePointStatement)));
    drop(refused);
    outer.commit().await.unwrap();
    assert_eq!(sqlx::query_scalar::<_, i64>(COUNT).fetch_one(&sqlite).await.unwrap(), 1);

    let Some(postgres) = pg_table("refused").await else { return };
    let mut outer = postgres.begin().await.unwrap();
    outer.execute(INSERT).await.unwrap();
    let mut inner = outer.begin().await.unwrap();
    inner.execute(INSERT).await.unwrap();
    let refused = inner.begin_with("BEGIN READ WRITE").await;
    assert!(matches!(refused, Err(sqlx::Error::InvalidSavePointStatement)));
    drop(refused);
    inner.commit().await.unwrap();
    outer.commit().await.unwrap();
    assert_eq!(sqlx::query_scalar::<_, i64>(COUNT).fetch_one(&postgres).await.unwrap(), 2);
}

#[tokio::test]
async fn a_transaction_lost_with_a_cancelled_savepoint_cannot_be_committed() {
    let Some(pool) = pg_table("cancelled savepoint").await else { return };
    let mut connection = pool.acquire().await.unwrap();
    let (_, alerts) = record(async {
        let mut outer = connection.begin().await.unwrap();
        outer.execute(INSERT).await.unwrap();
        cancel_savepoint!(outer);
        // sqlx has rolled the transaction back: these would be committed one by one.
        assert!(outer.execute(INSERT).await.is_err());
        assert!(outer.fetch_optional(COUNT).await.is_err());
        assert!(outer.begin().await.is_err());
        let error = outer.commit().await.unwrap_err();
        assert!(error.to_string().contains("rolled back"), "{error}");
    })
    .await;
    let told = of_place(&alerts, AlertKind::CancelledBegin, "cancelled savepoint");
    assert_eq!(told.len(), 1, "{alerts:?}");
    assert!(told[0].message.contains("savepoint"), "{}", told[0].message);
    // Outside of it the connection works, until it is closed on its way back.
    assert!(!connection.is_in_transaction());
    let rows: i64 = sqlx::query_scalar(COUNT).fetch_one(&mut *connection).await.unwrap();
    assert_eq!(rows, 0);
    let mut after = connection.begin().await.unwrap();
    after.execute(INSERT).await.unwrap();
    after.commit().await.unwrap();
    drop(connection);
    crate::support::until(|| pool.size() == 0).await;
}

#[tokio::test]
async fn with_a_lost_savepoint_the_transaction_around_it_stays_whole() {
    let Some(pool) = pg_table("lost savepoint").await else { return };
    let mut connection = pool.acquire().await.unwrap();
    let mut outer = connection.begin().await.unwrap();
    outer.execute(INSERT).await.unwrap();
    let mut inner = outer.begin().await.unwrap();
    inner.execute(INSERT).await.unwrap();
    cancel_savepoint!(inner);
    assert!(inner.execute(INSERT).await.is_err());
    assert!(inner.commit().await.is_err(), "sqlx would commit the transaction around it");
    outer.execute(INSERT).await.unwrap();
    outer.commit().await.unwrap();
    let rows: i64 = sqlx::query_scalar(COUNT).fetch_one(&mut *connection).await.unwrap();
    assert_eq!(rows, 2);
}

#[tokio::test]
async fn a_transaction_that_plain_sqlx_loses_cannot_be_committed() {
    let Some(pool) = pg_table("lost by plain sqlx").await else { return };
    let mut connection = pool.acquire().await.unwrap();
    let mut outer = connection.begin().await.unwrap();
    outer.execute(INSERT).await.unwrap();
    let raw: &mut ::sqlx::PgConnection = &mut outer;
    cancel_savepoint!(raw);
    assert!(outer.commit().await.is_err());
    let rows: i64 = sqlx::query_scalar(COUNT).fetch_one(&mut *connection).await.unwrap();
    assert_eq!(rows, 0);
}

#[tokio::test]
async fn a_commit_cancelled_on_sqlite_swallows_no_later_rollback() {
    let pool = table().await;
    let mut connection = pool.acquire().await.unwrap();
    for _ in 0..3 {
        let mut first = connection.begin().await.unwrap();
        first.execute(INSERT).await.unwrap();
        // Whether it is answered in time or not: it is committed.
        drop(first.commit().now_or_never());
        let mut second = connection.begin().await.unwrap();
        second.execute(INSERT).await.unwrap();
        drop(second);
    }
    let rows: i64 = sqlx::query_scalar(COUNT).fetch_one(&mut *connection).await.unwrap();
    assert_eq!(rows, 3);
}

#[tokio::test]
async fn a_lost_transaction_can_be_rolled_back() {
    let Some(pool) = pg_table("rolled back").await else { return };
    let mut connection = pool.acquire().await.unwrap();
    let mut outer = connection.begin().await.unwrap();
    outer.execute(INSERT).await.unwrap();
    let mut inner = outer.begin().await.unwrap();
    cancel_savepoint!(inner);
    inner.rollback().await.unwrap();
    outer.rollback().await.unwrap();
    let rows: i64 = sqlx::query_scalar(COUNT).fetch_one(&mut *connection).await.unwrap();
    assert_eq!(rows, 0);
}

#[tokio::test]
async fn a_savepoint_that_fails_in_the_server_loses_what_is_around_it_loudly() {
    let Some(pool) = pg_table("failed savepoint").await else { return };
    let (recording, alerts) = record(async {
        let mut outer = pool.begin().await.unwrap();
        outer.execute(INSERT).await.unwrap();
        let mut inner = outer.begin().await.unwrap();
        inner.execute(INSERT).await.unwrap();
        assert!(inner.execute("SELECT 1 / 0").await.is_err());
        // In a failed transaction a savepoint is an error: 25P02.
        assert!(inner.begin().await.is_err());
        assert!(inner.execute(INSERT).await.is_err());
        assert!(inner.commit().await.is_err());
        // The error was inside the inner savepoint, and with that it is gone.
        outer.commit().await.unwrap();
        let mut outer = pool.begin().await.unwrap();
        assert!(outer.execute("SELECT 1 / 0").await.is_err());
        assert!(outer.begin().await.is_err());
        assert!(outer.commit().await.is_err());
    })
    .await;
    let told = of_place(&alerts, AlertKind::CancelledBegin, "failed savepoint");
    assert_eq!(told.len(), 1, "{alerts:?}");
    let tree = recording.tree();
    assert!(tree.contains("    sql RELEASE SAVEPOINT !error\n"), "{tree}");
    assert!(tree.ends_with("    sql COMMIT !error\n    sql ROLLBACK (dropped)\n"), "{tree}");
    crate::support::until(|| pool.size() == 0).await;
}

#[tokio::test]
async fn a_begin_that_fails_half_way_closes_the_connection() {
    let Some(pool) = postgres().await else { return };
    // BEGIN succeeds and what follows does not: the server is inside a transaction, sqlx is not.
    assert!(pool.begin_with("BEGIN; SELECT 1 / 0").await.is_err());
    crate::support::until(|| pool.size() == 0).await;
    pool.execute("SELECT 1").await.unwrap();
}
