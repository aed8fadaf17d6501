//! The finished row of one transaction.

use crate::{Gxid, TextRef, Txid};

/// What kind of work a transaction was (SCOUTER `xType`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(u8)]
#[non_exhaustive]
pub enum XLogKind {
    /// A served HTTP request.
    #[default]
    Web = 0,
    /// A message, job or other unit opened by `#[scout(service)]` or by hand.
    Service = 1,
    /// Work marked as background: a cron job, a worker loop.
    Background = 2,
    /// A child lane made by `scouter::spawn` or `.in_current()`.
    Spawned = 3,
    /// A kind that only a newer version can name.
    Other = 15,
}

/// How a transaction ended. Each has exactly one end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(u8)]
#[non_exhaustive]
pub enum EndReason {
    /// The body, the trailers or the function came to its end.
    #[default]
    Complete = 0,
    /// The future was dropped before a response existed: client left, or an outer layer cut it off.
    CancelledBeforeResponse = 1,
    /// The response body was dropped before its end: client left while it was streamed.
    AbortedInBody = 2,
    /// The response body yielded an error.
    BodyError = 3,
    /// The service returned an error instead of a response.
    ServiceError = 4,
    /// The code panicked.
    Panic = 5,
    /// The connection was upgraded (101); what follows is not part of this transaction.
    Upgraded = 6,
    /// Ended from outside because it outlived the limit for running transactions.
    ForcedEnd = 7,
    /// A way that only a newer version can name.
    Other = 15,
}

/// What became of the profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(u8)]
#[non_exhaustive]
pub enum ProfileFate {
    /// It travels with the transaction.
    #[default]
    Kept = 0,
    /// The transaction had no step.
    Empty = 1,
    /// Sampled out at the end of the transaction.
    SampledOut = 2,
    /// Dropped by a full handover queue (B2b) or a full send window (B4); counted.
    Dropped = 3,
    /// Something that only a newer version can name; when there is a profile, it can be read.
    Other = 15,
}

/// Facts about a transaction that are either so or not so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct XLogFlags(pub u16);

impl XLogFlags {
    /// Slower than its threshold.
    pub const SLOW: Self = Self(1);
    /// Steps were folded or dropped; see [`XLog::steps_dropped`].
    pub const TRUNCATED: Self = Self(1 << 1);
    /// The clock source changed while it ran: its durations are not to be trusted.
    pub const CLOCK_CHANGED: Self = Self(1 << 2);
    /// The trace context came from a caller (it is not the root of its trace).
    pub const CONTINUED: Self = Self(1 << 3);
    /// The author or a plugin asked to keep its profile.
    pub const FORCE_KEPT: Self = Self(1 << 4);

    /// Whether all flags of `other` are set.
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

/// A key and a value written on an XLog by the application or a plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Tag<'a> {
    /// Key, a text of kind [`TextKind::Key`](crate::TextKind::Key).
    pub key: TextRef,
    /// Value, at most [`MAX_INLINE_BYTES`](crate::text::MAX_INLINE_BYTES).
    pub value: &'a str,
}

/// The finished row of one transaction; fields follow SCOUTER's XLogPack where they make sense.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct XLog<'a> {
    /// End by the agent's clock, unix µs. The collector corrects it by the measured offset.
    pub end_unix_us: i64,
    /// From begin to end, µs.
    pub elapsed_us: u64,
    /// Identity of this transaction.
    pub txid: Txid,
    /// Trace it belongs to.
    pub gxid: Gxid,
    /// The transaction that called it, or `None` for the root.
    pub caller: Option<Txid>,
    /// What kind of work it was.
    pub kind: XLogKind,
    /// How it ended.
    pub end: EndReason,
    /// What became of its profile.
    pub profile: ProfileFate,
    /// Facts about it.
    pub flags: XLogFlags,
    /// Service name: route template, never the raw path.
    pub service: TextRef,
    /// HTTP status, gRPC code as 1000 + code, or 0 when there was none.
    pub status: u16,
    /// First error, or empty. A transaction with an error is drawn red.
    pub error: &'a str,
    /// Time in which a thread worked on it, µs (polled time for async).
    pub busy_us: u64,
    /// How often it was polled.
    pub polls: u32,
    /// From begin to the response headers, µs; 0 when there was no response.
    pub ttfb_us: u64,
    /// SQL statements executed.
    pub sql_count: u32,
    /// Time in SQL, µs, pool waits not included.
    pub sql_us: u64,
    /// Rows fetched.
    pub sql_rows: u64,
    /// Time waited for a pooled connection, µs.
    pub pool_wait_us: u64,
    /// Outbound calls made.
    pub api_count: u32,
    /// Time in outbound calls, µs.
    pub api_us: u64,
    /// Response body bytes that left on our side of any outer layer.
    pub bytes_out: u64,
    /// Bytes allocated, 0 when allocation tracking is off.
    pub alloc_bytes: u64,
    /// Steps recorded, folded ones counted once.
    pub steps: u32,
    /// Steps that were not recorded because of a limit.
    pub steps_dropped: u32,
    /// Whose request it was.
    pub tenant: &'a str,
    /// Who was logged in.
    pub login: &'a str,
    /// Free description written by the application.
    pub desc: &'a str,
    /// Address of the client.
    pub ip: &'a str,
    /// User agent of the client.
    pub user_agent: &'a str,
    /// Tags written by the application or plugins.
    pub tags: &'a [Tag<'a>],
}

from_wire!(XLogKind: Web Service Background Spawned; or Other);

from_wire!(EndReason: Complete CancelledBeforeResponse AbortedInBody BodyError ServiceError Panic
    Upgraded ForcedEnd; or Other);

from_wire!(ProfileFate: Kept Empty SampledOut Dropped; or Other);
