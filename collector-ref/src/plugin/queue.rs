//! The queues between ingest and the plugins.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use super::runner::run;
use super::{
    CollectorPlugin, CounterRecord, Hooks, ObjectRecord, PluginLimits, Profile, Row, StoredAlert,
};
use crate::telemetry::Counter;

/// Batches waiting for one plugin; the bound that counts is the one on records.
const MAX_QUEUED_BATCHES: usize = 4_096;

/// How long a stopping collector waits for its plugins to take what is queued.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// Something a plugin gets. Shared, so that ten plugins do not mean ten copies.
#[derive(Debug, Clone)]
pub(crate) enum Event {
    XLogs(Arc<Vec<Row>>),
    Profiles(Arc<Vec<Profile>>),
    Counters(Arc<Vec<CounterRecord>>),
    Object(Arc<ObjectRecord>),
    Alerts(Arc<Vec<StoredAlert>>),
}

impl Event {
    /// How many records it holds.
    pub(crate) fn records(&self) -> usize {
        match self {
            Self::XLogs(batch) => batch.len(),
            Self::Profiles(batch) => batch.len(),
            Self::Counters(batch) => batch.len(),
            Self::Object(_) => 1,
            Self::Alerts(batch) => batch.len(),
        }
    }

    fn hook(&self) -> Hooks {
        match self {
            Self::XLogs(_) => Hooks::XLOG,
            Self::Profiles(_) => Hooks::PROFILE,
            Self::Counters(_) => Hooks::COUNTER,
            Self::Object(_) => Hooks::OBJECT,
            Self::Alerts(_) => Hooks::ALERT,
        }
    }
}

/// What is known of one plugin from outside its thread.
#[derive(Debug)]
pub(crate) struct Status {
    pub(crate) name: String,
    pub(crate) limits: PluginLimits,
    pub(crate) queued_records: AtomicUsize,
    pub(crate) delivered: Counter,
    pub(crate) dropped: Counter,
    pub(crate) failed: Counter,
    pub(crate) retried: Counter,
    pub(crate) panicked: Counter,
    pub(crate) is_stopping: Mutex<bool>,
    pub(crate) stop_asked: Condvar,
}

/// One plugin: its queue and its status.
#[derive(Debug)]
struct Plugin {
    hooks: Hooks,
    sender: Mutex<Option<SyncSender<Event>>>,
    ended: Mutex<Receiver<()>>,
    status: Arc<Status>,
}

/// All plugins of a collector.
#[derive(Debug, Default)]
pub(crate) struct Plugins {
    plugins: Vec<Plugin>,
}

impl Plugins {
    /// Starts a thread for each plugin.
    ///
    /// # Errors
    /// If the operating system gives no further thread.
    pub(crate) fn start(
        plugins: Vec<(Box<dyn CollectorPlugin>, PluginLimits)>,
    ) -> io::Result<Self> {
        let plugins = plugins.into_iter().map(|(plugin, limits)| Plugin::start(plugin, limits));
        Ok(Self { plugins: plugins.collect::<io::Result<_>>()? })
    }

    /// Whether any plugin wants this, so that it is worth preparing.
    pub(crate) fn want(&self, hook: Hooks) -> bool {
        self.plugins.iter().any(|plugin| plugin.hooks.contains(hook))
    }

    /// Hands something to all plugins that want it. Never waits.
    pub(crate) fn offer(&self, event: &Event) {
        for plugin in self.plugins.iter().filter(|plugin| plugin.hooks.contains(event.hook())) {
            plugin.offer(event);
        }
    }

    /// The status of each plugin, in the order in which they were added.
    pub(crate) fn statuses(&self) -> impl Iterator<Item = &Status> {
        self.plugins.iter().map(|plugin| &*plugin.status)
    }

    /// Lets all plugins take what is queued, for a bounded time, and ends their threads.
    pub(crate) fn stop(&self) {
        for plugin in &self.plugins {
            plugin.sender.lock().take();
            *plugin.status.is_stopping.lock() = true;
            plugin.status.stop_asked.notify_all();
        }
        for plugin in &self.plugins {
            if plugin.ended.lock().recv_timeout(STOP_TIMEOUT).is_err() {
                let queued = plugin.status.queued_records.load(Ordering::Relaxed);
                plugin.status.dropped.add(queued as u64);
                tracing::warn!(plugin = plugin.status.name, queued, "plugin did not end in time");
            }
        }
    }
}

impl Plugin {
    fn start(plugin: Box<dyn CollectorPlugin>, limits: PluginLimits) -> io::Result<Self> {
        let (sender, events) = sync_channel(MAX_QUEUED_BATCHES);
        let (end, ended) = sync_channel(1);
        let status = Arc::new(Status {
            name: plugin.name().to_owned(),
            limits,
            queued_records: AtomicUsize::new(0),
            delivered: Counter::default(),
            dropped: Counter::default(),
            failed: Counter::default(),
            retried: Counter::default(),
            panicked: Counter::default(),
            is_stopping: Mutex::new(false),
            stop_asked: Condvar::new(),
        });
        let hooks = plugin.hooks();
        let of_thread = Arc::clone(&status);
        std::thread::Builder::new().name(format!("plugin-{}", status.name)).spawn(move || {
            run(plugin, &events, &of_thread);
            // Nobody waits any more if the collector gave up on us; then there is nothing to say.
            let _ = end.send(());
        })?;
        Ok(Self { hooks, sender: Mutex::new(Some(sender)), ended: Mutex::new(ended), status })
    }

    fn offer(&self, event: &Event) {
        let records = event.records();
        let queued = self.status.queued_records.fetch_add(records, Ordering::Relaxed);
        let fits = queued + records <= self.status.limits.queue_records;
        let is_sent = fits
            && match &*self.sender.lock() {
                Some(sender) => match sender.try_send(event.clone()) {
                    Ok(()) => true,
                    Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => false,
                },
                None => false,
            };
        if !is_sent {
            self.status.queued_records.fetch_sub(records, Ordering::Relaxed);
            self.status.dropped.add(records as u64);
        }
    }
}

#[cfg(test)]
mod tests;
