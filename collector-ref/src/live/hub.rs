//! Puts what arrives on many connections in the order of its arrival numbers and passes it on.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use parking_lot::Mutex;

use super::blocks;
use super::pulse::Pulse;
use super::row::LiveRow;
use super::viewer::{Recent, Viewer};
use crate::app::App;
use crate::store::Store;
use crate::telemetry::Telemetry;

/// How often rows are passed on.
const TICK: Duration = Duration::from_millis(100);

/// Ticks between two pulses: one second.
const TICKS_PER_PULSE: u32 = 10;

/// Rows kept for viewers that catch up or come back; past it the oldest go, and a viewer that
/// still needed them gets a GAP. Memory: about 130 bytes each.
pub(crate) const MAX_RECENT_ROWS: usize = 131_072;

/// Rows waiting for predecessors from other connections; past it, or after [`MAX_WAIT_TICKS`],
/// the missing ones are given up (they are in the store) and viewers get a GAP.
const MAX_EARLY_ROWS: usize = 131_072;

/// Ticks to wait for a predecessor: between a store's answer and the hub lie microseconds, unless
/// the thread that has it is starved.
const MAX_WAIT_TICKS: u32 = 20;

/// The viewers and the newest rows.
#[derive(Debug, Default)]
pub(crate) struct Hub {
    watched: AtomicUsize,
    with_texts: AtomicBool,
    /// Batches since the last tick. A lock of its own: ingest never waits for the encoding.
    incoming: Mutex<Incoming>,
    viewers: Mutex<Vec<Arc<Viewer>>>,
    rows: Mutex<Rows>,
    /// Alerts received when the last pulse was sent.
    alerts_seen: AtomicU64,
}

#[derive(Debug, Default)]
struct Incoming {
    batches: Vec<Vec<LiveRow>>,
    count: usize,
}

/// Rows in order, and rows that came before their predecessors.
#[derive(Debug, Default)]
struct Rows {
    recent: Vec<LiveRow>,
    /// The arrival number that comes next; 0 while nobody watches.
    next: u64,
    early: BTreeMap<u64, Vec<LiveRow>>,
    early_count: usize,
    waited_ticks: u32,
    pulse: Pulse,
}

impl Hub {
    /// Whether anybody watches, and then whether rows must carry tenant and login. Asked after the
    /// store has taken the rows: a viewer that comes later finds them there.
    pub(crate) fn wants_rows(&self) -> Option<bool> {
        (self.watched.load(Ordering::SeqCst) > 0).then(|| self.with_texts.load(Ordering::SeqCst))
    }

    /// Takes the rows of one batch, whose arrival numbers follow each other. Past
    /// [`MAX_EARLY_ROWS`] between two ticks a batch is left out, which viewers see as a gap.
    pub(crate) fn publish(&self, batch: Vec<LiveRow>) {
        let mut incoming = self.incoming.lock();
        if incoming.count < MAX_EARLY_ROWS {
            incoming.count += batch.len();
            incoming.batches.push(batch);
        }
    }

    /// How many pages are open.
    pub(crate) fn viewers(&self) -> usize {
        self.viewers.lock().len()
    }

    /// Whether any page wants the pulse.
    pub(crate) fn wants_pulse(&self) -> bool {
        self.viewers.lock().iter().any(|viewer| viewer.wants_pulse())
    }

    /// Adds a page unless there are too many.
    pub(super) fn enter(&self, viewer: &Arc<Viewer>, limit: usize) -> bool {
        let mut viewers = self.viewers.lock();
        if viewers.len() >= limit {
            return false;
        }
        viewers.push(Arc::clone(viewer));
        true
    }

    /// Removes a page.
    pub(super) fn leave(&self, viewer: &Arc<Viewer>) {
        self.viewers.lock().retain(|other| !Arc::ptr_eq(other, viewer));
    }

    /// Makes ingest hand over rows from now on. Must be called before the store is asked for a
    /// snapshot.
    pub(super) fn watch(&self, store: &dyn Store, with_texts: bool) {
        let mut rows = self.rows.lock();
        if with_texts {
            self.with_texts.store(true, Ordering::SeqCst);
        }
        self.watched.fetch_add(1, Ordering::SeqCst);
        if rows.next == 0 {
            // Whatever the store takes from now on is handed over; what it has taken is in the
            // snapshot, and if it is handed over too it is recognised by its number.
            rows.next = store.cursor() + 1;
        }
    }

