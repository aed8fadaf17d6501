//! Unsampled totals over an interval, per SQL, outbound call, error, service and edge.

use crate::TextRef;

/// What a digest is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DigestKey {
    /// A service.
    Service(TextRef),
    /// A statement.
    Sql(TextRef),
    /// An outbound call.
    Api(TextRef),
    /// An error by the service it happened in and its message.
    Error(TextRef, String),
    /// An edge of the topology: own service, kind of peer, and its address or pool name.
    Edge {
        /// Own service.
        service: TextRef,
        /// Kind of the step that made the call (SQL or API).
        kind: super::StepKind,
        /// `host:port`, or the name of the pool.
        peer: String,
    },
}

/// A mergeable quantile sketch of elapsed times: logarithmic buckets, relative error at most 5 %.
///
/// Bucket `i` holds values in `[2^(i/8), 2^((i+1)/8))` µs (HDR-like with 8 sub-buckets an octave;
/// the quantile answers the geometric middle of a bucket). Sparse, sorted by bucket.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sketch {
    /// Bucket number and how many values it holds; ascending, no zero counts.
    pub buckets: Vec<(u16, u64)>,
}

/// Totals over one interval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digest {
    /// What it is about.
    pub key: DigestKey,
    /// How many.
    pub count: u64,
    /// How many of them failed.
    pub errors: u64,
    /// Sum of the elapsed times, µs.
    pub elapsed_us: u64,
    /// Distribution of the elapsed times.
    pub sketch: Sketch,
    /// Transactions of the interval whose profiles were not seen, so that this digest is a lower
    /// bound when it is not 0.
    pub unseen_profiles: u64,
}
