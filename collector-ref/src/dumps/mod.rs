//! Dumps that are taken when a process looks bad, so that what it did then can be read afterwards.
//!
//! Counters and alerts go to [`Triggers`], a plugin with a queue and a thread like any other; what
//! it decides goes to [`run_dumps`], which asks the agent; what that answers is in [`Dumps`].

mod kept;
mod taking;
mod triggers;

use std::sync::Arc;

use serde::Deserialize;

use crate::names;

pub(crate) use kept::{Dumps, KeptDump};
pub(crate) use taking::run_dumps;
pub(crate) use triggers::Triggers;

/// Dumps that wait to be taken; past it a further one is not, and counts as failed at the plugin.
pub(crate) const MAX_WANTED: usize = 8;

/// Least time between two dumps of one object when nothing else is said, s.
pub const DEFAULT_INTERVAL_S: u64 = 60;

/// When a process is dumped without being asked. What is left out is never a reason; with nothing in
/// it, the default, there are no dumps.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct AutoDump {
    /// Transactions that run at once in one process.
    pub active_services: Option<u32>,
    /// CPU time of one process over ten seconds, in percent of one processor: on four processors it
    /// goes up to 400.
    pub cpu_percent: Option<u32>,
    /// Alerts of these kinds, such as `stuck_await`. Old enough for an alert is what the options of
    /// the agent say.
    pub alerts: Vec<String>,
    /// Least time between two dumps of one object, s. Default: [`DEFAULT_INTERVAL_S`].
    pub interval_s: Option<u32>,
}

impl AutoDump {
    /// Whether anything is a reason.
    pub(crate) fn is_on(&self) -> bool {
        self.active_services.is_some() || self.cpu_percent.is_some() || !self.alerts.is_empty()
    }

    /// A kind of alert that there is not.
    pub(crate) fn unknown_alert(&self) -> Option<&str> {
        self.alerts.iter().map(String::as_str).find(|name| !names::is_alert_kind(name))
    }
}

/// Somebody should have a look at an object.
#[derive(Debug)]
pub(crate) struct Wanted {
    /// Its name.
    pub(crate) object: Arc<str>,
    /// Why, for people.
    pub(crate) why: String,
}
