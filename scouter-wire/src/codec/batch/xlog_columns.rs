//! XLogs after decoding: columns that are kept and filled again for the next batch.

use crate::codec::strings::StringColumn;
use crate::record::{EndReason, ProfileFate, Tag, XLog, XLogFlags, XLogKind};
use crate::{Gxid, TextRef, Txid};

/// Which transaction a profile of the batch belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProfileEntry {
    /// The transaction.
    pub txid: Txid,
    /// When it ended, unix µs by the agent's clock.
    pub end_unix_us: i64,
    /// Its row in the same batch; `None` when its XLog travelled in another one.
    pub row: Option<u32>,
}

/// The columns whose distinct texts a batch has once each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum DistinctText {
    /// Tenants.
    Tenant,
    /// Logins.
    Login,
    /// Addresses of clients.
    Ip,
    /// User agents.
    UserAgent,
    /// Messages of errors.
    Error,
}

/// The XLogs of one batch as columns, all of the same length.
///
/// Numbers are widened to 64 bits; [`XLogColumns::row`] gives them their types back. Texts are in
/// the store's numbers, as given to the decoder.
#[derive(Debug, Clone, Default)]
pub struct XLogColumns {
    pub(super) end: Vec<u64>,
    pub(super) elapsed: Vec<u64>,
    pub(super) class: Vec<u64>,
    pub(super) flags: Vec<u64>,
    pub(super) service: Vec<TextRef>,
    pub(super) status: Vec<u64>,
    pub(super) busy: Vec<u64>,
    pub(super) polls: Vec<u64>,
    pub(super) ttfb: Vec<u64>,
    pub(super) sql_count: Vec<u64>,
    pub(super) sql_time: Vec<u64>,
    pub(super) sql_rows: Vec<u64>,
    pub(super) pool_wait: Vec<u64>,
    pub(super) api_count: Vec<u64>,
    pub(super) api_time: Vec<u64>,
    pub(super) bytes_out: Vec<u64>,
    pub(super) alloc_bytes: Vec<u64>,
    pub(super) steps: Vec<u64>,
    pub(super) steps_dropped: Vec<u64>,
    pub(super) txid: Vec<u64>,
    pub(super) caller: Vec<u64>,
    pub(super) gxid: Vec<u128>,
    /// Tenant, login, address, user agent, error.
    pub(super) inline: [StringColumn; super::x::DICTIONARY_COUNT],
    pub(super) desc: StringColumn,
    /// Where the tags of each row end.
    pub(super) tag_ends: Vec<u32>,
    pub(super) tag_keys: Vec<TextRef>,
    pub(super) tag_values: StringColumn,
    pub(super) profiles: Vec<ProfileEntry>,
    pub(super) scratch: Vec<u64>,
}

