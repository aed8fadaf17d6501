//! [`Acquire`]: sqlx's trait with recorded connections, and sqlx's own for those who need that.

use std::future;
use std::ops::{Deref, DerefMut};
use std::panic::Location;

use futures_core::future::BoxFuture;
use sqlx::{Database, Error};

use crate::connection::{Conn, PoolConnection};
use crate::recorded_pool::Pool;
use crate::transaction::Transaction;

/// Something a connection can be had from: `&Pool`, `&mut Conn`, `&mut Transaction`.
///
/// Shadows [`sqlx::Acquire`], with recorded types. Migrations and other code that asks for sqlx's
/// own trait find that implemented as well; what they run is not recorded by the facade.
pub trait Acquire<'c> {
    /// The database it is for.
    type Database: Database;

    /// What it gives.
    type Connection: Deref<Target = Conn<Self::Database>> + DerefMut + Send;

    /// A connection.
    #[track_caller]
    fn acquire(self) -> BoxFuture<'c, Result<Self::Connection, Error>>;

    /// A transaction, or a savepoint inside one.
    #[track_caller]
    fn begin(self) -> BoxFuture<'c, Result<Transaction<'c, Self::Database>, Error>>;
}

impl<'a, DB: Database> Acquire<'a> for &'_ Pool<DB> {
    type Database = DB;
    type Connection = PoolConnection<DB>;

    #[track_caller]
    fn acquire(self) -> BoxFuture<'a, Result<Self::Connection, Error>> {
        Box::pin(Pool::acquire(self))
    }

    #[track_caller]
    fn begin(self) -> BoxFuture<'a, Result<Transaction<'a, DB>, Error>> {
        Box::pin(self.begin_at(None, Location::caller()))
    }
}

macro_rules! acquire_from {
    ($Source:ty) => {
        impl<'a, DB: Database> Acquire<'a> for &'a mut $Source {
            type Database = DB;
            type Connection = &'a mut Conn<DB>;

            fn acquire(self) -> BoxFuture<'a, Result<Self::Connection, Error>> {
                let connection: &'a mut Conn<DB> = self;
                Box::pin(future::ready(Ok(connection)))
            }

            fn begin(self) -> BoxFuture<'a, Result<Transaction<'a, DB>, Error>> {
                Box::pin(Transaction::begin_borrowed(self, None))
            }
        }

        impl<'a, DB: Database> sqlx::Acquire<'a> for &'a mut $Source {
            type Database = DB;
            type Connection = &'a mut DB::Connection;

            fn acquire(self) -> BoxFuture<'a, Result<Self::Connection, Error>> {
                let connection: &'a mut Conn<DB> = self;
                Box::pin(future::ready(Ok(connection.raw_mut())))
            }

            fn begin(self) -> BoxFuture<'a, Result<sqlx::Transaction<'a, DB>, Error>> {
                let connection: &'a mut Conn<DB> = self;
                sqlx::Transaction::begin(connection.raw_mut(), None)
            }
        }
    };
}

acquire_from!(Conn<DB>);
acquire_from!(PoolConnection<DB>);
acquire_from!(Transaction<'_, DB>);

impl<'a, DB: Database> sqlx::Acquire<'a> for &'_ Pool<DB> {
    type Database = DB;
    type Connection = sqlx::pool::PoolConnection<DB>;

    fn acquire(self) -> BoxFuture<'a, Result<Self::Connection, Error>> {
        sqlx::Acquire::acquire(self.inner())
    }

    fn begin(self) -> BoxFuture<'a, Result<sqlx::Transaction<'a, DB>, Error>> {
        sqlx::Acquire::begin(self.inner())
    }
}

/// sqlx's advisory locks and the like take anything that gives the driver's own connection.
macro_rules! as_driver {
    ($($(#[$cfg:meta])* $Driver:ty, $Raw:ty;)*) => {$(
        $(#[$cfg])*
        const _: () = {
            impl AsMut<$Raw> for Conn<$Driver> {
                fn as_mut(&mut self) -> &mut $Raw {
                    self.raw_mut()
                }
            }

            impl AsMut<$Raw> for PoolConnection<$Driver> {
                fn as_mut(&mut self) -> &mut $Raw {
                    self.raw_mut()
                }
            }

            impl AsRef<$Raw> for PoolConnection<$Driver> {
                fn as_ref(&self) -> &$Raw {
                    self.raw()
                }
            }

            impl AsMut<$Raw> for Transaction<'_, $Driver> {
                fn as_mut(&mut self) -> &mut $Raw {
                    self.raw_mut()
                }
            }
        };
    )*};
}

as_driver! {
    #[cfg(feature = "_sqlite")] sqlx::Sqlite, sqlx::SqliteConnection;
    #[cfg(feature = "postgres")] sqlx::Postgres, sqlx::PgConnection;
    #[cfg(feature = "mysql")] sqlx::MySql, sqlx::MySqlConnection;
    #[cfg(feature = "any")] sqlx::Any, sqlx::AnyConnection;
}

impl<DB: Database> AsMut<Conn<DB>> for PoolConnection<DB> {
    fn as_mut(&mut self) -> &mut Conn<DB> {
        self
    }
}

impl<DB: Database> AsRef<Conn<DB>> for PoolConnection<DB> {
    fn as_ref(&self) -> &Conn<DB> {
        self
    }
}

impl<DB: Database> AsMut<Conn<DB>> for Transaction<'_, DB> {
    fn as_mut(&mut self) -> &mut Conn<DB> {
        self
    }
}
