//! Steps that are one future: preparing, waiting for a connection, BEGIN and its kind.

use std::pin::pin;

use scouter_core::record::{Outcome, StepKind};
use scouter_core::{OpenStep, TextKind, intern_parts};
use sqlx::{Database, Error, SqlStr};

use crate::fallback::FacadeMark;
use crate::{driver, failure, text};

/// Like [`in_open_step`], for what the driver would tell the fallback layer about too.
pub(crate) async fn in_facade_step<T>(
    step: OpenStep,
    future: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let mark = FacadeMark::new();
    let mut future = pin!(future);
    let marked = std::future::poll_fn(|context| mark.inside(|| future.as_mut().poll(context)));
    in_open_step(step, marked).await
}

/// Polls a future inside a step and ends the step with it; dropped before, it was cancelled.
pub(crate) async fn in_open_step<T>(
    step: OpenStep,
    future: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let mut future = pin!(future);
    let answer = std::future::poll_fn(|context| {
        let scope = step.enter_poll();
        let polled = future.as_mut().poll(context);
        if polled.is_pending() {
            scope.pending();
        }
        polled
    })
    .await;
    match &answer {
        Ok(_) => step.finish(Outcome::Ok, ""),
        Err(error) => step.finish(Outcome::Error, &failure::describe(error)),
    }
    answer
}

/// Records the preparing of a statement: `PREPARE SELECT …`.
pub(crate) async fn recorded<DB: Database, T>(
    sql: SqlStr,
    prepare: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let statement = text::statement(sql.as_str(), driver::dialect::<DB>());
    let name = scouter_core::text(statement.name);
    let name = intern_parts(TextKind::Sql, &["PREPARE ", name]);
    in_facade_step(OpenStep::begin(StepKind::Sql, name), prepare).await
}
