//! What is appended to a store, and what it answers.

use scouter_wire::codec::{BatchView, TextTable, XLogColumns};
use scouter_wire::record::{Alert, CounterPoint, Digest};
use scouter_wire::{ObjectId, TextRef};

/// Position in the WAL: grows with every record appended since the store was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct WalSeq(pub u64);

/// How far the WAL is durable.
#[derive(Debug, Clone, Default)]
pub struct Durable {
    /// Everything up to this sequence survives what the configured durability promises.
    pub seq: WalSeq,
    /// Why it does not advance: the last error of the disk, until it advances again.
    pub stalled: Option<String>,
}

/// Which run of which agent process a frame comes from. Its frames are numbered from 1 on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin {
    /// Random identity of the process instance.
    pub instance: u128,
    /// Grows whenever the agent starts its numbering again.
    pub epoch: u64,
}

/// What became of an append.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Appended {
    /// It was kept.
    Kept {
        /// Acknowledge it when this is durable.
        seq: WalSeq,
        /// Arrival number of its first row; the others follow without a gap. Arrival numbers start
        /// at 1 and count transactions only.
        first_arrival: u64,
    },
    /// The store already has it (the agent sent it again): nothing was changed.
    Duplicate {
        /// Acknowledge it when this is durable.
        seq: WalSeq,
    },
}

/// One batch of transactions.
#[derive(Debug, Clone, Copy)]
pub struct XLogBatch<'a> {
    /// Who sends it.
    pub origin: Origin,
    /// Number of the frame within its origin.
    pub seq: u64,
    /// The object all rows belong to, from [`Store::object`](super::Store::object).
    pub object: ObjectId,
    /// The collector's clock when the frame came in, unix µs.
    pub arrival_unix_us: i64,
    /// What must be added to the agent's times to get the collector's, µs.
    pub clock_offset_us: i64,
    /// The body of the BATCH frame as it came: what the WAL keeps and decodes again after a crash.
    pub body: &'a [u8],
    /// The parsed head of `body`.
    pub view: &'a BatchView<'a>,
    /// The text table of `body`.
    pub table: &'a TextTable,
    /// The store's numbers of the entries of the table, in their order, from
    /// [`Store::intern`](super::Store::intern) or [`Store::by_hash`](super::Store::by_hash).
    pub texts: &'a [TextRef],
    /// The XLogs decoded with these numbers.
    pub columns: &'a XLogColumns,
}

/// Counter values of one object at one time.
#[derive(Debug, Clone, Copy)]
pub struct CounterBatch<'a> {
    /// Who sends it.
    pub origin: Origin,
    /// Number of the frame within its origin.
    pub seq: u64,
    /// The object they belong to.
    pub object: ObjectId,
    /// When they were taken, unix µs by the collector's clock.
    pub unix_us: i64,
    /// Names (numbers of the store's dictionary) and values.
    pub points: &'a [CounterPoint],
}

/// Digests of one interval of one object.
#[derive(Debug, Clone, Copy)]
pub struct DigestBatch<'a> {
    /// Who sends them.
    pub origin: Origin,
    /// Number of the frame within its origin.
    pub seq: u64,
    /// The object they belong to.
    pub object: ObjectId,
    /// When their interval began, unix µs by the collector's clock.
    pub from_unix_us: i64,
    /// The digests, with numbers of the store's dictionary.
    pub digests: &'a [Digest],
}

/// Alerts of one object.
#[derive(Debug, Clone, Copy)]
pub struct AlertBatch<'a> {
    /// Who sends them.
    pub origin: Origin,
    /// Number of the frame within its origin.
    pub seq: u64,
    /// The object they belong to.
    pub object: ObjectId,
    /// The alerts.
    pub alerts: &'a [Alert],
}
