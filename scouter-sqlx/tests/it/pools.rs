//! Waits, checkouts, transactions: what is recorded of a pool.

use futures_util::{FutureExt, TryStreamExt};
use scouter_core::checkout::{CheckoutView, open_checkouts};
use scouter_core::record::{AlertKind, Outcome};
use scouter_core::{TextKind, callsite, in_step, intern, text};
use scouter_sqlx as sqlx;
use sqlx::{Connection, Database, Executor, SqlitePool};

use crate::support::{
    assert_tree, mariadb, of_kind, of_place, polled, postgres, record, record_cancelled, sql,
    sqlite, step, until,
};

/// A pool whose name is its own, so that its checkouts are told from those of other tests.
async fn named(name: &str) -> SqlitePool {
    sqlx::wrap(sqlite().await.into_inner()).name(name).build()
}

fn checkouts(pool: &str) -> Vec<CheckoutView> {
    let mut views = Vec::new();
    open_checkouts(&mut views);
    let pool = intern(TextKind::Pool, pool);
    views.retain(|view| view.pool == pool);
    views
}

async fn check_transactions<DB>(pool: sqlx::Pool<DB>, begin: &'static str)
where
    DB: Database,
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
{
    let pool = sqlx::wrap(pool.into_inner()).name("transactions").build();
    let (recording, _) = record(async {
        let mut transaction = pool.begin().await.unwrap();
        transaction.execute("CREATE TEMPORARY TABLE t (a INTEGER)").await.unwrap();
        let savepoint = transaction.begin().await.unwrap();
        savepoint.rollback().await.unwrap();
        let savepoint = transaction.begin().await.unwrap();
        savepoint.commit().await.unwrap();
        drop(transaction.begin().await.unwrap());
        transaction.commit().await.unwrap();
        let transaction = pool.begin().await.unwrap();
        transaction.rollback().await.unwrap();
        drop(pool.begin_with(begin).await.unwrap());
    })
    .await;
    assert_tree(
        &recording,
        "
test
    pool_wait transactions
    sql BEGIN
    sql CREATE TEMPORARY TABLE t (a INTEGER)
    sql SAVEPOINT
    sql ROLLBACK TO SAVEPOINT
    sql SAVEPOINT
    sql RELEASE SAVEPOINT
    sql SAVEPOINT
    sql ROLLBACK TO SAVEPOINT (dropped)
    sql COMMIT
    pool_wait transactions
    sql BEGIN
    sql ROLLBACK
    pool_wait transactions
    sql BEGIN
    sql ROLLBACK (dropped)",
    );
    assert_eq!(recording.only().sql_count, 1, "only what was executed counts as a statement");
}

#[tokio::test]
async fn transactions_are_steps() {
    check_transactions(sqlite().await, "BEGIN IMMEDIATE").await;
    if let Some(pool) = postgres().await {
        check_transactions(pool, "BEGIN READ WRITE").await;
    }
    let Some(pool) = mariadb().await else { return };
    check_transactions(pool, "START TRANSACTION READ WRITE").await;
}

#[tokio::test]
async fn what_is_no_statement_stays_out_of_the_sums_however_it_ends() {
    let Some(pool) = postgres().await else { return };
    let mut first = pool.acquire().await.unwrap();
    let begin = async |_| first.begin().now_or_never().is_none();
    let (begun, _) = record_cancelled(begin).await;
    assert_tree(&begun, "test\n    sql BEGIN !cancelled");
    drop(first);
    let mut connection = pool.acquire().await.unwrap();
    let prepare = async |number| {
        // Of a text of its own, as a known one is not prepared again.
        let sql = sqlx::AssertSqlSafe(format!("SELECT {number} AS prepared"));
        connection.prepare(sqlx::SqlSafeStr::into_sql_str(sql)).now_or_never().is_none()
    };
    let (prepared, _) = record_cancelled(prepare).await;
    assert_tree(&prepared, "test\n    sql PREPARE SELECT ? AS prepared !cancelled");
    for recording in [begun, prepared] {
        let xlog = recording.only();
        assert_eq!((xlog.sql_count, xlog.sql_us), (0, 0));
    }
}

#[tokio::test]
async fn the_wait_of_a_statement_is_told_apart_from_its_execution() {
    let Some(pool) = postgres().await else { return };
    let held = pool.acquire().await.unwrap();
    let (recording, _) = record(async {
        let statement = sqlx::query("SELECT pg_sleep(0.2)").execute(&pool);
        let release = async {
            // The statement is polled first and finds no connection.
            tokio::task::yield_now().await;
            drop(held);
        };
        let (done, ()) = tokio::join!(statement, release);
        done.unwrap();
    })
    .await;
    let select = sql(&recording, "SELECT pg_sleep(?)");
    let elapsed_us = step(&recording, "SELECT pg_sleep(?)").elapsed_us;
    // Far below what it sleeps: on a busy machine the end of the wait is noted late.
    assert!(select.wait_us > 0 && elapsed_us - select.wait_us >= 20_000, "{select:?}");
    let xlog = recording.only();
    assert_eq!(xlog.pool_wait_us, select.wait_us);
    assert!(xlog.sql_us.abs_diff(elapsed_us - select.wait_us) <= 1, "{}", xlog.sql_us);
}

#[tokio::test]
async fn a_cancelled_acquire_is_a_cancelled_wait() {
    let pool = named("cancelled").await;
    let held = pool.acquire().await.unwrap();
    let (recording, _) = record(async {
        assert!(pool.acquire().now_or_never().is_none());
        assert!(sqlx::query("SELECT 1").execute(&pool).now_or_never().is_none());
    })
    .await;
    assert_tree(
        &recording,
        "
test
    pool_wait cancelled !cancelled
    sql SELECT ? !cancelled",
    );
    drop(held);
    assert!(pool.acquire().await.is_ok(), "the place in the queue was given back");
}

#[tokio::test]
async fn a_pool_timeout_names_the_holders() {
    let plain = sqlx::sqlite::SqlitePoolOptions::new()
        .max_connections(1)
        .acquire_timeout(std::time::Duration::from_millis(20))
        .connect("sqlite::memory:")
        .await
        .unwrap();
    let pool = sqlx::wrap(plain.into_inner()).name("exhausted").build();
    let mut held = pool.acquire().await.unwrap();
    let line = line!() - 1;
    held.execute("SELECT 'the holder'").await.unwrap();
    let (recording, alerts) = record(async {
        assert!(matches!(pool.acquire().await, Err(sqlx::Error::PoolTimedOut)));
        let starved = sqlx::query("SELECT 1, 2").execute(&pool).await;
        assert!(matches!(starved, Err(sqlx::Error::PoolTimedOut)));
    })
    .await;
    let told = of_kind(&alerts, AlertKind::PoolExhausted);
    assert_eq!(told.len(), 2, "{alerts:?}");
    for alert in &told {
        let holder = format!("pools.rs:{line} (acquire) for ");
        assert!(alert.message.contains(&holder), "{}", alert.message);
        assert!(alert.message.contains("last statement SELECT ?"), "{}", alert.message);
    }
    assert!(told[0].place.contains("pools.rs:"), "{}", told[0].place);
    assert_eq!(step(&recording, "exhausted").outcome, Outcome::Error);
    let starved = step(&recording, "SELECT ?, ?");
    assert_eq!(starved.outcome, Outcome::Error);
    let wait_us = sql(&recording, "SELECT ?, ?").wait_us;
    assert!(wait_us >= 20_000 && wait_us <= starved.elapsed_us, "all of it was waiting: {wait_us}");
}

#[tokio::test]
async fn a_statement_that_holds_a_connection_is_placed_by_its_function() {
    let options = sqlx::sqlite::SqlitePoolOptions::new().max_connections(1);
    let options = options.acquire_timeout(std::time::Duration::from_millis(20));
    let plain = options.connect("sqlite::memory:").await.unwrap();
    let pool = sqlx::wrap(plain.into_inner()).name("held by a statement").build();
    let starve = || async { assert!(pool.execute("SELECT 'starved'").await.is_err()) };
    let line = line!() + 2;
    let (_, alerts) = record(async {
        let function = in_step(callsite!(name: "holding"), async {
            let mut rows = sqlx::query("SELECT 1 UNION ALL SELECT 2").fetch(&pool);
            rows.try_next().await.unwrap();
            starve().await;
        });
        function.await;
    })
    .await;
    let told = &of_kind(&alerts, AlertKind::PoolExhausted)[0].message;
    assert!(told.contains("; a statement in holding "), "{told}");
    assert!(told.contains(&format!("pools.rs:{line}")), "{told}");
    assert!(told.contains("last statement SELECT ? UNION ALL SELECT ?"), "{told}");
    assert!(!told.contains("scouter-sqlx/src"), "{told}");

    let pool = sqlx::wrap(pool.into_inner()).name("held by nobody knows whom").build();
    let (_, alerts) = record(async {
        let mut rows = sqlx::query("SELECT 1 UNION ALL SELECT 2").fetch(&pool);
        rows.try_next().await.unwrap();
        assert!(pool.execute("SELECT 'starved'").await.is_err());
    })
    .await;
    let told = &of_kind(&alerts, AlertKind::PoolExhausted)[0].message;
    assert!(told.contains("; a statement for 0."), "{told}");
}

#[tokio::test]
async fn leaks_are_seen_with_line_statements_and_a_finished_owner() {
    struct Stored(Option<sqlx::pool::PoolConnection<sqlx::Sqlite>>);
    for way in ["forgotten", "leaked box", "stored"] {
        let pool = named(way).await;
        let mut stored = Stored(None);
        let (recording, _) = record(async {
            let mut connection = pool.acquire().await.unwrap();
            connection.execute("SELECT 'a leak'").await.unwrap();
            assert!(checkouts(way)[0].is_owner_running);
            match way {
                "forgotten" => std::mem::forget(connection),
                "leaked box" => {
                    let transaction = connection.begin().await.unwrap();
                    drop(transaction);
                    Box::leak(Box::new(connection));
                }
                _ => stored.0 = Some(connection),
            }
        })
        .await;
        let views = checkouts(way);
        assert_eq!(views.len(), 1, "{way}");
        let view = &views[0];
        assert!(view.file.ends_with("pools.rs") && view.line > 0, "{view:?}");
        assert!(!view.is_owner_running && !view.is_leaked_on_purpose, "{view:?}");
        assert_eq!(view.owner.map(|owner| owner.1), Some(recording.only().txid));
        assert_eq!((view.statements, text(view.last_sql)), (1, "SELECT ?"));
        drop(stored);
    }
    assert!(checkouts("stored").is_empty(), "given back late, it is no leak any more");
}

/// A statement may get its connection and its answer within one poll of ours: the time until the
/// driver took it up is the wait, and what follows is its execution.
#[tokio::test]
async fn a_statement_that_is_done_within_one_poll_has_not_only_waited() {
    let pool = named("at once").await;
    let mut once = 0;
    for _ in 0..300 {
        let (recording, _) = record(async {
            pool.fetch_one("SELECT 1").await.unwrap();
        })
        .await;
        let select = step(&recording, "SELECT ?");
        once += u32::from(select.polls == 1);
        let xlog = recording.only();
        assert!(xlog.pool_wait_us < select.elapsed_us, "it ran too: {xlog:?}");
    }
    println!("{once} of 300 were done within one poll");
}

#[tokio::test]
async fn the_line_of_a_checkout_is_that_of_the_caller() {
    let pool = named("lines").await;
    let acquired = pool.acquire().await.unwrap();
    assert_eq!((checkouts("lines")[0].line, checkouts("lines")[0].how), (line!() - 1, "acquire"));
    drop(acquired);
    until(|| pool.num_idle() == 1).await;
    let begun = pool.begin().await.unwrap();
    assert_eq!((checkouts("lines")[0].line, checkouts("lines")[0].how), (line!() - 1, "begin"));
    begun.rollback().await.unwrap();
    until(|| pool.num_idle() == 1).await;
    let tried = pool.try_acquire().unwrap();
    assert_eq!(checkouts("lines")[0].line, line!() - 1);
    drop(tried);
    until(|| pool.num_idle() == 1).await;
    let by_trait = sqlx::Acquire::acquire(&pool).await.unwrap();
    assert_eq!(checkouts("lines")[0].line, line!() - 1);
    drop(by_trait);
    assert!(checkouts("lines").is_empty());
}

#[tokio::test]
async fn detach_ends_a_checkout_and_leak_keeps_it_listed_as_meant() {
    let pool = named("meant").await;
    let detached = pool.acquire().await.unwrap().detach();
    assert!(checkouts("meant").is_empty());
    detached.close().await.unwrap();
    let leaked = pool.acquire().await.unwrap().leak();
    assert!(checkouts("meant")[0].is_leaked_on_purpose);
    leaked.close().await.unwrap();
}

#[tokio::test]
async fn a_cancelled_begin_never_hands_on_an_open_transaction() {
    let Some(pool) = postgres().await else { return };
    let pool = sqlx::wrap(pool.into_inner()).name("begun").build();
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
        assert!(of_place(&alerts, AlertKind::CancelledBegin, "begun").len() <= 1);
        let mut next = pool.acquire().await.unwrap();
        // Outside a transaction block a savepoint is an error: 25P01.
        let savepoint = next.execute("SAVEPOINT probe").await.unwrap_err();
        let code = savepoint.as_database_error().and_then(|error| error.code().map(Into::into));
        assert_eq!(code, Some(String::from("25P01")), "after {polls} polls");
    }
    assert!(cancelled > 0, "no begin was cancelled");
}

#[tokio::test]
async fn a_begin_cancelled_in_flight_raises_an_alert() {
    let Some(pool) = postgres().await else { return };
    let pool = sqlx::wrap(pool.into_inner()).name("in flight").build();
    let mut connection = pool.acquire().await.unwrap();
    let attempt = async |_| connection.begin().now_or_never().is_none();
    let (recording, alerts) = record_cancelled(attempt).await;
    let told = of_place(&alerts, AlertKind::CancelledBegin, "in flight");
    assert_eq!(told.len(), 1, "{alerts:?}");
    assert!(told[0].message.contains("in flight") && told[0].message.contains("will be closed"));
    let tree = recording.tree();
    assert!(tree.ends_with("    sql BEGIN !cancelled\n"), "{tree}");
    drop(connection);
    until(|| pool.size() == 0).await;
}
