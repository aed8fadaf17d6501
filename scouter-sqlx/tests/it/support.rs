//! What the tests share: recordings, alerts, pools of one connection, polls that are counted.

use std::pin::Pin;
use std::task::{Context, Poll};

use scouter_core::record::{Alert, AlertKind};
use scouter_core::testing::{self, RecordedDetail, RecordedStep, Recording};
use scouter_core::{Begin, TextKind, Transaction, alert, in_transaction, intern};
use scouter_sqlx as sqlx;
use sqlx::{MySqlPool, PgPool, SqlitePool};

use crate::mariadb::MariaDb;
use crate::postgres::Postgres;

/// How often a test lets other tasks run before it gives up waiting for one.
pub(crate) const MAX_YIELDS: usize = 100_000;

/// Runs a future as one transaction named `test` and hands back what was recorded, and the alerts.
pub(crate) async fn record<F: Future>(future: F) -> (Recording, Vec<Alert>) {
    let recorder = testing::exclusive();
    alerts();
    let transaction = Transaction::begin(Begin::new(intern(TextKind::Service, "test")));
    transaction.keep_profile();
    in_transaction(transaction, future).await;
    let recording = recorder.take();
    let alerts = alerts();
    drop(recorder);
    (recording, alerts)
}

/// Records a future that says whether it was cancelled, until it was: a busy machine may answer
/// within the first poll, and hundreds of attempts would not fit one profile.
pub(crate) async fn record_cancelled(
    mut attempt: impl AsyncFnMut(usize) -> bool,
) -> (Recording, Vec<Alert>) {
    for number in 0..MAX_YIELDS {
        let mut is_cancelled = false;
        let recorded = record(async { is_cancelled = attempt(number).await }).await;
        if is_cancelled {
            return recorded;
        }
    }
    panic!("it cannot be cancelled");
}

/// The alerts raised since the last call.
pub(crate) fn alerts() -> Vec<Alert> {
    let mut alerts = Vec::new();
    alert::drain_alerts(&mut alerts);
    alerts
}

pub(crate) fn of_kind(alerts: &[Alert], kind: AlertKind) -> Vec<&Alert> {
    alerts.iter().filter(|alert| alert.kind == kind).collect()
}

/// Those about one place: tests that run beside this one raise alerts too.
pub(crate) fn of_place<'a>(alerts: &'a [Alert], kind: AlertKind, place: &str) -> Vec<&'a Alert> {
    alerts.iter().filter(|alert| alert.kind == kind && alert.place == place).collect()
}

/// Asserts the recorded tree; written with four blanks a level, under the transaction's line.
#[track_caller]
pub(crate) fn assert_tree(recording: &Recording, expected: &str) {
    let expected: String =
        expected.trim_matches('\n').lines().map(|line| line.trim_end().to_owned() + "\n").collect();
    assert_eq!(recording.tree(), expected);
}

/// The step with this name.
#[track_caller]
pub(crate) fn step<'a>(recording: &'a Recording, name: &str) -> &'a RecordedStep {
    let steps = recording.steps(recording.only().txid);
    steps
        .iter()
        .find(|step| step.name == name)
        .unwrap_or_else(|| panic!("no step {name:?} in\n{}", recording.tree()))
}

/// What is special about a statement.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Sql {
    pub(crate) wait_us: u64,
    pub(crate) first_row_us: Option<u64>,
    pub(crate) rows: u64,
    pub(crate) affected: u64,
    pub(crate) binds: u32,
    pub(crate) bind_values: String,
}

/// Details of the statement with this name.
#[track_caller]
pub(crate) fn sql(recording: &Recording, name: &str) -> Sql {
    match &step(recording, name).detail {
        RecordedDetail::Sql { pool_wait_us, first_row_us, rows, affected, binds, bind_values } => {
            Sql {
                wait_us: *pool_wait_us,
                first_row_us: *first_row_us,
                rows: *rows,
                affected: *affected,
                binds: *binds,
                bind_values: bind_values.clone(),
            }
        }
        other => panic!("{name:?} is no statement but {other:?}"),
    }
}

/// An in-memory database behind one connection.
pub(crate) async fn sqlite() -> SqlitePool {
    sqlx::sqlite::SqlitePoolOptions::new()
        .max_connections(1)
        .connect("sqlite::memory:")
        .await
        .unwrap()
}

/// PostgreSQL behind one connection, or `None` if it is absent.
pub(crate) async fn postgres() -> Option<PgPool> {
    let server = Postgres::shared()?;
    let options = sqlx::postgres::PgPoolOptions::new().max_connections(1);
    Some(options.test_before_acquire(false).connect(&server.url()).await.unwrap())
}

/// MariaDB behind one connection, or `None` if it is absent.
pub(crate) async fn mariadb() -> Option<MySqlPool> {
    let server = MariaDb::shared()?;
    let options = sqlx::mysql::MySqlPoolOptions::new().max_connections(1);
    Some(options.test_before_acquire(false).connect(&server.url()).await.unwrap())
}

/// Lets the tasks of this runtime run until it is so.
pub(crate) async fn until(mut is_so: impl FnMut() -> bool) {
    for _ in 0..MAX_YIELDS {
        if is_so() {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("it did not become so");
}

/// Polls a future this many times at most, and drops it then.
pub(crate) async fn polled<F: Future>(future: F, polls: usize) -> Option<F::Output> {
    struct Polled<F> {
        future: Pin<Box<F>>,
        left: usize,
    }

    impl<F: Future> Future for Polled<F> {
        type Output = Option<F::Output>;

        fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
            if let Poll::Ready(output) = self.future.as_mut().poll(context) {
                return Poll::Ready(Some(output));
            }
            self.left -= 1;
            if self.left == 0 { Poll::Ready(None) } else { Poll::Pending }
        }
    }

    Polled { future: Box::pin(future), left: polls }.await
}
