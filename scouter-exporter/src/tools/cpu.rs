//! Samples of CPU time, on demand and for a limited time.

use std::collections::HashMap;
use std::time::Duration;

use scouter_core::native::{Frame, MAX_SAMPLES_HZ, Sampler};
use scouter_core::{TextId, text};
use scouter_wire::codec::{FrameEntry, ProfileMode, StackCount, StackProfile};

use super::modules::Modules;
use crate::clock::Moment;

/// Samples a second and thread unless the command says otherwise: not a divisor of what
/// applications do at round intervals.
pub const DEFAULT_CPU_HZ: u32 = 99;

/// Longest time of sampling, in s.
pub const MAX_CPU_SECONDS: u32 = 300;

/// Most different stacks that are kept. Past it a sample counts as `(other)` of its service.
pub const MAX_CPU_STACKS: usize = 10_000;

/// How often threads are looked for that are new.
const REFRESH: Duration = Duration::from_secs(1);

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Cpu {
    run: Option<Run>,
}

#[derive(Debug)]
struct Run {
    sampler: Option<Sampler>,
    counts: Counts,
    hz: u32,
    dropped: u64,
    began: Moment,
    until: Moment,
    refreshed: Moment,
    ended: Option<Moment>,
}

#[derive(Debug, Default)]
struct Counts {
    modules: Modules,
    stacks: HashMap<(TextId, String, Vec<FrameEntry>), u64>,
    samples: u64,
}

impl Counts {
    fn count(&mut self, service: TextId, tenant: &str, weight: u32, frames: &[Frame]) {
        self.samples += u64::from(weight);
        let frames = frames.iter().map(|frame| self.modules.frame(frame)).collect();
        let mut key = (service, tenant.to_owned(), frames);
        if self.stacks.len() >= MAX_CPU_STACKS && !self.stacks.contains_key(&key) {
            key = (service, String::new(), vec![FrameEntry::Step("(other)".to_owned())]);
        }
        *self.stacks.entry(key).or_default() += u64::from(weight);
    }
}

impl Cpu {
    pub(super) fn tick(&mut self, now: Moment) {
        let Some(run) = &mut self.run else { return };
        run.take();
        if now >= run.until {
            run.end(now);
        } else if now.since(run.refreshed) >= REFRESH
            && let Some(sampler) = &mut run.sampler
        {
            sampler.refresh();
            run.refreshed = now;
        }
    }

    pub(super) fn start(
        &mut self,
        now: Moment,
        hz: u32,
        seconds: u32,
    ) -> Result<StackProfile, String> {
        if !(1..=MAX_SAMPLES_HZ).contains(&hz) || !(1..=MAX_CPU_SECONDS).contains(&seconds) {
            return Err(format!(
                "sampling takes 1 to {MAX_SAMPLES_HZ} samples a second for 1 to {MAX_CPU_SECONDS} s"
            ));
        }
        // The one before ends first: its timers share the ring.
        self.run = None;
        let sampler = Sampler::start(hz).map_err(|why| why.to_string())?;
        self.run = Some(Run {
            sampler: Some(sampler),
            counts: Counts::default(),
            hz,
            dropped: 0,
            began: now,
            until: now.after(Duration::from_secs(u64::from(seconds))),
            refreshed: now,
            ended: None,
        });
        Ok(self.profile(now))
    }

    pub(super) fn stop(&mut self, now: Moment) -> StackProfile {
        if let Some(run) = &mut self.run {
            run.end(now);
        }
        self.profile(now)
    }

    /// What was sampled, also after the end; nothing before the first start.
    pub(super) fn profile(&mut self, now: Moment) -> StackProfile {
        let Some(run) = &mut self.run else {
            return StackProfile {
                mode: ProfileMode::Cpu,
                is_running: false,
                covers_ms: 0,
                rate_mhz: 0,
                samples: 0,
                dropped: 0,
                modules: Vec::new(),
                stacks: Vec::new(),
            };
        };
        run.take();
        run.profile(now)
    }
}

impl Run {
    fn take(&mut self) {
        if let Some(sampler) = &mut self.sampler {
            let counts = &mut self.counts;
            sampler.drain(|service, tenant, weight, frames| {
                counts.count(service, tenant, weight, frames);
            });
            self.dropped = sampler.dropped();
        }
    }

    fn end(&mut self, now: Moment) {
        if self.sampler.is_some() {
            self.take();
            self.sampler = None;
            self.ended = Some(now);
        }
    }

    fn profile(&self, now: Moment) -> StackProfile {
        let mut stacks: Vec<StackCount> = self
            .counts
            .stacks
            .iter()
            .map(|((service, tenant, frames), count)| StackCount {
                service: text(*service).to_owned(),
                tenant: tenant.clone(),
                is_running: true,
                count: *count,
                frames: frames.clone(),
            })
            .collect();
        stacks.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.service.cmp(&b.service)));
        let covers = self.ended.unwrap_or(now).since(self.began);
        StackProfile {
            mode: ProfileMode::Cpu,
            is_running: self.sampler.is_some(),
            covers_ms: u64::try_from(covers.as_millis()).unwrap_or(u64::MAX),
            rate_mhz: u64::from(self.hz) * 1_000,
            samples: self.counts.samples,
            dropped: self.dropped,
            modules: self.counts.modules.entries(),
            stacks,
        }
    }
}
