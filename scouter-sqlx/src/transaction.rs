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
    is_open: bool,
}

enum Held<'c, DB: Database> {
    Owned(Conn<DB>),
    Borrowed(&'c mut Conn<DB>),
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
        let mut begin = Beginning {
            transaction: Some(Self { connection, is_open: true }),
            is_under_way: false,
        };
        {
            let Beginning { transaction: Some(transaction), is_under_way } = &mut begin else {
                return Err(Error::BeginFailed);
            };
            let connection = transaction.connection.get_mut();
            let is_outermost = depth::<DB>(connection) == 0;
            let step = open_step(if is_outermost { "BEGIN" } else { "SAVEPOINT" });
            let mut future = pin!(DB::TransactionManager::begin(connection.raw_mut(), statement));
            let watched = std::future::poll_fn(|context| {
                let polled = future.as_mut().poll(context);
                *is_under_way = polled.is_pending();
                polled
            });
            in_facade_step(step, watched).await?;
        }
        begin.transaction.take().ok_or(Error::BeginFailed)
    }

    /// See [`sqlx::Transaction::commit`].
    ///
    /// # Errors
    /// If COMMIT fails; the transaction is then rolled back.
    pub async fn commit(mut self) -> Result<(), Error> {
        let connection = self.connection.get_mut();
        let is_outermost = depth::<DB>(connection) <= 1;
        let step = open_step(if is_outermost { "COMMIT" } else { "RELEASE SAVEPOINT" });
        in_facade_step(step, DB::TransactionManager::commit(connection.raw_mut())).await?;
        self.is_open = false;
        Ok(())
    }

    /// See [`sqlx::Transaction::rollback`].
    ///
    /// # Errors
    /// If ROLLBACK fails.
    pub async fn rollback(mut self) -> Result<(), Error> {
        let connection = self.connection.get_mut();
        let is_outermost = depth::<DB>(connection) <= 1;
        let step = open_step(if is_outermost { "ROLLBACK" } else { "ROLLBACK TO SAVEPOINT" });
        in_facade_step(step, DB::TransactionManager::rollback(connection.raw_mut())).await?;
        self.is_open = false;
        Ok(())
    }
}

fn depth<DB: Database>(connection: &Conn<DB>) -> usize {
    DB::TransactionManager::get_transaction_depth(connection.raw())
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
        let connection = transaction.connection.get_mut();
        if depth::<DB>(connection) > 0 {
            // A savepoint too many ends with the transaction around it.
            return;
        }
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
        if !self.is_open {
            return;
        }
        let connection = self.connection.get_mut();
        match depth::<DB>(connection) {
            // Nothing was begun: BEGIN failed or never ran.
            0 => {}
            1 => open_step("ROLLBACK (dropped)").finish(Outcome::Ok, ""),
            _ => open_step("ROLLBACK TO SAVEPOINT (dropped)").finish(Outcome::Ok, ""),
        }
        DB::TransactionManager::start_rollback(connection.raw_mut());
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
