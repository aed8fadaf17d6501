//! Without feature `enable`: steps that record nothing.

use std::marker::PhantomData;

use scouter_wire::record::{Outcome, StepKind};

use crate::outcome::{ApiOutcome, SqlOutcome};
use crate::text::TextId;

/// A step that records nothing.
#[derive(Debug)]
pub struct OpenStep(());

/// A guard of nothing.
#[derive(Debug)]
pub struct OpenStepPoll<'a>(PhantomData<(&'a OpenStep, *const ())>);

impl OpenStep {
    /// Begins nothing.
    #[inline(always)]
    #[must_use]
    pub fn begin(_: StepKind, _: TextId) -> Self {
        Self(())
    }

    /// Begins nothing.
    #[inline(always)]
    #[must_use]
    pub fn begin_past(_: StepKind, _: TextId, _: std::time::Duration) -> Self {
        Self(())
    }

    /// A step that records nothing.
    #[inline(always)]
    #[must_use]
    pub const fn inert(_: StepKind) -> Self {
        Self(())
    }

    /// Never.
    #[inline(always)]
    #[must_use]
    pub const fn is_recording(&self) -> bool {
        false
    }

    /// A guard of nothing.
    #[inline(always)]
    pub fn enter_poll(&self) -> OpenStepPoll<'_> {
        OpenStepPoll(PhantomData)
    }

    /// Runs the poll.
    #[inline(always)]
    pub fn poll<T>(&mut self, poll: impl FnOnce() -> std::task::Poll<T>) -> std::task::Poll<T> {
        poll()
    }

    /// Always 0.
    #[inline(always)]
    #[must_use]
    pub fn elapsed_us(&self) -> u64 {
        0
    }

    /// Does nothing.
    #[inline(always)]
    pub fn mark_wait_end(&mut self) {}

    /// Does nothing.
    pub fn mark_wait_end_at(&mut self, _: u64) -> u64 {
        0
    }

    /// Does nothing.
    #[inline(always)]
    pub fn mark_first_row(&mut self) {}

    /// Does nothing.
    #[inline(always)]
    pub fn mark_response(&mut self) {}

    /// Does nothing.
    #[inline(always)]
    pub fn finish_sql(self, _: SqlOutcome<'_>) {}

    /// Does nothing; always 0.
    #[inline(always)]
    pub fn finish_sql_at_poll(self, _: SqlOutcome<'_>) -> u64 {
        0
    }

    /// Does nothing.
    #[inline(always)]
    pub fn finish_api(self, _: ApiOutcome<'_>) {}

    /// Does nothing.
    #[inline(always)]
    pub fn finish(self, _: Outcome, _: &str) {}
}

impl Drop for OpenStep {
    #[inline(always)]
    fn drop(&mut self) {}
}

impl OpenStepPoll<'_> {
    /// Does nothing.
    #[inline(always)]
    pub fn pending(self) {}
}

impl Drop for OpenStepPoll<'_> {
    #[inline(always)]
    fn drop(&mut self) {}
}
