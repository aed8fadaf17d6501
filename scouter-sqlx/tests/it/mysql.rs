//! What is recorded on MySQL's side: its strings, its SQLSTATE, its transactions. The shapes of
//! user code are in `shapes.rs` and `wrapped.rs`, for every database.

use futures_util::{FutureExt, TryStreamExt};
use scouter_core::record::{AlertKind, Outcome};
use scouter_sqlx as sqlx;
use sqlx::{Executor, MySqlConnection, MySqlPool};

use crate::support::{
    assert_tree, mariadb, of_place, polled, record, record_cancelled, sql, step, until,
};

async fn named(name: &str) -> Option<MySqlPool> {
    Some(sqlx::wrap(mariadb().await?.into_inner()).name(name).build())
}

/// As the server sees it.
async fn is_in_transaction(connection: &mut MySqlConnection) -> bool {
    let state = sqlx::query_scalar("SELECT CAST(@@in_transaction AS SIGNED)");
    state.fetch_one(connection).await.is_ok_and(|state: i64| state != 0)
}

#[tokio::test]
async fn statements_are_steps_without_literals_however_mysql_writes_them() {
    let Some(pool) = named("literals").await else { return };
    let (recording, _) = record(async {
        pool.execute("CREATE TEMPORARY TABLE `my t` (a INTEGER PRIMARY KEY, b TEXT)")
            .await
            .unwrap();
        pool.execute(r#"INSERT INTO `my t` VALUES (1, "secret"), (2, 'it\'s secret') # secret"#)
            .await
            .unwrap();
        let mut connection = pool.acquire().await.unwrap();
        let select = sqlx::query("SELECT b FROM `my t` WHERE a = ? AND b <> \"secret\"").bind(2);
        select.fetch_one(&mut *connection).await.unwrap();
        sqlx::query("UPDATE `my t` SET b = ?").bind("y").execute(&mut *connection).await.unwrap();
    })
    .await;
    assert_tree(
        &recording,
        "
test
    sql CREATE TEMPORARY TABLE `my t` (a INTEGER PRIMARY KEY, b TEXT)
    sql INSERT INTO `my t` VALUES (?, ?), …
    pool_wait literals
    sql SELECT b FROM `my t` WHERE a = ? AND b <> ?
    sql UPDATE `my t` SET b = ?",
    );
    assert_eq!(sql(&recording, "INSERT INTO `my t` VALUES (?, ?), …").affected, 2);
    let select = sql(&recording, "SELECT b FROM `my t` WHERE a = ? AND b <> ?");
    assert_eq!((select.rows, select.binds, select.affected), (1, 1, 0));
    assert!(select.first_row_us.is_some());
    let update = sql(&recording, "UPDATE `my t` SET b = ?");
    assert_eq!((update.rows, update.affected, update.first_row_us), (0, 2, None));
}

#[tokio::test]
async fn an_unnamed_pool_is_called_by_database_and_address_without_user() {
    let Some(pool) = mariadb().await else { return };
    let options = pool.connect_options();
    let (recording, _) = record(async { drop(pool.acquire().await.unwrap()) }).await;
    let port = options.get_port();
    assert_tree(&recording, &format!("test\n    pool_wait MySQL scouter@127.0.0.1:{port}"));
}

#[tokio::test]
async fn an_error_of_mysql_carries_the_sqlstate() {
    let Some(pool) = mariadb().await else { return };
    let (recording, _) = record(async {
        pool.execute("CREATE TEMPORARY TABLE states (a INTEGER PRIMARY KEY)").await.unwrap();
        pool.execute("INSERT INTO states VALUES (7)").await.unwrap();
        assert!(pool.execute("INSERT INTO states VALUES (7), (8)").await.is_err());
    })
    .await;
    let error = &step(&recording, "INSERT INTO states VALUES (?), …").error;
    assert!(error.starts_with("23000: Duplicate entry"), "{error}");
}

#[tokio::test]
async fn a_stream_of_mysql_broken_off_is_cancelled_and_keeps_its_rows() {
    let Some(pool) = mariadb().await else { return };
    let (recording, _) = record(async {
        let mut rows = sqlx::query("SELECT seq FROM seq_1_to_50").fetch(&pool);
        for _ in 0..7 {
            rows.try_next().await.unwrap();
        }
    })
    .await;
    assert_eq!(sql(&recording, "SELECT seq FROM seq_1_to_50").rows, 7);
    assert_eq!(step(&recording, "SELECT seq FROM seq_1_to_50").outcome, Outcome::Cancelled);
    let mut connection = pool.acquire().await.unwrap();
    let (recording, _) = record(async {
        let sleep = sqlx::query("SELECT SLEEP(60)").execute(&mut *connection);
        assert!(sleep.now_or_never().is_none());
    })
    .await;
    assert_tree(&recording, "test\n    sql SELECT SLEEP(?) !cancelled");
    connection.close_on_drop();
}

#[tokio::test]
async fn preparing_and_describing_work_on_mysql_and_preparing_is_a_step() {
    let Some(pool) = named("prepared").await else { return };
    let (recording, _) = record(async {
        let mut connection = pool.acquire().await.unwrap();
        connection.prepare(sqlx::SqlStr::from_static("SELECT 2, 'x'")).await.unwrap();
        assert!(connection.prepare(sqlx::SqlStr::from_static("SELEC")).await.is_err());
        let described = connection.describe(sqlx::SqlStr::from_static("SELECT 1 AS one"));
        let described = described.await.unwrap();
        assert_eq!(sqlx::Column::name(described.column(0)), "one");
    })
    .await;
    assert_tree(
        &recording,
        "
test !error
    pool_wait prepared
    sql PREPARE SELECT ?, ?
    sql PREPARE SELEC !error",
    );
}

#[tokio::test]
async fn a_cancelled_begin_on_mysql_never_hands_on_an_open_transaction() {
    let Some(pool) = named("my begun").await else { return };
    let mut cancelled = 0;
    // On a busy machine the server may answer every poll at once: then all of them once more.
    for polls in (1..12).chain((1..4).cycle().take(3_000)) {
        if polls == 1 && cancelled > 0 {
            break;
        }
        let (_, alerts) = record(async {
            if polled(pool.begin(), polls).await.is_none() {
                cancelled += 1;
            }
        })
        .await;
        assert!(of_place(&alerts, AlertKind::CancelledBegin, "my begun").len() <= 1);
        let mut next = pool.acquire().await.unwrap();
        assert!(!is_in_transaction(&mut next).await, "after {polls} polls");
    }
    assert!(cancelled > 0, "no begin was cancelled");
}

#[tokio::test]
async fn a_begin_of_mysql_cancelled_in_flight_raises_an_alert() {
    let Some(pool) = named("my flight").await else { return };
    let mut connection = pool.acquire().await.unwrap();
    let attempt = async |_| connection.begin().now_or_never().is_none();
    let (recording, alerts) = record_cancelled(attempt).await;
    let told = of_place(&alerts, AlertKind::CancelledBegin, "my flight");
    assert_eq!(told.len(), 1, "{alerts:?}");
    assert!(told[0].message.contains("will be closed"), "{}", told[0].message);
    assert!(recording.tree().ends_with("    sql BEGIN !cancelled\n"), "{}", recording.tree());
    drop(connection);
    until(|| pool.size() == 0).await;
}

#[tokio::test]
async fn a_commit_cancelled_on_mysql_leaves_a_usable_connection() {
    let Some(pool) = named("my commit").await else { return };
    pool.execute("CREATE TEMPORARY TABLE kept (a INTEGER)").await.unwrap();
    let attempt = async |_| {
        let mut transaction = pool.begin().await.unwrap();
        transaction.execute("INSERT INTO kept VALUES (1)").await.unwrap();
        transaction.commit().now_or_never().is_none()
    };
    let (recording, _) = record_cancelled(attempt).await;
    let tree = recording.tree();
    assert!(tree.contains("sql COMMIT !cancelled"), "{tree}");
    let mut connection = pool.acquire().await.unwrap();
    assert!(!is_in_transaction(&mut connection).await);
    connection.execute("SELECT a FROM kept").await.unwrap();
}

#[tokio::test]
async fn the_wait_of_a_statement_on_mysql_is_told_apart_from_its_execution() {
    let Some(pool) = mariadb().await else { return };
    let mut held = pool.acquire().await.unwrap();
    let (recording, _) = record(async {
        let waiting = pool.fetch_all("SELECT 1");
        let holding = async {
            // The statement is polled first and finds no connection.
            tokio::task::yield_now().await;
            (&mut **held).execute("SELECT SLEEP(0.03)").await.unwrap();
            drop(held);
        };
        let (rows, ()) = tokio::join!(waiting, holding);
        assert_eq!(rows.unwrap().len(), 1);
    })
    .await;
    let (statement, wait_us) = (step(&recording, "SELECT ?"), sql(&recording, "SELECT ?").wait_us);
    assert!(wait_us >= 30_000, "{wait_us}");
    assert!(statement.elapsed_us > wait_us, "execution is on top: {} µs", statement.elapsed_us);
}
