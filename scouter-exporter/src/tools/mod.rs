//! The tools on demand: threads, stack frequencies, the heap, the process's environment.
//!
//! They run on the exporter's thread and ask nobody of the application, so that they answer while
//! its runtimes are blocked. What they cost is bounded: a dump of threads at most once in
//! `thread_dump_interval_ms`, looks of the logical analyzer at most a hundredth of the time, CPU
//! samples for a limited time, or at a rate that somebody chose (`sfa_cpu_hz`).

mod captures;
mod cpu;
mod environment;
mod heap;
mod logical;
mod modules;
mod threads;

pub(crate) use threads::capabilities;

pub use captures::{DEFAULT_CAPTURE_SECONDS, DEFAULT_CAPTURED_VALUES};
pub use cpu::{CPU_WINDOW, DEFAULT_CPU_HZ, MAX_CPU_SECONDS, MAX_CPU_STACKS};
pub use logical::{LOGICAL_WINDOW, MAX_LOGICAL_STACKS, MAX_STACKS_OF_A_SERVICE};

use scouter_wire::codec::{EnvironmentEntry, HeapProfile, StackProfile, ThreadDump};

use crate::clock::Moment;

/// What the tools remember between two questions.
#[derive(Debug, Default)]
pub(crate) struct Tools {
    logical: logical::Logical,
    cpu: cpu::Cpu,
    dumped: Option<Moment>,
}

impl Tools {
    /// Looks at what runs when it is time to, and takes the samples that came. Called in each turn
    /// of the exporter.
    pub(crate) fn tick(&mut self, now: Moment) {
        scouter_core::captures::tick();
        self.logical.tick(now);
        self.cpu.tick(now);
    }

    /// All threads.
    ///
    /// # Errors
    /// A sentence, when the last dump was too short a time ago.
    pub(crate) fn threads(&mut self) -> Result<ThreadDump, String> {
        let interval = threads::interval();
        let now = Moment::now();
        if let Some(left) = self.dumped.and_then(|then| interval.checked_sub(now.since(then))) {
            return Err(format!(
                "threads were dumped less than {} ms ago; again in {} ms \
                 (option `thread_dump_interval_ms`)",
                interval.as_millis(),
                left.as_millis().max(1)
            ));
        }
        self.dumped = Some(now);
        Ok(threads::dump())
    }

    /// Does what the text of a command asks of the stack frequency analyzer.
    ///
    /// # Errors
    /// A sentence, when it cannot be read or done.
    pub(crate) fn sfa(&mut self, text: &str) -> Result<StackProfile, String> {
        let now = Moment::now();
        let words: Vec<&str> = text.split_ascii_whitespace().collect();
        match words[..] {
            [] | ["take", "logical"] => Ok(self.logical.profile(now)),
            ["take", "cpu"] => Ok(self.cpu.profile(now)),
            ["stop", "cpu"] => Ok(self.cpu.stop(now)),
            ["start", "cpu", ref rest @ ..] => {
                let number = |at: usize, usual: u32| {
                    rest.get(at).map_or(Ok(usual), |text| {
                        text.parse().map_err(|_| format!("{text:?} is not a number"))
                    })
                };
                self.cpu.start(now, number(0, DEFAULT_CPU_HZ)?, number(1, 30)?)
            }
            _ => Err(format!(
                "{text:?} is none of take logical, take cpu, start cpu HZ SECONDS, stop cpu"
            )),
        }
    }

    /// Does what the text of a command asks of the capture of values.
    ///
    /// # Errors
    /// A sentence, when it cannot be read or done.
    pub(crate) fn capture(&self, text: &str) -> Result<String, String> {
        captures::answer(text)
    }

    /// What was allocated where.
    pub(crate) fn heap(&self) -> HeapProfile {
        heap::profile()
    }

    /// What is known about the process.
    pub(crate) fn environment(&self) -> Vec<EnvironmentEntry> {
        environment::read()
    }
}

#[cfg(test)]
mod tests {
    use scouter_wire::codec::ProfileMode;

    use super::*;

    #[test]
    fn a_question_that_cannot_be_read_is_answered_with_what_can_be_asked() {
        let mut tools = Tools::default();
        for text in ["take", "start", "start cpu x 1", "stop logical"] {
            let why = tools.sfa(text).unwrap_err();
            assert!(why.contains("take logical") || why.contains("not a number"), "{why}");
        }
        assert_eq!(tools.sfa("").unwrap().mode, ProfileMode::Logical);
    }

    #[test]
    fn cpu_samples_that_were_never_started_are_none_and_no_mistake() {
        let mut tools = Tools::default();
        for text in ["take cpu", "stop cpu"] {
            let profile = tools.sfa(text).unwrap();
            assert_eq!(profile.mode, ProfileMode::Cpu);
            assert!(!profile.is_running && profile.samples == 0 && profile.stacks.is_empty());
        }
    }

    #[test]
    fn threads_are_not_dumped_twice_within_the_interval() {
        let mut tools = Tools::default();
        let dump = tools.threads().unwrap();
        assert_eq!(dump.threads.is_empty(), cfg!(not(target_os = "linux")));
        let why = tools.threads().unwrap_err();
        assert!(why.contains("thread_dump_interval_ms"), "{why}");
    }
}
