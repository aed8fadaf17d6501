//! Runtimes that do not run what is ready, whoever keeps their threads.
//!
//! While they do not, whoever waits there may have been answered long ago: an outbound call is not
//! slow because nobody polls it. So nobody is blamed for waiting then ([`Trouble`]).

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

/// From this on a task that is ready waits for longer than a runtime that does well lets it.
const LATE: Duration = Duration::from_millis(500);

/// What has waited for a runtime moves on within this time, once the runtime does.
const RECOVERY: Duration = Duration::from_secs(1);

/// Longest trouble that excuses who waits. A runtime that never comes back must not hide what
/// waits on the others for ever.
const MAX_EXCUSE: Duration = Duration::from_secs(30);

/// Most services the alert names.
const MAX_NAMED: usize = 5;

/// The runtimes that are watched.
#[derive(Default)]
pub(super) struct Beats {
    looked_at: Option<Moment>,
    /// From when on all looks came in time.
    fair_since: Moment,
    is_told: bool,
    trouble: Trouble,
}

/// A time in which a runtime, or this whole process, did not do what was ready.
#[derive(Default)]
struct Trouble(Option<Span>);

#[derive(Clone, Copy)]
struct Span {
    from: Moment,
    to: Moment,
}

impl Trouble {
    /// There is trouble now; it is one with what was noted up to [`RECOVERY`] ago.
    fn note(&mut self, now: Moment) {
        let before = self.0.filter(|span| now.since(span.to) < RECOVERY);
        self.0 = Some(Span { from: before.map_or(now, |span| span.from), to: now });
    }

    fn excuses(&self, now: Moment) -> bool {
        self.0.is_some_and(|Span { from, to }| {
            now.since(to) < RECOVERY && now.since(from) < MAX_EXCUSE
        })
    }
}

impl Beats {
    /// Whether those who wait now may wait for a runtime that does not run them. With
    /// `alert_runtime_starved_ms` 0 runtimes are not asked, and do not excuse.
    pub(super) fn excuse_waits(&self, now: Moment) -> bool {
        self.trouble.excuses(now)
    }

    pub(super) fn look(&mut self, now: Moment) {
        let before = self.looked_at.replace(now);
        if before.is_none_or(|before| now.since(before) >= TOO_LATE) {
            self.fair_since = now;
        }
        if before.is_some_and(|before| now.since(before) >= TOO_LATE) {
            self.trouble.note(now);
        }
        let limit_us = ALERT_RUNTIME_STARVED_MS.value().saturating_mul(1_000);
        if limit_us == 0 {
            return;
        }
        let Some((late_us, workers)) = live::late_beat() else {
            self.is_told = false;
            return;
        };
        if Duration::from_micros(late_us) >= LATE {
            self.trouble.note(now);
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Trouble noted at some ms; whether who waits is excused at others.
    fn check(noted: &[u64], at: &[(u64, bool)]) {
        let start = Moment::now();
        let after = |ms| start.after(Duration::from_millis(ms));
        let mut trouble = Trouble::default();
        let mut noted = noted.iter().copied().peekable();
        for &(ms, is_excused) in at {
            while let Some(note) = noted.next_if(|note| *note <= ms) {
                trouble.note(after(note));
            }
            assert_eq!(trouble.excuses(after(ms)), is_excused, "at {ms} ms");
        }
    }

    #[test]
    fn who_waits_is_excused_until_a_runtime_in_trouble_has_recovered() {
        check(&[], &[(0, false)]);
        check(&[500, 750], &[(400, false), (500, true), (1_700, true), (1_750, false)]);
        check(&[500, 3_000], &[(2_000, false), (3_000, true), (4_000, false)]);
    }

    #[test]
    fn a_runtime_that_never_recovers_excuses_nobody_for_ever() {
        let noted: Vec<u64> = (0..200).map(|n| n * 250).collect();
        check(&noted, &[(29_000, true), (30_000, false), (49_000, false)]);
    }
}
