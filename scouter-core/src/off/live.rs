//! Without feature `enable`: nothing is ever in flight.

#[path = "../live/views.rs"]
mod views;

use std::fmt;
use std::time::Duration;

use scouter_wire::Txid;
use scouter_wire::record::ActiveTransaction;

use crate::text::TextId;

pub use self::views::{LaneView, WatchedTransaction};

/// Empties `out`.
pub fn active(out: &mut Vec<ActiveTransaction>, _: usize) -> usize {
    out.clear();
    0
}

/// Visits nothing.
pub fn stacks(_: &mut dyn FnMut(TextId, bool, &[TextId])) {}

/// Always 0.
#[must_use]
pub fn active_count() -> usize {
    0
}

/// Empties `out`.
pub fn lanes(out: &mut Vec<LaneView>) {
    out.clear();
}

/// Empties `out`.
pub fn watched(out: &mut Vec<WatchedTransaction>, _: u64) {
    out.clear();
}

/// There is none.
#[must_use]
pub fn find(_: Txid) -> Option<WatchedTransaction> {
    None
}

/// Does nothing.
pub fn note_late(_: Duration) {}

/// Nothing is known.
#[must_use]
pub fn late_us_within(_: u64) -> u64 {
    0
}

/// There is none to end.
#[must_use]
pub fn force_end(_: Txid, _: &dyn fmt::Display) -> bool {
    false
}

/// Nothing is ever late.
#[must_use]
pub fn late_beat() -> Option<(u64, usize)> {
    None
}
