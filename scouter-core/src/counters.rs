//! Counters of the whole process, taken by the exporter every two seconds: its own numbers
//! ([`counter`](crate::counter), [`gauge`](crate::gauge)), how long what runs has been running,
//! connection pools, tokio runtimes.
//!
//! A full name is `name|unit`, or `name|unit|of` where there are several.

use crate::{live, metrics, pools};

/// From this age on a running transaction is slow, as SCOUTER draws it in yellow.
pub const ACTIVE_SLOW_US: u64 = 3_000_000;

/// From this age on it is very slow, as SCOUTER draws it in red.
pub const ACTIVE_VERY_SLOW_US: u64 = 8_000_000;

/// Calls `visit` with the full name and the value of each. Rates and shares are of the time since
/// the last call, so there is one caller: the exporter.
#[expect(clippy::cast_precision_loss, reason = "counts of what is in memory")]
pub fn visit(visit: &mut dyn FnMut(String, f64)) {
    metrics::visit(visit);
    let [fast, slow, very_slow] = live::active_speed([ACTIVE_SLOW_US, ACTIVE_VERY_SLOW_US]);
    for (name, count) in
        [("active_under_3s", fast), ("active_3s_to_8s", slow), ("active_over_8s", very_slow)]
    {
        visit(format!("{name}|"), count as f64);
    }
    pools::visit(visit);
    #[cfg(feature = "tokio")]
    crate::runtime::visit(visit);
}
