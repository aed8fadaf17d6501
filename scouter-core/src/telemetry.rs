//! What the recorder says about itself: how much it recorded, and what it did not keep and why.
//!
//! The invariant that tests hold: `recorded == drained + dropped (by reason) + pending`, where
//! pending is what waits in the summary queues, and `recorded` is counted apart from the others.
//! Transactions still running are in none of them.
//! Names and meanings are listed in docs/TELEMETRY.md; a test compares the list with this table.

use std::sync::atomic::{AtomicU64, Ordering};

/// One counter of the recorder. It only grows.
#[derive(Debug)]
pub(crate) struct Count {
    name: &'static str,
    value: AtomicU64,
}

impl Count {
    const fn new(name: &'static str) -> Self {
        Self { name, value: AtomicU64::new(0) }
    }

    /// Adds; for the paths where something goes wrong, never for the usual one.
    #[inline]
    pub(crate) fn add(&self, by: u64) {
        self.value.fetch_add(by, Ordering::Relaxed);
    }

    pub(crate) fn value(&self) -> u64 {
        self.value.load(Ordering::Relaxed)
    }
}

macro_rules! counts {
    ($($constant:ident = $name:literal,)*) => {
        $(pub(crate) static $constant: Count = Count::new($name);)*
        static ALL: &[&Count] = &[$(&$constant),*];
    };
}

counts! {
    DROPPED_HEADER_LIMIT = "dropped_header_limit",
    DROPPED_NO_THREAD = "dropped_no_thread",
    DROPPED_RULE = "dropped_rule",
    TRANSACTIONS_FORCED = "transactions_forced",
    TRANSACTIONS_ENDED_LATE = "transactions_ended_late",
    PROFILES_DROPPED_QUEUE = "profiles_dropped_queue",
    PROFILES_SAMPLED_OUT = "profiles_sampled_out",
    STEPS_DROPPED_LIMIT = "steps_dropped_limit",
    STEPS_DROPPED_MEMORY = "steps_dropped_memory",
    STEPS_CLOSED_BY_OTHERS = "steps_closed_by_others",
    TRANSACTION_TEXTS_DROPPED = "transaction_texts_dropped",
    TEXTS_OTHER = "texts_other",
    TEXTS_OTHER_MEMORY = "texts_other_memory",
    TEXTS_CUT = "texts_cut",
    CAPTURES_SKIPPED = "captures_skipped",
    PROPAGATION_MALFORMED = "propagation_malformed",
    PROPAGATION_OVERSIZED = "propagation_oversized",
    PROPAGATION_WITHHELD = "propagation_withheld",
    GRPC_METHODS_UNNAMED = "grpc_methods_unnamed",
    REQUESTS_IGNORED = "requests_ignored",
    IGNORE_RULES_LEFT_OUT = "ignore_rules_left_out",
    REQUESTS_REJECTED = "requests_rejected",
    QUEUE_TIMES_REFUSED = "queue_times_refused",
    ALERTS_DROPPED = "alerts_dropped",
    ALERTS_SUPPRESSED = "alerts_suppressed",
    CHECKOUTS_UNTRACKED = "checkouts_untracked",
    METRICS_OTHER = "metrics_other",
    POOLS_UNWATCHED = "pools_unwatched",
    PLUGIN_PANICS = "plugin_panics",
    LIVE_RETRIES = "live_retries",
    LIVE_SKIPPED = "live_skipped",
    FORKS = "forks",
    PANICS = "panics",
    LAST_WORDS_FAILED = "last_words_failed",
    LARGE_ALLOCATIONS_UNTOLD = "large_allocations_untold",
    HEAP_SAMPLES_LEFT_OUT = "heap_samples_left_out",
    HEAP_SITES_OTHER = "heap_sites_other",
    STACKS_CUT = "stacks_cut",
    STACKS_UNANSWERED = "stacks_unanswered",
    CPU_SAMPLES_DROPPED = "cpu_samples_dropped",
    CPU_THREADS_UNSAMPLED = "cpu_threads_unsampled",
}

/// What a layer around a server or a client counts here, besides headers it ignored
/// ([`note_ignored_header`](crate::propagation::note_ignored_header)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Noted {
    /// A gRPC call whose method has no name yet and found no place for one.
    GrpcMethodUnnamed,
    /// A request that was not recorded since a rule of the application says so.
    RequestIgnored,
    /// A rule for requests to ignore that found no place.
    IgnoreRuleLeftOut,
    /// A request that was turned away since too many were active.
    RequestRejected,
    /// A time of waiting before the request that cannot be: negative, or too long.
    QueueTimeRefused,
}

/// Counts what a layer noted.
pub fn note(noted: Noted) {
    let count = match noted {
        Noted::GrpcMethodUnnamed => &GRPC_METHODS_UNNAMED,
        Noted::RequestIgnored => &REQUESTS_IGNORED,
        Noted::IgnoreRuleLeftOut => &IGNORE_RULES_LEFT_OUT,
        Noted::RequestRejected => &REQUESTS_REJECTED,
        Noted::QueueTimeRefused => &QUEUE_TIMES_REFUSED,
    };
    count.add(1);
}

/// All counters of the recorder with their names: those of this module, then the totals.
#[must_use]
pub fn counters() -> Vec<(&'static str, u64)> {
    let totals = crate::drain::totals();
    let mut all = vec![
        ("recorded", totals.recorded),
        ("drained", totals.drained),
        ("pending", totals.pending),
        ("dropped_summary_queue", totals.dropped_summary_queue),
        ("profiles_recorded", totals.profiles_recorded),
        ("clock_switches", crate::clock::switches()),
    ];
    all.extend(ALL.iter().map(|count| (count.name, count.value())));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_counter_is_documented_and_every_documented_counter_exists() {
        let documented = include_str!("../../docs/TELEMETRY.md");
        let rows: Vec<&str> = documented
            .lines()
            .skip_while(|line| !line.starts_with("## Recorder"))
            .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
            .collect();
        let names: Vec<&str> = counters().into_iter().map(|(name, _)| name).collect();
        for name in &names {
            assert!(rows.contains(name), "{name} has no row in docs/TELEMETRY.md");
        }
        let ours = rows.iter().take(names.len());
        for row in ours {
            assert!(names.contains(row), "docs/TELEMETRY.md names {row}, which does not exist");
        }
    }
}
