//! The thread that drains, digests and gives records to the sinks.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use scouter_wire::Txid;
use scouter_wire::record::{Step, XLog};

use crate::Texts;
use crate::clock::Moment;
use crate::config::Watch;
use crate::counters::Counters;
use crate::digest::Digests;
use crate::failures::Failures;
use crate::growth::Growth;
use crate::last_words::LastWords;
use crate::notice::{Notice, Notices};
use crate::sink::{Guarded, Progress, Turn};
use crate::source::{Source, Visitor};
use crate::telemetry::Telemetry;

/// Shortest and longest pause between two drains: short while records come, longer while none do.
const PAUSES: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(50));

/// Pause while a sink has something under way.
const BUSY_PAUSE: Duration = Duration::from_millis(2);

/// Most XLogs and profiles taken from each thread in one drain, so that sending gets its turn.
const DRAIN_LIMIT: usize = 2_048;

/// How often counters are taken.
pub const COUNTER_INTERVAL: Duration = Duration::from_secs(2);

/// How often digests are taken.
pub const DIGEST_INTERVAL: Duration = Duration::from_secs(10);

/// How often the recorder's clock is compared with the kernel's.
const ANCHOR_INTERVAL: Duration = Duration::from_secs(1);

/// What guard and worker share.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    requests: Mutex<Requests>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Requests {
    /// Flushes asked for, and the last one that is complete.
    asked: u64,
    done: u64,
    /// The guard is being dropped: the last flush is under way.
    is_ending: bool,
    is_stopping: bool,
    has_stopped: bool,
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, Requests> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks for a flush and waits for it; whether everything was delivered in time.
    pub(crate) fn flush(&self, timeout: Duration) -> bool {
        let mut requests = self.lock();
        requests.asked += 1;
        let asked = requests.asked;
        self.changed.notify_all();
        let waiting = |requests: &mut Requests| requests.done < asked && !requests.has_stopped;
        let (requests, _) = self
            .changed
            .wait_timeout_while(requests, timeout, waiting)
            .unwrap_or_else(PoisonError::into_inner);
        requests.done >= asked
    }

    /// Notes that the agent is about to end, before its last flush.
    pub(crate) fn begin_end(&self) {
        self.lock().is_ending = true;
    }

    /// Asks the worker to end, and waits until it does or the time is over.
    pub(crate) fn stop(&self, timeout: Duration) -> bool {
        let mut requests = self.lock();
        requests.is_stopping = true;
        self.changed.notify_all();
        let (requests, _) = self
            .changed
            .wait_timeout_while(requests, timeout, |requests| !requests.has_stopped)
            .unwrap_or_else(PoisonError::into_inner);
        requests.has_stopped
    }
}

/// Says that the worker has ended, however it ended.
struct Stopped(Arc<Shared>);

impl Drop for Stopped {
    fn drop(&mut self) {
        self.0.lock().has_stopped = true;
        self.0.changed.notify_all();
    }
}

/// The worker's own part.
pub(crate) struct Worker {
    pub(crate) source: Box<dyn Source>,
    /// Taken away when the worker ends.
    pub(crate) last_words: Option<LastWords>,
    /// The configuration file, if there is one.
    pub(crate) config: Option<Watch>,
    pub(crate) notices: Arc<Notices>,
    pub(crate) sinks: Vec<Guarded>,
    pub(crate) telemetry: Arc<Telemetry>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) intervals: Intervals,
}

/// How often what is taken.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Intervals {
    pub(crate) counters: Duration,
    pub(crate) digests: Duration,
}

impl Default for Intervals {
    fn default() -> Self {
        Self { counters: COUNTER_INTERVAL, digests: DIGEST_INTERVAL }
    }
}

/// Gives each record to the digests and to every sink.
struct Dispatch<'a> {
    sinks: &'a mut [Guarded],
    digests: &'a mut Digests,
    counters: &'a mut Counters,
    failures: &'a mut Failures,
    texts: &'a Texts,
}

impl Visitor for Dispatch<'_> {
    fn xlog(&mut self, xlog: &XLog<'_>) {
        self.digests.xlog(xlog);
        self.counters.xlog(xlog);
        self.failures.xlog(xlog, self.texts);
        for sink in &mut *self.sinks {
            sink.offer(|sink| sink.xlog(xlog, self.texts));
        }
    }

    fn profile_begin(&mut self, txid: Txid, end_unix_us: i64) {
        self.digests.profile_begin(txid);
        self.failures.profile_begin(txid);
        for sink in &mut *self.sinks {
            sink.call(|sink| sink.profile_begin(txid, end_unix_us));
        }
    }

    fn step(&mut self, step: &Step<'_>) {
        self.digests.step(step, |text| self.texts.text(text));
        self.failures.step(step, self.texts);
        for sink in &mut *self.sinks {
            sink.call(|sink| sink.step(step, self.texts));
        }
    }

    fn profile_end(&mut self) {
        self.failures.profile_end();
        for sink in &mut *self.sinks {
            sink.call(|sink| sink.profile_end());
        }
    }
}

/// When things were done last.
struct Times {
    counters: Moment,
    digests: Moment,
    digests_unix_us: i64,
    anchor: Moment,
    /// The agent ends and has drained everything: what was digested is sent before its time.
    is_last: bool,
}

