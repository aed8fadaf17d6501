//! Without feature `enable`: no thread ever works on a transaction.

use std::fmt;

use scouter_wire::{Gxid, Txid};

use crate::begin::Field;
use crate::propagation::TraceContext;
use crate::text::TextId;

/// Never.
#[inline(always)]
#[must_use]
pub fn is_active() -> bool {
    false
}

/// None.
#[inline(always)]
#[must_use]
pub fn txid() -> Option<Txid> {
    None
}

/// None.
#[inline(always)]
#[must_use]
pub fn gxid() -> Option<Gxid> {
    None
}

/// A txid for a callee: none.
#[must_use]
pub const fn txid_for_callee() -> Option<Txid> {
    None
}

/// None.
#[inline(always)]
#[must_use]
pub fn context() -> Option<TraceContext> {
    None
}

/// Calls `f` with an empty text.
#[inline(always)]
pub fn tenant<T>(f: impl FnOnce(&str) -> T) -> T {
    f("")
}

/// Empty.
#[inline(always)]
#[must_use]
pub fn tenant_string() -> String {
    String::new()
}

/// No text.
#[inline(always)]
#[must_use]
pub fn service() -> TextId {
    TextId::NONE
}

/// Empty.
#[inline(always)]
#[must_use]
pub fn field(_: Field) -> String {
    String::new()
}

/// Does nothing.
#[inline(always)]
pub fn set_tenant(_: &str) {}

/// Does nothing.
#[inline(always)]
pub fn set_login(_: &str) {}

/// Does nothing.
#[inline(always)]
pub fn set_desc(_: &str) {}

/// Does nothing.
#[inline(always)]
pub fn set_service(_: TextId) {}

/// Does nothing.
#[inline(always)]
pub fn tag(_: &'static str, _: &str) {}

/// Does nothing.
#[inline(always)]
pub fn error(_: &dyn fmt::Display) {}

/// Does nothing.
#[inline(always)]
pub fn message(_: &str) {}

/// Does nothing.
#[inline(always)]
pub fn note(_: &dyn fmt::Display) {}

/// Does nothing.
#[inline(always)]
pub fn expect_long() {}

/// Does nothing.
#[inline(always)]
pub fn keep_profile() {}

/// Does nothing.
#[inline(always)]
pub fn mark_slow() {}
