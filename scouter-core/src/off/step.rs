//! Without feature `enable`: steps that record nothing.

use std::fmt;
use std::marker::PhantomData;

use crate::callsite::Callsite;
use crate::value::Value;

/// A guard of nothing.
#[derive(Debug)]
pub struct StepGuard(PhantomData<*const ()>);

/// Records nothing.
#[inline(always)]
pub fn step(_: &'static Callsite) -> StepGuard {
    StepGuard(PhantomData)
}

impl StepGuard {
    /// Never.
    #[inline(always)]
    #[must_use]
    pub fn is_recording(&self) -> bool {
        false
    }

    /// Does nothing.
    #[inline(always)]
    pub fn attr<'a>(&self, _: &'static str, _: impl Into<Value<'a>>) {}

    /// Does nothing.
    #[inline(always)]
    pub fn fail(&self, _: &dyn fmt::Display) {}
}

impl Drop for StepGuard {
    #[inline(always)]
    fn drop(&mut self) {}
}

/// Does nothing.
#[inline(always)]
pub fn attr<'a>(_: &'static str, _: impl Into<Value<'a>>) {}

/// Does nothing.
#[inline(always)]
pub fn fail(_: &dyn fmt::Display) {}
