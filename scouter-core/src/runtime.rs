//! The tokio runtimes of the process (feature `tokio`): what of their metrics is stable in tokio.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::runtime::{Handle, RuntimeFlavor, RuntimeMetrics};

use crate::{clock, switch};

/// Most runtimes that are watched; further ones are not.
pub const MAX_WATCHED_RUNTIMES: usize = 8;

struct Watched {
    id: tokio::runtime::Id,
    handle: Handle,
    metrics: RuntimeMetrics,
    /// The task that was spawned last to see whether it runs.
    beat: Option<Beat>,
    /// Busy time of all workers and when it was read.
    shown: Option<(Duration, u64)>,
}

/// A task of ours on a runtime, since some ticks.
struct Beat {
    asked: u64,
    has_run: Arc<AtomicBool>,
}

/// Says that the task ran, or that its runtime is gone and nobody waits for it.
struct Answer(Arc<AtomicBool>);

impl Drop for Answer {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

static WATCHED: Mutex<Vec<Watched>> = Mutex::new(Vec::new());

/// Shows the runtime this is called in among the counters of the process; whether it is shown.
///
/// `scouter::init` does it for the runtime it is called in. Call it yourself for further ones, at
/// most [`MAX_WATCHED_RUNTIMES`]; several are added up. A runtime that was shut down shows what it
/// was last.
pub fn watch_runtime() -> bool {
    let Ok(handle) = Handle::try_current() else { return false };
    if switch::is_forked() {
        return false;
    }
    let mut watched = WATCHED.lock();
    if watched.iter().any(|watched| watched.id == handle.id()) {
        return true;
    }
    if watched.len() >= MAX_WATCHED_RUNTIMES {
        return false;
    }
    let (id, metrics) = (handle.id(), handle.metrics());
    watched.push(Watched { id, handle, metrics, beat: None, shown: None });
    true
}

/// How long the longest of our tasks has been waiting to be run by a watched runtime, µs, and by how
/// many workers; `None` while all answer. Each call spawns an empty task where the last one has run.
///
/// Of runtimes with several threads only: one that lives on a thread of the application runs
/// nothing while that thread does something else.
pub(crate) fn late_beat() -> Option<(u64, usize)> {
    if switch::is_forked() {
        return None;
    }
    let now = clock::now_ticks();
    let mut watched = WATCHED.lock();
    let several = watched
        .iter_mut()
        .filter(|watched| watched.handle.runtime_flavor() == RuntimeFlavor::MultiThread);
    several
        .filter_map(|watched| {
            match &watched.beat {
                Some(beat) if !beat.has_run.load(Ordering::Acquire) => {
                    let waiting = clock::ticks_to_us(now.saturating_sub(beat.asked));
                    return Some((waiting, watched.metrics.num_workers()));
                }
                _ => {}
            }
            let has_run = Arc::new(AtomicBool::new(false));
            let answer = Answer(Arc::clone(&has_run));
            // Dropped unrun by a runtime that was shut down, which answers as well.
            drop(watched.handle.spawn(async move { drop(answer) }));
            watched.beat = Some(Beat { asked: now, has_run });
            None
        })
        .max()
}

#[expect(clippy::cast_precision_loss, reason = "counts of what is in memory")]
pub(crate) fn visit(visit: &mut dyn FnMut(String, f64)) {
    if switch::is_forked() {
        return;
    }
    let mut watched = WATCHED.lock();
    if watched.is_empty() {
        return;
    }
    let (mut workers, mut tasks, mut queue, mut busy, mut wall) = (0, 0, 0, 0.0, 0.0);
    let now = clock::now_ticks();
    for watched in &mut *watched {
        let metrics = &watched.metrics;
        workers += metrics.num_workers();
        tasks += metrics.num_alive_tasks();
        queue += metrics.global_queue_depth();
        let total = busy_of(metrics);
        if let Some((before, at)) = watched.shown.replace((total, now)) {
            busy += total.saturating_sub(before).as_secs_f64();
            let elapsed = clock::ticks_to_us(now.saturating_sub(at)) as f64 / 1e6;
            wall += elapsed * metrics.num_workers() as f64;
        }
    }
    drop(watched);
    visit("runtime_workers|".into(), workers as f64);
    visit("runtime_alive_tasks|".into(), tasks as f64);
    visit("runtime_global_queue|".into(), queue as f64);
    if wall > 0.0 {
        visit("runtime_busy|%".into(), (100.0 * busy / wall).min(100.0));
    }
}

/// Busy time of all workers; tokio counts it where atomics have 64 bits.
#[cfg(target_has_atomic = "64")]
fn busy_of(metrics: &RuntimeMetrics) -> Duration {
    (0..metrics.num_workers()).map(|worker| metrics.worker_total_busy_duration(worker)).sum()
}

#[cfg(not(target_has_atomic = "64"))]
fn busy_of(_: &RuntimeMetrics) -> Duration {
    Duration::ZERO
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn a_runtime_shows_its_workers_its_tasks_and_how_busy_they_are() {
        assert!(!watch_runtime(), "not in a runtime");
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(3).build().unwrap();
        runtime.block_on(async { assert!(watch_runtime() && watch_runtime()) });
        let task = runtime.spawn(std::future::pending::<()>());
        let shown = || {
            let mut all = HashMap::new();
            visit(&mut |name, value| {
                all.insert(name, value);
            });
            all
        };
        let first = shown();
        assert_eq!(first["runtime_workers|"], 3.0, "shown once: {first:?}");
        assert_eq!(first["runtime_alive_tasks|"], 1.0);
        assert!(!first.contains_key("runtime_busy|%"), "there is no interval yet");
        let second = shown();
        assert!((0.0..=100.0).contains(&second["runtime_busy|%"]), "{second:?}");
        task.abort();
    }
}
