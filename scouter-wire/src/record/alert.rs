//! Something a person should know.

use std::sync::Arc;

use crate::{Gxid, Txid};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[repr(u8)]
#[non_exhaustive]
pub enum AlertLevel {
    /// Good to know.
    #[default]
    Info = 0,
    /// Look at it today.
    Warn = 1,
    /// Something fails.
    Error = 2,
    /// Users are hurt now. Levels are ordered by their numbers for ever, so that a number beyond
    /// the known ones reads as this.
    Fatal = 3,
}

/// What was detected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
#[non_exhaustive]
pub enum AlertKind {
    /// A connection outlived its transaction.
    ConnectionLeak = 0,
    /// A statement fetched more rows than the limit.
    TooManyRows = 1,
    /// `begin()` was cancelled while BEGIN was in flight; the connection was closed.
    CancelledBegin = 2,
    /// A pool had no connection left; its holders are in the message.
    PoolExhausted = 3,
    /// A transaction was ended from outside.
    ForcedEnd = 4,
    /// The agent itself reports trouble (a sink panicked, the collector refuses it).
    Agent = 5,
    /// One statement ran again and again in one transaction: an N+1 query or chatty writes.
    RepeatedStatement = 6,
    /// A statement took longer than its threshold.
    SlowStatement = 7,
    /// A transaction takes longer than its threshold.
    SlowTransaction = 8,
    /// An outbound call takes longer than its threshold.
    SlowCall = 9,
    /// A transaction waits for a connection of a pool longer than its threshold.
    SlowAcquire = 10,
    /// A future was not polled for long: what it awaits is named as far as it is known.
    StuckAwait = 11,
    /// One poll takes so long that it blocks its thread of the runtime.
    BlockingPoll = 12,
    /// The threads of a runtime are so busy that a task which is ready is not polled.
    StarvedRuntime = 13,
    /// A database transaction is open for long, neither committed nor rolled back.
    Uncommitted = 14,
    /// A connection is kept for long by a transaction that still runs.
    HeldLong = 15,
    /// A connection is kept while an outbound call waits for its answer.
    HeldAcrossCall = 16,
    /// One callsite ran so often in one transaction that its calls are a cost of their own.
    ChattyCalls = 17,
    /// A thread panicked.
    Panic = 18,
    /// One error came far more often than it used to.
    ErrorBurst = 19,
    /// One allocation or body was very large.
    LargeAllocation = 20,
    /// Memory grows, by call site where that is known, or nears the limit of the process.
    MemoryGrowth = 21,
    /// A service behind this one is slow or fails, and takes it with it.
    Cascade = 22,
    /// One place calls the same destination again and again after failures.
    RetryStorm = 23,
    /// The process before this one ended without saying so.
    PreviousDeath = 24,
    /// Something that only a newer version can name; the message says it.
    Other = 255,
}

/// Most frames of the stack of an alert; those at the root are left out.
pub const MAX_ALERT_FRAMES: usize = 64;

/// An address in the code of the agent's process. Whoever has the file, or its debug file, can
/// name it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CodeFrame {
    /// The file that the code was loaded from; empty for code that belongs to none.
    pub path: Arc<str>,
    /// Its build-id, or empty.
    pub build_id: Arc<[u8]>,
    /// The address in the file, as its symbol table has it; without one that in memory.
    pub offset: u64,
}

/// Something a person should know. It owns its texts: alerts are rare.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// When it was raised, unix µs.
    pub unix_us: i64,
    /// What was detected.
    pub kind: AlertKind,
    /// How bad it is.
    pub level: AlertLevel,
    /// One sentence: what happened, to what, and what to do.
    pub message: String,
    /// Line of code, `src/orders.rs:12`, or empty.
    pub place: String,
    /// Service, or empty.
    pub service: String,
    /// Tenant, or empty.
    pub tenant: String,
    /// Transaction it happened in.
    pub transaction: Option<(Gxid, Txid)>,
    /// How many of the same were swallowed by the rate limit since the last one was sent.
    pub suppressed: u32,
    /// What the thread it is about was doing then, leaf first, at most [`MAX_ALERT_FRAMES`]; empty
    /// where no native stack was taken.
    pub stack: Vec<CodeFrame>,
}

from_wire!(AlertKind: ConnectionLeak TooManyRows CancelledBegin PoolExhausted ForcedEnd Agent
    RepeatedStatement SlowStatement SlowTransaction SlowCall SlowAcquire StuckAwait BlockingPoll StarvedRuntime Uncommitted HeldLong HeldAcrossCall ChattyCalls Panic ErrorBurst LargeAllocation MemoryGrowth Cascade RetryStorm PreviousDeath; or Other);

from_wire!(AlertLevel: Info Warn Error Fatal; or Fatal);
