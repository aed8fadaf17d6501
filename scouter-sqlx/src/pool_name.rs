//! A name for a pool that was given none: what it connects to, without user and password.

use std::any::Any;

use sqlx::Database;

/// `PostgreSQL orders@db:5432`, `SQLite shop.db`; the driver's name if nothing more is known.
pub(crate) fn of<DB: Database>(options: &<DB::Connection as sqlx::Connection>::Options) -> String {
    let driver = DB::NAME;
    match target(options) {
        Some(target) if !target.is_empty() => format!("{driver} {target}"),
        _ => driver.to_owned(),
    }
}

fn target(options: &dyn Any) -> Option<String> {
    #[cfg(feature = "postgres")]
    if let Some(options) = options.downcast_ref::<sqlx::postgres::PgConnectOptions>() {
        let database = options.get_database().unwrap_or_default();
        return Some(format!("{database}@{}:{}", options.get_host(), options.get_port()));
    }
    #[cfg(feature = "mysql")]
    if let Some(options) = options.downcast_ref::<sqlx::mysql::MySqlConnectOptions>() {
        let database = options.get_database().unwrap_or_default();
        return Some(format!("{database}@{}:{}", options.get_host(), options.get_port()));
    }
    #[cfg(feature = "_sqlite")]
    if let Some(options) = options.downcast_ref::<sqlx::sqlite::SqliteConnectOptions>() {
        // An in-memory database is named `file:sqlx-in-memory-N`.
        let name = options.get_filename().file_name()?.to_string_lossy().into_owned();
        let is_memory = name.starts_with("file:sqlx-in-memory");
        return Some(if is_memory { "memory".to_owned() } else { name });
    }
    #[cfg(feature = "any")]
    if let Some(options) = options.downcast_ref::<sqlx::any::AnyConnectOptions>() {
        let url = &options.database_url;
        let host = url.host_str().unwrap_or_default();
        return Some(format!("{}:{host}{}", url.scheme(), url.path()));
    }
    let _ = options;
    None
}
