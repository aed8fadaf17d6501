//! Group commit: one `fdatasync` for all records of a window.
//!
//! When a sync fails, the operating system may already have thrown the unwritten pages away, and a
//! second sync would succeed without them. So a file whose sync failed is never synced again: its
//! records count as durable only when its generation has been sealed into other files, which the
//! store then does at once.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use tokio::sync::watch;

use super::record::Mark;
use crate::store::local::config::{Durability, StoreConfig};
use crate::store::local::syncing::Syncing;
use crate::store::{Durable, WalSeq};

/// Publishes how far the WAL is durable.
#[derive(Debug)]
pub(crate) struct Syncer {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
    durability: Durability,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    wake: Condvar,
    durable: watch::Sender<Durable>,
    /// How far the log is on disk.
    mark: Mutex<Mark>,
    window: Duration,
    syncing: Syncing,
}

#[derive(Debug, Default)]
struct State {
    /// Files with records that are not durable yet, oldest first: at most one per generation in
    /// memory.
    dirty: VecDeque<Dirty>,
    is_stopping: bool,
}

#[derive(Debug)]
struct Dirty {
    generation: u64,
    file: Arc<File>,
    seq: WalSeq,
    /// Length of the file up to the record of that sequence.
    bytes: u64,
    is_failed: bool,
}

impl Syncer {
    /// Starts the thread, unless nothing is to be synced.
    pub(crate) fn start(config: &StoreConfig) -> io::Result<Self> {
        let durability = config.durability;
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            wake: Condvar::new(),
            durable: watch::Sender::new(Durable::default()),
            mark: Mutex::default(),
            window: config.sync_window,
            syncing: config.syncing.clone(),
        });
        let thread = if durability == Durability::Power {
            let shared = Arc::clone(&shared);
            let builder = std::thread::Builder::new().name("scouter-store-sync".into());
            Some(builder.spawn(move || shared.run())?)
        } else {
            None
        };
        Ok(Self { shared, thread: Mutex::new(thread), durability })
    }

    pub(crate) fn watch(&self) -> watch::Receiver<Durable> {
        self.shared.durable.subscribe()
    }

    /// How far it is durable now.
    pub(crate) fn durable(&self) -> WalSeq {
        self.shared.durable.borrow().seq
    }

    /// Why nothing becomes durable, if it does not.
    pub(crate) fn stalled(&self) -> Option<String> {
        self.shared.durable.borrow().stalled.clone()
    }

    /// How far the log is on disk.
    pub(crate) fn mark(&self) -> Mark {
        *self.shared.mark.lock()
    }

    /// A record was written, up to this length of the file. Called in the order of the sequence.
    pub(crate) fn written(&self, generation: u64, file: &Arc<File>, seq: WalSeq, bytes: u64) {
        if self.durability != Durability::Power {
            self.shared.publish(seq, Mark { generation, bytes });
            return;
        }
        let mut state = self.shared.state.lock();
        match state.dirty.back_mut() {
            Some(last) if last.generation == generation => {
                last.seq = seq;
                last.bytes = bytes;
            }
            _ => {
                let file = Arc::clone(file);
                state.dirty.push_back(Dirty { generation, file, seq, bytes, is_failed: false });
            }
        }
        drop(state);
        self.shared.wake.notify_one();
    }

    /// Whether a sync of this generation's file failed, so that only sealing makes it durable.
    pub(crate) fn has_failed(&self, generation: u64) -> bool {
        let state = self.shared.state.lock();
        state.dirty.iter().any(|dirty| dirty.generation == generation && dirty.is_failed)
    }

    /// Everything of a generation is durable in sealed files.
    pub(crate) fn sealed(&self, generation: u64) {
        let mut state = self.shared.state.lock();
        let mut durable = None;
        state.dirty.retain(|dirty| {
            let is_sealed = dirty.generation <= generation;
            if is_sealed {
                durable = durable.max(Some(dirty.seq));
            }
            !is_sealed
        });
        drop(state);
        if let Some(seq) = durable {
            // Its file is about to go: nothing of it needs a mark.
            self.shared.publish(seq, Mark::default());
        }
    }

    /// Syncs what is left and ends the thread.
    pub(crate) fn stop(&self) {
        self.shared.state.lock().is_stopping = true;
        self.shared.wake.notify_one();
        if let Some(thread) = self.thread.lock().take() {
            // A panic of the thread has been printed; there is nothing to add.
            let _ended = thread.join();
        }
    }
}

impl Shared {
    fn run(&self) {
        loop {
            let mut state = self.state.lock();
            while !state.is_stopping && !state.has_work() {
                self.wake.wait(&mut state);
            }
            if !state.has_work() {
                return;
            }
            if !state.is_stopping && !self.window.is_zero() {
                // Others join this sync meanwhile. Stopping ends the wait.
                let window = self.window;
                self.wake.wait_while_for(&mut state, |state| !state.is_stopping, window);
            }
            drop(state);
            // A panic, which would be a defect of ours, must not end acknowledgements in silence.
            if catch_unwind(AssertUnwindSafe(|| self.sync_round())).is_err() {
                let why = "syncing the write-ahead log panicked; the log says where".to_owned();
                self.durable.send_modify(|durable| durable.stalled = Some(why));
            }
        }
    }

    /// Syncs every dirty file, oldest first, and publishes as far as there is no gap.
    fn sync_round(&self) {
        loop {
            let next = {
                let state = self.state.lock();
                let next = state.dirty.front().filter(|dirty| !dirty.is_failed);
                next.map(|dirty| {
                    let mark = Mark { generation: dirty.generation, bytes: dirty.bytes };
                    (mark, Arc::clone(&dirty.file), dirty.seq)
                })
            };
            let Some((mark, file, seq)) = next else { return };
            let generation = mark.generation;
            match self.syncing.sync(&file) {
                Ok(()) => {
                    let mut state = self.state.lock();
                    if state
                        .dirty
                        .front()
                        .is_some_and(|dirty| dirty.generation == generation && dirty.seq == seq)
                    {
                        state.dirty.pop_front();
                    }
                    let is_last = state.dirty.len() <= 1;
                    drop(state);
                    self.publish(seq, mark);
                    if is_last {
                        return;
                    }
                }
                Err(error) => {
                    let mut state = self.state.lock();
                    for dirty in &mut state.dirty {
                        dirty.is_failed |= dirty.generation == generation;
                    }
                    drop(state);
                    let why = format!("syncing the write-ahead log failed: {error}");
                    self.durable.send_modify(|durable| durable.stalled = Some(why));
                    return;
                }
            }
        }
    }

    fn publish(&self, seq: WalSeq, mark: Mark) {
        {
            let mut known = self.mark.lock();
            *known = mark.max(*known);
        }
        self.durable.send_modify(|durable| {
            durable.seq = durable.seq.max(seq);
            durable.stalled = None;
        });
    }
}

impl State {
    fn has_work(&self) -> bool {
        self.dirty.front().is_some_and(|dirty| !dirty.is_failed)
    }
}
