//! See the crate.

#[path = "../../../src/mariadb.rs"]
mod mariadb;
mod mysql;
#[cfg(feature = "check-postgres")]
mod postgres;
#[cfg(feature = "check-postgres")]
#[path = "../../../src/postgres.rs"]
mod server;
#[cfg(feature = "check-sqlite")]
mod sqlite;

use sqlx::FromRow;

/// A row as users derive it.
#[derive(Debug, PartialEq, Eq, FromRow)]
struct Named {
    #[sqlx(rename = "id")]
    number: i32,
    name: String,
}

/// A column type as users derive it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[repr(i32)]
enum Grade {
    Low = 1,
    High = 2,
}
