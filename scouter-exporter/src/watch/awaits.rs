//! Transactions that wait for something, or run, for too long.
//!
//! What one waits for is its youngest open step: a statement, an outbound call, a pool, a named
//! wait. Where that is a function, it waits for something that is not instrumented: a lock, a
//! channel, a sleep. Since such a function may also be polled all the time, it only counts as stuck
//! while its number of polls does not grow.

use std::collections::{HashMap, HashSet};
use std::fmt;

use scouter_core::checkout::{CheckoutView, STATEMENT, holders};
use scouter_core::live::{self, WatchedTransaction};
use scouter_core::options::{
    self, ALERT_CALL_RUNNING_MS, ALERT_HELD_ACROSS_CALL_MS, ALERT_POOL_WAIT_MS,
    ALERT_STATEMENT_RUNNING_MS, ALERT_STUCK_AWAIT_MS, ALERT_TRANSACTION_RUNNING_MS,
    TRANSACTION_FORCED_END_MS, U64Option, XLOG_ERROR_SQL_TIME_MAX_MS,
};
use scouter_core::pools::{self, PoolState};
use scouter_core::record::{AlertKind, AlertLevel, RunState, StepKind, XLogKind};
use scouter_core::{TextId, Txid, text};

use super::checkouts::place;
use super::{limit_us, shown, tell};
use crate::clock::Moment;

/// What may be passed by a transaction that is still to be looked at.
static LIMITS: [&U64Option; 7] = [
    &ALERT_STATEMENT_RUNNING_MS,
    &ALERT_CALL_RUNNING_MS,
    &ALERT_POOL_WAIT_MS,
    &ALERT_STUCK_AWAIT_MS,
    &ALERT_TRANSACTION_RUNNING_MS,
    &ALERT_HELD_ACROSS_CALL_MS,
    &TRANSACTION_FORCED_END_MS,
];

/// The running transactions that are old enough for any limit: at most as many as can be in flight.
#[derive(Default)]
pub(super) struct Awaits {
    running: Vec<WatchedTransaction>,
    known: HashMap<Txid, Known>,
}

/// One of them, as it was seen before.
struct Known {
    polls: u32,
    inner: Option<(StepKind, TextId)>,
    /// Since when both are as they are.
    since: Moment,
    told: Vec<(AlertKind, AlertLevel)>,
}

impl Known {
    /// Tells something about it, each kind and level once. The message is only written if it is sent.
    fn say(
        &mut self,
        one: &WatchedTransaction,
        kind: AlertKind,
        level: AlertLevel,
        message: fmt::Arguments<'_>,
    ) {
        if !self.told.contains(&(kind, level)) {
            self.told.push((kind, level));
            tell(one, kind, level, message);
        }
    }
}

/// What one look goes by.
struct Look<'a> {
    now: Moment,
    open: &'a [CheckoutView],
    /// The pools, with how many wait for each.
    pools: Vec<(TextId, PoolState, u64)>,
    /// Callers of what runs: they wait for what is told itself.
    callers: HashSet<Txid>,
    /// Checkouts that were told by their call.
    across: Vec<u64>,
}

impl Awaits {
    /// Looks at all running transactions; answers the numbers of the checkouts that were told to be
    /// kept across a call.
    pub(super) fn look(&mut self, now: Moment, open: &[CheckoutView]) -> Vec<u64> {
        let limits = LIMITS.iter().map(|option| option.value()).filter(|ms| *ms > 0);
        let Some(least_ms) = limits.min() else { return Vec::new() };
        live::watched(&mut self.running, least_ms.saturating_mul(1_000));
        let callers = self.running.iter().filter_map(|one| one.caller).collect();
        let mut look = Look { now, open, pools: pools::states(), callers, across: Vec::new() };
        let mut before = std::mem::take(&mut self.known);
        for one in self.running.iter().filter(|one| !one.is_expected_long) {
            let mut known = before.remove(&one.active.txid).unwrap_or_else(|| Known {
                polls: 0,
                inner: None,
                since: now,
                told: Vec::new(),
            });
            if (known.polls, known.inner) != (one.polls, one.inner) {
                (known.polls, known.inner, known.since) = (one.polls, one.inner, now);
            }
            look.judge(one, &mut known);
            self.known.insert(one.active.txid, known);
        }
        look.across
    }
}

