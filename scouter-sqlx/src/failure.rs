//! The error of a statement in one line.

use sqlx::Error;

/// SQLSTATE (or the driver's own code) and message: `23505: duplicate key value …`.
pub(crate) fn describe(error: &Error) -> String {
    match error {
        Error::Database(error) => match error.code() {
            Some(code) => format!("{code}: {}", error.message()),
            None => error.message().to_owned(),
        },
        other => other.to_string(),
    }
}
