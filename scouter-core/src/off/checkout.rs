//! Without feature `enable`: checkouts are not tracked.

use std::panic::Location;

use scouter_wire::{Gxid, Txid};

use crate::text::TextId;

/// A guard of nothing.
#[derive(Debug)]
pub struct CheckoutGuard(());

/// A statement that nobody notes.
#[derive(Debug)]
#[must_use = "the statement ends when this is dropped"]
pub struct StatementGuard(());

/// An open checkout; there are none.
#[derive(Debug, Clone)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the fields are those of the recorder's view")]
pub struct CheckoutView {
    pub number: u64,
    pub pool: TextId,
    pub how: &'static str,
    pub file: &'static str,
    pub line: u32,
    pub age_us: u64,
    pub owner: Option<(Gxid, Txid)>,
    pub service: TextId,
    pub is_owner_running: bool,
    pub tenant: String,
    pub statements: u64,
    pub is_busy: bool,
    pub last_sql: TextId,
    pub is_expected_long: bool,
    pub is_leaked_on_purpose: bool,
}

impl CheckoutGuard {
    /// Registers nothing.
    #[inline(always)]
    pub fn register(_: TextId, _: &'static str, _: &'static Location<'static>) -> Self {
        Self(())
    }

    /// Does nothing.
    #[inline(always)]
    pub fn note_statement(&self, _: TextId) -> StatementGuard {
        StatementGuard(())
    }

    /// Does nothing.
    #[inline(always)]
    pub fn expect_long(&self) {}

    /// Does nothing.
    #[inline(always)]
    pub fn leaked_on_purpose(self) {}

    /// Does nothing.
    #[inline(always)]
    pub fn detach(self) {}
}

impl Drop for CheckoutGuard {
    #[inline(always)]
    fn drop(&mut self) {}
}

/// There are never any.
pub fn open_checkouts(_: &mut Vec<CheckoutView>) {}

/// How a checkout was taken when a statement was sent to the pool itself.
pub const STATEMENT: &str = "statement";

/// There are none.
#[must_use]
pub fn holders(_: TextId) -> (usize, String) {
    (0, String::new())
}
