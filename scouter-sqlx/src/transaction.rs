//! [`Transaction`]: BEGIN, COMMIT, ROLLBACK and the silent rollback of a drop are steps.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::pin::pin;

use scouter_core::record::{AlertKind, AlertLevel, Outcome, StepKind};
use scouter_core::{OpenStep, TextKind, alert, intern};
use sqlx::{Database, Error, SqlStr};
use sqlx_core::transaction::TransactionManager;

use crate::connection::{Conn, PoolConnection};
use crate::driver;
use crate::prepare::in_facade_step;

/// A database transaction, or a savepoint inside one. Dropped, it rolls back.
pub struct Transaction<'c, DB: Database> {
    connection: Held<'c, DB>,
    state: State,
    is_savepoint: bool,
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
        let is_savepoint = connection.get().is_in_transaction();
        let transaction = Self { connection, state: State::Beginning, is_savepoint };
        let mut begin = Beginning { transaction: Some(transaction), is_under_way: false };
        {
            let Beginning { transaction: Some(transaction), is_under_way } = &mut begin else {
                return Err(Error::BeginFailed);
            };
            let step = open_step(if is_savepoint { "SAVEPOINT" } else { "BEGIN" });
            let raw = transaction.connection.get_mut().raw_mut();
            let mut future = pin!(DB::TransactionManager::begin(raw, statement));
            let watched = std::future::poll_fn(|context| {
                let polled = future.as_mut().poll(context);
                *is_under_way = polled.is_pending();
                polled
            });
            in_facade_step(step, watched).await?;
        }
        let mut transaction = begin.transaction.take().ok_or(Error::BeginFailed)?;
        transaction.state = State::Open;
        transaction.connection.get_mut().transaction_opened();
        Ok(transaction)
    }

    /// See [`sqlx::Transaction::commit`].
    ///
    /// # Errors
    /// If COMMIT fails; the transaction is then rolled back.
    pub async fn commit(mut self) -> Result<(), Error> {
        let step = open_step(if self.is_savepoint { "RELEASE SAVEPOINT" } else { "COMMIT" });
        let raw = self.connection.get_mut().raw_mut();
        in_facade_step(step, DB::TransactionManager::commit(raw)).await?;
        self.close();
        Ok(())
    }

    /// See [`sqlx::Transaction::rollback`].
    ///
    /// # Errors
    /// If ROLLBACK fails.
    pub async fn rollback(mut self) -> Result<(), Error> {
        let step = open_step(if self.is_savepoint { "ROLLBACK TO SAVEPOINT" } else { "ROLLBACK" });
        let raw = self.connection.get_mut().raw_mut();
        in_facade_step(step, DB::TransactionManager::rollback(raw)).await?;
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

/// A transaction whose BEGIN has not been answered yet.
///
/// sqlx 0.9 counts the transaction only after the answer. If the future is dropped before (a
/// timeout, a client that left), the rollback guard sees depth 0 and does nothing, and the
/// connection goes back to the pool inside an open transaction: the next user's writes are lost or
/// mixed into it. Closing the connection is the only cure from outside.
struct Beginning<'c, DB: Database> {
    transaction: Option<Transaction<'c, DB>>,
    is_under_way: bool,
}

impl<DB: Database> Drop for Beginning<'_, DB> {
    fn drop(&mut self) {
        let Some(transaction) = &mut self.transaction else { return };
        if !self.is_under_way || !driver::forgets_cancelled_begin::<DB>() {
            return;
        }
        if transaction.is_savepoint {
            // A savepoint too many ends with the transaction around it.
            return;
        }
        let connection = transaction.connection.get_mut();
        let is_closed = connection.close_on_drop();
        let pool = scouter_core::text(connection.settings().pool);
        let outcome = if is_closed {
            "the connection will be closed instead of going back to its pool"
        } else {
            "the connection may be inside an open transaction: close it"
        };
        alert::raise(
            AlertKind::CancelledBegin,
            AlertLevel::Warn,
            pool,
            format_args!("begin() on {pool} was dropped while BEGIN was in flight; {outcome}"),
        );
    }
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
            State::Beginning => {}
            State::Open => {
                let name = if self.is_savepoint {
                    "ROLLBACK TO SAVEPOINT (dropped)"
                } else {
                    "ROLLBACK (dropped)"
                };
                open_step(name).finish(Outcome::Ok, "");
                self.close();
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
