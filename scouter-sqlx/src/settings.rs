//! What is set per pool; everything else comes from the option table.

use scouter_core::{TextId, options};

use crate::text::Dialect;

/// Settings of one pool, copied into each of its connections and statements.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Settings {
    /// Name of the pool.
    pub(crate) pool: TextId,
    /// How the statements are written.
    pub(crate) dialect: Dialect,
    pub(crate) too_many_rows: Option<u64>,
    pub(crate) hard_limit: Option<u64>,
    pub(crate) slow_sql_us: Option<u64>,
    pub(crate) repeat_limit: Option<u32>,
    pub(crate) bind_values: Option<bool>,
}

impl Settings {
    /// Settings of a pool of which only the name is known.
    pub(crate) fn named(pool: TextId, dialect: Dialect) -> Self {
        Self {
            pool,
            dialect,
            too_many_rows: None,
            hard_limit: None,
            slow_sql_us: None,
            repeat_limit: None,
            bind_values: None,
        }
    }

    /// Rows at which a statement is reported while it fetches; [`u64::MAX`] for never.
    pub(crate) fn too_many_rows(&self) -> u64 {
        or_never(self.too_many_rows.unwrap_or_else(|| options::XLOG_ERROR_JDBC_FETCH_MAX.value()))
    }

    /// Rows at which a statement is stopped; [`u64::MAX`] for never, which is the default.
    pub(crate) fn hard_limit(&self) -> u64 {
        or_never(self.hard_limit.unwrap_or(0))
    }

    /// Execution time, without the wait, from which on a statement is slow, µs; [`u64::MAX`] for never.
    pub(crate) fn slow_sql_us(&self) -> u64 {
        or_never(self.slow_sql_us.unwrap_or_else(|| options::SQL_SLOW_TIME_MS.value() * 1_000))
    }

    /// Runs of one statement in one transaction at which it is reported; 0 for never.
    pub(crate) fn repeat_limit(&self) -> u32 {
        self.repeat_limit.unwrap_or(DEFAULT_REPEAT_LIMIT)
    }

    /// Whether bound values are written down (SQLite only).
    pub(crate) fn shows_bind_values(&self) -> bool {
        self.bind_values.unwrap_or_else(|| options::TRACE_SQL_PARAMETER_ENABLED.value())
    }
}

/// Runs of one statement in one transaction from which on it is reported.
pub(crate) const DEFAULT_REPEAT_LIMIT: u32 = 20;

/// In every limit 0 means "none".
fn or_never(limit: u64) -> u64 {
    if limit == 0 { u64::MAX } else { limit }
}
