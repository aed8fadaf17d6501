//! What the live view shows besides transactions: the same whether anything is recorded or not.

use scouter_wire::Txid;
use scouter_wire::record::{ActiveTransaction, StepKind, XLogKind};

use crate::callsite::Callsite;
use crate::text::TextId;

/// What an OS thread that ever recorded is working on now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct LaneView {
    /// Kernel id of the thread.
    pub tid: u32,
    /// The transaction it polls; `None` when it polls none.
    pub txid: Option<Txid>,
    /// How long the poll takes already, µs; a long one blocks the runtime's thread.
    pub poll_age_us: u64,
    /// Which poll it is: no two of one thread have the same number; 0 for none.
    pub poll: u64,
}

/// A running transaction with what a watchdog has to know besides.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct WatchedTransaction {
    /// What [`active`](super::active) shows of it.
    pub active: ActiveTransaction,
    /// Its caller, in this process or another.
    pub caller: Option<Txid>,
    /// What kind of work it is.
    pub kind: XLogKind,
    /// How often it was polled: if that does not grow, nothing moves.
    pub polls: u32,
    /// Whether its response headers have left, so that it may only wait for its reader.
    pub is_streaming: bool,
    /// Whether the application said that it takes long ([`current::expect_long`]).
    ///
    /// [`current::expect_long`]: crate::current::expect_long
    pub is_expected_long: bool,
    /// The innermost open step: its kind and name.
    pub inner: Option<(StepKind, TextId)>,
    /// The innermost open function with `#[scout]`.
    pub function: Option<&'static Callsite>,
}
