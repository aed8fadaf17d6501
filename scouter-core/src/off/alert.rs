//! Without feature `enable`: nothing is ever raised.

use std::fmt;

pub use scouter_wire::record::{Alert, AlertKind, AlertLevel};

/// Does nothing.
#[inline(always)]
pub fn raise(_: AlertKind, _: AlertLevel, _: &str, _: fmt::Arguments<'_>) {}

/// There are never any.
pub fn drain_alerts(_: &mut Vec<Alert>) {}
