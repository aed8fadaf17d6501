//! Samples of CPU time: on demand for a limited time, or all the time, of which the last minute is
//! told (`sfa_cpu_hz`).

use std::collections::HashMap;
use std::time::Duration;

use scouter_core::native::{Frame, MAX_SAMPLES_HZ, Sampler};
use scouter_core::{TextId, options, text};
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

/// What is told of sampling all the time. After sampling on demand, or a failure, it goes on when
/// this time has passed.
pub const CPU_WINDOW: Duration = Duration::from_secs(60);

/// A window that is younger says too little: the one before it is told.
const TELLING: Duration = Duration::from_secs(10);

/// How often threads are looked for that are new.
const REFRESH: Duration = Duration::from_secs(1);

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Cpu {
    run: Option<Run>,
    /// The last whole window of sampling all the time.
    before: Option<StackProfile>,
    /// When sampling all the time was refused.
    refused: Option<Moment>,
}

#[derive(Debug)]
struct Run {
    sampler: Option<Sampler>,
    /// Somebody asked for it; it is not one of those that follow each other.
    is_asked: bool,
    counts: Counts,
    hz: u32,
    dropped: u64,
    /// What the sampler had dropped before this window.
    dropped_before: u64,
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
        let hz = u32::try_from(options::SFA_CPU_HZ.value()).unwrap_or(0);
        if let Some(run) = &mut self.run {
            run.take();
            let (is_over, is_other) = (now >= run.until, run.hz != hz);
            if (run.is_asked && is_over) || (!run.is_asked && is_other) {
                run.end(now);
            } else if is_over {
                self.before = Some(run.profile(now));
                run.begin_window(now);
            } else if now.since(run.refreshed) >= REFRESH
                && let Some(sampler) = &mut run.sampler
            {
                sampler.refresh();
                run.refreshed = now;
            }
        }
        if hz == 0 {
            self.before = None;
        } else if self.may_go_on(now) {
            match Run::start(now, hz, CPU_WINDOW, false) {
                Ok(run) => self.run = Some(run),
                // The capabilities of the process say why.
                Err(_) => self.refused = Some(now),
            }
        }
    }

    /// Whether sampling all the time is to begin, or to go on.
    fn may_go_on(&self, now: Moment) -> bool {
        let is_recent = |at: Option<Moment>| at.is_some_and(|at| now.since(at) < CPU_WINDOW);
        let is_free = self
            .run
            .as_ref()
            .is_none_or(|run| run.sampler.is_none() && !(run.is_asked && is_recent(run.ended)));
        is_free && !is_recent(self.refused)
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
        let time = Duration::from_secs(u64::from(seconds));
        self.run = Some(Run::start(now, hz, time, true)?);
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
        match &self.before {
            Some(before) if !run.is_asked && now.since(run.began) < TELLING => before.clone(),
            _ => run.profile(now),
        }
    }
}

impl Run {
    fn start(now: Moment, hz: u32, time: Duration, is_asked: bool) -> Result<Self, String> {
        let sampler = Sampler::start(hz).map_err(|why| why.to_string())?;
        Ok(Self {
            sampler: Some(sampler),
            is_asked,
            counts: Counts::default(),
            hz,
            dropped: 0,
            dropped_before: 0,
            began: now,
            until: now.after(time),
            refreshed: now,
            ended: None,
        })
    }

    /// Counts from nothing again, with the same timers.
    fn begin_window(&mut self, now: Moment) {
        self.counts = Counts::default();
        self.dropped_before += self.dropped;
        self.dropped = 0;
        self.began = now;
        self.until = now.after(CPU_WINDOW);
    }

    fn take(&mut self) {
        if let Some(sampler) = &mut self.sampler {
            let counts = &mut self.counts;
            sampler.drain(|service, tenant, weight, frames| {
                counts.count(service, tenant, weight, frames);
            });
            self.dropped = sampler.dropped().saturating_sub(self.dropped_before);
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

#[cfg(all(test, target_os = "linux", target_arch = "x86_64"))]
mod tests {
    use super::*;

    #[test]
    fn sampling_all_the_time_tells_the_last_whole_minute_and_gives_way_to_whoever_asks() {
        options::set("sfa_cpu_hz", "19").unwrap();
        let (mut cpu, start) = (Cpu::default(), Moment::now());
        let at = |seconds| start.after(Duration::from_secs(seconds));
        let told = |cpu: &mut Cpu, seconds| {
            let profile = cpu.profile(at(seconds));
            (profile.is_running, profile.rate_mhz, profile.covers_ms)
        };
        cpu.tick(at(0));
        assert_eq!(told(&mut cpu, 30), (true, 19_000, 30_000));
        cpu.tick(at(60));
        assert_eq!(told(&mut cpu, 65), (true, 19_000, 60_000), "the window before");
        assert_eq!(told(&mut cpu, 75), (true, 19_000, 15_000));
        cpu.start(at(80), 99, 5).unwrap();
        cpu.tick(at(85));
        assert_eq!(told(&mut cpu, 100), (false, 99_000, 5_000), "who asked finds it afterwards");
        cpu.tick(at(144));
        assert!(!told(&mut cpu, 144).0);
        cpu.tick(at(145));
        assert_eq!(told(&mut cpu, 160), (true, 19_000, 15_000), "it goes on");
        options::set("sfa_cpu_hz", "0").unwrap();
        cpu.tick(at(161));
        assert!(!told(&mut cpu, 161).0);
    }
}
