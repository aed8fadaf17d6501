//! The objects that report: who they are, whether they live, and whether every transaction they
//! recorded is accounted for.
//!
//! For each object `recorded == stored + dropped + pending`: recorded and dropped come with every
//! batch from the agent, stored is what the store has kept of that instance, and pending is the
//! difference, on its way or waiting in the agent. The two sides count apart: a difference that does
//! not become zero once an agent has delivered everything is a loss nobody counted, and one below
//! zero is a row that was stored twice.
//!
//! An object is known by its name, and each run of its process by an instance. A new instance takes
//! the place of one that has ended. Two that are connected at once under one name are two entries
//! with books of their own, and the log says so once; their rows are rows of one object, and
//! a command says which instance it is for.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use scouter_wire::ObjectId;
use scouter_wire::codec::{DropReason, Totals};
use scouter_wire::record::Object;

use crate::ingest::Peer;
use crate::plugin::{Event, Hooks, ObjectRecord, Plugins};
use crate::store::{Origin, Store};

/// Objects remembered since the start; past it a new one is not listed (its data is stored all the
/// same) and `objects_refused` grows. Dead ones make room first.
pub(crate) const MAX_OBJECTS: usize = 10_000;

/// A clock that differs by more is called off: times of this object are corrected by a figure that
/// somebody should look into.
pub(crate) const MAX_CLOCK_OFFSET_US: u64 = 1_000_000;

/// What is known of one object.
#[derive(Debug, Clone)]
pub(crate) struct ObjectState {
    pub(crate) id: ObjectId,
    pub(crate) object: Object,
    pub(crate) address: SocketAddr,
    pub(crate) last_seen_unix_us: i64,
    pub(crate) clock_offset_us: i64,
    pub(crate) origin: Origin,
    /// What the agent said last; nothing before its first batch to this run of the collector.
    pub(crate) totals: Option<Totals>,
    /// Other instances that are connected under its name, as of the list it is from.
    pub(crate) same_name: usize,
    /// Connections of this instance that are open.
    connections: u32,
}

/// Whether all transactions of one object are accounted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Account {
    /// As the store counts them.
    pub(crate) stored: u64,
    /// As the agent counts, unless it has not said yet.
    pub(crate) told: Option<Told>,
}

/// The agent's side of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) recorded: u64,
    /// XLogs only, for whatever reason.
    pub(crate) dropped: u64,
    /// Recorded, and neither stored nor dropped.
    pub(crate) pending: i64,
}

impl ObjectState {
    /// Whether it is connected.
    pub(crate) fn is_alive(&self) -> bool {
        self.connections > 0
    }

    /// Whether its clock differs by more than [`MAX_CLOCK_OFFSET_US`] from the collector's.
    pub(crate) fn clock_is_off(&self) -> bool {
        self.clock_offset_us.unsigned_abs() > MAX_CLOCK_OFFSET_US
    }

    fn set_clock_offset(&mut self, offset_us: i64) {
        if std::mem::replace(&mut self.clock_offset_us, offset_us) != offset_us
            && self.clock_is_off()
        {
            let object = &self.object.name;
            tracing::warn!(object, offset_us, "the clock of this host is off: set it by NTP");
        }
    }
}

/// Name and instance.
type Key = (Arc<str>, u128);

/// All objects by name and instance.
#[derive(Debug, Default)]
pub(crate) struct Objects {
    objects: Mutex<HashMap<Key, ObjectState>>,
    /// Names under which two instances were seen at once, and that were logged; at most
    /// [`MAX_OBJECTS`], further ones are shown and not logged.
    shared_names: Mutex<HashSet<Arc<str>>>,
    refused: crate::telemetry::Counter,
}

impl Objects {
    /// Notes that an agent has connected.
    pub(crate) fn connected(&self, peer: &Peer, address: SocketAddr, plugins: &Plugins, now: i64) {
        let mut objects = self.objects.lock();
        let key = key(peer);
        if !objects.contains_key(&key) {
            // Its earlier runs have ended: it takes their place.
            objects.retain(|(name, _), state| *name != key.0 || state.is_alive());
            if objects.len() >= MAX_OBJECTS {
                objects.retain(|_, state| state.is_alive());
            }
            if objects.len() >= MAX_OBJECTS {
                self.refused.one();
                return;
            }
        }
        let is_shared = objects.keys().any(|other| other.0 == key.0 && other.1 != key.1);
        let state = objects.entry(key).or_insert_with(|| ObjectState {
            id: peer.object_id,
            object: peer.object.clone(),
            address,
            last_seen_unix_us: now,
            clock_offset_us: 0,
            origin: peer.origin,
            totals: None,
            same_name: 0,
            connections: 0,
        });
        state.connections += 1;
        state.address = address;
        state.origin = peer.origin;
        state.object = peer.object.clone();
        state.set_clock_offset(peer.clock_offset_us);
        state.last_seen_unix_us = now;
        tell(plugins, state);
        drop(objects);
        if is_shared {
            self.log_shared(peer, address);
        }
    }

    /// Says once for each name that two processes use it.
    fn log_shared(&self, peer: &Peer, address: SocketAddr) {
        let mut names = self.shared_names.lock();
        if names.len() < MAX_OBJECTS && names.insert(Arc::clone(&peer.name)) {
            let (object, pid) = (&*peer.name, peer.object.pid);
            tracing::warn!(
                object,
                pid,
                %address,
                "two processes report under one name: each is counted apart, their transactions \
                 are shown together; give each an object name of its own"
            );
        }
    }

