//! From a generic connection to the driver behind it.
//!
//! `&mut Conn<DB>` must be an `Executor` for every `DB` without a where clause: with the natural
//! bound (`&mut DB::Connection: Executor`) the compiler applies the implementation to itself
//! without end as soon as user code is generic (E0275), and with one implementation per driver a
//! function generic over `DB` has none. So the bound is dropped and the driver is found by its
//! type, in safe code through `Any`. After monomorphisation every test here is a constant.
//!
//! A driver that is not one of sqlx's own gets a clear error instead of rows; its statements work
//! through `&Pool`, which needs no such step.

#![cfg_attr(
    not(any(feature = "_sqlite", feature = "postgres", feature = "mysql", feature = "any")),
    allow(unused, reason = "without a driver nothing is left of the bodies")
)]

use std::any::Any;
use std::task::{Context, Poll};

use futures_core::future::BoxFuture;
use futures_core::stream::BoxStream;
use sqlx::{Database, Either, Error, Executor, SqlStr};
use sqlx_core::describe::Describe;

use crate::taken::Taken;
use crate::text::Dialect;

/// A row, or the result of one statement.
pub(crate) type Item<DB> =
    Result<Either<<DB as Database>::QueryResult, <DB as Database>::Row>, Error>;

/// Moves a value of one type into the same type under another name; `None` if they differ.
fn cast<A: 'static, B: 'static>(value: A) -> Option<B> {
    let mut value = Some(value);
    (&mut value as &mut dyn Any).downcast_mut::<Option<B>>().and_then(Option::take)
}

fn unknown<DB: Database>() -> Error {
    Error::Configuration(
        format!(
            "scouter-sqlx does not know the driver {}: run the statement on the pool, or on the \
             driver's own connection by a second dereference (`&mut **connection`)",
            DB::NAME
        )
        .into(),
    )
}

