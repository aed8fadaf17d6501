//! What is appended to a store, and what it answers.

use scouter_wire::record::{Alert, CounterPoint, XLog};
use scouter_wire::{ObjectId, TextKind, TextRef, Txid};

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

/// The decoded rows of a batch, which can be visited more than once.
///
/// [`TextRef`]s in the rows are numbers of the store's dictionary.
pub trait Rows {
    /// How many there are.
    fn row_count(&self) -> usize;

    /// Calls `visit` with each row in order.
    fn for_each(&self, visit: &mut dyn FnMut(&XLog<'_>));
}

impl Rows for [XLog<'_>] {
    fn row_count(&self) -> usize {
        self.len()
    }

    fn for_each(&self, visit: &mut dyn FnMut(&XLog<'_>)) {
        for row in self {
            visit(row);
        }
    }
}

/// One batch of transactions.
#[derive(Clone, Copy)]
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
    /// The frame's XLog section as it came: what the WAL keeps and decodes again after a crash.
    pub xlog_section: &'a [u8],
    /// The rows decoded from it.
    pub rows: &'a dyn Rows,
    /// The frame's profile section, if it has one.
    pub profiles: Option<ProfileSection<'a>>,
}

impl std::fmt::Debug for XLogBatch<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("XLogBatch")
            .field("origin", &self.origin)
            .field("seq", &self.seq)
            .field("rows", &self.rows.row_count())
            .finish_non_exhaustive()
    }
}

/// Profiles of a batch: compressed, stored as they came, decoded only when somebody looks.
#[derive(Debug, Clone, Copy)]
pub struct ProfileSection<'a> {
    /// The section as it came.
    pub bytes: &'a [u8],
    /// Transactions whose profiles it holds, in the order in which it holds them.
    pub txids: &'a [Txid],
    /// The dictionary texts its steps name.
    pub texts: &'a [(TextKind, TextRef)],
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
