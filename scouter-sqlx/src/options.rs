//! [`PoolOptions`]: sqlx's pool options, ending in a recorded pool.

use std::fmt;
use std::time::Duration;

use futures_core::future::BoxFuture;
use log::LevelFilter;
use sqlx::pool::PoolConnectionMetadata;
use sqlx::{Database, Error};

use crate::recorded_pool::Pool;

type ConnectOptionsOf<DB> = <<DB as Database>::Connection as sqlx::Connection>::Options;

/// See [`sqlx::pool::PoolOptions`]: same methods, same defaults.
///
/// # Hooks
/// [`after_connect`](Self::after_connect), [`before_acquire`](Self::before_acquire) and
/// [`after_release`](Self::after_release) get the driver's own connection, by reference: it is
/// inside sqlx's pool then, and a recorded [`Conn`](crate::Conn) owns its connection. A closure
/// compiles as with plain sqlx, and so does a function over
/// `<sqlx::Postgres as sqlx::Database>::Connection`; what they run is recorded through
/// [`instrument`](crate::instrument) only.
/// ```
/// # use scouter_sqlx as sqlx;
/// use sqlx::Executor;
///
/// async fn set_up(connection: &mut sqlx::raw::PgConnection) -> Result<(), sqlx::Error> {
///     connection.execute("SET application_name = 'orders'").await?;
///     sqlx::query("SET search_path = orders").execute(sqlx::instrument(connection)).await?;
///     Ok(())
/// }
///
/// let options = sqlx::postgres::PgPoolOptions::new()
///     .after_connect(|connection, _| Box::pin(set_up(connection)));
/// # let _ = options;
/// ```
/// A function that names the recorded connection does not fit:
/// ```compile_fail,E0308
/// # use scouter_sqlx as sqlx;
/// use sqlx::Executor;
///
/// async fn set_up(connection: &mut sqlx::PgConnection) -> Result<(), sqlx::Error> {
///     connection.execute("SET application_name = 'orders'").await?;
///     Ok(())
/// }
///
/// let options = sqlx::postgres::PgPoolOptions::new()
///     .after_connect(|connection, _| Box::pin(set_up(connection)));
/// ```
pub struct PoolOptions<DB: Database>(sqlx::pool::PoolOptions<DB>);

/// Methods that only hand on a value.
macro_rules! setters {
    ($($(#[$meta:meta])* $name:ident($value:ident: $Type:ty);)*) => {$(
        #[doc = concat!("See [`sqlx::pool::PoolOptions::", stringify!($name), "`].")]
        $(#[$meta])*
        #[must_use]
        pub fn $name(self, $value: $Type) -> Self {
            Self(self.0.$name($value))
        }
    )*};
}

macro_rules! getters {
    ($($name:ident -> $Type:ty;)*) => {$(
        #[doc = concat!("See [`sqlx::pool::PoolOptions::", stringify!($name), "`].")]
        #[must_use]
        pub fn $name(&self) -> $Type {
            self.0.$name()
        }
    )*};
}

impl<DB: Database> PoolOptions<DB> {
    /// See [`sqlx::pool::PoolOptions::new`].
    #[must_use]
    pub fn new() -> Self {
        Self(sqlx::pool::PoolOptions::new())
    }

    setters! {
        max_connections(max: u32);
        min_connections(min: u32);
        acquire_time_level(level: LevelFilter);
        acquire_slow_level(level: LevelFilter);
        acquire_slow_threshold(threshold: Duration);
        acquire_timeout(timeout: Duration);
        max_lifetime(lifetime: impl Into<Option<Duration>>);
        idle_timeout(timeout: impl Into<Option<Duration>>);
        test_before_acquire(test: bool);
    }

    getters! {
        get_max_connections -> u32;
        get_min_connections -> u32;
        get_acquire_slow_threshold -> Duration;
        get_acquire_timeout -> Duration;
        get_max_lifetime -> Option<Duration>;
        get_idle_timeout -> Option<Duration>;
        get_test_before_acquire -> bool;
    }

    #[doc(hidden)]
    #[must_use]
    pub fn __fair(self, fair: bool) -> Self {
        Self(self.0.__fair(fair))
    }

    #[doc(hidden)]
    #[must_use]
    pub fn parent(self, pool: Pool<DB>) -> Self {
        Self(self.0.parent(pool.into_inner()))
    }

    /// See [`sqlx::pool::PoolOptions::after_connect`]; the connection is the driver's own, see
    /// [Hooks](Self#hooks).
    #[must_use]
    pub fn after_connect<F>(self, callback: F) -> Self
    where
        for<'c> F: Fn(&'c mut DB::Connection, PoolConnectionMetadata) -> BoxFuture<'c, Result<(), Error>>
            + 'static
            + Send
            + Sync,
    {
        Self(self.0.after_connect(callback))
    }

    /// See [`sqlx::pool::PoolOptions::before_acquire`]; the connection is the driver's own, see
    /// [Hooks](Self#hooks).
    #[must_use]
    pub fn before_acquire<F>(self, callback: F) -> Self
    where
        for<'c> F: Fn(&'c mut DB::Connection, PoolConnectionMetadata) -> BoxFuture<'c, Result<bool, Error>>
            + 'static
            + Send
            + Sync,
    {
        Self(self.0.before_acquire(callback))
    }

    /// See [`sqlx::pool::PoolOptions::after_release`]; the connection is the driver's own, see
    /// [Hooks](Self#hooks).
    #[must_use]
    pub fn after_release<F>(self, callback: F) -> Self
    where
        for<'c> F: Fn(&'c mut DB::Connection, PoolConnectionMetadata) -> BoxFuture<'c, Result<bool, Error>>
            + 'static
            + Send
            + Sync,
    {
        Self(self.0.after_release(callback))
    }

    /// See [`sqlx::pool::PoolOptions::connect`].
    ///
    /// # Errors
    /// If the URL is malformed or the first connection fails.
    pub async fn connect(self, url: &str) -> Result<Pool<DB>, Error> {
        self.0.connect(url).await.map(Pool::from)
    }

    /// See [`sqlx::pool::PoolOptions::connect_with`].
    ///
    /// # Errors
    /// If the first connection fails.
    pub async fn connect_with(self, options: ConnectOptionsOf<DB>) -> Result<Pool<DB>, Error> {
        self.0.connect_with(options).await.map(Pool::from)
    }

    /// See [`sqlx::pool::PoolOptions::connect_lazy`].
    ///
    /// # Errors
    /// If the URL is malformed.
    pub fn connect_lazy(self, url: &str) -> Result<Pool<DB>, Error> {
        self.0.connect_lazy(url).map(Pool::from)
    }

    /// See [`sqlx::pool::PoolOptions::connect_lazy_with`].
    pub fn connect_lazy_with(self, options: ConnectOptionsOf<DB>) -> Pool<DB> {
        self.0.connect_lazy_with(options).into()
    }
}

impl<DB: Database> Default for PoolOptions<DB> {
    fn default() -> Self {
        Self::new()
    }
}

impl<DB: Database> Clone for PoolOptions<DB> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<DB: Database> fmt::Debug for PoolOptions<DB> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl<DB: Database> From<sqlx::pool::PoolOptions<DB>> for PoolOptions<DB> {
    fn from(options: sqlx::pool::PoolOptions<DB>) -> Self {
        Self(options)
    }
}

impl<DB: Database> From<PoolOptions<DB>> for sqlx::pool::PoolOptions<DB> {
    fn from(options: PoolOptions<DB>) -> Self {
        options.0
    }
}
