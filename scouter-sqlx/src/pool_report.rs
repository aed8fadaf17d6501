//! Why a pool timed out: who holds its connections.

use std::panic::Location;

use scouter_core::checkout::{CheckoutGuard, STATEMENT, holders};
use scouter_core::record::{AlertKind, AlertLevel};
use scouter_core::{TextId, alert};

/// Registers the connection that a pool gave to a statement.
pub(crate) fn statement_checkout(pool: TextId) -> CheckoutGuard {
    CheckoutGuard::register(pool, STATEMENT, Location::caller())
}

/// Raises one alert that lists the holders of this pool's connections, oldest first.
#[cold]
pub(crate) fn exhausted(pool: TextId, at: Option<&'static Location<'static>>) {
    let (count, holders) = holders(pool);
    let name = scouter_core::text(pool);
    let place = at.map_or_else(String::new, |at| format!("{}:{}", at.file(), at.line()));
    alert::raise(
        AlertKind::PoolExhausted,
        AlertLevel::Error,
        if place.is_empty() { name } else { &place },
        format_args!(
            "pool {name} had no free connection before acquire_timeout passed; {count} held by \
             known code{holders}"
        ),
    );
}
