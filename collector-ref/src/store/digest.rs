//! Unsampled totals as agents digest them every ten seconds, and how they are asked for.

use std::sync::Arc;

use scouter_wire::record::{Digest, Sketch, StepKind};

use super::{Glob, TimeRange};

/// What a digest is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum DigestKind {
    /// A service.
    Service,
    /// A statement.
    Sql,
    /// An outbound call.
    Api,
    /// An error of a service.
    Error,
    /// A call from a service to a peer.
    Edge,
    /// An instrumented function.
    Method,
}

impl DigestKind {
    /// All kinds.
    pub const ALL: [Self; 6] =
        [Self::Service, Self::Sql, Self::Api, Self::Error, Self::Edge, Self::Method];

    /// Its name in requests and answers.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::Sql => "sql",
            Self::Api => "api",
            Self::Error => "error",
            Self::Edge => "edge",
            Self::Method => "method",
        }
    }

    /// The kind with this name.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// Most groups of one answer that are told apart; what belongs to any further one is summed under
/// [`OTHER`](super::OTHER).
pub const MAX_DIGEST_GROUPS: usize = 20_000;

/// Which digests to sum.
#[derive(Debug, Clone, Copy)]
pub struct DigestQuery<'a> {
    /// About what.
    pub kind: DigestKind,
    /// Of which objects.
    pub object: &'a Glob,
    /// When. The edges are widened to whole steps of [`Digests::step_us`].
    pub range: TimeRange,
    /// Whether each object is a group of its own.
    pub is_by_object: bool,
}

/// Sums over a time range.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Digests {
    /// The groups, in no order.
    pub groups: Vec<DigestGroup>,
    /// Length of the coarsest interval among what was summed, µs: 10 s, or 5 min for what is old.
    /// 0 when there was nothing.
    pub step_us: i64,
}

/// One group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DigestGroup {
    /// The object; empty unless objects are told apart.
    pub object: Arc<str>,
    /// The service, statement, outbound call or function.
    pub name: Arc<str>,
    /// The message of an error, or the peer of an edge; else empty.
    pub detail: Arc<str>,
    /// The kind of the step that makes the calls of an edge.
    pub peer: Option<StepKind>,
    /// Its sums.
    pub totals: DigestTotals,
}

/// Exact sums, and the distribution of the elapsed times (relative error at most 5 %).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DigestTotals {
    /// How many.
    pub count: u64,
    /// How many of them failed.
    pub errors: u64,
    /// Sum of the elapsed times, µs.
    pub elapsed_us: u64,
    /// Transactions whose profiles the agent did not see in these intervals: the other figures are
    /// lower bounds unless this is 0.
    pub unseen_profiles: u64,
    /// Distribution of the elapsed times.
    pub sketch: Sketch,
}

impl DigestTotals {
    /// Adds the sums of others.
    pub fn merge(&mut self, other: &Self) {
        self.count = self.count.saturating_add(other.count);
        self.errors = self.errors.saturating_add(other.errors);
        self.elapsed_us = self.elapsed_us.saturating_add(other.elapsed_us);
        self.unseen_profiles = self.unseen_profiles.saturating_add(other.unseen_profiles);
        self.sketch.merge(&other.sketch);
    }
}

impl From<&Digest> for DigestTotals {
    fn from(digest: &Digest) -> Self {
        Self {
            count: digest.count,
            errors: digest.errors,
            elapsed_us: digest.elapsed_us,
            unseen_profiles: digest.unseen_profiles,
            sketch: digest.sketch.clone(),
        }
    }
}
