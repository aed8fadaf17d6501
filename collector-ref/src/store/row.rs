//! Answers.

use std::sync::Arc;

use scouter_wire::record::{Alert, EndReason, ProfileFate, XLogFlags, XLogKind};
use scouter_wire::{Gxid, ObjectId, Txid};

use super::append::Origin;
use super::query::PageCursor;

/// One stored transaction, with all texts. Fields mean what those of
/// [`XLog`](scouter_wire::record::XLog) mean.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// END by the collector's clock, unix µs.
    pub end_unix_us: i64,
    /// When its frame arrived, unix µs.
    pub arrival_unix_us: i64,
    /// From begin to end, µs.
    pub elapsed_us: u64,
    /// Identity.
    pub txid: Txid,
    /// Trace it belongs to.
    pub gxid: Gxid,
    /// The transaction that called it.
    pub caller: Option<Txid>,
    /// Name of the object that served it.
    pub object: Arc<str>,
    /// Service name.
    pub service: Arc<str>,
    /// What kind of work it was.
    pub kind: XLogKind,
    /// How it ended.
    pub end: EndReason,
    /// What became of its profile at the agent.
    pub profile: ProfileFate,
    /// Facts about it.
    pub flags: XLogFlags,
    /// HTTP status, 1000 + gRPC code, or 0.
    pub status: u16,
    /// First error, or empty.
    pub error: Arc<str>,
    /// Busy time, µs.
    pub busy_us: u64,
    /// How often it was polled.
    pub polls: u32,
    /// From begin to the response headers, µs; 0 when there was no response.
    pub ttfb_us: u64,
    /// SQL statements executed.
    pub sql_count: u32,
    /// Time in SQL, µs.
    pub sql_us: u64,
    /// Rows fetched.
    pub sql_rows: u64,
    /// Time waited for a pooled connection, µs.
    pub pool_wait_us: u64,
    /// Outbound calls made.
    pub api_count: u32,
    /// Time in outbound calls, µs.
    pub api_us: u64,
    /// Response body bytes.
    pub bytes_out: u64,
    /// Bytes allocated, 0 when not tracked.
    pub alloc_bytes: u64,
    /// Steps recorded.
    pub steps: u32,
    /// Steps that were not recorded because of a limit.
    pub steps_dropped: u32,
    /// Whose request it was.
    pub tenant: Arc<str>,
    /// Who was logged in.
    pub login: Arc<str>,
    /// Free description.
    pub desc: Arc<str>,
    /// Address of the client.
    pub ip: Arc<str>,
    /// User agent of the client.
    pub user_agent: Arc<str>,
    /// Tags: key and value.
    pub tags: Vec<(Arc<str>, Arc<str>)>,
    /// Where its profile lies; only the store that answered reads it.
    pub profile_at: Option<ProfileAt>,
}

impl Row {
    /// When it began, unix µs.
    #[must_use]
    pub fn start_unix_us(&self) -> i64 {
        self.end_unix_us.saturating_sub(i64::try_from(self.elapsed_us).unwrap_or(i64::MAX))
    }

    /// The cursor of a page that ends with this row.
    #[must_use]
    pub fn cursor(&self) -> PageCursor {
        PageCursor {
            end_unix_us: self.end_unix_us,
            txid: self.txid.value(),
            gxid: self.gxid.value(),
        }
    }
}

/// Where a profile lies: pack, frame within it, position within the frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ProfileAt {
    /// Number of the pack.
    pub pack: u32,
    /// Number of the frame in the pack.
    pub frame: u32,
    /// Position within the frame.
    pub index: u32,
}

/// One page of rows, newest first.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// How many rows there are on all pages together, exact when the question was asked.
    pub total: u64,
    /// The rows of this page.
    pub rows: Vec<Row>,
    /// Where the next page begins; `None` when this is the last.
    pub next: Option<PageCursor>,
}

/// What the picture needs of one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Point {
    /// END, unix µs.
    pub end_unix_us: i64,
    /// Quantised value of the measure asked for, see [`quantise`](super::quantise).
    pub height: u16,
    /// Bit 0 error, bit 1 slow, bit 2 has a profile, bits 8–15 low byte of
    /// [`service_hash`](super::quantise::service_hash).
    pub attributes: u16,
}

impl Point {
    /// [`Point::attributes`]: it has an error.
    pub const ERROR: u16 = 1;
    /// [`Point::attributes`]: it is flagged slow.
    pub const SLOW: u16 = 2;
    /// [`Point::attributes`]: its profile was kept.
    pub const PROFILE: u16 = 4;
}

/// Points of a time range.
#[derive(Debug, Clone, Default)]
pub struct Points {
    /// Ascending by END.
    pub points: Vec<Point>,
    /// They are complete up to this arrival number and hold nothing that arrived later.
    pub cursor: u64,
}

/// Totals of one service on one object.
#[derive(Debug, Clone, PartialEq)]
pub struct ServiceSummary {
    /// Service name.
    pub service: Arc<str>,
    /// Object.
    pub object: Arc<str>,
    /// Transactions.
    pub count: u64,
    /// Transactions with an error.
    pub errors: u64,
    /// Sum of elapsed times, µs.
    pub elapsed_sum_us: u64,
    /// Median, µs.
    pub p50_us: u64,
    /// 95th percentile, µs.
    pub p95_us: u64,
    /// 99th percentile, µs.
    pub p99_us: u64,
    /// Slowest, µs, exact.
    pub max_us: u64,
}

/// Values of one counter of one object.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// Object.
    pub object: Arc<str>,
    /// Name with unit, `request_rate|1/s`.
    pub name: Arc<str>,
    /// Unix µs and value, ascending by time.
    pub points: Vec<(i64, f64)>,
}

/// An alert and whose it is.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredAlert {
    /// Object that raised it.
    pub object: Arc<str>,
    /// The alert.
    pub alert: Alert,
}

/// An object the store knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredObject {
    /// Its number.
    pub id: ObjectId,
    /// Its name.
    pub name: Arc<str>,
}

/// What the store remembers of one origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OriginMark {
    /// The origin.
    pub origin: Origin,
    /// The object it sent rows for last.
    pub object: ObjectId,
    /// Highest frame sequence kept.
    pub high_water: u64,
    /// Transactions kept of it.
    pub xlogs: u64,
    /// Profiles kept of it.
    pub profiles: u64,
}
