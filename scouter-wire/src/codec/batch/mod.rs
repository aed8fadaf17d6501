//! BATCH: XLogs and profiles of one agent.
//!
//! `origin | text table | counts | totals | XLog section | profile section`. The sections are zstd
//! frames of their own: the collector decodes the first and stores the second as it came. What
//! follows the text table never changes once it is encoded, so the exporter keeps only that part
//! ([`EncodedBatch`]) and writes the head when it sends, in the numbers of the store it sends to.

mod encoder;
mod profile_reader;
mod profile_writer;
mod view;
mod xlog_columns;
mod xlog_reader;
mod xlog_writer;

pub use encoder::{BatchEncoder, EncodedBatch};
pub use profile_reader::Profiles;
pub use view::{BatchCounts, BatchView, SectionDecoder};
pub use xlog_columns::{DistinctText, ProfileEntry, XLogColumns};

/// Column numbers of the XLog section.
mod x {
    pub(super) const TEXT_COUNTS: u8 = 0;
    pub(super) const END: u8 = 1;
    pub(super) const ELAPSED: u8 = 2;
    pub(super) const CLASS: u8 = 3;
    pub(super) const FLAGS: u8 = 4;
    pub(super) const SERVICE: u8 = 5;
    pub(super) const STATUS: u8 = 6;
    pub(super) const BUSY: u8 = 7;
    pub(super) const POLLS: u8 = 8;
    pub(super) const TTFB: u8 = 9;
    pub(super) const SQL_COUNT: u8 = 10;
    pub(super) const SQL_TIME: u8 = 11;
    pub(super) const SQL_ROWS: u8 = 12;
    pub(super) const POOL_WAIT: u8 = 13;
    pub(super) const API_COUNT: u8 = 14;
    pub(super) const API_TIME: u8 = 15;
    pub(super) const BYTES_OUT: u8 = 16;
    pub(super) const ALLOC_BYTES: u8 = 17;
    pub(super) const STEPS: u8 = 18;
    pub(super) const STEPS_DROPPED: u8 = 19;
    pub(super) const TXID_SECOND: u8 = 20;
    pub(super) const TXID_LOW: u8 = 21;
    pub(super) const CALLER_SECOND: u8 = 22;
    pub(super) const CALLER_LOW: u8 = 23;
    pub(super) const GXID: u8 = 24;
    pub(super) const TAG_COUNT: u8 = 25;
    pub(super) const TAG_KEY: u8 = 26;
    pub(super) const TAG_LENGTH: u8 = 27;
    pub(super) const TAG_TEXT: u8 = 28;
    pub(super) const DESC_LENGTH: u8 = 29;
    pub(super) const DESC_TEXT: u8 = 30;
    pub(super) const PROFILE_ROW: u8 = 31;
    pub(super) const PROFILE_TXID: u8 = 32;
    pub(super) const PROFILE_END: u8 = 33;
    /// Three columns each (row, length, text) for tenant, login, address, user agent and error.
    pub(super) const DICTIONARIES: u8 = 34;
    pub(super) const DICTIONARY_COUNT: usize = 5;

    /// Bits of CLASS: kind, end reason and profile fate (four each), and whether there is a caller.
    /// Those above are of newer senders and ignored.
    pub(super) const CLASS_BITS: u64 = 0x1fff;
    /// Bits of FLAGS.
    pub(super) const FLAG_BITS: u64 = 0xffff;
}

