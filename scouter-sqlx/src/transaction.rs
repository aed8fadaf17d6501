//! [`Transaction`]: BEGIN, COMMIT, ROLLBACK and the silent rollback of a drop are steps.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;
use scouter_core::record::{AlertKind, AlertLevel, Outcome, StepKind};
use scouter_core::{OpenStep, TextKind, alert, intern};
use sqlx::{Database, Error, SqlStr};
use sqlx_core::transaction::TransactionManager;

use crate::connection::{Conn, PoolConnection};
use crate::prepare::in_facade_step;
use crate::{driver, failure};

/// A database transaction, or a savepoint inside one. Dropped, it rolls back.
pub struct Transaction<'c, DB: Database> {
    connection: Held<'c, DB>,
    state: State,
    /// 1 for a transaction, more for a savepoint inside one.
    level: u32,
}

enum Held<'c, DB: Database> {
    Owned(Conn<DB>),
    Borrowed(&'c mut Conn<DB>),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// BEGIN was not answered (yet).
    Beginning,
    Open,
    /// COMMIT or ROLLBACK was not answered (yet).
    Ending,
    /// Committed or rolled back.
    Closed,
}

impl<'c, DB: Database> Transaction<'c, DB> {
    pub(crate) async fn begin_owned(
        connection: PoolConnection<DB>,
        statement: Option<SqlStr>,
    ) -> Result<Self, Error> {
        Self::start(Held::Owned(connection.into_conn()), statement).await
    }

    pub(crate) async fn begin_borrowed(
        connection: &'c mut Conn<DB>,
        statement: Option<SqlStr>,
    ) -> Result<Self, Error> {
        Self::start(Held::Borrowed(connection), statement).await
    }

    async fn start(connection: Held<'c, DB>, statement: Option<SqlStr>) -> Result<Self, Error> {
        connection.get().refuse_if_lost()?;
        let level = connection.get().open_transactions() + 1;
        let transaction = Self { connection, state: State::Beginning, level };
        let mut begin = Beginning { transaction: Some(transaction), sent: Sent::No };
        {
            let Beginning { transaction: Some(transaction), sent } = &mut begin else {
                return Err(Error::BeginFailed);
            };
            let step = open_step(if level > 1 { "SAVEPOINT" } else { "BEGIN" });
            let raw = transaction.connection.get_mut().raw_mut();
            let begin = DB::TransactionManager::begin(raw, statement);
            in_facade_step(step, Sending { future: begin, sent }).await?;
        }
        let mut transaction = begin.transaction.take().ok_or(Error::BeginFailed)?;
        transaction.state = State::Open;
        transaction.connection.get_mut().transaction_opened();
        Ok(transaction)
    }

    /// See [`sqlx::Transaction::commit`].
    ///
    /// # Errors
    /// If COMMIT fails; the transaction is then rolled back. Also if the driver has rolled the
    /// transaction back already, because a savepoint inside it was cancelled or failed while it
    /// was set: sqlx itself answers `Ok` then and has committed nothing.
    pub async fn commit(mut self) -> Result<(), Error> {
        let step = open_step(if self.level > 1 { "RELEASE SAVEPOINT" } else { "COMMIT" });
        let connection = self.connection.get_mut();
        if let Err(error) = connection.refuse_if_lost() {
            step.finish(Outcome::Error, &failure::describe(&error));
            return Err(error);
        }
        self.state = State::Ending;
        in_facade_step(step, DB::TransactionManager::commit(connection.raw_mut())).await?;
        self.close();
        Ok(())
    }

    /// See [`sqlx::Transaction::rollback`].
    ///
    /// # Errors
    /// If ROLLBACK fails.
    pub async fn rollback(mut self) -> Result<(), Error> {
        let step = open_step(if self.level > 1 { "ROLLBACK TO SAVEPOINT" } else { "ROLLBACK" });
        let connection = self.connection.get_mut();
        let is_lost = connection.is_lost();
        let raw = connection.raw_mut();
        if is_lost {
            // The driver has queued the rollback; a ping sends it and awaits its answer.
            in_facade_step(step, sqlx::Connection::ping(raw)).await?;
        } else {
            self.state = State::Ending;
            in_facade_step(step, DB::TransactionManager::rollback(raw)).await?;
        }
        self.close();
        Ok(())
    }

    fn close(&mut self) {
        self.state = State::Closed;
        self.connection.get_mut().transaction_closed();
    }
}

fn open_step(name: &str) -> OpenStep {
    OpenStep::begin(StepKind::SqlTransaction, intern(TextKind::Sql, name))
}

/// How far a BEGIN came.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sent {
    No,
    /// On its way, not answered.
    UnderWay,
    Failed,
    Answered,
}

