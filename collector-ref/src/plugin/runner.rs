//! The thread of one plugin.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use super::queue::{Event, Status};
use super::{CollectorPlugin, MAX_RETRY_PAUSE, PluginError};

/// How long a queue must have been empty before the plugin is asked to flush.
const FLUSH_AFTER: Duration = Duration::from_secs(1);

/// Feeds a plugin until its queue is closed and empty.
pub(crate) fn run(mut plugin: Box<dyn CollectorPlugin>, events: &Receiver<Event>, status: &Status) {
    let mut is_flushed = true;
    loop {
        match events.recv_timeout(FLUSH_AFTER) {
            Ok(event) => {
                deliver(&mut *plugin, &event, status);
                is_flushed = false;
            }
            Err(RecvTimeoutError::Timeout) if is_flushed => {}
            Err(RecvTimeoutError::Timeout) => {
                flush(&mut *plugin, status);
                is_flushed = true;
            }
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    flush(&mut *plugin, status);
    // A destructor of the plugin may panic as well as any of its methods.
    let _ = catch_unwind(AssertUnwindSafe(move || drop(plugin)));
}

/// Hands over one batch, again and again while the plugin asks for it.
fn deliver(plugin: &mut dyn CollectorPlugin, event: &Event, status: &Status) {
    let records = event.records();
    let mut pause = status.limits.retry_pause;
    for attempt in 0.. {
        match catch_unwind(AssertUnwindSafe(|| hand_over(plugin, event))) {
            Ok(Ok(())) => status.delivered.add(records as u64),
            Ok(Err(PluginError::Retry(why))) if attempt < status.limits.max_retries => {
                status.retried.one();
                tracing::debug!(plugin = status.name, why, "plugin batch is tried again");
                if wait(status, pause) {
                    pause = (pause * 2).min(MAX_RETRY_PAUSE);
                    continue;
                }
                status.failed.add(records as u64);
            }
            Ok(Err(error)) => {
                status.failed.add(records as u64);
                tracing::warn!(plugin = status.name, %error, records, "plugin batch failed");
            }
            Err(_) => {
                status.panicked.one();
                status.failed.add(records as u64);
                tracing::error!(plugin = status.name, records, "plugin panicked, batch failed");
            }
        }
        break;
    }
    status.queued_records.fetch_sub(records, Ordering::Relaxed);
}

fn hand_over(plugin: &mut dyn CollectorPlugin, event: &Event) -> Result<(), PluginError> {
    match event {
        Event::XLogs(batch) => plugin.xlog(batch),
        Event::Profiles(batch) => plugin.profile(batch),
        Event::Counters(batch) => plugin.counter(batch),
        Event::Object(object) => plugin.object(object),
        Event::Alerts(batch) => plugin.alert(batch),
    }
}

fn flush(plugin: &mut dyn CollectorPlugin, status: &Status) {
    match catch_unwind(AssertUnwindSafe(|| plugin.flush())) {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(plugin = status.name, %error, "plugin flush failed"),
        Err(_) => {
            status.panicked.one();
            tracing::error!(plugin = status.name, "plugin panicked in flush");
        }
    }
}

/// Waits, and says whether the collector still runs; a stopping one ends the pause at once.
fn wait(status: &Status, pause: Duration) -> bool {
    let mut is_stopping = status.is_stopping.lock();
    if !*is_stopping {
        status.stop_asked.wait_for(&mut is_stopping, pause);
    }
    !*is_stopping
}
