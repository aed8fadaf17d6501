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
pub fn raise_for_statement(_: AlertKind, _: AlertLevel, _: TextId, _: fmt::Arguments<'_>) {}

/// What an alert is about.
#[derive(Debug, Clone, Copy, Default)]
#[expect(missing_docs, reason = "the fields are those of the alert")]
#[expect(clippy::exhaustive_structs, reason = "built field by field, with a default for the rest")]
pub struct About<'a> {
    pub service: &'a str,
    pub tenant: &'a str,
    pub transaction: Option<(Gxid, Txid)>,
    pub group: &'a str,
    pub count: u32,
    pub unix_us: i64,
}

/// Does nothing.
#[inline(always)]
pub fn raise_for(_: &About<'_>, _: AlertKind, _: AlertLevel, _: &str, _: fmt::Arguments<'_>) {}

/// There are never any.
pub fn drain_alerts(_: &mut Vec<Alert>) {}
