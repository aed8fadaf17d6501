//! One statement again and again in one transaction: N+1 queries and chatty writes.
//!
//! Counting is per thread in a small table without probing: a transaction that moves between
//! threads is counted on each of them, and two statements that share a slot push each other out.
//! So what is reported did happen, but it can be reported later, on each of several threads, or
//! not at all: runs that are spread over worker threads evenly are missed as long as none of the
//! threads sees [`DEFAULT_REPEAT_LIMIT`](crate::settings::DEFAULT_REPEAT_LIMIT) of them. The
//! alternative, a table inside the transaction, would cost every statement more than the rest of
//! its recording.

use std::cell::RefCell;

use scouter_core::record::{AlertKind, AlertLevel};
use scouter_core::{TextId, Txid, alert, current};

use crate::settings::Settings;
use crate::text::Statement;

/// Statements counted at a time per thread; one more pushes out another of the same slot, whose
/// count starts anew.
pub(crate) const MAX_COUNTED_STATEMENTS: usize = 128;

#[derive(Clone, Copy, PartialEq, Eq)]
struct Counted {
    transaction: Txid,
    statement: TextId,
    runs: u32,
}

thread_local! {
    static TABLE: RefCell<[Option<Counted>; MAX_COUNTED_STATEMENTS]> =
        const { RefCell::new([None; MAX_COUNTED_STATEMENTS]) };
}

/// Counts one run; at exactly the limit it is reported, once per transaction and thread.
#[inline]
pub(crate) fn count(statement: Statement, settings: &Settings) {
    if settings.repeat_limit() == 0 {
        return;
    }
    let Some(transaction) = current::txid() else { return };
    let runs = TABLE
        .try_with(|table| Some(bump(&mut *table.try_borrow_mut().ok()?, transaction, statement)))
        .ok()
        .flatten();
    if runs == Some(settings.repeat_limit()) {
        report(statement, settings.repeat_limit());
    }
}

fn bump(
    table: &mut [Option<Counted>; MAX_COUNTED_STATEMENTS],
    transaction: Txid,
    statement: Statement,
) -> u32 {
    let slot = &mut table[slot_of(transaction, statement.name)];
    match slot {
        Some(counted)
            if counted.transaction == transaction && counted.statement == statement.name =>
        {
            counted.runs = counted.runs.saturating_add(1);
            counted.runs
        }
        _ => {
            *slot = Some(Counted { transaction, statement: statement.name, runs: 1 });
            1
        }
    }
}

/// Transactions count up and statements are numbered from one: a multiplication spreads both.
#[expect(clippy::cast_possible_truncation, reason = "seven bits are left")]
fn slot_of(transaction: Txid, statement: TextId) -> usize {
    let mixed = transaction.value() ^ u64::from(statement.number()).rotate_left(32);
    (mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (u64::BITS - MAX_COUNTED_STATEMENTS.ilog2()))
        as usize
}

#[cold]
fn report(statement: Statement, runs: u32) {
    let sql = scouter_core::text(statement.name);
    let advice = if statement.is_read {
        "an N+1 query? fetch all rows with one JOIN or IN"
    } else {
        "chatty writes? send them as one batch"
    };
    alert::raise_for_statement(
        AlertKind::RepeatedStatement,
        AlertLevel::Warn,
        statement.name,
        format_args!("a statement ran {runs} times in one transaction ({advice}): {sql}"),
    );
}
