//! The objects that report: who they are, whether they live, and whether every transaction they
//! recorded is accounted for.
//!
//! For each object `recorded == stored + dropped + pending`: recorded and dropped come with every
//! batch from the agent, stored is what the store has kept of that instance, and pending is the
//! difference, on its way or waiting in the agent. The two sides count apart: a difference that does
//! not become zero once an agent has delivered everything is a loss nobody counted, and one below
//! zero is a row that was stored twice.

use std::collections::HashMap;
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
    /// Connections that are open under its name.
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
}

/// All objects by name.
#[derive(Debug, Default)]
pub(crate) struct Objects {
    objects: Mutex<HashMap<Arc<str>, ObjectState>>,
    refused: crate::telemetry::Counter,
}

impl Objects {
    /// Notes that an agent has connected.
    pub(crate) fn connected(&self, peer: &Peer, address: SocketAddr, plugins: &Plugins, now: i64) {
        let mut objects = self.objects.lock();
        if !objects.contains_key(&peer.name) && objects.len() >= MAX_OBJECTS {
            objects.retain(|_, state| state.is_alive());
            if objects.len() >= MAX_OBJECTS {
                self.refused.one();
                return;
            }
        }
        let state = objects.entry(Arc::clone(&peer.name)).or_insert_with(|| ObjectState {
            id: peer.object_id,
            object: peer.object.clone(),
            address,
            last_seen_unix_us: now,
            clock_offset_us: 0,
            origin: peer.origin,
            totals: None,
            connections: 0,
        });
        if state.origin.instance != peer.origin.instance {
            state.totals = None;
        }
        state.connections += 1;
        state.address = address;
        state.origin = peer.origin;
        state.object = peer.object.clone();
        state.clock_offset_us = peer.clock_offset_us;
        state.last_seen_unix_us = now;
        tell(plugins, state);
    }

    /// Notes that a connection has ended.
    pub(crate) fn gone(&self, name: &str, plugins: &Plugins, now: i64) {
        if let Some(state) = self.objects.lock().get_mut(name) {
            state.connections = state.connections.saturating_sub(1);
            state.last_seen_unix_us = now;
            if !state.is_alive() {
                tell(plugins, state);
            }
        }
    }

    /// Notes that a frame came.
    pub(crate) fn seen(&self, peer: &Peer, now: i64) {
        if let Some(state) = self.objects.lock().get_mut(&peer.name) {
            state.last_seen_unix_us = now;
        }
    }

    /// Notes what an agent says of itself now.
    pub(crate) fn describe(&self, peer: &Peer, plugins: &Plugins) {
        if let Some(state) = self.objects.lock().get_mut(&peer.name)
            && state.object != peer.object
        {
            state.object = peer.object.clone();
            state.clock_offset_us = peer.clock_offset_us;
            tell(plugins, state);
        }
    }

    /// Notes what an agent has recorded and dropped so far.
    pub(crate) fn totals(&self, peer: &Peer, totals: Totals) {
        if let Some(state) = self.objects.lock().get_mut(&peer.name)
            && state.origin.instance == peer.origin.instance
        {
            state.totals = Some(totals);
        }
    }

    /// All objects with their accounts, by name.
    pub(crate) fn list(&self, store: &dyn Store) -> Vec<(ObjectState, Account)> {
        let mut stored: HashMap<u128, u64> = HashMap::new();
        for mark in store.origins() {
            *stored.entry(mark.origin.instance).or_default() += mark.xlogs;
        }
        let mut list: Vec<(ObjectState, Account)> = self
            .objects
            .lock()
            .values()
            .map(|state| {
                let stored = stored.get(&state.origin.instance).copied().unwrap_or(0);
                (state.clone(), account(state.totals.as_ref(), stored))
            })
            .collect();
        list.sort_by(|a, b| a.0.object.name.cmp(&b.0.object.name));
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
