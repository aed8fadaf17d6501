//! Memory that grows: by site, where the allocator is ours, and towards the limit of the process.
//!
//! *By site*: what lives of a site's allocations is looked at twice a second. From the lowest
//! point on, a growth of `memory_growth_bytes` over at least [`LEAST_LOOKS`] looks at which it grew,
//! and [`LEAST_AGE`], is told, unless a quarter of it went away in between (a cache that is emptied,
//! a batch that ends) or the transactions in flight grew by a quarter meanwhile (then it is load).
//! It is a suspicion: a cache that fills up looks the same. The next time is told after as much again.
//!
//! *Towards the limit*: the memory in use of the group with the smallest limit, without the page
//! cache that the kernel can drop at once, above [`LEAST_USED_PERCENT`] and growing so that the limit
//! is reached within `memory_limit_warning_s`, by the slope of the last minute and, when it is
//! known, that of the last five.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use scouter_core::alert::{self, About, AlertKind, AlertLevel};
use scouter_core::heap::{self, HeapSite};
use scouter_core::{options, text};

use crate::cgroup::CgroupFigures;
use crate::clock::Moment;

/// How often sites are looked at.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);

/// How long what grew must have lived, at least since it began to grow: batches come and go.
const LEAST_AGE: Duration = Duration::from_secs(5);

/// Fewest looks at which a site must have grown.
const LEAST_LOOKS: u32 = 4;

/// Below this share of the limit growth towards it is not told.
const LEAST_USED_PERCENT: u64 = 80;

/// Spans by which the slope is measured.
const SPANS: [Duration; 2] = [Duration::from_secs(60), Duration::from_secs(300)];

/// Most readings that are kept: those of the longest span, one every two seconds.
const MAX_READINGS: usize = 160;

/// A run of growth of one site.
#[derive(Debug)]
struct Run {
    floor: u64,
    peak: u64,
    /// Transactions in flight when it began.
    active: usize,
    looks: u32,
    began: Moment,
}

/// A site that grew by too much.
#[derive(Debug)]
struct Grown {
    by: u64,
    within: Duration,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Growth {
    last: Option<Moment>,
    sites: Vec<HeapSite>,
    /// By number of the site; as many as the recorder's table has.
    runs: HashMap<usize, Run>,
    used: VecDeque<(Moment, u64)>,
    /// Whether the way to the limit was told, and is not left since.
    is_told: bool,
}

impl Growth {
    /// Looks at the sites, if it is time to.
    pub(crate) fn look(&mut self, now: Moment, active: impl FnOnce() -> usize) {
        if self.last.is_some_and(|last| now.since(last) < LOOK_INTERVAL) {
            return;
        }
        self.last = Some(now);
        let limit = options::MEMORY_GROWTH_BYTES.value();
        heap::sites(&mut self.sites);
        if limit == 0 || self.sites.is_empty() {
            self.runs.clear();
            return;
        }
        let active = active();
        let grown: Vec<(usize, Grown)> = (0..self.sites.len())
            .filter_map(|index| {
                let site = &self.sites[index];
                Some((index, step(&mut self.runs, site, now, active, limit)?))
            })
            .collect();
        for (index, grown) in grown {
            self.tell(&self.sites[index], &grown);
        }
    }

    fn tell(&self, site: &HeapSite, grown: &Grown) {
        let service = text(site.service);
        let of_all: u64 = self.sites.iter().map(|site| site.live_bytes).sum();
        let what = if site.name.is_empty() { "code outside of any step" } else { &site.name };
        let group = format!("{service} {what}");
        alert::raise_for(
            &About {
                service,
                tenant: &site.tenant,
                transaction: site.transaction,
                group: &group,
                ..About::default()
            },
            AlertKind::MemoryGrowth,
            AlertLevel::Warn,
            &site.place,
            format_args!(
                "memory that {what} allocates{} grows: by about {} MiB within {} s, to {} MiB of {} \
                 MiB that live in the process and were allocated in it by {} samples. It may be a \
                 leak, or a cache that fills",
                if service.is_empty() { String::new() } else { format!(" for {service}") },
                grown.by >> 20,
                grown.within.as_secs(),
                site.live_bytes >> 20,
                of_all >> 20,
                site.samples,
            ),
        );
    }

