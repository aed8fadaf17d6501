//! Who holds the connections of a pool, in words.
//!
//! `acquire` and `begin` know the line of their caller. A statement sent to the pool itself does
//! not, as sqlx's own `async fn`s lie between: it is placed by the `#[scout]` function around it,
//! found in the live view when the report is made, or by nothing.

use std::fmt::Write;

use super::{CheckoutView, STATEMENT, open_checkouts};
use crate::live;
use crate::text::{TextId, text};

/// Holders a report names; the others are only counted.
pub const MAX_REPORTED_HOLDERS: usize = 10;

/// How many connections of the pool are checked out, and by whom: a list that begins with `; `,
/// oldest first, at most [`MAX_REPORTED_HOLDERS`] of them.
#[must_use]
pub fn holders(pool: TextId) -> (usize, String) {
    let mut views = Vec::new();
    open_checkouts(&mut views);
    views.retain(|view| view.pool == pool);
    views.sort_by_key(|view| std::cmp::Reverse(view.age_us));
    let mut holders = String::new();
    for view in views.iter().take(MAX_REPORTED_HOLDERS) {
        let seconds = view.age_us / 1_000_000;
        let tenths = view.age_us / 100_000 % 10;
        let _ = match view.how {
            STATEMENT => match function_of(view) {
                Some(function) => write!(holders, "; a statement in {function}"),
                None => write!(holders, "; a statement"),
            },
            how => write!(holders, "; {}:{} ({how})", view.file, view.line),
        };
        let _ = write!(holders, " for {seconds}.{tenths} s");
        if view.last_sql != TextId::NONE {
            let _ = write!(holders, ", last statement {}", text(view.last_sql));
        }
        if view.owner.is_some() && !view.is_owner_running {
            holders.push_str(", its transaction has ended (a leak)");
        }
    }
    if views.len() > MAX_REPORTED_HOLDERS {
        let _ = write!(holders, "; and {} more", views.len() - MAX_REPORTED_HOLDERS);
    }
    (views.len(), holders)
}

/// The innermost `#[scout]` function in which the holder is, with its place.
fn function_of(view: &CheckoutView) -> Option<&'static str> {
    let (_, txid) = view.owner.filter(|_| view.is_owner_running)?;
    live::find(txid)?.function.map(|site| text(site.text()))
}
