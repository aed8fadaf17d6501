//! Without feature `enable`: what the code written by `#[scout]` calls does nothing.
//!
//! The traits are all there, since generated code imports them; one that fits every type is enough.

use std::future::Future;
use std::pin::Pin;

use crate::callsite::Callsite;
use crate::in_step::StepFuture;

pub use scouter_wire::record::XLogKind;

pub use crate::callsite;
pub use crate::in_step::in_step;
pub use crate::step::step;

/// A value that would be shown.
#[derive(Debug)]
pub struct Probe<'a, T: ?Sized>(pub &'a T);

/// Never chosen.
pub trait CaptureWord {}

/// Never chosen.
pub trait CaptureDebug {}

/// Shows nothing.
pub trait CaptureTypeName {
    /// Does nothing.
    #[inline(always)]
    fn scouter_capture(&self, _: &'static Callsite, _: &'static str) {}
}

impl<T: ?Sized> CaptureTypeName for Probe<'_, T> {}

/// Does nothing.
#[inline(always)]
pub fn capture_redacted(_: &'static Callsite, _: &'static str) {}

/// What `err` can look at.
#[diagnostic::on_unimplemented(
    message = "`#[scout(err)]` needs a function that returns a `Result`",
    label = "returns `{Self}`, which is not a `Result`",
    note = "remove `err`, or return a `Result`"
)]
pub trait ReturnsResult {
    /// Type of the error.
    type Error;
}

impl<T, E> ReturnsResult for Result<T, E> {
    type Error = E;
}

/// Whether a call failed: nobody looks.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "matched by generated code, not by people")]
pub enum Failure<'a, E> {
    /// Never.
    Is(&'a E),
    /// Always.
    No,
}

/// Nobody looks.
#[inline(always)]
pub fn failure<R: ReturnsResult>(_: &R) -> Failure<'_, R::Error> {
    Failure::No
}

/// Never chosen.
pub trait FailDisplay {}

/// Never chosen.
pub trait FailDebug {}

/// Marks nothing.
pub trait FailTypeName {
    /// Does nothing.
    #[inline(always)]
    fn scouter_fail(&self, _: &'static Callsite, _: Service<'_>) {}
}

impl<T: ?Sized> FailTypeName for Probe<'_, T> {}

/// Calls the body of a function. The bound tells the compiler that the closure is called once, so it
/// may hand out what it captured.
#[inline(always)]
pub fn call_once<R>(body: impl FnOnce() -> R) -> R {
    body()
}

/// `Box::pin`, whatever `Box` means where the code is generated.
pub fn boxed<F>(future: F) -> Pin<Box<F>> {
    Box::pin(future)
}

/// The future itself.
#[inline(always)]
pub fn inspect<F: Future, L: FnMut(&F::Output)>(future: F, _: L) -> F {
    future
}

/// No transaction.
#[derive(Debug, Clone, Copy)]
pub struct Service<'a>(std::marker::PhantomData<&'a ()>);

impl Service<'_> {
    /// The function has no `service`.
    pub const NONE: Self = Self(std::marker::PhantomData);
}

/// A guard of nothing.
#[derive(Debug)]
pub struct ServiceGuard(());

/// Opens nothing.
#[inline(always)]
pub fn service(_: &'static Callsite, _: XLogKind) -> ServiceGuard {
    ServiceGuard(())
}

impl ServiceGuard {
    /// Enters nothing.
    #[inline(always)]
    pub fn enter(&self) -> Option<crate::transaction::Entered<'_>> {
        None
    }

    /// None.
    #[inline(always)]
    pub fn opened(&self) -> Service<'_> {
        Service::NONE
    }
}

impl Drop for ServiceGuard {
    #[inline(always)]
    fn drop(&mut self) {}
}

/// The future itself.
#[inline(always)]
pub fn in_service<F, L>(site: &'static Callsite, _: XLogKind, future: F, _: L) -> StepFuture<F>
where
    F: Future,
    L: FnMut(Service<'_>, &F::Output),
{
    in_step(site, future)
}

/// Marks nothing.
#[inline(always)]
pub fn mark_slow(_: &'static Callsite, _: u64, _: &'static str) {}

/// A guard of nothing.
#[derive(Debug)]
pub struct SlowGuard(());

impl SlowGuard {
    /// Looks at nothing.
    #[inline(always)]
    pub const fn new(_: &'static Callsite, _: u64, _: &'static str) -> Self {
        Self(())
    }
}
