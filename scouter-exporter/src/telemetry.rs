//! What the exporter counts about itself. `docs/TELEMETRY.md` lists every name.

use std::sync::atomic::{AtomicU64, Ordering};

use scouter_wire::codec::{DropReason, Totals};

/// Declares the counters once: the struct, its names, and reading them all.
macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// Live counters; the worker writes, anyone reads.
        #[derive(Debug, Default)]
        pub(crate) struct Telemetry {
            $($(#[$doc])* pub(crate) $name: Counter,)*
            pub(crate) dropped: [Counter; DropReason::ALL.len()],
        }

        /// What the exporter counted so far. The meaning of each figure does not change while the
        /// process runs; `pending_…` and `spool_bytes` go up and down, all others only up.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
        #[non_exhaustive]
        pub struct TelemetrySnapshot {
            $($(#[$doc])* pub $name: u64,)*
            /// What was recorded and dropped, by reason.
            pub totals: Totals,
        }

        impl Telemetry {
            pub(crate) fn snapshot(&self) -> TelemetrySnapshot {
                let mut totals = Totals::default();
                totals.recorded = self.recorded.value();
                for reason in DropReason::ALL {
                    totals.set_dropped(reason, self.dropped[reason as usize].value());
                }
                TelemetrySnapshot { $($name: self.$name.value(),)* totals }
            }

            /// Names and values, for the counters that are sent.
            pub(crate) fn visit(&self, mut visit: impl FnMut(&'static str, u64)) {
                $(visit(concat!("exporter_", stringify!($name)), self.$name.value());)*
            }
        }
    };
}

counters! {
    /// Transactions that ended while recording was on.
    recorded,
    /// XLogs that the collector has made durable.
    acked_xlogs,
    /// Profiles that the collector has made durable.
    acked_profiles,
    /// XLogs that were recorded and are neither acknowledged nor dropped.
    pending_xlogs,
    /// Bytes kept until they are acknowledged.
    pending_bytes,
    /// Bytes of the spool that are in use.
    spool_bytes,
    /// Times the disk of the spool failed; what could not be read back counts as `unsendable`.
    spool_failures,
    /// Connections that were welcomed.
    connections,
    /// Attempts to connect that failed, and connections that broke.
    connection_failures,
    /// Connections that the collector refused.
    refusals,
    /// Frames sent.
    frames_sent,
    /// Frames sent again after a connection broke.
    frames_resent,
    /// Frames over which too many connections ended (`MAX_FRAME_KILLS`), and which were given up.
    frames_set_aside,
    /// How often the difference to the collector's clock changed during a connection.
    clock_changes,
    /// Bytes sent.
    bytes_sent,
    /// Texts sent to be numbered.
    texts_sent,
    /// Commands answered.
    commands,
    /// COUNTER, AGG and ALERT frames dropped by a full window (B4).
    dropped_series,
    /// Digests that were not kept because an interval had too many keys.
    dropped_digests,
    /// Errors not looked at for bursts because too many different ones are counted.
    error_fingerprints_left_out,
    /// Calls not looked at for retry storms and cascades because they go to too many destinations.
    hops_left_out,
    /// Answers dropped because too many were waiting.
    dropped_replies,
    /// Panics of sinks that were caught.
    sink_panics,
    /// XLogs a sink did not see because it had panicked and was waiting, or has no room.
    sink_skipped,
    /// Records a sink took and could not write.
    sink_lost,
    /// Frames of a type that is not known, skipped.
    unknown_frames,
    /// Steps left out because their profile would not fit a frame.
    truncated_steps,
    /// Batches that could not be encoded.
    encode_failures,
}

/// One counter or gauge.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    pub(crate) fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    pub(crate) fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Reasons that the recorder counts; the exporter counts the others.
const RECORDER_REASONS: [DropReason; 6] = [
    DropReason::SummaryRing,
    DropReason::Rule,
    DropReason::ProfileQueue,
    DropReason::Sampled,
    DropReason::HeaderLimit,
    DropReason::NoThread,
];

impl Telemetry {
    pub(crate) fn drop_records(&self, reason: DropReason, count: usize) {
        self.dropped[reason as usize].add(count as u64);
    }

    /// Takes over what the recorder counts; its reasons and ours do not overlap.
    pub(crate) fn set_recorded(&self, recorder: &Totals) {
        self.recorded.set(recorder.recorded);
        for reason in RECORDER_REASONS {
            self.dropped[reason as usize].set(recorder.dropped(reason));
        }
    }
}