    /// Takes a reading of the memory's limit, and tells when it is near.
    pub(crate) fn limit(&mut self, now: Moment, group: &CgroupFigures) {
        let warning = Duration::from_secs(options::MEMORY_LIMIT_WARNING_S.value());
        let (Some(limit), Some(used)) = (group.memory_limit_bytes, group.memory_used_bytes) else {
            return;
        };
        let used = used.saturating_sub(group.memory_inactive_bytes.unwrap_or(0));
        if self.used.len() >= MAX_READINGS {
            self.used.pop_front();
        }
        self.used.push_back((now, used));
        let left = time_to_limit(&self.used, limit).filter(|left| *left <= warning);
        let Some(left) = left else {
            self.is_told = false;
            return;
        };
        if warning.is_zero() || std::mem::replace(&mut self.is_told, true) {
            return;
        }
        heap::sites(&mut self.sites);
        self.sites.sort_by_key(|site| std::cmp::Reverse(site.live_bytes));
        let suspects: Vec<String> = self.sites.iter().take(3).map(suspect).collect();
        let suspects = if suspects.is_empty() {
            "; with `ScoutAlloc` as the allocator it would be known where it lives".to_owned()
        } else {
            format!("; most lives of {}", suspects.join(", "))
        };
        alert::raise_for(
            &About { group: "limit", ..About::default() },
            AlertKind::MemoryGrowth,
            AlertLevel::Error,
            "",
            format_args!(
                "memory reaches the limit of the process in about {} min: {} of {} MiB are in use \
                 without page cache, and it grows{suspects}",
                left.as_secs().div_ceil(60),
                used >> 20,
                limit >> 20,
            ),
        );
    }
}

fn suspect(site: &HeapSite) -> String {
    let (name, service) = (if site.name.is_empty() { "?" } else { &site.name }, text(site.service));
    format!("{name} {} {service} (about {} MiB)", site.place, site.live_bytes >> 20)
}

/// Follows one site; answers when its growth is to be told.
fn step(
    runs: &mut HashMap<usize, Run>,
    site: &HeapSite,
    now: Moment,
    active: usize,
    limit: u64,
) -> Option<Grown> {
    let live = site.live_bytes;
    let begin = || Run { floor: live, peak: live, active, looks: 0, began: now };
    let run = runs.entry(site.number).or_insert_with(begin);
    let fell = run.peak.saturating_sub(live);
    if live <= run.floor || fell > (run.peak - run.floor) / 4 {
        *run = begin();
        return None;
    }
    if live > run.peak {
        run.peak = live;
        run.looks += 1;
    }
    let by = live - run.floor;
    let within = now.since(run.began);
    if by < limit || run.looks < LEAST_LOOKS || within < LEAST_AGE {
        return None;
    }
    let is_load = active >= 8 && active > run.active + run.active / 4;
    *run = begin();
    (!is_load).then_some(Grown { by, within })
}

/// Until the limit is reached, if it is growing by each span that is known.
#[expect(clippy::cast_precision_loss, reason = "an estimate")]
fn time_to_limit(used: &VecDeque<(Moment, u64)>, limit: u64) -> Option<Duration> {
    let (now, last) = *used.back()?;
    if last.saturating_mul(100) < limit.saturating_mul(LEAST_USED_PERCENT) {
        return None;
    }
    let (oldest, _) = *used.front()?;
    let mut longest: Option<Duration> = None;
    for span in SPANS {
        if now.since(oldest) < span {
            // The shorter span must be known; the longer one only counts when it is.
            break;
        }
        let (then, before) = *used.iter().find(|(then, _)| now.since(*then) <= span)?;
        let grown = last.checked_sub(before).filter(|grown| *grown > 0)?;
        let rate = grown as f64 / now.since(then).as_secs_f64().max(1.0);
        let left = Duration::from_secs_f64((limit.saturating_sub(last) as f64 / rate).min(1e9));
        longest = Some(longest.map_or(left, |longest| longest.max(left)));
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    fn at(second: u64) -> Moment {
        Moment::default().after(Duration::from_secs(second))
    }

    /// What lives of a site second by second, with so many transactions; when it was told.
    fn told(live_mib: impl IntoIterator<Item = u64>, active: impl Fn(u64) -> usize) -> Vec<u64> {
        let mut runs = HashMap::new();
        let seconds = (0..).zip(live_mib);
        let told = seconds.filter(|(second, live)| {
            let site = HeapSite::for_tests(live * MIB);
            step(&mut runs, &site, at(*second), active(*second), 64 * MIB).is_some()
        });
        told.map(|(second, _)| second).collect()
    }

    #[test]
    fn a_site_that_grows_and_grows_is_told_after_each_such_growth() {
        assert_eq!(told((0..25).map(|second| 100 + 10 * second), |_| 4), [7, 14, 21]);
    }

    #[test]
    fn what_comes_and_goes_stays_or_comes_at_once_is_no_growth() {
        assert!(told((0..100).map(|second| 100 + second % 10 * 6), |_| 4).is_empty(), "batches");
        assert!(told((0..100).map(|_| 500), |_| 4).is_empty(), "it stays");
        assert!(told([10, 500, 500, 500, 500, 500], |_| 4).is_empty(), "a cache is loaded");
        assert!(told((0..60).map(|second| 100 + second), |_| 4).is_empty(), "a MiB a second");
    }

    #[test]
    fn memory_that_grows_with_the_transactions_in_flight_is_load() {
        let load = |second: u64| usize::try_from(10 + 10 * second).unwrap();
        assert!(told((0..25).map(|second| 100 + 10 * second), load).is_empty());
    }

    fn left(readings: impl Iterator<Item = (u64, u64)>) -> Option<u64> {
        let used = readings.map(|(second, mib)| (at(second), mib * MIB)).collect();
        time_to_limit(&used, 1_000 * MIB).map(|left| left.as_secs())
    }

    #[test]
    fn time_to_the_limit_is_that_of_the_slower_slope_and_only_near_it() {
        let every_two = |to: u64| (0..=to / 2).map(|n| n * 2);
        // A MiB a second, 100 MiB left.
        assert_eq!(left(every_two(60).map(|second| (second, 840 + second))), Some(100));
        assert_eq!(left(every_two(50).map(|second| (second, 850 + second))), None, "too short");
        assert_eq!(left(every_two(60).map(|second| (second, 700 + second))), None, "far from it");
        assert_eq!(left(every_two(60).map(|second| (second, 960 - second))), None, "it falls");
        // Fast in the last minute only.
        let recent = |second: u64| (second, 840 + second.saturating_sub(240));
        assert_eq!(left(every_two(300).map(recent)), Some(500));
    }
}
