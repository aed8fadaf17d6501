//! sqlx's modules and aliases, with our types in the place of its own.

/// See [`sqlx::pool`].
pub mod pool {
    pub use sqlx::pool::*;

    pub use crate::connection::PoolConnection;
    pub use crate::options::PoolOptions;
    pub use crate::recorded_pool::Pool;
}

/// See [`sqlx::prelude`].
pub mod prelude {
    pub use sqlx::prelude::*;

    pub use crate::acquire::Acquire;
    pub use crate::connect::Connection;
    pub use crate::connect_options::ConnectOptions;
}

/// The aliases of one driver: `PgPool`, `PgConnection`, …
macro_rules! driver_module {
    ($(#[$cfg:meta])* $module:ident, $Driver:ident: $Pool:ident, $Connection:ident,
        $Transaction:ident, $PoolOptions:ident) => {
        $(#[$cfg])*
        pub use $module::{$Connection, $Pool, $Transaction};

        #[doc = concat!("See [`sqlx::", stringify!($module), "`].")]
        $(#[$cfg])*
        pub mod $module {
            pub use sqlx::$module::*;

            #[doc = concat!("See `sqlx::", stringify!($Pool), "`.")]
            pub type $Pool = crate::Pool<sqlx::$Driver>;
            #[doc = concat!("See `sqlx::", stringify!($Connection), "`.")]
            pub type $Connection = crate::Conn<sqlx::$Driver>;
            #[doc = concat!("See `sqlx::", stringify!($Transaction), "`.")]
            pub type $Transaction<'c> = crate::Transaction<'c, sqlx::$Driver>;
            #[doc = concat!("See `sqlx::", stringify!($module), "::", stringify!($PoolOptions), "`.")]
            pub type $PoolOptions = crate::pool::PoolOptions<sqlx::$Driver>;
        }
    };
}

driver_module!(#[cfg(feature = "_sqlite")] sqlite, Sqlite:
    SqlitePool, SqliteConnection, SqliteTransaction, SqlitePoolOptions);
driver_module!(#[cfg(feature = "postgres")] postgres, Postgres:
    PgPool, PgConnection, PgTransaction, PgPoolOptions);
driver_module!(#[cfg(feature = "mysql")] mysql, MySql:
    MySqlPool, MySqlConnection, MySqlTransaction, MySqlPoolOptions);

#[cfg(feature = "any")]
pub use any::{AnyConnection, AnyPool};

/// See [`sqlx::any`].
#[cfg(feature = "any")]
pub mod any {
    pub use sqlx::any::*;

    /// See [`sqlx::AnyPool`].
    pub type AnyPool = crate::Pool<Any>;
    /// See [`sqlx::AnyConnection`].
    pub type AnyConnection = crate::Conn<Any>;
    /// See [`sqlx::any::AnyPoolOptions`].
    pub type AnyPoolOptions = crate::pool::PoolOptions<Any>;
}

/// The drivers' own connections, under the names they have in plain sqlx.
///
/// Here `PgConnection` and its like name the recorded [`Conn`](crate::Conn). A few places hand out
/// the connection below it: the hooks of [`PoolOptions`](crate::pool::PoolOptions), a second
/// dereference, [`Conn::into_inner`](crate::Conn::into_inner). Functions that take
/// it from there name it by this module, or, in source that must compile with plain sqlx as well,
/// by `<sqlx::Postgres as sqlx::Database>::Connection`. [`instrument`](crate::instrument) records
/// a statement on it.
pub mod raw {
    #[cfg(feature = "any")]
    pub use sqlx::AnyConnection;
    #[cfg(feature = "mysql")]
    pub use sqlx::MySqlConnection;
    #[cfg(feature = "postgres")]
    pub use sqlx::PgConnection;
    #[cfg(feature = "_sqlite")]
    pub use sqlx::SqliteConnection;
}
