//! [`Connection`]: sqlx's trait, shadowed.
//!
//! sqlx fixes `Database::Connection = Self`, so our connection can never implement the original.
//! This one has the same methods without that equation: our connections implement it, and so does
//! every connection of a driver, so code generic over `C: sqlx::Connection` takes both.

use futures_core::future::BoxFuture;
use sqlx::{ConnectOptions, Database, Error, SqlSafeStr};
use sqlx_core::database::HasStatementCache;
use sqlx_core::transaction::TransactionManager;

use crate::connection::Conn;
use crate::transaction::Transaction;

/// A single database connection. Shadows [`sqlx::Connection`]; the methods are documented there.
#[allow(clippy::missing_errors_doc, reason = "the errors are those of the shadowed trait")]
pub trait Connection: Send + 'static {
    /// The database it is for.
    type Database: Database;

    /// How it is opened.
    type Options: ConnectOptions;

    /// What [`begin`](Self::begin) gives: ours for our connections, sqlx's own for a driver's.
    type Transaction<'t>: Send
    where
        Self: 't;

    /// Closes it gracefully.
    fn close(self) -> impl Future<Output = Result<(), Error>> + Send + 'static;

    #[doc(hidden)]
    fn close_hard(self) -> impl Future<Output = Result<(), Error>> + Send + 'static;

    /// Checks that the database still answers.
    fn ping(&mut self) -> impl Future<Output = Result<(), Error>> + Send + '_;

    /// Begins a transaction, or sets a savepoint inside one.
    fn begin(&mut self) -> impl Future<Output = Result<Self::Transaction<'_>, Error>> + Send + '_;

    /// Begins a transaction with a statement of one's own.
    fn begin_with(
        &mut self,
        statement: impl SqlSafeStr,
    ) -> impl Future<Output = Result<Self::Transaction<'_>, Error>> + Send + '_;

    /// Whether a transaction is open.
    fn is_in_transaction(&self) -> bool;

    /// Runs the callback inside a transaction; commits on `Ok`, rolls back on `Err`.
    fn transaction<'a, F, R, E>(
        &'a mut self,
        callback: F,
    ) -> impl Future<Output = Result<R, E>> + Send
    where
        for<'c> F:
            FnOnce(&'c mut Self::Transaction<'_>) -> BoxFuture<'c, Result<R, E>> + 'a + Send + Sync,
        R: Send,
        E: From<Error> + Send;

    /// How many prepared statements are kept.
    fn cached_statements_size(&self) -> usize
    where
        Self::Database: HasStatementCache;

    /// Forgets all prepared statements.
    fn clear_cached_statements(&mut self) -> impl Future<Output = Result<(), Error>> + Send + '_
    where
        Self::Database: HasStatementCache;

    /// Gives buffer memory back.
    fn shrink_buffers(&mut self);

    #[doc(hidden)]
    fn flush(&mut self) -> impl Future<Output = Result<(), Error>> + Send + '_;

    #[doc(hidden)]
    fn should_flush(&self) -> bool;

    /// Opens a connection.
    fn connect(url: &str) -> impl Future<Output = Result<Self, Error>> + Send + 'static
    where
        Self: Sized;

    /// Opens a connection.
    fn connect_with(
        options: &Self::Options,
    ) -> impl Future<Output = Result<Self, Error>> + Send + '_
    where
        Self: Sized;
}

impl<DB: Database> Connection for Conn<DB> {
    type Database = DB;
    type Options = <DB::Connection as sqlx::Connection>::Options;
    type Transaction<'t> = Transaction<'t, DB>;