    /// Notes that a connection has ended.
    pub(crate) fn gone(&self, name: &Arc<str>, instance: u128, plugins: &Plugins, now: i64) {
        let key = (Arc::clone(name), instance);
        if let Some(state) = self.objects.lock().get_mut(&key) {
            state.connections = state.connections.saturating_sub(1);
            state.last_seen_unix_us = now;
            if !state.is_alive() {
                tell(plugins, state);
            }
        }
    }

    /// Notes that a frame came.
    pub(crate) fn seen(&self, peer: &Peer, now: i64) {
        if let Some(state) = self.objects.lock().get_mut(&key(peer)) {
            state.last_seen_unix_us = now;
        }
    }

    /// Notes what an agent says of itself now.
    pub(crate) fn describe(&self, peer: &Peer, plugins: &Plugins) {
        if let Some(state) = self.objects.lock().get_mut(&key(peer)) {
            state.set_clock_offset(peer.clock_offset_us);
            if state.object != peer.object {
                state.object = peer.object.clone();
                tell(plugins, state);
            }
        }
    }

    /// Notes what an agent has recorded and dropped so far.
    pub(crate) fn totals(&self, peer: &Peer, totals: Totals) {
        if let Some(state) = self.objects.lock().get_mut(&key(peer)) {
            state.totals = Some(totals);
        }
    }

    /// All objects with their accounts, by name.
    pub(crate) fn list(&self, store: &dyn Store) -> Vec<(ObjectState, Account)> {
        let mut stored: HashMap<u128, u64> = HashMap::new();
        for mark in store.origins() {
            *stored.entry(mark.origin.instance).or_default() += mark.xlogs;
        }
        let mut alive: HashMap<Arc<str>, usize> = HashMap::new();
        let objects = self.objects.lock();
        for ((name, _), _) in objects.iter().filter(|(_, state)| state.is_alive()) {
            *alive.entry(Arc::clone(name)).or_default() += 1;
        }
        let mut list: Vec<(ObjectState, Account)> = objects
            .iter()
            .map(|((name, instance), state)| {
                let stored = stored.get(instance).copied().unwrap_or(0);
                let alive = alive.get(name).copied().unwrap_or(0);
                let same_name = alive - usize::from(state.is_alive());
                let state = ObjectState { same_name, ..state.clone() };
                let account = account(state.totals.as_ref(), stored);
                (state, account)
            })
            .collect();
        drop(objects);
        let order = |state: &ObjectState| (state.object.started_unix_us, state.origin.instance);
        list.sort_by(|(a, _), (b, _)| {
            a.object.name.cmp(&b.object.name).then_with(|| order(a).cmp(&order(b)))
        });
        list
    }

    /// How many are known and how many of them live.
    pub(crate) fn counts(&self) -> (usize, usize) {
        let objects = self.objects.lock();
        (objects.len(), objects.values().filter(|state| state.is_alive()).count())
    }

    /// Objects that were not listed because of [`MAX_OBJECTS`].
    pub(crate) fn refused(&self) -> u64 {
        self.refused.value()
    }
}

fn key(peer: &Peer) -> Key {
    (Arc::clone(&peer.name), peer.origin.instance)
}

/// Drops by reason, for show; reasons that never happened are left out.
pub(crate) fn drops(state: &ObjectState) -> Vec<(&'static str, u64)> {
    let Some(totals) = &state.totals else { return Vec::new() };
    let unknown = [
        ("other_xlogs", totals.dropped_unknown_xlogs()),
        ("other_profiles", totals.dropped_unknown_profiles()),
    ];
    DropReason::ALL
        .iter()
        .map(|reason| (reason.name(), totals.dropped(*reason)))
        .chain(unknown)
        .filter(|(_, count)| *count > 0)
        .collect()
}

fn account(totals: Option<&Totals>, stored: u64) -> Account {
    let told = totals.map(|totals| {
        let (recorded, dropped) = (totals.recorded, totals.dropped_xlogs());
        let pending = recorded.wrapping_sub(stored).wrapping_sub(dropped).cast_signed();
        Told { recorded, dropped, pending }
    });
    Account { stored, told }
}

fn tell(plugins: &Plugins, state: &ObjectState) {
    if plugins.want(Hooks::OBJECT) {
        let record = ObjectRecord { object: state.object.clone(), is_alive: state.is_alive() };
        plugins.offer(&Event::Object(Arc::new(record)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recorded_is_stored_dropped_or_pending() {
        let mut totals = Totals::default();
        totals.recorded = 100;
        totals.set_dropped(DropReason::SummaryRing, 7);
        totals.set_dropped(DropReason::Sampled, 50);
        let told = |pending| Some(Told { recorded: 100, dropped: 7, pending });
        assert_eq!(account(Some(&totals), 90).told, told(3), "dropped profiles do not count");
        assert_eq!(account(Some(&totals), 93).told, told(0));
        assert_eq!(account(Some(&totals), 95).told, told(-2), "stored twice is seen, not hidden");
        assert_eq!(account(None, 95), Account { stored: 95, told: None });
    }
}
