//! `begin` and its kind as methods of the types themselves.
//!
//! The traits have them too. But with a wrapped pool the application's `sqlx` is the plain one,
//! and its `Acquire` and `Connection` would reach through the dereference: `connection.begin()`
//! would be a transaction of the driver's own connection, which nobody records. A method of the
//! type wins against one of a trait.

use futures_core::future::BoxFuture;
use sqlx::{Database, Error, SqlSafeStr};

use crate::connection::{Conn, PoolConnection};
use crate::transaction::Transaction;

macro_rules! begin_methods {
    ($($Type:ty),*) => {$(
        impl<DB: Database> $Type {
            /// See [`sqlx::Connection::begin`]: a transaction, or a savepoint inside one.
            ///
            /// # Errors
            /// If BEGIN or SAVEPOINT fails.
            ///
            /// # Cancel safety
            /// Safe, see [`Pool::begin`](crate::Pool::begin). A savepoint that is cancelled on its
            /// way to PostgreSQL takes the level around it along; that level then refuses
            /// statements and commit.
            pub fn begin(
                &mut self,
            ) -> impl Future<Output = Result<Transaction<'_, DB>, Error>> + Send + '_ {
                Transaction::begin_borrowed(self, None)
            }

            /// See [`sqlx::Connection::begin_with`].
            ///
            /// # Errors
            /// If the statement fails or begins no transaction, or if one is open already.
            pub fn begin_with(
                &mut self,
                statement: impl SqlSafeStr,
            ) -> impl Future<Output = Result<Transaction<'_, DB>, Error>> + Send + '_ {
                Transaction::begin_borrowed(self, Some(statement.into_sql_str()))
            }
        }
    )*};
}

begin_methods!(Conn<DB>, PoolConnection<DB>, Transaction<'_, DB>);

impl<DB: Database> Conn<DB> {
    /// See [`sqlx::Connection::transaction`]: runs the callback inside a transaction; commits on
    /// `Ok`, rolls back on `Err`.
    ///
    /// # Errors
    /// That of the callback, or of BEGIN, COMMIT, ROLLBACK.
    pub async fn transaction<'a, F, R, E>(&'a mut self, callback: F) -> Result<R, E>
    where
        for<'c> F:
            FnOnce(&'c mut Transaction<'_, DB>) -> BoxFuture<'c, Result<R, E>> + 'a + Send + Sync,
        R: Send,
        E: From<Error> + Send,
    {
        let mut transaction = Transaction::begin_borrowed(self, None).await?;
        match callback(&mut transaction).await {
            Ok(value) => {
                transaction.commit().await?;
                Ok(value)
            }
            Err(error) => {
                transaction.rollback().await?;
                Err(error)
            }
        }
    }
}
