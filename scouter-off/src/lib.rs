//! Code instrumented as an application would, built with Scouter compiled out.
#![forbid(unsafe_code)]

use scouter_core::record::{EndReason, Outcome, StepKind};
use scouter_core::{
    Begin, Field, OpenStep, SqlOutcome, TextKind, Transaction, attr, callsite, current, in_step,
    in_transaction, intern, step, wait,
};

/// The work itself.
#[inline(never)]
pub fn plain(n: u64) -> u64 {
    n.wrapping_mul(31).rotate_left(7)
}

/// The same work with everything the recorder offers around it.
#[inline(never)]
pub fn instrumented(n: u64) -> u64 {
    let transaction = Transaction::begin(Begin::new(intern(TextKind::Service, "GET /")));
    transaction.set_text(Field::Tenant, "acme");
    let entered = transaction.enter();
    let guard = step(callsite!(name: "instrumented", args: ["n"]));
    guard.attr("n", n);
    attr("again", n);
    current::message("hello");
    let statement = OpenStep::begin(StepKind::Sql, intern(TextKind::Sql, "SELECT ?"));
    let result = n.wrapping_mul(31).rotate_left(7);
    statement.finish_sql(SqlOutcome { outcome: Outcome::Ok, ..SqlOutcome::default() });
    drop(guard);
    drop(entered);
    transaction.end(EndReason::Complete);
    result
}

/// An async function as the attribute would write it.
pub async fn awaited(n: u64) -> u64 {
    let transaction = Transaction::begin(Begin::new(intern(TextKind::Service, "job")));
    let work = in_step(callsite!(name: "awaited"), async move {
        wait("nothing", std::future::ready(plain(n))).await
    });
    in_transaction(transaction, work).await
}