impl Worker {
    /// Runs until it is stopped.
    pub(crate) fn run(mut self) {
        let stopped = Stopped(Arc::clone(&self.shared));
        let texts = Texts::new(self.source.text_source());
        let (mut digests, mut counters) = (Digests::default(), Counters::default());
        let (mut failures, mut growth) = (Failures::default(), Growth::default());
        let now = Moment::now();
        let digests_unix_us = self.source.unix_us();
        let mut times =
            Times { counters: now, digests: now, digests_unix_us, anchor: now, is_last: false };
        let mut pause = PAUSES.0;
        loop {
            let (asked, is_stopping, is_ending) = {
                let requests = self.shared.lock();
                (requests.asked, requests.is_stopping, requests.is_ending)
            };
            let is_flush = is_stopping || asked > self.shared.lock().done;
            let mut dispatch = Dispatch {
                sinks: &mut self.sinks,
                digests: &mut digests,
                counters: &mut counters,
                failures: &mut failures,
                texts: &texts,
            };
            let drained = self.source.drain(&mut dispatch, DRAIN_LIMIT);
            times.is_last = is_ending && drained == 0;
            let now = Moment::now();
            failures.look(now, &texts, &self.telemetry);
            growth.look(now, || self.source.active_count());
            self.look_at_config(now);
            let next_look = self.source.watch(now);
            // How long its own look takes is the tools' measure.
            self.source.tools().tick(Moment::now());
            self.alerts();
            self.intervals(now, &mut times, &mut digests, &mut counters, &mut growth, &texts);
            let progress = self.turn(&texts, is_flush);
            let is_done = drained == 0 && progress == Progress::Idle;
            if is_flush && is_done {
                self.shared.lock().done = asked;
                self.shared.changed.notify_all();
            }
            if is_stopping {
                break;
            }
            pause = match (drained, progress) {
                (0, Progress::Busy) => BUSY_PAUSE,
                // Someone waits for the acknowledgement.
                (0, Progress::Waiting) if is_flush => BUSY_PAUSE,
                (0, _) => (pause * 2).clamp(PAUSES.0, PAUSES.1),
                (count, _) if count >= DRAIN_LIMIT => Duration::ZERO,
                _ => PAUSES.0,
            };
            self.pause(asked, pause.min(next_look));
        }
        // Sinks and the source end before anyone is told that the worker has.
        drop(self);
        drop(stopped);
    }

    /// Waits, but not when a flush or the end was asked for meanwhile.
    fn pause(&self, asked: u64, pause: Duration) {
        if pause.is_zero() {
            return;
        }
        let requests = self.shared.lock();
        let waiting = |requests: &mut Requests| requests.asked == asked && !requests.is_stopping;
        drop(self.shared.changed.wait_timeout_while(requests, pause, waiting));
    }

    fn look_at_config(&mut self, now: Moment) {
        let config = self.config.as_mut();
        if let Some(line) = config.and_then(|config| config.look(now)) {
            self.notices.say(&line);
        }
    }

    fn alerts(&mut self) {
        let mut alerts = Vec::new();
        self.source.alerts(&mut alerts);
        if !alerts.is_empty() {
            for sink in &mut self.sinks {
                sink.call(|sink| sink.alerts(&alerts));
            }
        }
    }

    fn counters(&mut self, lasted: Duration, counters: &mut Counters, texts: &Texts) {
        let unix_us = self.source.unix_us();
        let points = counters.take(lasted, &mut *self.source, texts, &self.telemetry);
        for sink in &mut self.sinks {
            sink.call(|sink| sink.counters(unix_us, points, texts));
        }
        if let Some(words) = &self.last_words {
            let active = self.source.active_count();
            if let Err(error) = words.note(counters.rss_bytes(), active, unix_us) {
                self.notices
                    .once(Notice::LastWords, || format!("last words cannot be written: {error}"));
            }
        }
    }

    fn intervals(
        &mut self,
        now: Moment,
        times: &mut Times,
        digests: &mut Digests,
        counters: &mut Counters,
        growth: &mut Growth,
        texts: &Texts,
    ) {
        if times.anchor.is_due(now, ANCHOR_INTERVAL) {
            self.source.reanchor();
        }
        let lasted = now.since(times.counters);
        if lasted >= self.intervals.counters {
            times.counters = now;
            self.counters(lasted, counters, texts);
            growth.limit(now, counters.group());
        }
        if now.since(times.digests) >= self.intervals.digests || times.is_last {
            times.digests = now;
            let to = self.source.unix_us();
            let from = std::mem::replace(&mut times.digests_unix_us, to);
            let (taken, dropped) = digests.take();
            self.telemetry.dropped_digests.add(dropped);
            if !taken.is_empty() {
                for sink in &mut self.sinks {
                    sink.call(|sink| sink.digests(from, to, &taken, texts));
                }
            }
        }
    }

    fn turn(&mut self, texts: &Texts, is_flush: bool) -> Progress {
        self.telemetry.set_recorded(&self.source.totals());
        let totals = self.telemetry.snapshot().totals;
        let unix_us = self.source.unix_us();
        let is_ending = self.shared.lock().is_ending;
        let mut progress = Progress::Idle;
        for sink in &mut self.sinks {
            let control = &mut *self.source;
            let mut turn = Turn { texts, totals, unix_us, is_flush, is_ending, control };
            progress = progress.max(sink.turn(&mut turn));
        }
        progress
    }
}
