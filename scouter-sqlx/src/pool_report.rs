//! Why a pool timed out: who holds its connections.
//!
//! `acquire` and `begin` know the line of their caller. A statement sent to the pool itself does
//! not, as sqlx's own `async fn`s lie between: it is placed by the `#[scout]` function around it,
//! found in the live view when the report is made, or by nothing.

use std::fmt::Write;
use std::panic::Location;

use scouter_core::checkout::{CheckoutGuard, CheckoutView, open_checkouts};
use scouter_core::record::{ActiveTransaction, AlertKind, AlertLevel, StepKind};
use scouter_core::{TextId, alert, live};

/// Holders a report names; the others are only counted.
pub(crate) const MAX_REPORTED_HOLDERS: usize = 10;

/// Running transactions that are searched for the functions of the holders; a holder in none of
/// them is named by its statement only.
pub(crate) const MAX_SEARCHED_TRANSACTIONS: usize = 1_024;

/// How a checkout by a statement on the pool itself was taken. Its line is one of ours and means
/// nothing.
const STATEMENT: &str = "statement";

/// Registers the connection that a pool gave to a statement.
pub(crate) fn statement_checkout(pool: TextId) -> CheckoutGuard {
    CheckoutGuard::register(pool, STATEMENT, Location::caller())
}

/// Raises one alert that lists the holders of this pool's connections, oldest first.
#[cold]
pub(crate) fn exhausted(pool: TextId, at: Option<&'static Location<'static>>) {
    let mut views = Vec::new();
    open_checkouts(&mut views);
    views.retain(|view| view.pool == pool);
    views.sort_by_key(|view| std::cmp::Reverse(view.age_us));
    let mut running = Vec::new();
    if views.iter().take(MAX_REPORTED_HOLDERS).any(|view| view.how == STATEMENT) {
        live::active(&mut running, MAX_SEARCHED_TRANSACTIONS);
    }
    let mut holders = String::new();
    for view in views.iter().take(MAX_REPORTED_HOLDERS) {
        let seconds = view.age_us / 1_000_000;
        let tenths = view.age_us / 100_000 % 10;
        let _ = match (view.how, function_of(view, &running)) {
            (STATEMENT, Some(function)) => write!(holders, "; a statement in {function}"),
            (STATEMENT, None) => write!(holders, "; a statement"),
            (how, _) => write!(holders, "; {}:{} ({how})", view.file, view.line),
        };
        let _ = write!(holders, " for {seconds}.{tenths} s");
        if view.last_sql != TextId::NONE {
            let _ = write!(holders, ", last statement {}", scouter_core::text(view.last_sql));
        }
        if view.owner.is_some() && !view.is_owner_running {
            holders.push_str(", its transaction has ended (a leak)");
        }
    }
    if views.len() > MAX_REPORTED_HOLDERS {
        let _ = write!(holders, "; and {} more", views.len() - MAX_REPORTED_HOLDERS);
    }
    let name = scouter_core::text(pool);
    let place = at.map_or_else(String::new, |at| format!("{}:{}", at.file(), at.line()));
    alert::raise(
        AlertKind::PoolExhausted,
        AlertLevel::Error,
        if place.is_empty() { name } else { &place },
        format_args!(
            "pool {name} had no free connection before acquire_timeout passed; {} held by known \
             code{holders}",
            views.len()
        ),
    );
}

/// The innermost `#[scout]` function in which the holder is, with its place.
fn function_of<'a>(view: &CheckoutView, running: &'a [ActiveTransaction]) -> Option<&'a str> {
    let (_, txid) = view.owner.filter(|_| view.is_owner_running)?;
    let transaction = running.iter().find(|transaction| transaction.txid == txid)?;
    let function = transaction.stack.iter().rev().find(|step| step.kind == StepKind::Method)?;
    Some(&function.name)
}
