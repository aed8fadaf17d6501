//! Connections that are kept: by nobody, by a database transaction that nobody ends, or for long.
//!
//! A pooled connection that is still checked out after the transaction that took it has ended, and
//! that nobody uses, is most likely lost: forgotten, stored, or leaked. One that a background task
//! works on is used now and then, its statements run, or the task is a child of the transaction;
//! and the application can say that a connection stays out. None of these is told.

use std::collections::HashMap;
use std::fmt;

use scouter_core::alert::{self, About};
use scouter_core::checkout::{CheckoutView, STATEMENT};
use scouter_core::options::{
    ALERT_HELD_LONG_MS, ALERT_UNCOMMITTED_MS, CONNECTION_LEAK_AFTER_MS, U64Option,
};
use scouter_core::record::{AlertKind, AlertLevel};
use scouter_core::{TextId, Txid, live, text};

use super::{limit_us, shown};
use crate::clock::Moment;

/// How an open database transaction was taken.
const BEGIN: &str = "begin";

/// How much longer a connection may stay out that was used after its transaction had ended.
const USED_SINCE_FACTOR: u64 = 10;

/// The open checkouts, as many as the registry tracks at most.
#[derive(Default)]
pub(super) struct Checkouts(HashMap<u64, Known>);

/// One of them, as it was seen before.
struct Known {
    statements: u64,
    /// Since when nothing ran on it.
    idle_since: Moment,
    /// Statements that had run when its transaction was first seen to have ended.
    orphaned_at: Option<u64>,
    is_told: bool,
}

impl Checkouts {
    /// Says that these were told by somebody else, for another reason.
    pub(super) fn are_told(&mut self, numbers: &[u64]) {
        for number in numbers {
            if let Some(known) = self.0.get_mut(number) {
                known.is_told = true;
            }
        }
    }

    /// Looks at the open checkouts and raises an alert for each that is kept for too long.
    pub(super) fn look(&mut self, open: &[CheckoutView], now: Moment) {
        let mut before = std::mem::take(&mut self.0);
        for view in open.iter().filter(|view| is_watched(view)) {
            let statements = view.statements;
            let mut known = before.remove(&view.number).unwrap_or(Known {
                statements,
                idle_since: now,
                orphaned_at: None,
                is_told: false,
            });
            let is_orphan = view.owner.is_some() && !view.is_owner_running;
            if view.is_busy
                || known.statements != statements
                || is_orphan && known.orphaned_at.is_none()
            {
                (known.statements, known.idle_since) = (statements, now);
            }
            if is_orphan && known.orphaned_at.is_none() {
                (known.orphaned_at, known.is_told) = (Some(statements), false);
            }
            let idle = now.since(known.idle_since).as_micros();
            let idle_us = u64::try_from(idle).unwrap_or(u64::MAX);
            if !known.is_told && !view.is_busy {
                known.is_told = match known.orphaned_at {
                    Some(at) => tell_orphan(view, idle_us, at != statements),
                    None => tell_kept(view, idle_us),
                };
            }
            self.0.insert(view.number, known);
        }
    }
}

/// A statement on a pool holds its connection as long as it runs, and its line is not its caller's.
fn is_watched(view: &CheckoutView) -> bool {
    view.how != STATEMENT && !view.is_leaked_on_purpose && !view.is_expected_long
}

/// Tells about a connection whose transaction has ended; whether it did.
fn tell_orphan(view: &CheckoutView, idle_us: u64, is_used_since: bool) -> bool {
    let factor = if is_used_since { USED_SINCE_FACTOR } else { 1 };
    let limit = limit_us(&CONNECTION_LEAK_AFTER_MS, text(view.service));
    let is_passed = limit.is_some_and(|limit| idle_us >= limit.saturating_mul(factor));
    let owner = view.owner.map(|(_, txid)| txid);
    if !is_passed || owner.is_some_and(has_running_child) {
        return false;
    }
    if view.how == BEGIN {
        let what =
            "was neither committed nor rolled back, and the transaction that began it has ended";
        tell(view, AlertKind::Uncommitted, AlertLevel::Error, format_args!("{what}"));
    } else {
        let what = "was not given back, and its transaction has ended";
        tell(view, AlertKind::ConnectionLeak, AlertLevel::Error, format_args!("{what}"));
    }
    true
}

/// Tells about a connection that a running transaction, or none, keeps; whether it did.
fn tell_kept(view: &CheckoutView, idle_us: u64) -> bool {
    let is_passed = |option: &U64Option| {
        limit_us(option, text(view.service)).is_some_and(|limit| idle_us >= limit)
    };
    if view.how == BEGIN && is_passed(&ALERT_UNCOMMITTED_MS) {
        let what = format_args!(
            "is open and nothing has run on it for {}: it keeps its locks; commit or roll back before \
             waiting for something else",
            shown(idle_us)
        );
        tell(view, AlertKind::Uncommitted, AlertLevel::Warn, what);
        return true;
    }
    let is_held = view.how != BEGIN && view.owner.is_some() && is_passed(&ALERT_HELD_LONG_MS);
    if is_held {
        let what = format_args!(
            "is kept and nothing has run on it for {}; give it back earlier, or say expect_long() on it",
            shown(idle_us)
        );
        tell(view, AlertKind::HeldLong, AlertLevel::Info, what);
    }
    is_held
}

/// A task that a transaction spawned may have its connection.
fn has_running_child(txid: Txid) -> bool {
    let mut running = Vec::new();
    live::watched(&mut running, 0);
    running.iter().any(|one| one.caller == Some(txid))
}

/// The line that took it.
pub(super) fn place(view: &CheckoutView) -> String {
    format!("{}:{}", view.file, view.line)
}

fn taken(view: &CheckoutView) -> String {
    let what = if view.how == BEGIN { "a database transaction" } else { "a connection" };
    let (pool, age) = (text(view.pool), shown(view.age_us));
    format!("{what} of pool {pool} taken {age} ago ({} at {})", view.how, place(view))
}

fn used(view: &CheckoutView) -> String {
    match (view.statements, view.last_sql) {
        (0, _) => "no statement ran on it".to_owned(),
        (count, TextId::NONE) => format!("{count} statements ran on it"),
        (count, last) => format!("{count} statements ran on it, the last: {}", text(last)),
    }
}

/// Tells what is the matter with it, between how it was taken and what ran on it.
fn tell(view: &CheckoutView, kind: AlertKind, level: AlertLevel, what: fmt::Arguments<'_>) {
    let about = About {
        service: text(view.service),
        tenant: &view.tenant,
        transaction: view.owner,
        ..About::default()
    };
    let message = format_args!("{} {what}; {}", taken(view), used(view));
    alert::raise_for(&about, kind, level, &place(view), message);
}
