//! How long a statement may take, by its text.

#[cfg(feature = "enable")]
use super::table::{
    ALERT_PATIENCE_FACTOR, ALERT_PATIENT_STATEMENT_PATTERNS, ALERT_QUIET_STATEMENT_PATTERNS,
};

/// How many times the usual limit a statement may take before an alert tells that it is slow;
/// `None` for one about which none is told. Not for the path of a statement that is quick.
#[must_use]
pub fn statement_patience(sql: &str) -> Option<u64> {
    #[cfg(feature = "enable")]
    {
        if ALERT_QUIET_STATEMENT_PATTERNS.lists_statement(sql) {
            return None;
        }
        if ALERT_PATIENT_STATEMENT_PATTERNS.lists_statement(sql) {
            return Some(ALERT_PATIENCE_FACTOR.value());
        }
    }
    let _ = sql;
    Some(1)
}
