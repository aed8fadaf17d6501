//! [`Conn`] and [`PoolConnection`]: an owned connection that is recorded however it is passed on.

use std::fmt;
use std::ops::{Deref, DerefMut};

use scouter_core::checkout::CheckoutGuard;
use scouter_core::{TextKind, intern};
use sqlx::{Connection as _, Database, Error};
use sqlx_core::transaction::TransactionManager;

use crate::driver;
use crate::settings::Settings;

/// A connection, from a pool or opened by itself.
///
/// `PgConnection`, `SqliteConnection` and their like are names of it. sqlx implements `Executor`
/// for the connection and not for `PoolConnection` and `Transaction`, so users write `&mut *tx`:
/// therefore the target of that dereference must be the recorded type.
pub struct Conn<DB: Database> {
    slot: Slot<DB>,
    checkout: Option<CheckoutGuard>,
    settings: Settings,
    /// Transactions of ours that are open on it. SQLite's own count lags behind: its worker
    /// lowers it when it comes to the rollback.
    open_transactions: u32,
}

enum Slot<DB: Database> {
    Pooled(sqlx::pool::PoolConnection<DB>),
    Plain(DB::Connection),
}

impl<DB: Database> Conn<DB> {
    pub(crate) fn pooled(
        connection: sqlx::pool::PoolConnection<DB>,
        checkout: CheckoutGuard,
        settings: Settings,
    ) -> Self {
        Self {
            slot: Slot::Pooled(connection),
            checkout: Some(checkout),
            settings,
            open_transactions: 0,
        }
    }

    pub(crate) fn plain(connection: DB::Connection) -> Self {
        let name = intern(TextKind::Pool, DB::NAME);
        let settings = Settings::named(name, driver::dialect::<DB>(&connection));
        Self { slot: Slot::Plain(connection), checkout: None, settings, open_transactions: 0 }
    }

    pub(crate) fn raw(&self) -> &DB::Connection {
        match &self.slot {
            Slot::Pooled(connection) => connection,
            Slot::Plain(connection) => connection,
        }
    }

    pub(crate) fn raw_mut(&mut self) -> &mut DB::Connection {
        match &mut self.slot {
            Slot::Pooled(connection) => connection,
            Slot::Plain(connection) => connection,
        }
    }

    pub(crate) fn settings(&self) -> Settings {
        self.settings
    }

    pub(crate) fn checkout(&self) -> Option<&CheckoutGuard> {
        self.checkout.as_ref()
    }

    pub(crate) fn open_transactions(&self) -> u32 {
        self.open_transactions
    }

    /// How deep in transactions the driver believes to be.
    pub(crate) fn driver_depth(&self) -> usize {
        DB::TransactionManager::get_transaction_depth(self.raw())
    }

    /// Says that it stays checked out for long and is given back one day, as that of a worker: no
    /// alert tells that it leaks or is kept.
    pub fn expect_long(&self) {
        if let Some(checkout) = &self.checkout {
            checkout.expect_long();
        }
    }

    /// Whether the driver rolled back a transaction or savepoint that is still held.
    ///
    /// Its count can be too high, as SQLite's worker lowers it on its own time; never too low.
    #[inline]
    pub(crate) fn is_lost(&self) -> bool {
        self.open_transactions > 0 && self.driver_depth() < self.open_transactions as usize
    }

    /// An error as long as a lost transaction is held: what runs now would become part of the
    /// transaction around it, or be committed alone.
    #[inline]
    pub(crate) fn refuse_if_lost(&self) -> Result<(), Error> {
        if self.is_lost() { Err(lost()) } else { Ok(()) }
    }

    pub(crate) fn transaction_opened(&mut self) {
        self.open_transactions += 1;
    }

    pub(crate) fn transaction_closed(&mut self) {
        self.open_transactions = self.open_transactions.saturating_sub(1);
    }

    /// Keeps the connection from going back to its pool; `false` if it has none.
    pub(crate) fn close_on_drop(&mut self) -> bool {
        match &mut self.slot {
            Slot::Pooled(connection) => {
                connection.close_on_drop();
                true
            }
            Slot::Plain(_) => false,
        }
    }

    pub(crate) async fn close(self) -> Result<(), Error> {
        match self.slot {
            Slot::Pooled(connection) => connection.close().await,
            Slot::Plain(connection) => connection.close().await,
        }
    }

