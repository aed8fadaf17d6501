//! Connections that outlived their transaction.
//!
//! A pooled connection that is still checked out after the transaction that took it has ended, and
//! that nobody uses, is most likely lost: forgotten, stored, or leaked. Each is told once, with the
//! line that took it. A connection that a background task works on is used now and then, and one
//! that the application leaked on purpose says so: neither is told.

use std::collections::HashMap;
use std::time::Duration;

use scouter_core::checkout::CheckoutView;
use scouter_core::record::{AlertKind, AlertLevel};
use scouter_core::{TextId, alert, text};

use crate::clock::Moment;

/// The checkouts whose transaction has ended. As many as the registry tracks, at most.
#[derive(Default)]
pub(crate) struct Leaks(HashMap<u64, Orphan>);

/// One of them, since it was seen unused.
struct Orphan {
    since: Moment,
    statements: u64,
    is_told: bool,
}

impl Leaks {
    /// Looks at the open checkouts and raises an alert for each that was not used for `patience`
    /// since its transaction was seen to have ended.
    pub(crate) fn look(&mut self, open: &[CheckoutView], now: Moment, patience: Duration) {
        let mut still = HashMap::new();
        for view in open.iter().filter(|view| is_orphan(view)) {
            let known = self.0.remove(&view.number);
            let mut orphan = known
                .filter(|known| known.statements == view.statements)
                .unwrap_or(Orphan { since: now, statements: view.statements, is_told: false });
            if !orphan.is_told && now.since(orphan.since) >= patience {
                orphan.is_told = true;
                tell(view);
            }
            still.insert(view.number, orphan);
        }
        self.0 = still;
    }
}

/// A statement on a pool holds its connection as long as it runs, and its line is not its caller's.
fn is_orphan(view: &CheckoutView) -> bool {
    view.how != "statement"
        && view.owner.is_some()
        && !view.is_owner_running
        && !view.is_leaked_on_purpose
}

fn tell(view: &CheckoutView) {
    let place = format!("{}:{}", view.file, view.line);
    let (pool, how, seconds) = (text(view.pool), view.how, view.age_us / 1_000_000);
    let used = match (view.statements, view.last_sql) {
        (0, _) => "no statement ran on it".to_owned(),
        (count, TextId::NONE) => format!("{count} statements ran on it"),
        (count, last) => format!("{count} statements ran on it, the last: {}", text(last)),
    };
    alert::raise_about(
        view.service,
        view.owner,
        AlertKind::ConnectionLeak,
        AlertLevel::Error,
        &place,
        format_args!(
            "a connection of pool {pool} taken {seconds} s ago ({how} at {place}) was not given \
             back, and its transaction has ended; {used}"
        ),
    );
}
