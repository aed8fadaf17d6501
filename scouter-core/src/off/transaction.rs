//! Without feature `enable`: transactions that record nothing.

use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;

use scouter_wire::record::{EndReason, XLogFlags};
use scouter_wire::{Gxid, Txid};

use crate::begin::{Begin, Field};
use crate::propagation::TraceContext;
use crate::text::TextId;

/// A transaction that records nothing.
#[derive(Debug)]
pub struct Transaction(PhantomData<Cell<()>>);

impl Transaction {
    /// Begins nothing.
    #[inline(always)]
    #[must_use]
    pub fn begin(_: Begin<'_>) -> Self {
        Self(PhantomData)
    }

    /// A handle that records nothing.
    #[inline(always)]
    #[must_use]
    pub const fn inert() -> Self {
        Self(PhantomData)
    }

    /// Never.
    #[inline(always)]
    #[must_use]
    pub const fn is_recording(&self) -> bool {
        false
    }

    /// None.
    #[inline(always)]
    #[must_use]
    pub fn txid(&self) -> Option<Txid> {
        None
    }

    /// None.
    #[inline(always)]
    #[must_use]
    pub fn gxid(&self) -> Option<Gxid> {
        None
    }

    /// None.
    #[inline(always)]
    #[must_use]
    pub fn context(&self) -> Option<TraceContext> {
        None
    }

    /// A guard of nothing.
    #[inline(always)]
    pub fn enter(&self) -> Entered<'_> {
        Entered(PhantomData)
    }

    /// A guard of nothing.
    #[inline(always)]
    pub fn enter_poll(&self) -> PollScope<'_> {
        PollScope(PhantomData)
    }

    /// Does nothing.
    #[inline(always)]
    pub fn set_service(&self, _: TextId) {}

    /// Does nothing.
    #[inline(always)]
    pub fn set_status(&self, _: u16) {}

    /// Does nothing.
    #[inline(always)]
    pub fn set_ttfb_now(&self) {}

    /// Does nothing.
    #[inline(always)]
    pub fn add_bytes_out(&self, _: u64) {}

    /// Does nothing.
    #[inline(always)]
    pub fn set_flag(&self, _: XLogFlags) {}

    /// Does nothing.
    #[inline(always)]
    pub fn set_text(&self, _: Field, _: &str) {}

    /// Does nothing.
    #[inline(always)]
    pub fn set_error(&self, _: &dyn fmt::Display) {}

    /// Does nothing.
    #[inline(always)]
    pub fn tag(&self, _: &'static str, _: &str) {}

    /// Does nothing.
    #[inline(always)]
    pub fn set_baggage(&self, _: &[u8]) {}

    /// Does nothing.
    #[inline(always)]
    pub fn expect_long(&self) {}

    /// Does nothing.
    #[inline(always)]
    pub fn keep_profile(&self) {}

    /// Never.
    #[inline(always)]
    #[must_use]
    pub fn has_panicked(&self) -> bool {
        false
    }

    /// Ends nothing.
    #[inline(always)]
    pub fn end(self, _: EndReason) {}
}

/// A guard of nothing.
#[derive(Debug)]
pub struct Entered<'a>(PhantomData<(&'a Transaction, *const ())>);

/// A guard of nothing.
#[derive(Debug)]
pub struct PollScope<'a>(PhantomData<(&'a Transaction, *const ())>);

// As in the recorder these have destructors, so code that drops them explicitly stays free of
// lints in both builds. The compiler removes them.
impl Drop for Transaction {
    #[inline(always)]
    fn drop(&mut self) {}
}

impl Drop for Entered<'_> {
    #[inline(always)]
    fn drop(&mut self) {}
}

impl Drop for PollScope<'_> {
    #[inline(always)]
    fn drop(&mut self) {}
}
