//! [`ConnectOptions`]: sqlx's trait, shadowed, so that `options.connect()` gives a recorded
//! connection.

use std::fmt::Debug;
use std::str::FromStr;

use log::LevelFilter;
use sqlx::Error;
use sqlx_core::Url;

use crate::connect::Connection;
use crate::connection::Conn;

/// How a connection is opened. Shadows [`sqlx::ConnectOptions`]; the methods are documented there.
///
/// Whatever implements the original has this one, so neither is implemented by users.
#[allow(clippy::missing_errors_doc, reason = "the errors are those of the shadowed trait")]
pub trait ConnectOptions: 'static + Send + Sync + FromStr<Err = Error> + Debug + Clone {
    /// What [`connect`](Self::connect) gives.
    type Connection: Connection<Options = Self>;

    /// Reads a connection URL.
    fn from_url(url: &Url) -> Result<Self, Error>;

    /// A URL that connects to the same database; some settings have no place in it.
    fn to_url_lossy(&self) -> Url;

    /// Opens a connection, which is recorded.
    fn connect(&self) -> impl Future<Output = Result<Self::Connection, Error>> + Send + '_;

    /// Sets at which level sqlx logs statements.
    #[must_use]
    fn log_statements(self, level: LevelFilter) -> Self;

    /// Sets at which level sqlx logs statements that take longer.
    #[must_use]
    fn log_slow_statements(self, level: LevelFilter, duration: std::time::Duration) -> Self;

    /// Switches sqlx's logging of statements off, and with it what the fallback layer reads.
    #[must_use]
    fn disable_statement_logging(self) -> Self;
}

/// The database that is connected to with these options.
type DatabaseOf<O> = <<O as sqlx::ConnectOptions>::Connection as sqlx::Connection>::Database;

impl<O> ConnectOptions for O
where
    O: sqlx::ConnectOptions<Connection: Sized>,
{
    type Connection = Conn<DatabaseOf<O>>;

    fn from_url(url: &Url) -> Result<Self, Error> {
        <O as sqlx::ConnectOptions>::from_url(url)
    }

    fn to_url_lossy(&self) -> Url {
        sqlx::ConnectOptions::to_url_lossy(self)
    }

    fn connect(&self) -> impl Future<Output = Result<Self::Connection, Error>> + Send + '_ {
        let connect = sqlx::ConnectOptions::connect(self);
        async move { connect.await.map(Conn::plain) }
    }

    fn log_statements(self, level: LevelFilter) -> Self {
        sqlx::ConnectOptions::log_statements(self, level)
    }

    fn log_slow_statements(self, level: LevelFilter, duration: std::time::Duration) -> Self {
        sqlx::ConnectOptions::log_slow_statements(self, level, duration)
    }

    fn disable_statement_logging(self) -> Self {
        sqlx::ConnectOptions::disable_statement_logging(self)
    }
}
