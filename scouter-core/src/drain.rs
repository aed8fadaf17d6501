//! What the exporter's thread calls: finished rows and profiles leave the recorder here.
//!
//! One drain runs at a time. Rows are decoded from their words and handed to the visitor as
//! borrowed records; a profile is read straight from its header, which then goes back to the free
//! list. Rows allocate nothing in steady state, but for a list of the tags of one that has tags;
//! profiles allocate for the attributes, notes and errors of their steps. If the visitor panics, the row or profile it was
//! given is lost to it, everything else stays.

mod profile;
mod row;
mod visitor;

use parking_lot::Mutex;

use crate::header::Header;
use crate::lane::{self, SegmentPool, Thread};
use crate::sync::Ordering;
use crate::telemetry;

pub use crate::alert::drain_alerts;
pub use crate::text::new_texts;
pub(crate) use row::kind as kind_of;
pub use visitor::{DrainVisitor, Drained, Totals};

#[derive(Default)]
struct Drain {
    threads: Vec<&'static Thread>,
    words: Vec<u64>,
    row: row::Scratch,
    profile: profile::Scratch,
    profiles: u64,
}

static DRAIN: Mutex<Option<Box<Drain>>> = Mutex::new(None);

/// Hands up to `limit` rows and `limit` profiles of each thread to the visitor.
///
/// Call it again at once when it handed over as much as it could, else after a few ms.
pub fn drain(visitor: &mut dyn DrainVisitor, limit: usize) -> Drained {
    let mut guard = DRAIN.lock();
    let drain = guard.get_or_insert_default();
    let mut drained = Drained::default();
    lane::threads(&mut drain.threads);
    let Drain { threads, words, row, profile, profiles } = &mut **drain;
    for thread in threads.iter() {
        drained.xlogs += thread.summaries.consume(limit, &SegmentPool, words, &mut |words| {
            row::decode(words, row, visitor);
        });
        for _ in 0..limit {
            let Some(header) = thread.profiles.pop() else { break };
            let finished = Finished(header);
            *profiles += 1;
            drained.profiles += 1;
            profile::decode(finished.0, profile, visitor);
        }
    }
    drained
}

/// A finished header, which goes back to the process's list even when the visitor panics.
struct Finished(&'static Header);

impl Drop for Finished {
    fn drop(&mut self) {
        self.0.clear_carried();
        self.0.release_memory();
        crate::pool::give_headers([self.0]);
    }
}

/// Totals since the process started.
#[must_use]
pub fn totals() -> Totals {
    let mut totals = Totals {
        dropped_header_limit: telemetry::DROPPED_HEADER_LIMIT.value(),
        dropped_no_thread: telemetry::DROPPED_NO_THREAD.value(),
        dropped_rule: telemetry::DROPPED_RULE.value(),
        profiles_dropped_queue: telemetry::PROFILES_DROPPED_QUEUE.value(),
        profiles_sampled_out: telemetry::PROFILES_SAMPLED_OUT.value(),
        ..Totals::default()
    };
    let mut threads = Vec::new();
    lane::threads(&mut threads);
    for thread in &threads {
        let (produced, dropped, consumed) = thread.summaries.counts();
        totals.drained += consumed;
        totals.pending += produced.saturating_sub(consumed);
        totals.dropped_summary_queue += dropped;
    }
    // Last, so that it is never behind: an end is counted before its row goes anywhere.
    let ended: u64 = threads.iter().map(|thread| thread.ended.load(Ordering::Relaxed)).sum();
    totals.recorded = ended + crate::finish::without_thread() + totals.dropped_header_limit;
    totals.profiles_recorded = DRAIN.lock().as_ref().map_or(0, |drain| drain.profiles);
    totals
}
