//! Plugins: other people's code that gets everything the collector receives.
//!
//! Each plugin runs on its own named thread behind its own bounded queue. A slow one fills its
//! queue and loses the newest records, counted; one that panics loses the batch it panicked on,
//! counted; ingest and the other plugins never notice either.

mod queue;
mod runner;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub(crate) use queue::{Event, Plugins};

pub use crate::profile::{Profile, StepDetail, StepRecord};
pub use crate::store::{Row, StoredAlert};

/// Records waiting for one plugin; past it the newest are dropped for that plugin only.
pub const DEFAULT_PLUGIN_QUEUE_RECORDS: usize = 65_536;

/// Pause before the first retry of a batch; it doubles with each further one.
pub const DEFAULT_RETRY_PAUSE: Duration = Duration::from_millis(100);

/// Longest pause between two retries.
pub const MAX_RETRY_PAUSE: Duration = Duration::from_secs(10);

/// Retries of one batch; past it the batch counts as failed and the next one is tried.
pub const DEFAULT_MAX_RETRIES: u32 = 8;

/// What a plugin wants to get. What nobody wants is not even prepared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hooks(u8);

impl Hooks {
    /// Finished transactions.
    pub const XLOG: Self = Self(1);
    /// Profiles. They are decoded for plugins, which costs about a microsecond each.
    pub const PROFILE: Self = Self(1 << 1);
    /// Counter values.
    pub const COUNTER: Self = Self(1 << 2);
    /// Objects that come, change or go.
    pub const OBJECT: Self = Self(1 << 3);
    /// Alerts.
    pub const ALERT: Self = Self(1 << 4);
    /// Everything.
    pub const ALL: Self = Self(0x1f);

    /// Whether all of `other` are wanted.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Both sets together.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// One counter value.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct CounterRecord {
    /// Name of the object.
    pub object: Arc<str>,
    /// Name with unit, `request_rate|1/s`.
    pub name: Arc<str>,
    /// When it was taken, unix µs.
    pub unix_us: i64,
    /// Its value.
    pub value: f64,
}

/// An object that came, changed or went.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ObjectRecord {
    /// What it said of itself last.
    pub object: scouter_wire::record::Object,
    /// Whether it is connected.
    pub is_alive: bool,
}

/// Why a plugin did not take a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PluginError {
    /// Its target is away; the same batch comes again after a pause.
    Retry(String),
    /// The batch cannot be taken, now or later; it counts as failed.
    Reject(String),
}

impl fmt::Display for PluginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Retry(why) => write!(f, "the plugin asks to try again: {why}"),
            Self::Reject(why) => write!(f, "the plugin refused a batch: {why}"),
        }
    }
}

impl std::error::Error for PluginError {}

/// Gets what the collector receives, on a thread of its own.
///
/// A batch counts as delivered when its method returns `Ok`. Delivery is at least once within one
/// run of the collector; what lies in the queue when the collector is killed is lost for the
/// plugin (it is in the store all the same).
///
/// # Panics
/// A panic in any method is caught and counted; the batch counts as failed.
pub trait CollectorPlugin: Send + 'static {
    /// Name in `/api/v1/self`, in metrics and of the thread. Asked once.
    fn name(&self) -> &str;

    /// What it wants to get. Asked once. Default: transactions only.
    fn hooks(&self) -> Hooks {
        Hooks::XLOG
    }

    /// Finished transactions, in the order of their arrival on one connection.
    ///
    /// # Errors
    /// See [`PluginError`].
    fn xlog(&mut self, batch: &[Row]) -> Result<(), PluginError> {
        let _ = batch;
        Ok(())
    }

    /// Profiles.
    ///
    /// # Errors
    /// See [`PluginError`].
    fn profile(&mut self, batch: &[Profile]) -> Result<(), PluginError> {
        let _ = batch;
        Ok(())
    }

    /// Counter values.
    ///
    /// # Errors
    /// See [`PluginError`].
    fn counter(&mut self, batch: &[CounterRecord]) -> Result<(), PluginError> {
        let _ = batch;
        Ok(())
    }

    /// An object came, changed or went.
    ///
    /// # Errors
    /// See [`PluginError`].
    fn object(&mut self, object: &ObjectRecord) -> Result<(), PluginError> {
        let _ = object;
        Ok(())
    }

    /// Alerts.
    ///
    /// # Errors
    /// See [`PluginError`].
    fn alert(&mut self, batch: &[StoredAlert]) -> Result<(), PluginError> {
        let _ = batch;
        Ok(())
    }

    /// Writes out what it holds back. Called when its queue has been empty for a second, and at
    /// the end.
    ///
    /// # Errors
    /// See [`PluginError`]; it is counted and not tried again.
    fn flush(&mut self) -> Result<(), PluginError> {
        Ok(())
    }
}

/// Bounds of one plugin.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct PluginLimits {
    /// Default: [`DEFAULT_PLUGIN_QUEUE_RECORDS`].
    pub queue_records: usize,
    /// Default: [`DEFAULT_RETRY_PAUSE`].
    pub retry_pause: Duration,
    /// Default: [`DEFAULT_MAX_RETRIES`].
    pub max_retries: u32,
}

impl Default for PluginLimits {
    fn default() -> Self {
        Self {
            queue_records: DEFAULT_PLUGIN_QUEUE_RECORDS,
            retry_pause: DEFAULT_RETRY_PAUSE,
            max_retries: DEFAULT_MAX_RETRIES,
        }
    }
}
