//! A transaction that has not finished yet, as the live view shows it. Sent on request, so it owns
//! its texts.

use super::XLogKind;
use crate::{Gxid, Txid};

/// What a running transaction is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(u8)]
#[non_exhaustive]
pub enum RunState {
    /// A thread is working on it now.
    Running = 0,
    /// It waits to be polled.
    #[default]
    Waiting = 1,
    /// Something that only a newer version can name.
    Other = 255,
}

/// One open step of a running transaction.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ActiveStep {
    /// Kind of the step.
    pub kind: super::StepKind,
    /// Name in full: function with its place, SQL, outbound call.
    pub name: String,
    /// Since when it is open, µs.
    pub age_us: u64,
}

/// A transaction that has not finished yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActiveTransaction {
    /// Identity.
    pub txid: Txid,
    /// Trace it belongs to.
    pub gxid: Gxid,
    /// What it is: a request, a job, a spawned task.
    pub kind: XLogKind,
    /// The transaction that called or spawned it.
    pub caller: Option<Txid>,
    /// Service name.
    pub service: String,
    /// Whose request it is.
    pub tenant: String,
    /// Who is logged in.
    pub login: String,
    /// Address of the client, or empty.
    pub ip: String,
    /// Free description written by the application, or empty.
    pub desc: String,
    /// Since when it runs, µs.
    pub age_us: u64,
    /// Time in which a thread worked on it so far, µs.
    pub busy_us: u64,
    /// What it is doing.
    pub state: RunState,
    /// OS thread id that works on it; 0 when it waits.
    pub tid: u32,
    /// Steps recorded so far.
    pub steps: u32,
    /// Open steps, outermost first; the last one is what it does or awaits. When that is a method,
    /// it awaits something that is not instrumented.
    pub stack: Vec<ActiveStep>,
}

from_wire!(RunState: Running Waiting; or Other);
