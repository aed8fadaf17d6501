//! One connection, many tasks: whatever is cancelled, timed out or dropped half way, the next one
//! gets the connection, and in the end nothing is on the books.

use std::time::Duration;

use futures_util::TryStreamExt;
use scouter_core::checkout::{CheckoutView, open_checkouts};
use scouter_core::{Begin, TextKind, Transaction, in_transaction, intern, testing};
use scouter_sqlx as sqlx;
use sqlx::{Connection, Database, Executor};

use crate::support::{mariadb, polled, postgres, sqlite, until};

/// Tasks that want the one connection at the same time.
const TASKS: usize = 16;

/// Things each of them does with it.
const ROUNDS: usize = 60;

/// What a task that waits for ever is told apart by; the work takes seconds on a busy machine.
const MAX_SOAK: Duration = Duration::from_secs(240);

/// How often the recorded rows are taken.
const DRAIN_EVERY: Duration = Duration::from_millis(20);

/// How long a statement may run that is meant to be cut off by a timer.
const SHORT: Duration = Duration::from_micros(300);

const NUMBERS: &str =
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 900) SELECT i FROM n";

fn checkouts(pool: &str) -> Vec<CheckoutView> {
    let mut views = Vec::new();
    open_checkouts(&mut views);
    let pool = intern(TextKind::Pool, pool);
    views.retain(|view| view.pool == pool);
    views
}

/// One of the things users do with a pool; errors of the pool are none of the test's.
async fn one<DB>(pool: &sqlx::Pool<DB>, kind: usize, polls: usize)
where
    DB: Database,
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
    for<'c> &'c sqlx::Pool<DB>: Executor<'c, Database = DB>,
{
    match kind {
        0 => drop(polled(pool.begin(), polls).await),
        1 => drop(polled(pool.acquire(), polls).await),
        2 => drop(polled(pool.fetch_all(NUMBERS), polls).await),
        3 => {
            let mut transaction = pool.begin().await.unwrap();
            drop(polled(transaction.begin(), polls).await);
        }
        4 => {
            let mut rows = pool.fetch(NUMBERS);
            rows.try_next().await.unwrap();
        }
        5 => drop(tokio::time::timeout(SHORT, pool.fetch_all(NUMBERS)).await),
        6 => drop(tokio::time::timeout(SHORT, pool.begin()).await),
        7 => {
            let transaction = pool.begin().await.unwrap();
            drop(polled(transaction.commit(), polls).await);
        }
        8 => {
            let mut connection = pool.acquire().await.unwrap();
            assert!(connection.execute("SELECT nothing FROM nowhere").await.is_err());
            drop(polled(connection.fetch_optional(NUMBERS), polls).await);
            connection.ping().await.unwrap();
        }
        9 => drop(pool.try_acquire()),
        10 => {
            let mut transaction = pool.begin().await.unwrap();
            transaction.execute("SELECT 1").await.unwrap();
            drop(polled(transaction.rollback(), polls).await);
        }
        _ => drop(pool.fetch_one("SELECT 1").await.unwrap()),
    }
}

const KINDS: usize = 12;

/// `is_outside` says whether a connection is in no transaction, as its server sees it.
async fn soak<DB>(
    pool: sqlx::Pool<DB>,
    name: &'static str,
    is_outside: impl AsyncFnOnce(&mut sqlx::Conn<DB>) -> bool,
) where
    DB: Database,
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
    for<'c> &'c sqlx::Pool<DB>: Executor<'c, Database = DB>,
{
    let recorder = testing::exclusive();
    let pool = sqlx::wrap(pool.into_inner()).name(name).build();
    let tasks = (0..TASKS).map(|task| {
        let pool = pool.clone();
        tokio::spawn(async move {
            for round in 0..ROUNDS {
                let begin = Begin::new(intern(TextKind::Service, name));
                let transaction = Transaction::begin(begin);
                let work = one(&pool, (task + round) % KINDS, 1 + (task * 7 + round) % 5);
                in_transaction(transaction, work).await;
            }
        })
    });
    let tasks: Vec<_> = tasks.collect();
    let mut ended = 0;
    let all = async {
        for mut task in tasks {
            // What is recorded is taken away as it comes, as the agent's thread does.
            while tokio::time::timeout(DRAIN_EVERY, &mut task).await.map(Result::unwrap).is_err() {
                ended += rows(&recorder.take(), name);
            }
        }
    };
    assert!(tokio::time::timeout(MAX_SOAK, all).await.is_ok(), "{:?}", checkouts(name));
    let mut last = pool.acquire().await.unwrap();
    assert!(is_outside(&mut last).await, "in a transaction of nobody");
    drop(last);
    // sqlx gives connections back in tasks of its own.
    until(|| checkouts(name).is_empty() && pool.num_idle() == pool.size() as usize).await;
    assert!(pool.size() <= 1);
    ended += rows(&recorder.take(), name);
    assert_eq!(ended, TASKS * ROUNDS, "every transaction ends exactly once");
}

fn rows(recording: &testing::Recording, service: &str) -> usize {
    recording.xlogs.iter().filter(|xlog| xlog.service == service).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sqlite_pool_of_one_connection_survives_what_is_cancelled_and_dropped_on_it() {
    let is_outside =
        async |last: &mut sqlx::SqliteConnection| last.execute("ROLLBACK").await.is_err();
    soak(sqlite().await, "soaked sqlite", is_outside).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_postgres_pool_of_one_connection_survives_what_is_cancelled_and_dropped_on_it() {
    let Some(pool) = postgres().await else { return };
    let is_outside =
        async |last: &mut sqlx::PgConnection| last.execute("SAVEPOINT probe").await.is_err();
    soak(pool, "soaked postgres", is_outside).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mariadb_pool_of_one_connection_survives_what_is_cancelled_and_dropped_on_it() {
    let Some(pool) = mariadb().await else { return };
    let is_outside = async |last: &mut sqlx::MySqlConnection| {
        let state = sqlx::query_scalar("SELECT CAST(@@in_transaction AS SIGNED)");
        state.fetch_one(last).await.is_ok_and(|state: i64| state == 0)
    };
    soak(pool, "soaked mariadb", is_outside).await;
}
