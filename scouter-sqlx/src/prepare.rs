//! Steps that are one future: preparing, waiting for a connection, BEGIN and its kind.
//!
//! The sums of a transaction (statements, time in them) count what was executed, so neither
//! preparing nor BEGIN, COMMIT and ROLLBACK are in them, however they end.

use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;
use scouter_core::record::{Outcome, StepKind};
use scouter_core::{OpenStep, OpenStepPoll, TextKind, intern_parts};
use sqlx::{Error, SqlStr};

use crate::fallback::FacadeMark;
use crate::text::Dialect;
use crate::{failure, text};

pin_project! {
    /// A future inside a step; dropped before its end, it was cancelled.
    ///
    /// A struct and not an `async fn`: that would store the future twice, and the futures of sqlx
    /// are large.
    pub(crate) struct InStep<F> {
        // Gone once it was dropped inside the mark.
        #[pin]
        future: Option<F>,
        step: Option<OpenStep>,
        mark: Option<FacadeMark>,
    }

    impl<F> PinnedDrop for InStep<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            // The driver may tell of the end when its future goes.
            match this.mark {
                Some(mark) => mark.inside(|| this.future.set(None)),
                None => this.future.set(None),
            }
            // Left to itself a step of a statement would add to the sums; ended it does not.
            if let Some(step) = this.step.take() {
                let is_panic = std::thread::panicking();
                step.finish(if is_panic { Outcome::Panic } else { Outcome::Cancelled }, "");
            }
        }
    }
}

/// Polls a future inside a step and ends the step with it.
pub(crate) fn in_open_step<F>(step: OpenStep, future: F) -> InStep<F> {
    InStep { future: Some(future), step: Some(step), mark: None }
}

/// Like [`in_open_step`], for what the driver would tell the fallback layer about too.
pub(crate) fn in_facade_step<F>(step: OpenStep, future: F) -> InStep<F> {
    InStep { future: Some(future), step: Some(step), mark: Some(FacadeMark::new()) }
}

impl<T, F: Future<Output = Result<T, Error>>> Future for InStep<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        // It is there until the drop.
        let Some(future) = this.future.as_pin_mut() else { return Poll::Pending };
        let scope = this.step.as_ref().map(OpenStep::enter_poll);
        let polled = match this.mark {
            Some(mark) => mark.inside(|| future.poll(context)),
            None => future.poll(context),
        };
        match &polled {
            Poll::Pending => scope.map_or((), OpenStepPoll::pending),
            Poll::Ready(answer) => {
                drop(scope);
                if let Some(step) = this.step.take() {
                    match answer {
                        Ok(_) => step.finish(Outcome::Ok, ""),
                        Err(error) => step.finish(Outcome::Error, &failure::describe(error)),
                    }
                }
            }
        }
        polled
    }
}

/// Records the preparing of a statement: `PREPARE SELECT …`.
pub(crate) async fn recorded<T>(
    sql: SqlStr,
    dialect: Dialect,
    prepare: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let statement = text::statement(sql.as_str(), dialect);
    let name = scouter_core::text(statement.name);
    let name = intern_parts(TextKind::Sql, &["PREPARE ", name]);
    in_facade_step(OpenStep::begin(StepKind::Sql, name), prepare).await
}