    pub(crate) async fn close_hard(self) -> Result<(), Error> {
        match self.slot {
            Slot::Pooled(connection) => connection.detach().close_hard().await,
            Slot::Plain(connection) => connection.close_hard().await,
        }
    }

    /// The driver's own connection of a connection that belongs to no pool; `Err` gives one that
    /// does back.
    ///
    /// # Errors
    /// If the connection belongs to a pool: use [`PoolConnection::detach`] first.
    #[expect(clippy::result_large_err, reason = "the error is the value itself, handed back")]
    pub fn into_inner(self) -> Result<DB::Connection, Self> {
        match self.slot {
            Slot::Plain(connection) => Ok(connection),
            slot @ Slot::Pooled(_) => Err(Self { slot, ..self }),
        }
    }
}

#[cold]
fn lost() -> Error {
    Error::Protocol(
        "the transaction was rolled back when a savepoint inside it was cancelled or failed: drop \
         it and begin anew"
            .into(),
    )
}

impl<DB: Database> fmt::Debug for Conn<DB> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Conn").field("driver", &DB::NAME).finish_non_exhaustive()
    }
}

impl<DB: Database> Deref for Conn<DB> {
    type Target = DB::Connection;

    fn deref(&self) -> &Self::Target {
        self.raw()
    }
}

impl<DB: Database> DerefMut for Conn<DB> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        self.raw_mut()
    }
}

/// A connection of a [`Pool`](crate::Pool); it goes back when it is dropped.
pub struct PoolConnection<DB: Database>(Conn<DB>);

impl<DB: Database> PoolConnection<DB> {
    pub(crate) fn new(connection: Conn<DB>) -> Self {
        Self(connection)
    }

    pub(crate) fn into_conn(self) -> Conn<DB> {
        self.0
    }

    /// See [`sqlx::pool::PoolConnection::close`].
    ///
    /// # Errors
    /// If the connection could not be closed gracefully.
    pub async fn close(self) -> Result<(), Error> {
        self.0.close().await
    }

    /// See [`sqlx::pool::PoolConnection::close_on_drop`].
    pub fn close_on_drop(&mut self) {
        self.0.close_on_drop();
    }

    /// See [`sqlx::pool::PoolConnection::detach`]. The checkout ends: it was meant.
    #[must_use]
    pub fn detach(self) -> Conn<DB> {
        let Conn { slot, checkout, settings, open_transactions } = self.0;
        if let Some(checkout) = checkout {
            checkout.detach();
        }
        let slot = match slot {
            Slot::Pooled(connection) => Slot::Plain(connection.detach()),
            slot @ Slot::Plain(_) => slot,
        };
        Conn { slot, checkout: None, settings, open_transactions }
    }

    /// See [`sqlx::pool::PoolConnection::leak`]. The checkout stays listed as leaked on purpose:
    /// the pool is one connection smaller for ever.
    #[must_use]
    pub fn leak(self) -> Conn<DB> {
        let Conn { slot, checkout, settings, open_transactions } = self.0;
        if let Some(checkout) = checkout {
            checkout.leaked_on_purpose();
        }
        let slot = match slot {
            Slot::Pooled(connection) => Slot::Plain(connection.leak()),
            slot @ Slot::Plain(_) => slot,
        };
        Conn { slot, checkout: None, settings, open_transactions }
    }

    #[doc(hidden)]
    pub fn return_to_pool(&mut self) -> impl Future<Output = ()> + Send + 'static {
        self.0.checkout = None;
        let returned = match &mut self.0.slot {
            Slot::Pooled(connection) => Some(connection.return_to_pool()),
            Slot::Plain(_) => None,
        };
        async move {
            if let Some(returned) = returned {
                returned.await;
            }
        }
    }

    /// sqlx's own pooled connection. What runs on it is no longer recorded.
    ///
    /// # Errors
    /// Never in practice: it gives itself back if it does not belong to a pool.
    #[expect(clippy::result_large_err, reason = "the error is the value itself, handed back")]
    pub fn into_inner(self) -> Result<sqlx::pool::PoolConnection<DB>, Self> {
        match self.0.slot {
            Slot::Pooled(connection) => Ok(connection),
            slot @ Slot::Plain(_) => Err(Self(Conn { slot, ..self.0 })),
        }
    }
}

impl<DB: Database> fmt::Debug for PoolConnection<DB> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("PoolConnection").finish()
    }
}

impl<DB: Database> Deref for PoolConnection<DB> {
    type Target = Conn<DB>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<DB: Database> DerefMut for PoolConnection<DB> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}
