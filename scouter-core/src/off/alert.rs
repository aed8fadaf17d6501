//! Without feature `enable`: nothing is ever raised.

#[path = "../alert/about.rs"]
mod about;

use std::fmt;

pub use self::about::About;
pub use scouter_wire::record::{Alert, AlertKind, AlertLevel, CodeFrame, MAX_ALERT_FRAMES};

use crate::text::TextId;

/// Does nothing.
#[inline(always)]
pub fn raise(_: AlertKind, _: AlertLevel, _: &str, _: fmt::Arguments<'_>) {}

/// Does nothing.
#[inline(always)]
pub fn raise_for_statement(_: AlertKind, _: AlertLevel, _: TextId, _: fmt::Arguments<'_>) {}

/// Does nothing.
#[inline(always)]
pub fn raise_for(_: &About<'_>, _: AlertKind, _: AlertLevel, _: &str, _: fmt::Arguments<'_>) {}

/// Does nothing.
#[inline(always)]
pub fn raise_with_stack(
    _: &About<'_>,
    _: AlertKind,
    _: AlertLevel,
    _: &str,
    _: fmt::Arguments<'_>,
    _: impl FnOnce() -> Vec<CodeFrame>,
) {
}

/// There are never any.
pub fn drain_alerts(_: &mut Vec<Alert>) {}
