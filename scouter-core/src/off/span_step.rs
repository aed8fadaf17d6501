//! Without feature `enable`: there is never one.

use std::fmt;

use crate::callsite::Callsite;
use crate::value::Value;

/// Never made.
#[derive(Debug)]
pub struct SpanStep(());

impl SpanStep {
    /// `None`.
    #[inline(always)]
    pub fn begin(_: &'static Callsite) -> Option<Self> {
        None
    }

    /// Always.
    #[inline(always)]
    #[must_use]
    pub fn has_ended(&self) -> bool {
        true
    }

    /// Does nothing.
    #[inline(always)]
    pub fn enter(&mut self) {}

    /// Does nothing.
    #[inline(always)]
    pub fn exit(&mut self) {}

    /// Does nothing.
    #[inline(always)]
    pub fn attr<'a>(&self, _: &'static str, _: impl Into<Value<'a>>) {}

    /// Does nothing.
    #[inline(always)]
    pub fn fail(&mut self, _: &dyn fmt::Display) {}
}
