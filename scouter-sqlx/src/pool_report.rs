//! Why a pool timed out: who holds its connections.

use std::fmt::Write;
use std::panic::Location;

use scouter_core::checkout::open_checkouts;
use scouter_core::record::{AlertKind, AlertLevel};
use scouter_core::{TextId, alert};

/// Holders a report names; the others are only counted.
pub(crate) const MAX_REPORTED_HOLDERS: usize = 10;

/// Raises one alert that lists the holders of this pool's connections, oldest first.
#[cold]
pub(crate) fn exhausted(pool: TextId, at: Option<&'static Location<'static>>) {
    let mut views = Vec::new();
    open_checkouts(&mut views);
    views.retain(|view| view.pool == pool);
    views.sort_by_key(|view| std::cmp::Reverse(view.age_us));
    let mut holders = String::new();
    for view in views.iter().take(MAX_REPORTED_HOLDERS) {
        let seconds = view.age_us / 1_000_000;
        let tenths = view.age_us / 100_000 % 10;
        let _ = write!(
            holders,
            "; {}:{} ({}) for {seconds}.{tenths} s",
            view.file, view.line, view.how
        );
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
