//! Runtimes that do not run what is ready, whoever keeps their threads.

use std::time::Duration;

use scouter_core::Callsite;
use scouter_core::alert::{self, About};
use scouter_core::live::{self, LaneView};
use scouter_core::options::ALERT_RUNTIME_STARVED_MS;
use scouter_core::record::{AlertKind, AlertLevel};

use super::shown;
use crate::clock::Moment;

/// A look that comes so much later than the one before says that this thread did not run either:
/// the machine is busy, and nothing can be said about the runtime.
const TOO_LATE: Duration = Duration::from_millis(600);

/// Most services the alert names.
const MAX_NAMED: usize = 5;

/// The runtimes that are watched.
#[derive(Default)]
pub(super) struct Beats {
    looked_at: Option<Moment>,
    /// From when on all looks came in time.
    fair_since: Moment,
    is_told: bool,
}

impl Beats {
    pub(super) fn look(&mut self, now: Moment) {
        let before = self.looked_at.replace(now);
        if before.is_none_or(|before| now.since(before) >= TOO_LATE) {
            self.fair_since = now;
        }
        let limit_us = ALERT_RUNTIME_STARVED_MS.value().saturating_mul(1_000);
        if limit_us == 0 {
            return;
        }
        let Some((late_us, workers)) = live::late_beat() else {
            self.is_told = false;
            return;
        };
        let is_fair = now.since(self.fair_since) >= Duration::from_micros(limit_us);
        if late_us >= limit_us && is_fair && !self.is_told {
            self.is_told = true;
            tell(late_us, workers);
        }
    }
}

fn tell(late_us: u64, workers: usize) {
    let mut lanes = Vec::new();
    live::lanes(&mut lanes);
    lanes.retain(|lane| lane.txid.is_some());
    lanes.sort_by_key(|lane| std::cmp::Reverse(lane.poll_age_us));
    let found: Vec<_> =
        lanes.iter().filter_map(|lane| Some((lane, live::find(lane.txid?)?))).collect();
    let named: Vec<String> = found
        .iter()
        .take(MAX_NAMED)
        .map(|(lane, about)| {
            let inside = about.active.stack.last().map_or("", |step| &step.name);
            let LaneView { poll_age_us, .. } = lane;
            format!("{} for {} {inside}", about.active.service, shown(*poll_age_us))
        })
        .collect();
    let who = if named.is_empty() {
        "by code outside of any transaction".to_owned()
    } else {
        format!("among others by {}", named.join("; "))
    };
    let first = found.first().map(|(_, about)| about);
    let place = first.and_then(|about| about.function).map_or_else(String::new, Callsite::place);
    let about = first.map_or_else(About::default, |about| About {
        service: &about.active.service,
        tenant: &about.active.tenant,
        transaction: Some((about.active.gxid, about.active.txid)),
        ..About::default()
    });
    alert::raise_for(
        &about,
        AlertKind::StarvedRuntime,
        AlertLevel::Error,
        &place,
        format_args!(
            "a task that is ready has waited for {} on a runtime of {workers} threads; they are \
             kept {who}",
            shown(late_us)
        ),
    );
}
