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

    /// How it stands on the wire: twice its number, plus 1 when it counts profiles, so that whoever
    /// does not know the number still knows what was dropped.
    const fn code(self) -> u64 {
        (self as u64) << 1 | !self.is_xlog() as u64
    }

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

/// Most reasons in a frame, known or not.
const MAX_REASONS: usize = 64;

/// Cumulative counts of one agent since it started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Transactions that ended while recording was on.
    pub recorded: u64,
    dropped: [u64; REASONS],
    /// Reasons that only a newer version can name: XLogs and profiles.
    unknown: [u64; 2],
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

    /// XLogs dropped for reasons that only a newer agent can name.
    #[must_use]
    pub const fn dropped_unknown_xlogs(&self) -> u64 {
        self.unknown[0]
    }

    /// Profiles dropped for reasons that only a newer agent can name.
    #[must_use]
    pub const fn dropped_unknown_profiles(&self) -> u64 {
        self.unknown[1]
    }

    /// XLogs dropped for any reason, also one that only a newer agent can name. Saturates.
    #[must_use]
    pub fn dropped_xlogs(&self) -> u64 {
        DropReason::ALL
            .iter()
            .filter(|reason| reason.is_xlog())
            .fold(self.unknown[0], |sum, reason| sum.saturating_add(self.dropped(*reason)))
    }

    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        put_varint(out, self.recorded);
        let dropped = || DropReason::ALL.iter().filter(|reason| self.dropped(**reason) > 0);
        put_varint(out, dropped().count() as u64);
        for reason in dropped() {
            put_varint(out, reason.code());
            put_varint(out, self.dropped(*reason));
        }
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut totals = Self { recorded: reader.varint("recorded")?, ..Self::default() };
        for _ in 0..reader.length(MAX_REASONS, "drop reasons")? {
            let code = reader.varint("drop reason")?;
            let known = DropReason::ALL.iter().find(|reason| reason.code() == code);
            let place = match known {
                Some(reason) => &mut totals.dropped[*reason as usize],
                None => &mut totals.unknown[usize::from(code & 1 == 1)],
            };
            *place = place.saturating_add(reader.varint("dropped")?);
        }
        Ok(totals)
    }
}
