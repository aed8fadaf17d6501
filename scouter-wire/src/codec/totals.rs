//! What the agent has recorded and dropped since it started, sent with every batch, so that
//! `recorded == stored + dropped(by reason) + pending` can be checked at any time.

use super::DecodeError;
use super::bytes::{Reader, put_varint};

/// Why the agent did not keep an XLog or a profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
#[non_exhaustive]
pub enum DropReason {
    /// XLog: the summary ring of its thread (B2a) was full.
    SummaryRing = 0,
    /// XLog: the send window (B4) was full, and nothing but XLogs was left in it.
    WindowXLogs = 1,
    /// XLog: a discard rule said so.
    Rule = 2,
    /// XLog: it could not be encoded, or the process ended before it was acknowledged.
    Unsendable = 3,
    /// Profile: the handover queue of its thread (B2b) was full.
    ProfileQueue = 4,
    /// Profile: the send window (B4) was full; oldest first.
    WindowProfiles = 5,
    /// Profile: sampled out at the end of its transaction.
    Sampled = 6,
    /// Profile: it could not be encoded, or the process ended before it was acknowledged.
    UnsendableProfile = 7,
    /// XLog: too many transactions were in flight to record it.
    HeaderLimit = 8,
    /// XLog: its thread was past its destructors.
    NoThread = 9,
}

impl DropReason {
    /// All reasons, in the order of their numbers.
    pub const ALL: [Self; 10] = [
        Self::SummaryRing,
        Self::WindowXLogs,
        Self::Rule,
        Self::Unsendable,
        Self::ProfileQueue,
        Self::WindowProfiles,
        Self::Sampled,
        Self::UnsendableProfile,
        Self::HeaderLimit,
        Self::NoThread,
    ];

    /// Name as the counters show it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SummaryRing => "summary_ring",
            Self::WindowXLogs => "window_xlogs",
            Self::Rule => "rule",
            Self::Unsendable => "unsendable",
            Self::ProfileQueue => "profile_queue",
            Self::WindowProfiles => "window_profiles",
            Self::Sampled => "sampled",
            Self::UnsendableProfile => "unsendable_profile",
            Self::HeaderLimit => "header_limit",
            Self::NoThread => "no_thread",
        }
    }

    /// Whether it counts XLogs; the others count profiles.
    #[must_use]
    pub const fn is_xlog(self) -> bool {
        !matches!(
            self,
            Self::ProfileQueue | Self::WindowProfiles | Self::Sampled | Self::UnsendableProfile
        )
    }
}

/// Number of reasons this codec knows.
const REASONS: usize = DropReason::ALL.len();

/// Most reasons in a frame; those we do not know are added to `Unsendable`.
const MAX_REASONS: usize = 64;

/// Cumulative counts of one agent since it started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Transactions that ended while recording was on.
    pub recorded: u64,
    dropped: [u64; REASONS],
}

impl Totals {
    /// How many were dropped for a reason.
    #[must_use]
    pub const fn dropped(&self, reason: DropReason) -> u64 {
        self.dropped[reason as usize]
    }

    /// Sets how many were dropped for a reason.
    pub const fn set_dropped(&mut self, reason: DropReason, count: u64) {
        self.dropped[reason as usize] = count;
    }

    /// XLogs dropped for any reason.
    #[must_use]
    pub fn dropped_xlogs(&self) -> u64 {
        DropReason::ALL.iter().filter(|reason| reason.is_xlog()).map(|r| self.dropped(*r)).sum()
    }

    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        put_varint(out, self.recorded);
        put_varint(out, REASONS as u64);
        for count in self.dropped {
            put_varint(out, count);
        }
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut totals = Self { recorded: reader.varint("recorded")?, ..Self::default() };
        for reason in 0..reader.length(MAX_REASONS, "drop reasons")? {
            let count = reader.varint("dropped")?;
            let known = if reason < REASONS { reason } else { DropReason::Unsendable as usize };
            totals.dropped[known] = totals.dropped[known].saturating_add(count);
        }
        Ok(totals)
    }
}
