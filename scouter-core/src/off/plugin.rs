//! Without feature `enable`: plugins are accepted and never called.

#[path = "../plugin/view.rs"]
mod view;

use std::fmt;
use std::marker::PhantomData;

use scouter_wire::record::{EndReason, XLogKind};
use scouter_wire::{Gxid, Txid};

use crate::begin::Field;
use crate::transaction::Transaction;

pub use view::{
    AgentPlugin, CallView, CaptureView, CounterSink, Hooks, MAX_PLUGINS, Reject, RequestView,
    TooManyPlugins,
};

/// Never made.
#[derive(Debug)]
pub struct StartView<'a>(&'a Transaction);

impl StartView<'_> {
    /// A transaction that records nothing.
    #[must_use]
    pub const fn transaction(&self) -> &Transaction {
        self.0
    }

    /// A served request.
    #[must_use]
    pub const fn kind(&self) -> XLogKind {
        XLogKind::Web
    }

    /// Empty.
    #[must_use]
    pub fn service(&self) -> &'static str {
        ""
    }
}

/// Never made.
#[derive(Debug)]
pub struct EndView<'a>(PhantomData<&'a mut ()>);

impl EndView<'_> {
    /// None.
    #[must_use]
    pub fn txid(&self) -> Option<Txid> {
        None
    }

    /// None.
    #[must_use]
    pub fn gxid(&self) -> Option<Gxid> {
        None
    }

    /// Empty.
    #[must_use]
    pub fn service(&self) -> &'static str {
        ""
    }

    /// Complete.
    #[must_use]
    pub const fn reason(&self) -> EndReason {
        EndReason::Complete
    }

    /// 0.
    #[must_use]
    pub const fn elapsed_us(&self) -> u64 {
        0
    }

    /// 0.
    #[must_use]
    pub fn status(&self) -> u16 {
        0
    }

    /// None.
    #[must_use]
    pub fn sql(&self) -> (u32, u64) {
        (0, 0)
    }

    /// Empty.
    #[must_use]
    pub fn text(&self, _: Field) -> String {
        String::new()
    }

    /// Does nothing.
    pub fn set_text(&mut self, _: Field, _: &str) {}

    /// Does nothing.
    pub fn tag(&mut self, _: &'static str, _: &str) {}

    /// Does nothing.
    pub fn set_error(&mut self, _: &dyn fmt::Display) {}

    /// Never.
    #[must_use]
    pub fn has_panicked(&self) -> bool {
        false
    }

    /// Does nothing.
    pub fn keep_profile(&mut self) {}

    /// Does nothing.
    pub fn discard_profile(&mut self) {}

    /// Does nothing.
    pub fn discard(&mut self) {}
}

/// Accepts the plugin and forgets it.
///
/// # Errors
/// Never.
pub fn register(plugin: Box<dyn AgentPlugin>) -> Result<(), TooManyPlugins> {
    drop(plugin);
    Ok(())
}

/// Never.
#[inline(always)]
#[must_use]
pub fn has(_: Hooks) -> bool {
    false
}

/// None.
#[inline(always)]
#[must_use]
pub fn reject(_: &RequestView<'_>) -> Option<Reject> {
    None
}

/// Does nothing.
#[inline(always)]
pub fn call(_: &CallView<'_>) {}

/// Does nothing.
pub fn collect_counters(_: impl FnMut(&str, f64)) {}
