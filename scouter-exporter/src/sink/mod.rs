//! Where records go.

mod guarded;
mod json;
mod json_lines;
mod memory;
#[cfg(feature = "otlp")]
mod otlp;

use scouter_wire::Txid;
use scouter_wire::codec::Totals;
use scouter_wire::record::{Alert, CounterPoint, Digest, Step, XLog};

pub(crate) use guarded::Guarded;
pub use json_lines::JsonLines;
pub use memory::{MAX_MEMORY_RECORDS, Memory, MemoryContent};
#[cfg(feature = "otlp")]
pub use otlp::{
    DEFAULT_OTLP_ENDPOINT, OTLP_MAX_ATTEMPTS, OTLP_MAX_RETRY_AFTER, OTLP_QUEUE_REQUESTS,
    OTLP_REQUEST_SPANS, OTLP_REQUEST_TIMEOUT, Otlp, OtlpBuilder, OtlpError, OtlpSnapshot,
    OtlpTelemetry,
};

use crate::Texts;

/// Receives everything the exporter drains, on the exporter's own thread.
///
/// Methods must return soon: while a sink works, nothing is drained. One that panics is caught and
/// counted (`exporter_sink_panics`), left alone for a growing while (what it misses is counted as
/// `exporter_sink_skipped`), then used again; the worker and the other sinks go on.
#[allow(unused_variables, reason = "default methods name what they ignore")]
pub trait Sink: Send {
    /// Name for counters and notices.
    fn name(&self) -> &'static str;

    /// A finished transaction. Its texts are looked up in `texts`.
    fn xlog(&mut self, xlog: &XLog<'_>, texts: &Texts) {}

    /// The steps that follow, up to [`Sink::profile_end`], belong to this transaction. Its XLog
    /// came before, as a rule.
    fn profile_begin(&mut self, txid: Txid, end_unix_us: i64) {}

    /// The next step of the profile.
    fn step(&mut self, step: &Step<'_>, texts: &Texts) {}

    /// The profile is complete.
    fn profile_end(&mut self) {}

    /// Values of counters at one time, unix µs.
    fn counters(&mut self, unix_us: i64, points: &[CounterPoint], texts: &Texts) {}

    /// Digests of an interval, unix µs.
    fn digests(&mut self, from_unix_us: i64, to_unix_us: i64, digests: &[Digest], texts: &Texts) {}

    /// Alerts.
    fn alerts(&mut self, alerts: &[Alert]) {}

    /// How many records it took and lost since the last call, for instance because its disk is
    /// full. Called after every turn and every panic, and counted (`exporter_sink_lost`).
    fn take_lost(&mut self) -> u64 {
        0
    }

    /// Called after every drain, at least every 50 ms: does what takes time (writing, sending) and
    /// answers what it needs.
    fn turn(&mut self, turn: &mut Turn<'_>) -> Progress {
        Progress::Idle
    }
}

/// What [`Sink::turn`] is called with.
#[derive(Debug)]
#[non_exhaustive]
pub struct Turn<'a> {
    /// The texts of this process.
    pub texts: &'a Texts,
    /// What was recorded and dropped so far.
    pub totals: Totals,
    /// Time by the clock that stamps records, unix µs.
    pub unix_us: i64,
    /// Whether everything is to be delivered now: do not wait for a batch to fill.
    pub is_flush: bool,
    /// Whether the agent ends: nothing that starts to fail now is worth a line.
    pub(crate) is_ending: bool,
    pub(crate) control: &'a mut dyn crate::source::Source,
}

impl std::fmt::Debug for dyn crate::source::Source + '_ {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Source")
    }
}

/// What a sink needs next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Progress {
    /// Everything is delivered.
    Idle,
    /// Something is still to be delivered, but nothing can be done about it now.
    Waiting,
    /// More can be done in a moment: call again soon.
    Busy,
}