impl Look<'_> {
    fn judge(&mut self, one: &WatchedTransaction, known: &mut Known) {
        self.across_call(one, known);
        match one.inner {
            _ if one.active.state == RunState::Running => {}
            Some((StepKind::Sql | StepKind::SqlTransaction, sql)) => {
                self.statement(one, sql, known)
            }
            Some((StepKind::Api, _)) => call(one, known),
            Some((StepKind::PoolWait, pool)) => self.pool_wait(one, Some(pool), known),
            _ => self.stuck(one, known),
        }
        if known.told.is_empty() {
            slow(one, known);
        }
        force_end(one, known);
    }

    /// A statement that runs, or has no connection yet.
    fn statement(&self, one: &WatchedTransaction, sql: TextId, known: &mut Known) {
        let own = self.open.iter().filter(|view| is_owned_by(view, one.active.txid));
        let runs = own.clone().find(|view| view.is_busy && view.last_sql == sql);
        let does_anybody_wait = self.pools.iter().any(|(.., waiters)| *waiters > 0);
        if runs.is_none() && own.count() == 0 && does_anybody_wait {
            return self.pool_wait(one, None, known);
        }
        // Where the statement took its connection itself, it waited for it first.
        let age_us = match runs {
            Some(view) if view.how == STATEMENT => view.age_us.min(age_us(one)),
            _ => age_us(one),
        };
        // The patterns are only looked through for what is slow for any other statement.
        let times = is_passed(&ALERT_STATEMENT_RUNNING_MS, one, age_us)
            .then(|| options::statement_patience(text(sql)))
            .flatten();
        if !times.is_some_and(|n| is_passed(&ALERT_STATEMENT_RUNNING_MS, one, age_us / n.max(1))) {
            return;
        }
        let is_error = age_us >= XLOG_ERROR_SQL_TIME_MAX_MS.value().saturating_mul(1_000);
        let level = if is_error { AlertLevel::Error } else { AlertLevel::Warn };
        let pool = runs.map_or_else(String::new, |view| format!(" on pool {}", text(view.pool)));
        let message = format_args!(
            "a statement has been running for {}{pool} and still does: {}",
            shown(age_us),
            text(sql)
        );
        known.say(one, AlertKind::SlowStatement, level, message);
    }

    /// A connection that waits for somebody else's answer.
    fn across_call(&mut self, one: &WatchedTransaction, known: &mut Known) {
        let is_call = matches!(one.inner, Some((StepKind::Api, _)));
        if !is_call || !is_passed(&ALERT_HELD_ACROSS_CALL_MS, one, age_us(one)) {
            return;
        }
        let held = self.open.iter().find(|view| {
            is_owned_by(view, one.active.txid)
                && view.how != STATEMENT
                && !view.is_busy
                && !view.is_expected_long
        });
        let Some(view) = held else { return };
        self.across.push(view.number);
        let message = format_args!(
            "a connection of pool {} ({} at {}) is kept while the call {} has had no answer for {}; \
             give it back before the call",
            text(view.pool),
            view.how,
            place(view),
            innermost(one),
            shown(age_us(one)),
        );
        known.say(one, AlertKind::HeldAcrossCall, AlertLevel::Warn, message);
    }

    /// Nothing moves, and nothing that is instrumented says why.
    fn stuck(&self, one: &WatchedTransaction, known: &mut Known) {
        if !is_timed(one) || self.callers.contains(&one.active.txid) {
            return;
        }
        let still_us = u64::try_from(self.now.since(known.since).as_micros()).unwrap_or(u64::MAX);
        if !is_passed(&ALERT_STUCK_AWAIT_MS, one, still_us) {
            return;
        }
        let inside = match one.inner {
            Some((StepKind::Wait, _)) => format!("waits for {}", innermost(one)),
            Some(_) => format!(
                "in {}, which awaits something that is not instrumented (a lock, a channel, a \
                 sleep); scouter::wait(\"name\", future) names it",
                innermost(one)
            ),
            None => "in no function with #[scout], which would tell where".to_owned(),
        };
        let message = format_args!(
            "{} has not moved for more than {}: {inside}",
            one.active.service,
            shown(still_us)
        );
        known.say(one, AlertKind::StuckAwait, AlertLevel::Error, message);
    }

    /// A wait for a connection, of a pool that is known or of one that somebody waits for.
    fn pool_wait(&self, one: &WatchedTransaction, pool: Option<TextId>, known: &mut Known) {
        if !is_passed(&ALERT_POOL_WAIT_MS, one, age_us(one)) {
            return;
        }
        let found = match pool {
            Some(pool) => self.pools.iter().find(|(name, ..)| *name == pool),
            None => self.pools.iter().find(|(.., waiters)| *waiters > 0),
        };
        let waited = shown(age_us(one));
        let Some((name, state, waiters)) = found else {
            let name = pool.map_or("(unknown)", text);
            let message = format_args!("a connection of pool {name} was awaited for {waited}");
            return known.say(one, AlertKind::SlowAcquire, AlertLevel::Warn, message);
        };
        let is_exhausted = state.idle == 0 && state.size >= state.max;
        let (kind, level) = if is_exhausted {
            (AlertKind::PoolExhausted, AlertLevel::Error)
        } else {
            (AlertKind::SlowAcquire, AlertLevel::Warn)
        };
        // Looked for only if it is sent: there may be thousands that wait.
        let held = fmt::from_fn(|out| {
            let (count, held_by) = holders(*name);
            write!(out, "{count} held by known code{held_by}")
        });
        let message = format_args!(
            "pool {} had no connection for a transaction for {waited}; {} of {} are out, {waiters} \
             wait; {held}",
            text(*name),
            state.size.saturating_sub(state.idle),
            state.max,
        );
        known.say(one, kind, level, message);
    }
}

