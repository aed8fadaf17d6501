//! The figures of the last second: rate, errors, percentiles, newest errors.

use std::collections::VecDeque;

use serde_json::{Map, Value, json};

use super::row::LiveRow;
use crate::app::App;
use crate::self_watch::is_own;
use crate::store::quantise;

/// Newest errors a pulse names.
const NEWEST_ERRORS: usize = 5;

/// Buckets of elapsed time: 16 an octave, which is 4 % of error.
const BUCKETS: usize = 512;

/// Quantised steps per bucket.
const STEPS_PER_BUCKET: u16 = 128;

/// Figures that are being counted.
#[derive(Debug, Clone)]
pub(crate) struct Pulse {
    count: u64,
    errors: u64,
    buckets: Vec<u32>,
    newest_errors: VecDeque<LiveRow>,
}

impl Default for Pulse {
    fn default() -> Self {
        let (buckets, newest_errors) = (vec![0; BUCKETS], VecDeque::new());
        Self { count: 0, errors: 0, buckets, newest_errors }
    }
}

impl Pulse {
    /// Counts one transaction.
    pub(super) fn note(&mut self, row: &LiveRow) {
        self.count += 1;
        let bucket = quantise::elapsed(row.elapsed_us) / STEPS_PER_BUCKET;
        self.buckets[usize::from(bucket)] += 1;
        if row.has_error() {
            self.errors += 1;
            if self.newest_errors.len() == NEWEST_ERRORS {
                self.newest_errors.pop_back();
            }
            self.newest_errors.push_front(row.clone());
        }
    }

    /// The figures so far; what is counted next is the next second. The newest errors stay.
    pub(super) fn next_second(&mut self) -> Self {
        let newest_errors = self.newest_errors.clone();
        std::mem::replace(self, Self { newest_errors, ..Self::default() })
    }

    /// As it is sent.
    pub(super) fn json(&self, app: &App, alerts_new: u64) -> Value {
        let objects: Vec<Value> = app
            .objects
            .list(&*app.store)
            .iter()
            .map(|(state, _)| {
                let name = &state.object.name;
                json!({
                    "id": state.id.0,
                    "name": name,
                    "alive": state.is_alive(),
                    "is_own": is_own(name),
                })
            })
            .collect();
        let active: Map<String, Value> = app.active_bands.json();
        json!({
            "unix_us": app.clock.unix_us(),
            "rate": self.count,
            "errors_per_s": self.errors,
            "p50_us": self.percentile_us(50),
            "p95_us": self.percentile_us(95),
            "p99_us": self.percentile_us(99),
            "active": active,
            "objects": objects,
            "is_first_run": app.first_run.holds(&*app.store),
            "alerts_new": alerts_new,
            "newest_errors": self.newest_errors.iter().map(error).collect::<Vec<_>>(),
        })
    }

    /// The elapsed time that `percent` of the transactions did not exceed, to 4 %; 0 without any.
    fn percentile_us(&self, percent: u64) -> u64 {
        let rank = (self.count * percent).div_ceil(100).max(1);
        let mut seen = 0;
        for (bucket, count) in self.buckets.iter().enumerate() {
            seen += u64::from(*count);
            if seen >= rank {
                return middle_us(bucket);
            }
        }
        0
    }
}

/// The elapsed time in the middle of a bucket.
fn middle_us(bucket: usize) -> u64 {
    // Quantised 1 + 2,048 an octave: bucket 0 holds 0 and 1 µs.
    let steps = bucket as u64 * u64::from(STEPS_PER_BUCKET) + u64::from(STEPS_PER_BUCKET) / 2;
    let (octave, within) = (steps / 2_048, steps % 2_048);
    ((2_048 + within) << octave) / 2_048
}

fn error(row: &LiveRow) -> Value {
    json!({
        "txid": row.txid.to_string(),
        "gxid": row.gxid.to_string(),
        "object": &*row.labels.object,
        "service": &*row.labels.service,
        "end_unix_us": row.end_unix_us,
        "elapsed_us": row.elapsed_us,
        "status": row.status,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_right_to_four_percent() {
        let mut pulse = Pulse::default();
        for us in 1..=100_000_u64 {
            pulse.count += 1;
            pulse.buckets[usize::from(quantise::elapsed(us) / STEPS_PER_BUCKET)] += 1;
        }
        for percent in [50, 95, 99] {
            let (found, truth) = (pulse.percentile_us(percent), percent * 1_000);
            assert!(found.abs_diff(truth) * 25 <= truth, "p{percent}: {found} for {truth}");
        }
        assert_eq!(Pulse::default().percentile_us(99), 0);
    }
}
