//! Who receives what is drained, and how much it was.

use scouter_wire::Txid;
use scouter_wire::record::{Step, XLog};

/// Receives what is drained.
///
/// The row of a transaction always comes before its profile, but not necessarily right before it,
/// nor within the same call of [`drain`](super::drain).
pub trait DrainVisitor {
    /// A finished row. Its texts are numbers of this process ([`TextId`](crate::TextId)).
    fn xlog(&mut self, xlog: &XLog<'_>);

    /// A profile of `steps` steps follows.
    fn profile_begin(&mut self, txid: Txid, end_unix_us: i64, steps: u32) {
        let _ = (txid, end_unix_us, steps);
    }

    /// The next step of the profile begun last.
    fn step(&mut self, step: &Step<'_>) {
        let _ = step;
    }

    /// The profile is complete.
    fn profile_end(&mut self) {}
}

/// How much a drain handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Drained {
    /// Finished rows.
    pub xlogs: usize,
    /// Profiles.
    pub profiles: usize,
}

/// Totals since the process started. `recorded == drained + dropped + pending` at any moment in
/// which no transaction is just ending; meanwhile `recorded` is ahead, never behind. It is counted
/// on its own, so a row that got lost would show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Totals {
    /// Transactions that ended (or could not begin) and should each be one row.
    pub recorded: u64,
    /// Rows handed to the visitor.
    pub drained: u64,
    /// Rows that wait.
    pub pending: u64,
    /// Rows lost because a thread's summary queue was full or memory was used up.
    pub dropped_summary_queue: u64,
    /// Transactions not recorded because too many were in flight.
    pub dropped_header_limit: u64,
    /// Transactions lost because their thread was past its destructors.
    pub dropped_no_thread: u64,
    /// Transactions a plugin discarded.
    pub dropped_rule: u64,
    /// Profiles handed to the visitor.
    pub profiles_recorded: u64,
    /// Profiles lost because a queue was full.
    pub profiles_dropped_queue: u64,
    /// Profiles sampled out at the end.
    pub profiles_sampled_out: u64,
}

impl Totals {
    /// Rows not kept, for whatever reason.
    #[must_use]
    pub const fn dropped(&self) -> u64 {
        self.dropped_summary_queue
            + self.dropped_header_limit
            + self.dropped_no_thread
            + self.dropped_rule
    }

    /// The reasons with their numbers.
    #[must_use]
    pub const fn dropped_by_reason(&self) -> [(&'static str, u64); 4] {
        [
            ("summary_queue", self.dropped_summary_queue),
            ("header_limit", self.dropped_header_limit),
            ("no_thread", self.dropped_no_thread),
            ("rule", self.dropped_rule),
        ]
    }
}
