//! What keeps the agent running.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use crate::telemetry::{Telemetry, TelemetrySnapshot};
use crate::worker::Shared;

/// How long the worker may take to end once everything is delivered or given up. It never waits
/// for the network then, so this is reached only when a sink blocks.
const STOP_TIMEOUT: Duration = Duration::from_millis(500);

/// Keeps the agent running. Dropped, it delivers what is left within its flush timeout (2 s unless
/// set otherwise), stops recording and ends the agent's thread; what could not be delivered is
/// counted as dropped.
#[derive(Debug)]
#[must_use = "the agent ends when its guard is dropped: keep it, as in `let _scouter = …`"]
pub struct Guard {
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    shared: Arc<Shared>,
    thread: JoinHandle<()>,
    telemetry: Arc<Telemetry>,
    flush_timeout: Duration,
}

impl Guard {
    pub(crate) fn new(
        shared: Arc<Shared>,
        thread: JoinHandle<()>,
        telemetry: Arc<Telemetry>,
        flush_timeout: Duration,
    ) -> Self {
        Self { running: Some(Running { shared, thread, telemetry, flush_timeout }) }
    }

    /// Of an agent that is switched off.
    pub(crate) fn inert() -> Self {
        Self { running: None }
    }

    /// Whether there is an agent, that is, it is not switched off.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.running.as_ref().is_some_and(|running| !running.thread.is_finished())
    }

    /// Delivers everything that was recorded so far; whether that was done within the time.
    ///
    /// Blocks the calling thread. Delivered means acknowledged by the collector and given to the
    /// other sinks.
    pub fn flush(&self, timeout: Duration) -> bool {
        self.running.as_ref().is_none_or(|running| running.shared.flush(timeout))
    }

    /// What the agent has counted so far.
    #[must_use]
    pub fn telemetry(&self) -> TelemetrySnapshot {
        self.running.as_ref().map(|running| running.telemetry.snapshot()).unwrap_or_default()
    }

    /// Ends the agent as the drop of the guard does, and answers its last counts.
    pub fn shutdown(mut self) -> TelemetrySnapshot {
        self.running.take().map(Running::end).unwrap_or_default()
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            running.end();
        }
    }
}

impl Running {
    fn end(self) -> TelemetrySnapshot {
        self.shared.begin_end();
        self.shared.flush(self.flush_timeout);
        if self.shared.stop(STOP_TIMEOUT) {
            // It has ended, so this does not wait; a panic of the worker was said by the hook.
            let _ = self.thread.join();
        }
        self.telemetry.snapshot()
    }
}
