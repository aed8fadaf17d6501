//! Without feature `enable`: nothing is ever in flight.

use scouter_wire::Txid;
use scouter_wire::record::{ActiveTransaction, StepKind, XLogKind};

use crate::callsite::Callsite;
use crate::text::TextId;

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
    pub poll: u64,
}

/// Empties `out`.
pub fn lanes(out: &mut Vec<LaneView>) {
    out.clear();
}

/// A running transaction; there are none.
#[derive(Debug, Clone)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the fields are those of the recorder's view")]
pub struct WatchedTransaction {
    pub active: ActiveTransaction,
    pub caller: Option<Txid>,
    pub kind: XLogKind,
    pub polls: u32,
    pub is_streaming: bool,
    pub is_expected_long: bool,
    pub inner: Option<(StepKind, TextId)>,
    pub function: Option<&'static Callsite>,
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

/// Nothing is ever late.
#[must_use]
pub fn late_beat() -> Option<(u64, usize)> {
    None
}
