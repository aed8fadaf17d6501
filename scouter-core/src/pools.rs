//! Connection pools that say how they are, for the counters of the process.
//!
//! A pool is known as long as whoever registered it keeps its probe: only a weak reference is held.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use crate::telemetry::POOLS_UNWATCHED;
use crate::text::{TextId, text};
use crate::{clock, switch};

/// Most pools that are watched at once; further ones are not, and `pools_unwatched` grows.
pub const MAX_WATCHED_POOLS: usize = 64;

/// Most names of pools whose waits are counted; see [`waits`].
pub const MAX_POOL_NAMES: usize = 256;

/// How a pool is at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PoolState {
    /// Connections it may have at most.
    pub max: u64,
    /// Connections it has.
    pub size: u64,
    /// Of those, the ones nobody uses.
    pub idle: u64,
}

/// Who waits for a connection of the pools of one name, and how long they did. See [`waits`].
#[derive(Debug)]
pub struct PoolWaits {
    name: TextId,
    waiters: AtomicU64,
    waits: AtomicU64,
    wait_us: AtomicU64,
    /// Waits and their time when they were last shown.
    shown: [AtomicU64; 2],
}

impl PoolWaits {
    const fn new(name: TextId) -> Self {
        Self {
            name,
            waiters: AtomicU64::new(0),
            waits: AtomicU64::new(0),
            wait_us: AtomicU64::new(0),
            shown: [AtomicU64::new(0), AtomicU64::new(0)],
        }
    }

    /// A wait that lasts until the answer is dropped.
    pub fn begin(&'static self) -> PoolWait {
        self.waiters.fetch_add(1, Ordering::Relaxed);
        PoolWait { waits: self, since: clock::now_ticks() }
    }
}

/// Somebody waits for a connection as long as this exists. See [`PoolWaits::begin`].
#[derive(Debug)]
#[must_use = "the wait ends when this is dropped"]
pub struct PoolWait {
    waits: &'static PoolWaits,
    since: u64,
}

impl Drop for PoolWait {
    fn drop(&mut self) {
        let us = clock::ticks_to_us(clock::now_ticks().saturating_sub(self.since));
        self.waits.waiters.fetch_sub(1, Ordering::Relaxed);
        self.waits.waits.fetch_add(1, Ordering::Relaxed);
        self.waits.wait_us.fetch_add(us, Ordering::Relaxed);
    }
}

static WAITS: Mutex<Vec<&'static PoolWaits>> = Mutex::new(Vec::new());
/// Waits for the pools that found no place; not shown.
static OTHER_WAITS: PoolWaits = PoolWaits::new(TextId::NONE);

/// Where waits for the pools of this name are counted. Kept for ever, so at most
/// [`MAX_POOL_NAMES`] names have a place; waits for others are not shown and `pools_unwatched` grows.
pub fn waits(name: TextId) -> &'static PoolWaits {
    if switch::is_forked() {
        return &OTHER_WAITS;
    }
    let mut known = WAITS.lock();
    if let Some(waits) = known.iter().find(|waits| waits.name == name) {
        return waits;
    }
    if known.len() >= MAX_POOL_NAMES {
        POOLS_UNWATCHED.add(1);
        return &OTHER_WAITS;
    }
    let waits: &'static PoolWaits = Box::leak(Box::new(PoolWaits::new(name)));
    known.push(waits);
    waits
}

/// A pool that can be asked; called on the exporter's thread, so it must not wait for anything.
pub trait PoolProbe: Send + Sync {
    /// How it is now.
    fn state(&self) -> PoolState;
}

struct Watched {
    name: TextId,
    probe: Weak<dyn PoolProbe>,
}

static WATCHED: Mutex<Vec<Watched>> = Mutex::new(Vec::new());

