//! What the collector keeps, and how it is asked for.
//!
//! [`Store`] is the seam between the collector and its storage. The rest of the collector decodes
//! frames, answers requests and watches connections; the store makes rows durable, remembers which
//! frames it has seen, and answers questions over everything it holds, whether it still lies in
//! memory or in files. No type of a storage library appears in the seam, so that another store can
//! take its place.
//!
//! A frame goes through four stations: it is appended to a write-ahead log (WAL), acknowledged once
//! the log is on disk, held in columns in memory ("hot"), and sealed into an open file format.
//! What is hot and what is sealed makes no difference to a query.
//!
//! All methods may block for the length of a disk operation, none for longer; an asynchronous
//! caller moves queries to a blocking thread. All are safe to call from many threads at once.

mod append;
mod digest;
mod dimension;
mod error;
mod grid;
pub mod local;
mod measure;
pub mod quantise;
mod query;
mod retention;
mod row;
mod stats;

use std::fmt::Debug;
use std::ops::ControlFlow;
use std::sync::Arc;

use scouter_wire::record::Step;
use scouter_wire::{Gxid, ObjectId, TextKind, TextRef, Txid};
use tokio::sync::watch;

pub use append::{
    AlertBatch, Appended, CounterBatch, DigestBatch, Durable, Origin, WalSeq, XLogBatch,
};
pub use digest::{DigestGroup, DigestKind, DigestQuery, DigestTotals, Digests, MAX_DIGEST_GROUPS};
pub use dimension::{Difference, Differences, Dimension, GroupSummary, MAX_GROUPS, OTHER};
pub use error::{AppendError, OpenError, ProfileMissing, QueryError};
pub use grid::{AxisKind, Grid, GridShape, MAX_GRID_CELLS};
pub use measure::Measure;
pub use query::{
    Bounds, Clause, Filter, Glob, MAX_PAGE_ROWS, PageCursor, PageRequest, Test, TimeRange,
};
pub use retention::{Retention, RetentionPreview};
pub use row::{
    OriginMark, Page, Point, Points, ProfileAt, Row, Series, ServiceSummary, StoredAlert,
    StoredObject,
};
pub use stats::{CorruptFile, StoreStats};

/// Texts of the dictionary as they are needed to print a profile.
///
/// A text that cannot be found reads as `(unknown text)`; that happens only when the file that
/// held it was damaged, which [`StoreStats::corrupt_files`] names.
pub trait Texts {
    /// The text of this kind with this store number; empty for [`TextRef::NONE`].
    fn text(&self, kind: TextKind, id: TextRef) -> &str;
}

/// Keeps transactions, profiles, counters, digests and alerts, and finds them again.
pub trait Store: Send + Sync + Debug {
    /// Identity of this store, made when its folder was made. Dictionary numbers are valid only
    /// together with it: an agent that meets another identity sends its texts again.
    fn store_id(&self) -> u128;

    /// Seed of the 64-bit text hash of this store, made with it.
    fn text_hash_seed(&self) -> u128;

    /// The number of this text, assigned when it is new.
    ///
    /// The text goes through the WAL; the number may be told to an agent once the returned
    /// sequence is durable (`None`: it already is). Past the limit of its kind the number of
    /// `(other)` is answered and [`StoreStats::texts_refused`] grows.
    ///
    /// # Errors
    /// As [`Store::append`].
    fn intern(&self, kind: TextKind, text: &str) -> Result<(TextRef, Option<WalSeq>), AppendError>;

    /// The number of the text of this kind with this hash under the store's seed, or `None` when
    /// the store does not have it.
    fn by_hash(&self, kind: TextKind, hash: u64) -> Option<TextRef>;

    /// The text with this number, or `None` when this store never assigned it.
    fn text(&self, kind: TextKind, id: TextRef) -> Option<Arc<str>>;

    /// The number of the object with this name, assigned when it is new. Bounded and logged like
    /// a text.
    ///
    /// # Errors
    /// As [`Store::append`].
    fn object(&self, name: &str) -> Result<(ObjectId, Option<WalSeq>), AppendError>;

    /// All objects the store has ever seen rows of, in the order of their numbers.
    fn objects(&self) -> Vec<StoredObject>;

