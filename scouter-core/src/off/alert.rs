//! Without feature `enable`: nothing is ever raised.

use std::fmt;

pub use scouter_wire::record::{Alert, AlertKind, AlertLevel};
use scouter_wire::{Gxid, Txid};

use crate::text::TextId;

/// Does nothing.
#[inline(always)]
pub fn raise(_: AlertKind, _: AlertLevel, _: &str, _: fmt::Arguments<'_>) {}

/// Does nothing.
#[inline(always)]
pub fn raise_about(
    _: TextId,
    _: Option<(Gxid, Txid)>,
    _: AlertKind,
    _: AlertLevel,
    _: &str,
    _: fmt::Arguments<'_>,
) {
}

/// There are never any.
pub fn drain_alerts(_: &mut Vec<Alert>) {}