fn call(one: &WatchedTransaction, known: &mut Known) {
    if is_passed(&ALERT_CALL_RUNNING_MS, one, age_us(one)) {
        let message = format_args!(
            "an outbound call has had no answer for {}: {}; give calls a timeout",
            shown(age_us(one)),
            innermost(one)
        );
        known.say(one, AlertKind::SlowCall, AlertLevel::Warn, message);
    }
}

fn slow(one: &WatchedTransaction, known: &mut Known) {
    if !is_timed(one) || !is_passed(&ALERT_TRANSACTION_RUNNING_MS, one, one.active.age_us) {
        return;
    }
    let inside = match one.active.stack.last() {
        Some(step) => format!("it is in {}", step.name),
        None => "it is in no function with #[scout]".to_owned(),
    };
    let message = format_args!(
        "{} has been running for {}, {} of it busy; {inside}",
        one.active.service,
        shown(one.active.age_us),
        shown(one.active.busy_us),
    );
    known.say(one, AlertKind::SlowTransaction, AlertLevel::Warn, message);
}

/// Gives it its row now, since nobody knows whether it ever ends.
fn force_end(one: &WatchedTransaction, known: &mut Known) {
    if !is_timed(one) || !is_passed(&TRANSACTION_FORCED_END_MS, one, one.active.age_us) {
        return;
    }
    let inside = match one.active.stack.last() {
        Some(step) => format!("it is in {}", step.name),
        None => "it is in no function with #[scout]".to_owned(),
    };
    let age = shown(one.active.age_us);
    let why = format_args!("no end after {age}; {inside}");
    if !live::force_end(one.active.txid, &why) {
        return;
    }
    let message = format_args!(
        "{} has had no end for {age} and is written down without one; {inside}",
        one.active.service
    );
    known.say(one, AlertKind::ForcedEnd, AlertLevel::Error, message);
}

/// Whether somebody waits for its end: a request or a message, as long as its answer has not begun.
/// A loop in the background or a spawned task may sleep as it likes.
fn is_timed(one: &WatchedTransaction) -> bool {
    matches!(one.kind, XLogKind::Web | XLogKind::Service) && !one.is_streaming
}

fn is_passed(option: &U64Option, one: &WatchedTransaction, us: u64) -> bool {
    limit_us(option, &one.active.service).is_some_and(|limit| us >= limit)
}

fn is_owned_by(view: &CheckoutView, txid: Txid) -> bool {
    view.is_owner_running && view.owner.is_some_and(|(_, owner)| owner == txid)
}

/// Age of the innermost open step, µs.
fn age_us(one: &WatchedTransaction) -> u64 {
    one.active.stack.last().map_or(0, |step| step.age_us)
}

fn innermost(one: &WatchedTransaction) -> &str {
    one.active.stack.last().map_or("", |step| &step.name)
}