    /// Appends one decoded batch of transactions together with the frame it came in.
    ///
    /// The rows are visible to queries when this returns, and durable when [`Store::durable`]
    /// reaches the sequence of the answer: only then may the frame be acknowledged. A frame whose
    /// sequence is not above the high-water mark of its origin changes nothing and is answered
    /// with [`Appended::Duplicate`]; it too may be acknowledged once the sequence is durable.
    ///
    /// # Errors
    /// Nothing of the batch was kept: the disk is full, the folder cannot be written, or the store
    /// is closing; [`StoreStats::append_errors`] grows. The caller withholds the acknowledgement and
    /// appends nothing more of this origin until it has appended this very frame: it tries again, or
    /// ends the connection so that the agent sends again from there. A later frame would raise the
    /// high-water mark above the one that failed, and that one would then count as a duplicate.
    fn append(&self, batch: &XLogBatch<'_>) -> Result<Appended, AppendError>;

    /// Appends counter values of one object at one time, under the same rules.
    ///
    /// # Errors
    /// As [`Store::append`].
    fn append_counters(&self, batch: &CounterBatch<'_>) -> Result<Appended, AppendError>;

    /// Appends alerts of one object, under the same rules.
    ///
    /// # Errors
    /// As [`Store::append`].
    fn append_alerts(&self, batch: &AlertBatch<'_>) -> Result<Appended, AppendError>;

    /// Appends the digests of one interval of one object, under the same rules.
    ///
    /// # Errors
    /// As [`Store::append`].
    fn append_digests(&self, batch: &DigestBatch<'_>) -> Result<Appended, AppendError>;

    /// A view of how far the WAL is durable. Await `changed()` until [`Durable::seq`] reaches the
    /// sequence of an append.
    fn durable(&self) -> watch::Receiver<Durable>;

    /// Highest frame sequence of this origin that is durable, also from before a restart; `None` when
    /// the store has none of it, or when its last frame is still on the way to the disk: then
    /// nothing is said, the agent sends again what it keeps, and duplicates are found.
    fn high_water(&self, origin: Origin) -> Option<u64>;

    /// What the store remembers of every origin: object, high-water mark, rows kept.
    fn origins(&self) -> Vec<OriginMark>;

    /// How many transactions the store has ever accepted: the cursor of the live view.
    fn cursor(&self) -> u64;

    /// Counts the rows inside the bounds that pass the filter, and returns one page of them,
    /// newest first. The total is exact.
    ///
    /// # Errors
    /// A file could not be read.
    fn rows(
        &self,
        bounds: &Bounds,
        filter: &Filter,
        page: &PageRequest,
    ) -> Result<Page, QueryError>;

    /// Visits every row inside the bounds that passes the filter, until `visit` breaks. Rows of one
    /// file come in the order of END; over files there is none. Rows that are appended meanwhile
    /// are not among them. Of a file that turns out damaged some rows may have been visited before
    /// it is left out.
    ///
    /// # Errors
    /// A file could not be read.
    fn walk(
        &self,
        bounds: &Bounds,
        filter: &Filter,
        visit: &mut dyn FnMut(Row) -> ControlFlow<()>,
    ) -> Result<(), QueryError>;

    /// Points of all rows in a time range, by this measure, that pass the filter, ascending by time, together with
    /// the cursor up to which they are complete: a row is among them if and only if its arrival
    /// number is at most [`Points::cursor`].
    ///
    /// # Errors
    /// [`QueryError::TooMany`] past `limit` points (nothing is returned, the total is told), or a
    /// file could not be read.
    fn points(
        &self,
        range: TimeRange,
        measure: Measure,
        filter: &Filter,
        limit: usize,
    ) -> Result<Points, QueryError>;

    /// The transactions with this txid, and this gxid if one is given. More than one only when the
    /// bare txid is ambiguous.
    ///
    /// # Errors
    /// A file could not be read.
    fn transaction(&self, txid: Txid, gxid: Option<Gxid>) -> Result<Vec<Row>, QueryError>;

    /// All transactions of one trace, by start time; at most [`MAX_TRACE_ROWS`].
    ///
    /// # Errors
    /// A file could not be read.
    fn trace(&self, gxid: Gxid) -> Result<Vec<Row>, QueryError>;

    /// Visits the steps of a transaction's profile, in order. Names and attribute keys are numbers
    /// of the dictionary and are looked up in the [`Texts`] beside them.
    ///
    /// # Errors
    /// The profile is not there; the error says why.
    fn profile(
        &self,
        row: &Row,
        visit: &mut dyn FnMut(&Step<'_>, &dyn Texts),
    ) -> Result<(), ProfileMissing>;

    /// Exact counts, sums and percentiles (relative error at most 5 %) per service and object.
    ///
    /// # Errors
    /// A file could not be read.
    fn services(
        &self,
        range: TimeRange,
        filter: &Filter,
    ) -> Result<Vec<ServiceSummary>, QueryError>;

    /// Exact counts and sums, and percentiles (relative error at most 5 %), by the values of one
    /// dimension, the most frequent first. Past [`MAX_GROUPS`] values the rest is summed as
    /// [`OTHER`].
    ///
    /// # Errors
    /// A file could not be read.
    fn summary(
        &self,
        bounds: &Bounds,
        filter: &Filter,
        by: Dimension,
    ) -> Result<Vec<GroupSummary>, QueryError>;

    /// What distinguishes the rows of `bounds` from all others of `range`, at most `limit` values.
    /// Both pass the filter.
    ///
    /// # Errors
    /// A file could not be read.
    fn differences(
        &self,
        bounds: &Bounds,
        range: TimeRange,
        filter: &Filter,
        limit: usize,
    ) -> Result<Differences, QueryError>;

    /// The picture as counts by pixel; each row that passes the filter and lies in the picture's
    /// time counts once.
    ///
    /// # Errors
    /// A file could not be read.
    fn grid(&self, shape: &GridShape, filter: &Filter) -> Result<Grid, QueryError>;

    /// Names (`request_rate|1/s`) of the counters of objects whose name matches, ascending.
    fn counter_names(&self, object: &Glob) -> Vec<String>;

    /// Values of the counters with this name in a time range, one series per object.
    ///
    /// # Errors
    /// A file could not be read.
    fn counters(
        &self,
        object: &Glob,
        name: &str,
        range: TimeRange,
    ) -> Result<Vec<Series>, QueryError>;

    /// Sums of digests over a time range, by what they are about.
    ///
    /// # Errors
    /// A file could not be read.
    fn digests(&self, query: &DigestQuery<'_>) -> Result<Digests, QueryError>;

    /// Alerts in a time range, newest first, at most `limit`.
    ///
    /// # Errors
    /// A file could not be read.
    fn alerts(&self, range: TimeRange, limit: usize) -> Result<Vec<StoredAlert>, QueryError>;

    /// Why the store cannot keep what it gets, as far as it knows from its last attempt; `None` while
    /// everything it writes arrives.
    fn trouble(&self) -> Option<String>;

    /// How much it keeps.
    fn retention(&self) -> Retention;

    /// Changes how long things are kept; what is too old by it goes at the next round of
    /// maintenance.
    fn set_retention(&self, keep: Retention);

    /// What would be taken away now if this much were kept. Nothing is.
    fn retention_preview(&self, keep: &Retention) -> RetentionPreview;

    /// Counters and sizes of the store itself.
    fn stats(&self) -> StoreStats;

    /// Seals everything that is hot into files now and returns when they are durable.
    ///
    /// # Errors
    /// As [`Store::append`]; what could not be sealed stays hot and in the WAL.
    fn seal(&self) -> Result<(), AppendError>;

    /// Makes everything appended so far durable, seals it, and stops the store's threads. Later
    /// appends are refused with [`AppendError::Closed`]. Calling it again does nothing.
    ///
    /// # Errors
    /// As [`Store::seal`].
    fn close(&self) -> Result<(), AppendError>;
}

/// Most rows [`Store::trace`] answers; the rest is left out.
pub const MAX_TRACE_ROWS: usize = 10_000;

/// Checks at compile time that the seam can be used as `Arc<dyn Store>`.
const _: fn(&Arc<dyn Store>) = |_| ();