    fn close(self) -> impl Future<Output = Result<(), Error>> + Send + 'static {
        Conn::close(self)
    }

    fn close_hard(self) -> impl Future<Output = Result<(), Error>> + Send + 'static {
        Conn::close_hard(self)
    }

    fn ping(&mut self) -> impl Future<Output = Result<(), Error>> + Send + '_ {
        sqlx::Connection::ping(self.raw_mut())
    }

    fn begin(&mut self) -> impl Future<Output = Result<Transaction<'_, DB>, Error>> + Send + '_ {
        Transaction::begin_borrowed(self, None)
    }

    fn begin_with(
        &mut self,
        statement: impl SqlSafeStr,
    ) -> impl Future<Output = Result<Transaction<'_, DB>, Error>> + Send + '_ {
        Transaction::begin_borrowed(self, Some(statement.into_sql_str()))
    }

    fn is_in_transaction(&self) -> bool {
        DB::TransactionManager::get_transaction_depth(self.raw()) != 0
    }

    fn transaction<'a, F, R, E>(
        &'a mut self,
        callback: F,
    ) -> impl Future<Output = Result<R, E>> + Send
    where
        for<'c> F:
            FnOnce(&'c mut Transaction<'_, DB>) -> BoxFuture<'c, Result<R, E>> + 'a + Send + Sync,
        R: Send,
        E: From<Error> + Send,
    {
        Conn::transaction(self, callback)
    }

    fn cached_statements_size(&self) -> usize
    where
        DB: HasStatementCache,
    {
        sqlx::Connection::cached_statements_size(self.raw())
    }

    fn clear_cached_statements(&mut self) -> impl Future<Output = Result<(), Error>> + Send + '_
    where
        DB: HasStatementCache,
    {
        sqlx::Connection::clear_cached_statements(self.raw_mut())
    }

    fn shrink_buffers(&mut self) {
        sqlx::Connection::shrink_buffers(self.raw_mut());
    }

    fn flush(&mut self) -> impl Future<Output = Result<(), Error>> + Send + '_ {
        sqlx::Connection::flush(self.raw_mut())
    }

    fn should_flush(&self) -> bool {
        sqlx::Connection::should_flush(self.raw())
    }

    fn connect(url: &str) -> impl Future<Output = Result<Self, Error>> + Send + 'static {
        let connect = <DB::Connection as sqlx::Connection>::connect(url);
        async move { connect.await.map(Conn::plain) }
    }

    async fn connect_with(options: &Self::Options) -> Result<Self, Error> {
        <DB::Connection as sqlx::Connection>::connect_with(options).await.map(Conn::plain)
    }
}

impl<C: sqlx::Connection + 'static> Connection for C {
    type Database = <C as sqlx::Connection>::Database;
    type Options = <C as sqlx::Connection>::Options;
    type Transaction<'t> = sqlx::Transaction<'t, <C as sqlx::Connection>::Database>;

    fn close(self) -> impl Future<Output = Result<(), Error>> + Send + 'static {
        sqlx::Connection::close(self)
    }

    fn close_hard(self) -> impl Future<Output = Result<(), Error>> + Send + 'static {
        sqlx::Connection::close_hard(self)
    }

    fn ping(&mut self) -> impl Future<Output = Result<(), Error>> + Send + '_ {
        sqlx::Connection::ping(self)
    }

    fn begin(&mut self) -> impl Future<Output = Result<Self::Transaction<'_>, Error>> + Send + '_ {
        sqlx::Connection::begin(self)
    }

    fn begin_with(
        &mut self,
        statement: impl SqlSafeStr,
    ) -> impl Future<Output = Result<Self::Transaction<'_>, Error>> + Send + '_ {
        sqlx::Connection::begin_with(self, statement.into_sql_str())
    }

    fn is_in_transaction(&self) -> bool {
        sqlx::Connection::is_in_transaction(self)
    }

    fn transaction<'a, F, R, E>(
        &'a mut self,
        callback: F,
    ) -> impl Future<Output = Result<R, E>> + Send
    where
        for<'c> F:
            FnOnce(&'c mut Self::Transaction<'_>) -> BoxFuture<'c, Result<R, E>> + 'a + Send + Sync,
        R: Send,
        E: From<Error> + Send,
    {
        sqlx::Connection::transaction(self, callback)
    }

    fn cached_statements_size(&self) -> usize
    where
        Self::Database: HasStatementCache,
    {
        sqlx::Connection::cached_statements_size(self)
    }

    fn clear_cached_statements(&mut self) -> impl Future<Output = Result<(), Error>> + Send + '_
    where
        Self::Database: HasStatementCache,
    {
        sqlx::Connection::clear_cached_statements(self)
    }

    fn shrink_buffers(&mut self) {
        sqlx::Connection::shrink_buffers(self);
    }

    fn flush(&mut self) -> impl Future<Output = Result<(), Error>> + Send + '_ {
        sqlx::Connection::flush(self)
    }

    fn should_flush(&self) -> bool {
        sqlx::Connection::should_flush(self)
    }

    fn connect(url: &str) -> impl Future<Output = Result<Self, Error>> + Send + 'static {
        <C as sqlx::Connection>::connect(url)
    }

    fn connect_with(
        options: &Self::Options,
    ) -> impl Future<Output = Result<Self, Error>> + Send + '_ {
        <C as sqlx::Connection>::connect_with(options)
    }
}
