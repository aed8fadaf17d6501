//! Unsampled totals over an interval, per SQL, outbound call, method, error, service and edge.

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
    /// An instrumented function.
    ///
    /// No agent of this version sends it: a lookup for each function step would cost the exporter
    /// more than all other digests together. It has its number so that one may later.
    Method(TextRef),
}

/// A mergeable quantile sketch of elapsed times: logarithmic buckets, relative error at most 5 %.
///
/// Bucket `i` holds values in `[2^(i/8), 2^((i+1)/8))` µs (HDR-like with 8 sub-buckets an octave;
/// the quantile answers the geometric middle of a bucket). 0 counts as 1. Sparse, sorted by bucket.
/// At most 512 buckets.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sketch {
    /// Bucket number and how many values it holds; ascending, no zero counts.
    pub buckets: Vec<(u16, u64)>,
}

/// `2^(k/8)` for `k` in 1..8 in units of 2^-63, rounded up: where the sub-buckets of an octave begin.
const OCTAVE: [u64; 7] = [
    0x8b95_c1e3_ea8b_d6e7,
    0x9837_f051_8db8_a970,
    0xa5fe_d6a9_b151_38eb,
    0xb504_f333_f9de_6485,
    0xc567_2a11_5506_dade,
    0xd744_fcca_d69d_6af5,
    0xeac0_c6e7_dd24_392f,
];

impl Sketch {
    /// Bucket of a value. Whole numbers only, so that every platform agrees.
    #[must_use]
    pub fn bucket(value: u64) -> u16 {
        let value = value.max(1);
        let octave = value.ilog2();
        let mantissa = value << (63 - octave);
        let part = OCTAVE.iter().filter(|start| mantissa >= **start).count();
        // At most 63 * 8 + 7.
        u16::try_from(8 * octave as usize + part).unwrap_or(u16::MAX)
    }

    /// Counts one value.
    pub fn insert(&mut self, value: u64) {
        self.add(Self::bucket(value), 1);
    }

    /// Counts one value several times.
    pub fn insert_many(&mut self, value: u64, count: u64) {
        if count > 0 {
            self.add(Self::bucket(value), count);
        }
    }

    /// Counts all values of another sketch.
    pub fn merge(&mut self, other: &Self) {
        for (bucket, count) in &other.buckets {
            self.add(*bucket, *count);
        }
    }

    /// Number of values.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.buckets.iter().fold(0, |sum, (_, count)| sum.saturating_add(*count))
    }

    /// The value below which a share of the values lies (0.5 for the median), at most 5 % off;
    /// `None` when there are no values.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a rank and a quantile are approximate; casts of floats saturate"
    )]
    pub fn quantile(&self, share: f64) -> Option<u64> {
        let rank = (share.clamp(0.0, 1.0) * self.count() as f64).ceil().max(1.0) as u64;
        let mut seen = 0u64;
        for (bucket, count) in &self.buckets {
            seen = seen.saturating_add(*count);
            if seen >= rank {
                return Some(((f64::from(*bucket) + 0.5) / 8.0).exp2().round() as u64);
            }
        }
        None
    }

    fn add(&mut self, bucket: u16, count: u64) {
        match self.buckets.binary_search_by_key(&bucket, |(bucket, _)| *bucket) {
            Ok(at) => self.buckets[at].1 = self.buckets[at].1.saturating_add(count),
            Err(at) => self.buckets.insert(at, (bucket, count)),
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octave_starts_are_the_eighth_roots_of_two() {
        for (k, start) in (1..).zip(OCTAVE) {
            let exact = (f64::from(k) / 8.0).exp2();
            assert!((start as f64 / 2f64.powi(63) - exact).abs() < 1e-12, "{k}");
        }
    }

    #[test]
    fn quantiles_are_within_five_percent() {
        let mut sketch = Sketch::default();
        (1..=100_000).for_each(|value| sketch.insert(value));
        for (share, exact) in [(0.5, 50_000.0), (0.95, 95_000.0), (0.99, 99_000.0), (0.0, 1.0)] {
            let found = sketch.quantile(share).unwrap() as f64;
            assert!((found / exact - 1.0).abs() <= 0.05, "{share}: {found}");
        }
        assert_eq!(Sketch::default().quantile(0.5), None);
    }

    #[test]
    fn merging_is_the_same_as_inserting_all() {
        let (mut all, mut left, mut right) =
            (Sketch::default(), Sketch::default(), Sketch::default());
        for value in [0, 1, 2, 500, 500, 1 << 40, u64::MAX] {
            all.insert(value);
            if value % 2 == 0 { left.insert(value) } else { right.insert(value) }
        }
        left.merge(&right);
        assert_eq!(left, all);
        assert_eq!(all.count(), 7);
        assert_eq!(Sketch::bucket(u64::MAX), 511);
    }
}