/// Defines a method that answers a whole column.
macro_rules! column {
    ($($(#[$doc:meta])* $name:ident: $field:ident;)*) => {$(
        $(#[$doc])*
        #[must_use]
        pub fn $name(&self) -> &[u64] {
            &self.$field
        }
    )*};
}

impl XLogColumns {
    /// Empty columns; they grow to the largest batch they have seen.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Number of XLogs.
    #[must_use]
    pub fn len(&self) -> usize {
        self.txid.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.txid.is_empty()
    }

    /// The profiles of the batch in their order in its profile section.
    #[must_use]
    pub fn profiles(&self) -> &[ProfileEntry] {
        &self.profiles
    }

    pub(super) fn clear(&mut self) {
        self.txid.clear();
        self.profiles.clear();
    }

    column! {
        /// Durations, µs.
        elapsed_us: elapsed;
        /// Statuses.
        status: status;
        /// Ids, none 0.
        txid: txid;
        /// Ids of the callers, 0 for none.
        caller: caller;
        /// Busy times, µs.
        busy_us: busy;
        /// Numbers of polls.
        polls: polls;
        /// Times to the first byte, µs.
        ttfb_us: ttfb;
        /// Numbers of SQL statements.
        sql_count: sql_count;
        /// Times in SQL, µs.
        sql_us: sql_time;
        /// Rows read by SQL.
        sql_rows: sql_rows;
        /// Waits for pooled connections, µs.
        pool_wait_us: pool_wait;
        /// Numbers of outbound calls.
        api_count: api_count;
        /// Times in outbound calls, µs.
        api_us: api_time;
        /// Bytes sent.
        bytes_out: bytes_out;
        /// Bytes allocated.
        alloc_bytes: alloc_bytes;
        /// Numbers of steps.
        steps: steps;
        /// Numbers of steps that were dropped.
        steps_dropped: steps_dropped;
        /// Bits of [`XLogFlags`].
        flags: flags;
    }

    /// Services, in the store's numbers.
    #[must_use]
    pub fn service(&self) -> &[TextRef] {
        &self.service
    }

    /// Trace ids, none 0.
    #[must_use]
    pub fn gxid(&self) -> &[u128] {
        &self.gxid
    }

    /// End of a transaction by the agent's clock, unix µs.
    ///
    /// # Panics
    /// If there is no such row.
    #[must_use]
    pub fn end_unix_us(&self, row: usize) -> i64 {
        self.end[row].cast_signed()
    }

    /// What a transaction was, how it ended, and what became of its profile.
    ///
    /// # Panics
    /// If there is no such row.
    #[must_use]
    pub fn class(&self, row: usize) -> (XLogKind, EndReason, ProfileFate) {
        let class = self.class[row];
        (
            XLogKind::from_wire_lossy((class & 0xf) as u8),
            EndReason::from_wire_lossy((class >> 4 & 0xf) as u8),
            ProfileFate::from_wire_lossy((class >> 8 & 0xf) as u8),
        )
    }

    /// Flags of a transaction.
    ///
    /// # Panics
    /// If there is no such row.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "the decoder has checked the range")]
    pub fn flags_of(&self, row: usize) -> XLogFlags {
        XLogFlags(self.flags[row] as u16)
    }

    /// The note of a transaction.
    ///
    /// # Panics
    /// If there is no such row.
    #[must_use]
    pub fn desc(&self, row: usize) -> &str {
        self.desc.at(row)
    }

    /// Whether a transaction has an error.
    ///
    /// # Panics
    /// If there is no such row.
    #[must_use]
    pub fn has_error(&self, row: usize) -> bool {
        !self.inline[4].of_row(row).is_empty()
    }

    /// The distinct texts of a column, and per row the place of its text among them plus 1, or 0
    /// for the empty text. Whoever looks texts up does so once for each, not once for each row.
    pub fn distinct(&self, column: DistinctText) -> (impl Iterator<Item = &str> + Clone, &[u64]) {
        let column = &self.inline[column as usize];
        (column.texts(), column.rows())
    }

    /// One XLog without its tags; [`XLogColumns::tags`] has them, since a borrowed slice of tags
    /// needs a place of its own.
    ///
    /// # Panics
    /// If there is no such row.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "the decoder has checked the ranges")]
    pub fn row(&self, row: usize) -> XLog<'_> {
        let [tenant, login, ip, user_agent, error] = &self.inline;
        let (kind, end, profile) = self.class(row);
        XLog {
            end_unix_us: self.end[row].cast_signed(),
            elapsed_us: self.elapsed[row],
            // Neither is 0: the decoder has checked it.
            txid: Txid::new(self.txid[row]).unwrap_or(FIRST_TXID),
            gxid: Gxid::new(self.gxid[row]).unwrap_or(FIRST_GXID),
            caller: Txid::new(self.caller[row]),
            kind,
            end,
            profile,
            flags: self.flags_of(row),
            service: self.service[row],
            status: self.status[row] as u16,
            error: error.of_row(row),
            busy_us: self.busy[row],
            polls: self.polls[row] as u32,
            ttfb_us: self.ttfb[row],
            sql_count: self.sql_count[row] as u32,
            sql_us: self.sql_time[row],
            sql_rows: self.sql_rows[row],
            pool_wait_us: self.pool_wait[row],
            api_count: self.api_count[row] as u32,
            api_us: self.api_time[row],
            bytes_out: self.bytes_out[row],
            alloc_bytes: self.alloc_bytes[row],
            steps: self.steps[row] as u32,
            steps_dropped: self.steps_dropped[row] as u32,
            tenant: tenant.of_row(row),
            login: login.of_row(row),
            desc: self.desc.at(row),
            ip: ip.of_row(row),
            user_agent: user_agent.of_row(row),
            tags: &[],
        }
    }

    /// Tags of one XLog.
    ///
    /// # Panics
    /// If there is no such row.
    pub fn tags(&self, row: usize) -> impl ExactSizeIterator<Item = Tag<'_>> {
        let start = if row == 0 { 0 } else { self.tag_ends[row - 1] as usize };
        (start..self.tag_ends[row] as usize)
            .map(|tag| Tag { key: self.tag_keys[tag], value: self.tag_values.at(tag) })
    }

    /// Visits every XLog in order, complete with its tags.
    pub fn for_each(&self, mut visit: impl FnMut(&XLog<'_>)) {
        let mut tags = Vec::new();
        for row in 0..self.len() {
            tags.clear();
            tags.extend(self.tags(row));
            visit(&XLog { tags: &tags, ..self.row(row) });
        }
    }
}

const FIRST_TXID: Txid = match Txid::new(1) {
    Some(id) => id,
    None => unreachable!(),
};
const FIRST_GXID: Gxid = match Gxid::new(1) {
    Some(id) => id,
    None => unreachable!(),
};