macro_rules! drivers {
    ($($(#[$cfg:meta])* $Variant:ident = $Driver:ty;)*) => {
        /// The running statement of a connection.
        pub(crate) enum Rows<'e, DB: Database> {
            /// From a pool, already of the right type.
            Same(BoxStream<'e, Item<DB>>),
            $($(#[$cfg])* $Variant(BoxStream<'e, Item<$Driver>>),)*
            Failed(Option<Error>),
        }

        impl<DB: Database> Rows<'_, DB> {
            pub(crate) fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Item<DB>>> {
                match self {
                    Self::Same(rows) => rows.as_mut().poll_next(context),
                    $($(#[$cfg])* Self::$Variant(rows) => {
                        rows.as_mut().poll_next(context).map(|item| item.map(item_of::<$Driver, DB>))
                    })*
                    Self::Failed(error) => Poll::Ready(error.take().map(Err)),
                }
            }
        }

        /// The statement of a connection that yields one row at most.
        pub(crate) enum Row<'e, DB: Database> {
            Same(BoxFuture<'e, Result<Option<DB::Row>, Error>>),
            $($(#[$cfg])* $Variant(
                BoxFuture<'e, Result<Option<<$Driver as Database>::Row>, Error>>,
            ),)*
            Failed(Option<Error>),
        }

        impl<DB: Database> Row<'_, DB> {
            pub(crate) fn poll(
                &mut self,
                context: &mut Context<'_>,
            ) -> Poll<Result<Option<DB::Row>, Error>> {
                match self {
                    Self::Same(row) => row.as_mut().poll(context),
                    $($(#[$cfg])* Self::$Variant(row) => {
                        row.as_mut().poll(context).map_ok(|row| {
                            row.and_then(cast::<<$Driver as Database>::Row, DB::Row>)
                        })
                    })*
                    Self::Failed(error) => {
                        Poll::Ready(Err(error.take().unwrap_or(Error::RowNotFound)))
                    }
                }
            }
        }

        /// Starts a statement on a connection.
        pub(crate) fn fetch_many<'e, DB: Database>(
            connection: &'e mut DB::Connection,
            query: Taken<DB>,
        ) -> Rows<'e, DB> {
            let connection: &'e mut dyn Any = connection;
            $($(#[$cfg])* if connection.is::<<$Driver as Database>::Connection>() {
                let parts = (connection.downcast_mut(), cast::<Taken<DB>, Taken<$Driver>>(query));
                let (Some(connection), Some(query)) = parts else {
                    return Rows::Failed(Some(unknown::<DB>()));
                };
                let connection: &'e mut <$Driver as Database>::Connection = connection;
                return Rows::$Variant(connection.fetch_many(query));
            })*
            Rows::Failed(Some(unknown::<DB>()))
        }

        /// Starts a statement of which one row is wanted.
        pub(crate) fn fetch_optional<'e, DB: Database>(
            connection: &'e mut DB::Connection,
            query: Taken<DB>,
        ) -> Row<'e, DB> {
            let connection: &'e mut dyn Any = connection;
            $($(#[$cfg])* if connection.is::<<$Driver as Database>::Connection>() {
                let parts = (connection.downcast_mut(), cast::<Taken<DB>, Taken<$Driver>>(query));
                let (Some(connection), Some(query)) = parts else {
                    return Row::Failed(Some(unknown::<DB>()));
                };
                let connection: &'e mut <$Driver as Database>::Connection = connection;
                return Row::$Variant(connection.fetch_optional(query));
            })*
            Row::Failed(Some(unknown::<DB>()))
        }

        /// Prepares a statement.
        pub(crate) async fn prepare<DB: Database>(
            connection: &mut DB::Connection,
            sql: SqlStr,
            parameters: &[DB::TypeInfo],
        ) -> Result<DB::Statement, Error> {
            let connection: &mut (dyn Any + Send) = connection;
            $($(#[$cfg])* if let Some(connection) =
                connection.downcast_mut::<<$Driver as Database>::Connection>()
            {
                let parameters: Vec<<$Driver as Database>::TypeInfo> =
                    parameters.iter().cloned().filter_map(cast).collect();
                let statement = connection.prepare_with(sql, &parameters).await?;
                return cast(statement).ok_or_else(unknown::<DB>);
            })*
            Err(unknown::<DB>())
        }

        /// Describes a statement (what `query!` asks at compile time).
        pub(crate) async fn describe<DB: Database>(
            connection: &mut DB::Connection,
            sql: SqlStr,
        ) -> Result<Describe<DB>, Error> {
            let connection: &mut (dyn Any + Send) = connection;
            $($(#[$cfg])* if let Some(connection) =
                connection.downcast_mut::<<$Driver as Database>::Connection>()
            {
                let description = connection.describe(sql).await?;
                return cast(description).ok_or_else(unknown::<DB>);
            })*
            Err(unknown::<DB>())
        }

        /// Rows affected: sqlx has no trait for it, so the result is asked by its type.
        pub(crate) fn rows_affected<DB: Database>(result: &DB::QueryResult) -> u64 {
            let result: &dyn Any = result;
            $($(#[$cfg])* if let Some(result) =
                result.downcast_ref::<<$Driver as Database>::QueryResult>()
            {
                return result.rows_affected();
            })*
            0
        }
    };
}

drivers! {
    #[cfg(feature = "_sqlite")] Sqlite = sqlx::Sqlite;
    #[cfg(feature = "postgres")] Postgres = sqlx::Postgres;
    #[cfg(feature = "mysql")] MySql = sqlx::MySql;
    #[cfg(feature = "any")] Any = sqlx::Any;
}

fn item_of<A: Database, DB: Database>(item: Item<A>) -> Item<DB> {
    let converted = match item? {
        Either::Left(result) => cast(result).map(Either::Left),
        Either::Right(row) => cast(row).map(Either::Right),
    };
    converted.ok_or_else(unknown::<DB>)
}

/// The database a connection really talks to; `Any` knows that only at run time.
fn backend<DB: Database>(connection: &DB::Connection) -> &str {
    #[cfg(feature = "any")]
    if let Some(connection) = (connection as &dyn Any).downcast_ref::<sqlx::AnyConnection>() {
        return connection.backend_name();
    }
    let _ = connection;
    DB::NAME
}

/// How the database behind a connection writes its statements.
pub(crate) fn dialect<DB: Database>(connection: &DB::Connection) -> Dialect {
    if backend::<DB>(connection) == "MySQL" { Dialect::MySql } else { Dialect::Standard }
}

/// How the database that is connected to with these options writes its statements.
pub(crate) fn dialect_by_options<DB: Database>(
    options: &<DB::Connection as sqlx::Connection>::Options,
) -> Dialect {
    #[cfg(feature = "any")]
    if let Some(options) = (options as &dyn Any).downcast_ref::<sqlx::any::AnyConnectOptions>() {
        let is_mysql = ["mysql", "mariadb"].contains(&options.database_url.scheme());
        return if is_mysql { Dialect::MySql } else { Dialect::Standard };
    }
    let _ = options;
    if DB::NAME == "MySQL" { Dialect::MySql } else { Dialect::Standard }
}

/// Whether a begin that is dropped half way leaves the connection inside a transaction.
///
/// SQLite's worker rolls back by itself; the network drivers of sqlx 0.9 raise their depth only
/// after the answer, so their own guard sees depth 0 and does nothing.
pub(crate) fn forgets_cancelled_begin<DB: Database>(connection: &DB::Connection) -> bool {
    backend::<DB>(connection) != "SQLite"
}

/// The bound values as text, at most `limit` bytes, or that they are secret; only SQLite keeps them readable.
pub(crate) fn bind_values<DB: Database>(
    arguments: &DB::Arguments,
    is_secret: bool,
    limit: usize,
) -> Option<Box<str>> {
    #[cfg(feature = "_sqlite")]
    if let Some(arguments) = (arguments as &dyn Any).downcast_ref::<sqlx::sqlite::SqliteArguments>()
    {
        // A secret is not even formatted.
        let values = || crate::bind::sqlite_values(arguments, limit);
        return Some(if is_secret { crate::bind::REDACTED.into() } else { values() });
    }
    let _ = (arguments, is_secret, limit);
    None
}

#[cfg(all(test, feature = "any"))]
mod tests {
    use super::*;

    #[test]
    fn the_dialect_of_any_is_that_of_its_url() {
        let dialect = |url: &str| {
            let options: sqlx::any::AnyConnectOptions = url.parse().unwrap();
            dialect_by_options::<sqlx::Any>(&options)
        };
        assert_eq!(dialect("mysql://user@host/shop"), Dialect::MySql);
        assert_eq!(dialect("mariadb://user@host/shop"), Dialect::MySql);
        assert_eq!(dialect("postgres://user@host/shop"), Dialect::Standard);
        assert_eq!(dialect("sqlite::memory:"), Dialect::Standard);
    }
}
