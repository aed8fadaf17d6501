//! The logical stack frequency analyzer: what running transactions do or await, counted ten times
//! a second. It is the wall-clock time of async code, which no native profiler sees.
//!
//! Counts are kept for the present and the last window of [`LOGICAL_WINDOW`]. The tables are
//! bounded; what finds no place in that of its service is counted in one stack, `(other)`.

use std::collections::HashMap;
use std::time::Duration;

use scouter_core::{TextId, live, options};
use scouter_wire::codec::{FrameEntry, ProfileMode, StackCount, StackProfile};

use crate::clock::Moment;

/// How long counts are kept at least; at most twice as long.
pub const LOGICAL_WINDOW: Duration = Duration::from_secs(300);

/// Most stacks of all services. Past it they are counted as `(other)` of their service.
pub const MAX_LOGICAL_STACKS: usize = 16_384;

/// Most stacks of one service.
pub const MAX_STACKS_OF_A_SERVICE: usize = 512;

/// A look may take this part of the time between two.
const COST_DIVISOR: u32 = 100;

#[derive(Debug, Default)]
struct Table {
    services: HashMap<TextId, Counts>,
    stacks: usize,
    looks: u64,
    samples: u64,
    began: Option<Moment>,
}

#[derive(Debug, Default)]
struct Counts {
    stacks: HashMap<(bool, Box<[TextId]>), u64>,
    other: u64,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Logical {
    now: Table,
    before: Table,
    next: Option<Moment>,
}

impl Table {
    fn count(&mut self, service: TextId, is_running: bool, path: &[TextId]) {
        self.samples += 1;
        let counts = self.services.entry(service).or_default();
        let key = (is_running, Box::from(path));
        if let Some(count) = counts.stacks.get_mut(&key) {
            *count += 1;
        } else if counts.stacks.len() < MAX_STACKS_OF_A_SERVICE && self.stacks < MAX_LOGICAL_STACKS
        {
            counts.stacks.insert(key, 1);
            self.stacks += 1;
        } else {
            counts.other += 1;
        }
    }
}

impl Logical {
    pub(super) fn tick(&mut self, now: Moment) {
        let interval = Duration::from_millis(options::SFA_INTERVAL_MS.value());
        if interval.is_zero() || self.next.is_some_and(|next| now < next) {
            return;
        }
        let began = *self.now.began.get_or_insert(now);
        if now.since(began) >= LOGICAL_WINDOW {
            self.before = std::mem::take(&mut self.now);
            self.now.began = Some(now);
        }
        let table = &mut self.now;
        table.looks += 1;
        live::stacks(&mut |service, is_running, path| table.count(service, is_running, path));
        let cost = Moment::now().since(now);
        self.next = Some(now.after(interval.max(cost * COST_DIVISOR)));
    }

    /// What was counted in the present and the last window.
    pub(super) fn profile(&self, now: Moment) -> StackProfile {
        let tables = [&self.before, &self.now];
        let began = self.before.began.or(self.now.began).unwrap_or(now);
        let covers_ms = u64::try_from(now.since(began).as_millis()).unwrap_or(u64::MAX);
        let looks: u64 = tables.iter().map(|table| table.looks).sum();
        let mut sums: HashMap<(TextId, bool, &[TextId]), u64> = HashMap::new();
        let mut others: HashMap<TextId, u64> = HashMap::new();
        for table in tables {
            for (service, counts) in &table.services {
                for ((is_running, path), count) in &counts.stacks {
                    *sums.entry((*service, *is_running, path)).or_default() += count;
                }
                *others.entry(*service).or_default() += counts.other;
            }
        }
        let name = |text: TextId| scouter_core::text(text).to_owned();
        let known = sums.into_iter().map(|((service, is_running, path), count)| StackCount {
            service: name(service),
            tenant: String::new(),
            is_running,
            count,
            frames: path.iter().map(|step| FrameEntry::Step(name(*step))).collect(),
        });
        let rest =
            others.into_iter().filter(|(_, count)| *count > 0).map(|(service, count)| StackCount {
                service: name(service),
                tenant: String::new(),
                is_running: false,
                count,
                frames: vec![FrameEntry::Step("(other)".to_owned())],
            });
        let mut stacks: Vec<StackCount> = known.chain(rest).collect();
        stacks.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.service.cmp(&b.service)));
        StackProfile {
            mode: ProfileMode::Logical,
            is_running: options::SFA_INTERVAL_MS.value() > 0,
            covers_ms,
            rate_mhz: (looks * 1_000_000).checked_div(covers_ms).unwrap_or(0),
            samples: tables.iter().map(|table| table.samples).sum(),
            dropped: 0,
            modules: Vec::new(),
            stacks,
        }
    }
}

#[cfg(test)]
mod tests {
    use scouter_core::{TextKind, intern};

    use super::*;

    #[test]
    fn past_the_limit_of_a_service_stacks_count_together_and_no_look_is_lost() {
        let service = intern(TextKind::Service, "many stacks");
        let mut logical = Logical::default();
        let looks = MAX_STACKS_OF_A_SERVICE as u64 + 100;
        for n in 0..looks {
            let step = intern(TextKind::Method, &format!("step {n}"));
            logical.now.count(service, false, &[step]);
        }
        let profile = logical.profile(Moment::now());
        assert_eq!(profile.stacks.len(), MAX_STACKS_OF_A_SERVICE + 1);
        assert_eq!(profile.stacks.iter().map(|stack| stack.count).sum::<u64>(), looks);
        assert_eq!(profile.stacks[0].frames, [FrameEntry::Step("(other)".into())]);
        assert_eq!(profile.samples, looks);
    }
}
