//! Without feature `enable`: nothing is ever raised.

use std::fmt;

pub use scouter_wire::record::{Alert, AlertKind, AlertLevel};
use scouter_wire::{Gxid, Txid};

use crate::text::TextId;

/// Does nothing.
#[inline(always)]
pub fn raise(_: AlertKind, _: AlertLevel, _: &str, _: fmt::Arguments<'_>) {}

/// Whom an alert would be about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::exhaustive_structs, reason = "made by whoever raises, with all it knows")]
pub struct Subject<'a> {
    /// Service, or empty.
    pub service: &'a str,
    /// Tenant, or empty.
    pub tenant: &'a str,
    /// Transaction, running or ended.
    pub transaction: Option<(Gxid, Txid)>,
}

/// Does nothing.
#[inline(always)]
pub fn raise_about(_: Subject<'_>, _: AlertKind, _: AlertLevel, _: &str, _: fmt::Arguments<'_>) {}

/// Does nothing.
#[inline(always)]
pub fn raise_for_statement(_: AlertKind, _: AlertLevel, _: TextId, _: fmt::Arguments<'_>) {}

/// There are never any.
pub fn drain_alerts(_: &mut Vec<Alert>) {}
