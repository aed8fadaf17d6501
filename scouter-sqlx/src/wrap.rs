//! The second door: [`wrap`] a plain pool, with a name and limits of its own.

use std::time::Duration;

use scouter_core::{TextKind, intern};
use sqlx::Database;

use crate::recorded_pool::Pool;
use crate::settings::Settings;

/// Wraps a plain sqlx pool for those who do not rename the dependency.
///
/// What is asked of the pool, its connections and transactions is recorded as with the renamed
/// dependency: `&pool`, `&mut *transaction`, `connection.begin()`. But a function over
/// `&mut sqlx::PgConnection` names the driver's own connection here; `f(&mut transaction)`
/// compiles, reaches it by two dereferences, and what runs in `f` is not recorded. Let such
/// functions take `&mut scouter_sqlx::PgConnection` or `impl sqlx::PgExecutor<'_>`, or use
/// [`instrument`](crate::instrument) inside them.
///
/// # Examples
/// ```
/// # async fn run() -> Result<(), sqlx::Error> {
/// let plain = sqlx::SqlitePool::connect("sqlite::memory:").await?;
/// let pool: scouter_sqlx::SqlitePool =
///     scouter_sqlx::wrap(plain).name("orders-db").too_many_rows(1_000).build();
/// sqlx::query("SELECT 1").execute(&pool).await?;
/// # Ok(())
/// # }
/// ```
pub fn wrap<DB: Database>(pool: sqlx::Pool<DB>) -> Wrap<DB> {
    let pool = Pool::from(pool);
    Wrap { settings: pool.settings(), pool }
}

/// Settings of one pool; made by [`wrap`], ended by [`build`](Self::build).
#[derive(Debug)]
#[must_use = "a wrapper without `build()` is not a pool"]
pub struct Wrap<DB: Database> {
    pool: Pool<DB>,
    settings: Settings,
}

impl<DB: Database> Wrap<DB> {
    /// Sets the name under which the pool is shown and reported.
    ///
    /// Default: driver, database, host and port, without user and password.
    pub fn name(mut self, name: &str) -> Self {
        self.settings.pool = intern(TextKind::Pool, name);
        self
    }

    /// Sets from which execution time on a statement is slow: the profile of its transaction is
    /// kept, whatever sampling says, and an alert names the statement. The wait for a connection
    /// does not count: it is no fault of the statement.
    ///
    /// Default: the option `sql_slow_time_ms` (500 ms). A zero duration switches it off.
    /// Env: `SCOUTER_SQL_SLOW_TIME_MS`.
    pub fn slow_sql(mut self, elapsed: Duration) -> Self {
        self.settings.slow_sql_us = Some(u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX));
        self
    }

    /// Sets at how many rows a statement is reported, while it still fetches.
    ///
    /// One alert per statement and an error mark on the transaction; the statement goes on.
    ///
    /// Default: the option `xlog_error_jdbc_fetch_max` (10,000). Unit: rows. 0 switches it off.
    /// Env: `SCOUTER_XLOG_ERROR_JDBC_FETCH_MAX`. Source: SCOUTER `xlog_error_jdbc_fetch_max`.
    pub fn too_many_rows(mut self, rows: u64) -> Self {
        self.settings.too_many_rows = Some(rows);
        self
    }

    /// Sets at how many rows a statement is stopped with an error.
    ///
    /// The one setting with which Scouter changes what the application sees; off by default.
    /// Unit: rows. 0 switches it off.
    pub fn hard_limit(mut self, rows: u64) -> Self {
        self.settings.hard_limit = Some(rows);
        self
    }

    /// Sets at how many runs of one statement in one transaction it is reported: an N+1 query if
    /// it reads, chatty writes if it does not.
    ///
    /// Counted per thread: a transaction that moves between threads is reported later, more than
    /// once, or not at all when none of its threads sees so many runs.
    ///
    /// Default: 20. Unit: runs. 0 switches it off.
    pub fn repeat_limit(mut self, runs: u32) -> Self {
        self.settings.repeat_limit = Some(runs);
        self
    }

    /// Allows that bound values are written into the profile, once the option
    /// `trace_sql_parameter_enabled` is switched on as well: neither of the two does it alone, as
    /// values are data of users.
    ///
    /// SQLite only; the other drivers keep them encoded. Values are cut at 256 bytes together.
    /// They show as `<redacted>` if the statement mentions, in any case and anywhere in its text,
    /// a word like *password*, *secret*, *token*, *session*, *card* or one of
    /// [`secret_words`](Self::secret_words), or is longer than 16 KiB.
    ///
    /// Default: not allowed. With the renamed dependency:
    /// `sqlx::wrap(pool.into_inner()).bind_values(true).build()`.
    /// Env: `SCOUTER_TRACE_SQL_PARAMETER_ENABLED` (off).
    /// Source: SCOUTER `trace_sql_parameter_enabled`.
    pub fn bind_values(mut self, is_allowed: bool) -> Self {
        self.settings.allows_bind_values = is_allowed;
        self
    }

    /// Sets words, besides the known ones, whose mention makes the bound values of a statement
    /// secret: `&["email", "birth"]`. See [`bind_values`](Self::bind_values).
    ///
    /// Default: none.
    pub fn secret_words(mut self, words: &'static [&'static str]) -> Self {
        self.settings.secret_words = words;
        self
    }

    /// The recorded pool.
    pub fn build(self) -> Pool<DB> {
        Pool::new(self.pool.into_inner(), Some(self.settings))
    }
}