/// Column numbers of the profile section.
mod p {
    pub(super) const TEXT_COUNTS: u8 = 0;
    pub(super) const STEPS: u8 = 1;
    pub(super) const KIND: u8 = 2;
    pub(super) const STATE: u8 = 3;
    pub(super) const PARENT: u8 = 4;
    pub(super) const START: u8 = 5;
    pub(super) const ELAPSED: u8 = 6;
    pub(super) const NAME_METHOD: u8 = 7;
    pub(super) const NAME_SQL: u8 = 8;
    pub(super) const NAME_API: u8 = 9;
    pub(super) const NAME_POOL: u8 = 10;
    pub(super) const BUSY: u8 = 11;
    pub(super) const POLLS: u8 = 12;
    pub(super) const FOLDED: u8 = 13;
    pub(super) const MAX: u8 = 14;
    pub(super) const ERROR: u8 = 15;
    pub(super) const SQL_WAIT: u8 = 16;
    pub(super) const SQL_FIRST_ROW: u8 = 17;
    pub(super) const SQL_ROWS: u8 = 18;
    pub(super) const SQL_AFFECTED: u8 = 19;
    pub(super) const SQL_BINDS: u8 = 20;
    pub(super) const API_STATUS: u8 = 21;
    pub(super) const API_CALLEE: u8 = 22;
    pub(super) const API_ADDRESS: u8 = 23;
    pub(super) const API_TTFB: u8 = 24;
    pub(super) const ATTRIBUTE_COUNT: u8 = 25;
    pub(super) const ATTRIBUTE_KEY: u8 = 26;
    pub(super) const CHILD: u8 = 27;
    pub(super) const TEXT_LENGTH: u8 = 28;
    pub(super) const TEXT: u8 = 29;
    pub(super) const DICTIONARY_LENGTH: u8 = 30;
    pub(super) const DICTIONARY_TEXT: u8 = 31;
    pub(super) const SQL_PRESENT: u8 = 32;
    /// One more than the largest column number.
    pub(super) const COLUMNS: usize = 33;

    /// State byte: the low three bits are the outcome, the next three what else the step has, the
    /// upper two where it hangs.
    pub(super) const STATE_FOLDED: u8 = 1 << 3;
    pub(super) const STATE_POLLED: u8 = 1 << 4;
    pub(super) const STATE_ERROR: u8 = 1 << 5;
    pub(super) const STATE_OUTCOME: u8 = 0b111;
    pub(super) const STATE_PARENT: u8 = 0b1100_0000;
    /// On the transaction.
    pub(super) const PARENT_NONE: u8 = 0;
    /// On the step before it.
    pub(super) const PARENT_LAST: u8 = 1 << 6;
    /// Where the step before it hangs.
    pub(super) const PARENT_SAME: u8 = 2 << 6;
    /// Elsewhere: its distance is in column `PARENT`.
    pub(super) const PARENT_FAR: u8 = 3 << 6;

    /// Which figures of a statement are there; the others are 0.
    pub(super) const SQL_FIGURES: [u8; 6] =
        [SQL_WAIT, SQL_FIRST_ROW, SQL_ROWS, SQL_AFFECTED, SQL_BINDS, TEXT_LENGTH];

    /// Upper half of the kind byte: which detail the step has. What a further detail consists of
    /// stands in columns of its own, and so do further figures of one of these: a reader that does
    /// not know it steps over the columns below.
    pub(super) const DETAIL_TEXT: u8 = 1;
    pub(super) const DETAIL_SQL: u8 = 2;
    pub(super) const DETAIL_API: u8 = 3;
    pub(super) const DETAIL_ATTRIBUTES: u8 = 4;
    pub(super) const DETAIL_SPAWN: u8 = 5;
}

/// The second in which a transaction began, as the upper half of its txid: both sides compute it
/// from end and duration, so that only a rare difference travels.
const fn begin_second(end_unix_us: i64, elapsed_us: u64) -> u32 {
    let begin_us = end_unix_us.wrapping_sub(elapsed_us.cast_signed());
    // Only a prediction: any value works as long as both sides compute the same.
    (begin_us.div_euclid(1_000_000) & 0xffff_ffff) as u32
}

/// The text kind of a step's name. A kind that is added later has an index of a method in
/// `NAME_METHOD`, perhaps 0, so that this version's readers can step over it.
const fn name_kind(kind: crate::record::StepKind) -> crate::TextKind {
    use crate::TextKind;
    use crate::record::StepKind;
    match kind {
        StepKind::Sql | StepKind::SqlTransaction => TextKind::Sql,
        StepKind::Api => TextKind::Api,
        StepKind::PoolWait => TextKind::Pool,
        StepKind::Method
        | StepKind::Message
        | StepKind::Error
        | StepKind::Wait
        | StepKind::Spawn
        | StepKind::Other => TextKind::Method,
    }
}

/// The column in which names of this kind stand.
const fn name_column(kind: crate::TextKind) -> u8 {
    use crate::TextKind;
    match kind {
        TextKind::Sql => p::NAME_SQL,
        TextKind::Api => p::NAME_API,
        TextKind::Pool => p::NAME_POOL,
        _ => p::NAME_METHOD,
    }
}
