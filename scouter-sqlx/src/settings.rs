//! What is set per pool; everything else comes from the option table.

use scouter_core::{TextId, options};

use crate::text::{Dialect, MAX_STATEMENT_BYTES};

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
    /// The author of the application allows bound values to be written down.
    pub(crate) allows_bind_values: bool,
    /// Words that make all values of a statement secret, besides [`SECRET_WORDS`].
    pub(crate) secret_words: &'static [&'static str],
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
            allows_bind_values: false,
            secret_words: &[],
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

    /// Whether bound values are written down (SQLite only): allowed by the author of the
    /// application, and switched on by who runs it.
    pub(crate) fn shows_bind_values(&self) -> bool {
        self.allows_bind_values && options::TRACE_SQL_PARAMETER_ENABLED.value()
    }

    /// Whether the values of this statement are secret even then.
    pub(crate) fn redacts_values_of(&self, sql: &str) -> bool {
        let mut words = SECRET_WORDS.iter().chain(self.secret_words);
        sql.len() > MAX_STATEMENT_BYTES || words.any(|word| mentions(sql, word))
    }
}

/// A statement that mentions one of these, in any case and as part of any word, has its bound
/// values redacted: which value belongs to which column is not known.
pub(crate) const SECRET_WORDS: [&str; 19] = [
    "passw",
    "passphrase",
    "pwd",
    "secret",
    "token",
    "apikey",
    "api_key",
    "credential",
    "private",
    "session",
    "cookie",
    "otp",
    "pincode",
    "pin_code",
    "card",
    "cvv",
    "cvc",
    "iban",
    "ssn",
];

fn mentions(sql: &str, word: &str) -> bool {
    let word = word.as_bytes();
    word.is_empty()
        || sql.as_bytes().windows(word.len()).any(|part| part.eq_ignore_ascii_case(word))
}

/// Runs of one statement in one transaction from which on it is reported.
pub(crate) const DEFAULT_REPEAT_LIMIT: u32 = 20;

/// In every limit 0 means "none".
fn or_never(limit: u64) -> u64 {
    if limit == 0 { u64::MAX } else { limit }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_a_statement_with_a_secret_word_are_secret() {
        let pool = scouter_core::intern(scouter_core::TextKind::Pool, "secrets");
        let mut settings = Settings::named(pool, Dialect::Standard);
        settings.secret_words = &["EMAIL"];
        for secret in
            ["SELECT * FROM users WHERE Password_Hash = ?", "UPDATE u SET e_mail=?, email=?"]
        {
            assert!(settings.redacts_values_of(secret), "{secret}");
        }
        assert!(!settings.redacts_values_of("SELECT name FROM orders WHERE id = ?"));
        let long = format!("SELECT {} ?", "a, ".repeat(MAX_STATEMENT_BYTES));
        assert!(settings.redacts_values_of(&long), "too long to be looked through");
    }
}