    /// Ends it for one watcher; with the last one the rows go.
    pub(super) fn unwatch(&self) {
        let mut rows = self.rows.lock();
        if self.watched.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.with_texts.store(false, Ordering::SeqCst);
            *self.incoming.lock() = Incoming::default();
            *rows = Rows::default();
        }
    }

    /// Whether everything after `cursor` is still here or yet to come, so that a page that comes
    /// back with it misses nothing. Asked while watching.
    pub(super) fn covers(&self, store: &dyn Store, cursor: u64) -> bool {
        let rows = self.rows.lock();
        let first = rows.recent.first().map_or(rows.next, |row| row.arrival);
        first <= cursor.saturating_add(1) && cursor <= store.cursor()
    }

    /// Passes on what has come.
    fn tick(&self, telemetry: &Telemetry) {
        let mut rows = self.rows.lock();
        let incoming = std::mem::take(&mut *self.incoming.lock());
        if rows.next == 0 {
            return;
        }
        for batch in incoming.batches {
            rows.take(batch);
        }
        rows.order();
        let first = rows.recent.first().map_or(rows.next, |row| row.arrival);
        let recent = Recent { rows: &rows.recent, first, last: rows.next - 1 };
        for viewer in self.viewers.lock().iter() {
            viewer.pass_on(&recent, telemetry);
        }
        rows.trim();
    }

    /// Sends the figures of the last second.
    fn pulse(&self, app: &App) {
        let viewers: Vec<Arc<Viewer>> =
            self.viewers.lock().iter().filter(|viewer| viewer.wants_pulse()).cloned().collect();
        let (figures, cursor) = {
            let mut rows = self.rows.lock();
            (rows.pulse.next_second(), rows.next.saturating_sub(1))
        };
        let alerts = app.telemetry.alerts.value();
        let alerts_new = alerts - self.alerts_seen.swap(alerts, Ordering::Relaxed);
        if !viewers.is_empty() {
            let figures = figures.json(app, alerts_new);
            let frame = blocks::json(blocks::PULSE, cursor, &figures).into();
            for viewer in viewers {
                viewer.offer(&frame);
            }
        }
    }
}

impl Rows {
    fn take(&mut self, batch: Vec<LiveRow>) {
        if let Some(first) = batch.first() {
            self.early_count += batch.len();
            self.early.insert(first.arrival, batch);
        }
    }

    /// Moves rows whose predecessors are there into `recent`.
    fn order(&mut self) {
        loop {
            let Some(entry) = self.early.first_entry() else {
                self.waited_ticks = 0;
                return;
            };
            let first = *entry.key();
            if first > self.next {
                self.waited_ticks += 1;
                if self.waited_ticks <= MAX_WAIT_TICKS && self.early_count <= MAX_EARLY_ROWS {
                    return;
                }
                // The missing rows are given up; what is kept must stay without a gap.
                self.recent.clear();
                self.next = first;
            }
            let batch = entry.remove();
            self.waited_ticks = 0;
            self.early_count -= batch.len();
            for row in batch {
                if row.arrival >= self.next {
                    self.next = row.arrival + 1;
                    self.pulse.note(&row);
                    self.recent.push(row);
                }
            }
        }
    }

    fn trim(&mut self) {
        if self.recent.len() > MAX_RECENT_ROWS {
            let surplus = self.recent.len() - MAX_RECENT_ROWS / 2;
            self.recent.drain(..surplus);
        }
    }
}

/// Passes rows on, on a thread of its own, until the sender of `stop` is gone.
pub(crate) fn run_fanout(app: &App, stop: &Receiver<()>) {
    let mut ticks = 0;
    while stop.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
        app.hub.tick(&app.telemetry);
        ticks += 1;
        if ticks == TICKS_PER_PULSE {
            ticks = 0;
            app.rate.tick(app.telemetry.xlogs.value());
            app.hub.pulse(app);
        }
    }
}

#[cfg(test)]
mod tests;