/// Shows a pool among the counters of the process, as `pool_size||name` and so on, until the last
/// `Arc` of its probe is dropped. Several pools of one name are added up.
pub fn watch<P: PoolProbe + 'static>(name: TextId, probe: &Arc<P>) {
    if switch::is_forked() {
        return;
    }
    let probe = Arc::downgrade(probe);
    let mut watched = WATCHED.lock();
    watched.retain(|watched| watched.probe.strong_count() > 0);
    if watched.len() >= MAX_WATCHED_POOLS {
        POOLS_UNWATCHED.add(1);
        return;
    }
    watched.push(Watched { name, probe });
}

/// How the watched pools are now, by name, with how many wait for a connection of each.
#[must_use]
pub fn states() -> Vec<(TextId, PoolState, u64)> {
    let states = by_name();
    states
        .into_iter()
        .map(|(name, state)| (name, state, waits(name).waiters.load(Ordering::Relaxed)))
        .collect()
}

fn by_name() -> Vec<(TextId, PoolState)> {
    let mut names: Vec<(TextId, PoolState)> = Vec::new();
    if switch::is_forked() {
        return names;
    }
    for watched in &*WATCHED.lock() {
        let Some(probe) = watched.probe.upgrade() else { continue };
        let state = probe.state();
        let at = names.iter().position(|(name, _)| *name == watched.name).unwrap_or_else(|| {
            names.push((watched.name, PoolState::default()));
            names.len() - 1
        });
        let sum = &mut names[at].1;
        sum.max += state.max;
        sum.size += state.size;
        sum.idle += state.idle;
    }
    names
}

#[expect(clippy::cast_precision_loss, reason = "counts of what is in memory")]
pub(crate) fn visit(visit: &mut dyn FnMut(String, f64)) {
    for (name, state) in by_name() {
        let waits = waits(name);
        let grown = |total: &AtomicU64, shown: &AtomicU64| {
            let total = total.load(Ordering::Relaxed);
            total.saturating_sub(shown.swap(total, Ordering::Relaxed)) as f64
        };
        let (count, us) =
            (grown(&waits.waits, &waits.shown[0]), grown(&waits.wait_us, &waits.shown[1]));
        let name = text(name);
        for (counter, value) in [
            ("pool_max|", state.max as f64),
            ("pool_size|", state.size as f64),
            ("pool_idle|", state.idle as f64),
            ("pool_in_use|", state.size.saturating_sub(state.idle) as f64),
            ("pool_waiters|", waits.waiters.load(Ordering::Relaxed) as f64),
            ("pool_wait_mean|us", if count > 0.0 { us / count } else { 0.0 }),
        ] {
            visit(format!("{counter}|{name}"), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use scouter_wire::TextKind;

    use super::*;
    use crate::text::intern;

    struct Fixed(PoolState);

    impl PoolProbe for Fixed {
        fn state(&self) -> PoolState {
            self.0
        }
    }

    fn shown() -> HashMap<String, f64> {
        let mut all = HashMap::new();
        visit(&mut |name, value| {
            all.insert(name, value);
        });
        all
    }

    #[test]
    fn a_pool_is_shown_while_it_lives_with_the_waits_of_the_interval() {
        let probe = Arc::new(Fixed(PoolState { max: 9, size: 5, idle: 2 }));
        let name = intern(TextKind::Pool, "pools.rs main");
        watch(name, &probe);
        watch(name, &probe);
        let first = shown();
        assert_eq!(first["pool_in_use||pools.rs main"], 6.0, "two pools of one name");
        assert_eq!(first["pool_wait_mean|us|pools.rs main"], 0.0);
        let waiting = [waits(name).begin(), waits(name).begin()];
        assert_eq!(shown()["pool_waiters||pools.rs main"], 2.0);
        drop(waiting);
        assert_eq!(shown()["pool_waiters||pools.rs main"], 0.0);
        waits(name).waits.fetch_add(4, Ordering::Relaxed);
        waits(name).wait_us.fetch_add(400, Ordering::Relaxed);
        assert_eq!(shown()["pool_wait_mean|us|pools.rs main"], 100.0);
        assert_eq!(shown()["pool_wait_mean|us|pools.rs main"], 0.0, "the interval is over");
        drop(probe);
        assert!(!shown().contains_key("pool_size||pools.rs main"));
    }
}