pin_project! {
    /// The driver's begin; notes how far it came.
    struct Sending<'s, F> {
        #[pin]
        future: F,
        sent: &'s mut Sent,
    }
}

impl<F: Future<Output = Result<(), Error>>> Future for Sending<'_, F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let polled = this.future.poll(context);
        **this.sent = match &polled {
            Poll::Pending => Sent::UnderWay,
            Poll::Ready(Err(_)) => Sent::Failed,
            Poll::Ready(Ok(())) => Sent::Answered,
        };
        polled
    }
}

/// A transaction whose BEGIN has not been answered yet.
///
/// sqlx 0.9 counts the transaction only after the answer. If the future is dropped before (a
/// timeout, a client that left), the rollback guard sees depth 0 and does nothing, and the
/// connection goes back to the pool inside an open transaction: the next user's writes are lost or
/// mixed into it. Closing the connection is the only cure from outside.
///
/// With a savepoint the same guard of PostgreSQL sees the depth of the transaction around it and
/// rolls *that* back; what runs then is committed statement by statement, and COMMIT does nothing
/// and answers well. So the connection refuses everything as long as that transaction is held.
struct Beginning<'c, DB: Database> {
    transaction: Option<Transaction<'c, DB>>,
    sent: Sent,
}

impl<DB: Database> Drop for Beginning<'_, DB> {
    fn drop(&mut self) {
        let Some(transaction) = &mut self.transaction else { return };
        let connection = transaction.connection.get_mut();
        if transaction.level > 1 {
            // Otherwise all is well: a savepoint too many ends with the transaction around it.
            if connection.is_lost() {
                connection.close_on_drop();
                let pool = scouter_core::text(connection.settings().pool);
                alert(
                    pool,
                    format_args!(
                        "a savepoint on {pool} was cancelled or failed while it was set, and sqlx \
                         rolled back the transaction or savepoint around it; what still runs in \
                         that will fail, and so will its commit"
                    ),
                );
            }
            return;
        }
        if !driver::forgets_cancelled_begin::<DB>(connection.raw()) {
            return;
        }
        match self.sent {
            Sent::No | Sent::Answered => {}
            // A BEGIN of several statements may have succeeded in part. The error is the alert.
            Sent::Failed => {
                connection.close_on_drop();
            }
            Sent::UnderWay => {
                let is_closed = connection.close_on_drop();
                let pool = scouter_core::text(connection.settings().pool);
                let outcome = if is_closed {
                    "the connection will be closed instead of going back to its pool"
                } else {
                    "the connection may be inside an open transaction: close it"
                };
                alert(
                    pool,
                    format_args!(
                        "begin() on {pool} was dropped while BEGIN was in flight; {outcome}"
                    ),
                );
            }
        }
    }
}

fn alert(pool: &str, message: fmt::Arguments<'_>) {
    alert::raise(AlertKind::CancelledBegin, AlertLevel::Warn, pool, message);
}

impl<DB: Database> Held<'_, DB> {
    fn get(&self) -> &Conn<DB> {
        match self {
            Self::Owned(connection) => connection,
            Self::Borrowed(connection) => connection,
        }
    }

    fn get_mut(&mut self) -> &mut Conn<DB> {
        match self {
            Self::Owned(connection) => connection,
            Self::Borrowed(connection) => connection,
        }
    }
}

impl<DB: Database> Drop for Transaction<'_, DB> {
    fn drop(&mut self) {
        match self.state {
            State::Closed => return,
            // Nothing to roll back: the driver is still at the level around it.
            State::Beginning if self.level > 1 => return,
            State::Beginning => {}
            State::Open | State::Ending => {
                let name = if self.level > 1 {
                    "ROLLBACK TO SAVEPOINT (dropped)"
                } else {
                    "ROLLBACK (dropped)"
                };
                open_step(name).finish(Outcome::Ok, "");
                // After a cancelled COMMIT SQLite's worker has counted down and awaits this
                // rollback, to ignore it: only before that a low count says that it is done.
                let is_done = self.state == State::Open && self.connection.get().is_lost();
                self.close();
                if is_done {
                    return;
                }
            }
        }
        DB::TransactionManager::start_rollback(self.connection.get_mut().raw_mut());
    }
}

impl<DB: Database> fmt::Debug for Transaction<'_, DB> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Transaction").finish()
    }
}

impl<DB: Database> Deref for Transaction<'_, DB> {
    type Target = Conn<DB>;

    fn deref(&self) -> &Self::Target {
        self.connection.get()
    }
}

impl<DB: Database> DerefMut for Transaction<'_, DB> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        self.connection.get_mut()
    }
}
