//! Without feature `enable`: nothing is ever in flight.

use scouter_wire::Txid;
use scouter_wire::record::ActiveTransaction;

/// Empties `out`.
pub fn active(out: &mut Vec<ActiveTransaction>, _: usize) -> usize {
    out.clear();
    0
}

/// Visits nothing.
pub fn stacks(_: &mut dyn FnMut(crate::TextId, bool, &[crate::TextId])) {}

/// Always 0.
#[must_use]
pub fn active_count() -> usize {
    0
}

/// What an OS thread is working on: nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the fields are those of the recorder's view")]
pub struct LaneView {
    pub tid: u32,
    pub txid: Option<Txid>,
    pub poll_age_us: u64,
}

/// Empties `out`.
pub fn lanes(out: &mut Vec<LaneView>) {
    out.clear();
}
