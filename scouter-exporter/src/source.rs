//! Where records come from: the recorder of this process, or a test.

use std::time::Duration;

use scouter_wire::codec::{CallsiteEntry, OptionEntry, Totals};
use scouter_wire::record::{ActiveTransaction, Alert, Step, XLog};
use scouter_wire::{TextKind, TextRef, Txid};

use crate::clock::Moment;
use crate::tools::Tools;

/// A text that appeared since the last time, with its number in this process.
pub(crate) type NewText = (TextRef, TextKind, &'static str);

/// Receives what was recorded.
pub(crate) trait Visitor {
    fn xlog(&mut self, xlog: &XLog<'_>);
    fn profile_begin(&mut self, txid: Txid, end_unix_us: i64);
    fn step(&mut self, step: &Step<'_>);
    fn profile_end(&mut self);
}

/// A recorder, seen from the exporter.
pub(crate) trait Source: Send {
    /// Hands over at most about `limit` records; answers how many.
    fn drain(&mut self, visitor: &mut dyn Visitor, limit: usize) -> usize;

    /// Looks up texts by their place in the order of their numbers; see [`crate::Texts`].
    fn text_source(&self) -> TextSource;

    /// The number of a text of ours, such as the name of a counter.
    fn intern(&mut self, kind: TextKind, text: &str) -> TextRef;

    fn alerts(&mut self, out: &mut Vec<Alert>);

    /// What was recorded, and dropped before it came here.
    fn totals(&mut self) -> Totals;

    /// Transactions in flight.
    fn active_count(&mut self) -> usize;

    /// The recorder's own counters and those of its plugins, with their full names.
    fn counters(&mut self, visit: &mut dyn FnMut(String, f64));

    /// Unix time in µs by the clock that stamps records.
    fn unix_us(&mut self) -> i64;

    /// Compares the recorder's clock with the kernel's; called about once a second.
    fn reanchor(&mut self);

    /// Looks for what goes wrong without anybody telling, and raises alerts; called in each turn.
    /// Answers how long the next turn may be away.
    fn watch(&mut self, now: Moment) -> Duration;

    /// The tools on demand.
    fn tools(&mut self) -> &mut Tools;

    /// Lists transactions in flight and answers how many there are.
    fn active(&mut self, limit: usize, out: &mut Vec<ActiveTransaction>) -> usize;

    fn options(&mut self) -> Vec<OptionEntry>;

    /// Changes an option; on failure a sentence says why.
    fn set_option(&mut self, name: &str, value: &str) -> Result<(), String>;

    fn callsites(&mut self) -> Vec<CallsiteEntry>;

    /// Sets the flags of a callsite and answers it; on failure a sentence says why.
    fn set_callsite(&mut self, id: u64, flags: u32) -> Result<CallsiteEntry, String>;
}

/// Appends the texts whose numbers are above `from`, in the order of their numbers.
pub(crate) type TextSource = Box<dyn Fn(usize, &mut Vec<NewText>) + Send>;
