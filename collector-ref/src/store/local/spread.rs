//! Count, errors, sum and percentiles of the elapsed times of a group of rows.

/// Buckets per doubling: the middle of a bucket is at most 3.2 % off. With half as many it was up to
/// 6.3 %, more than the 5 % that are promised.
const SUB_BITS: u32 = 4;
const SUBS: u64 = 1 << SUB_BITS;

/// Number of buckets: that of the longest time is the last one.
pub(crate) const BUCKETS: usize = 976;

/// Bucket of an elapsed time: exact below 32 µs, then 16 an octave.
fn bucket(elapsed_us: u64) -> usize {
    let octave = elapsed_us.checked_ilog2().unwrap_or(0);
    let bucket = if octave <= SUB_BITS {
        elapsed_us
    } else {
        let shift = octave - SUB_BITS;
        u64::from(shift) * SUBS + (elapsed_us >> shift)
    };
    usize::try_from(bucket).unwrap_or(usize::MAX)
}

/// Middle of a bucket, µs.
fn middle(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    if bucket < 2 * SUBS {
        return bucket;
    }
    let shift = bucket / SUBS - 1;
    let low = (SUBS + bucket % SUBS) << shift;
    low + (1 << shift) / 2
}

/// What is added up of a group of rows.
#[derive(Debug, Clone, Default)]
pub(crate) struct Spread {
    pub(crate) count: u64,
    pub(crate) errors: u64,
    pub(crate) elapsed_sum_us: u64,
    pub(crate) max_us: u64,
    /// First bucket that `counts` holds.
    first: usize,
    counts: Vec<u32>,
}

impl Spread {
    #[inline]
    pub(crate) fn add(&mut self, elapsed_us: u64, is_error: bool) {
        self.count += 1;
        self.errors += u64::from(is_error);
        self.elapsed_sum_us = self.elapsed_sum_us.saturating_add(elapsed_us);
        self.max_us = self.max_us.max(elapsed_us);
        let bucket = bucket(elapsed_us);
        match bucket.checked_sub(self.first).and_then(|place| self.counts.get_mut(place)) {
            Some(count) => *count = count.saturating_add(1),
            None => self.add_outside(bucket),
        }
    }

    /// Widens the buckets, so that this is rare, and counts.
    #[cold]
    fn add_outside(&mut self, bucket: usize) {
        self.cover(bucket, 1);
        self.counts[bucket - self.first] += 1;
    }

    /// Widens the buckets, with some room, so that these are among them.
    fn cover(&mut self, first: usize, length: usize) {
        const ROOM: usize = 16;
        let end = first + length;
        if self.counts.is_empty() {
            self.first = first.saturating_sub(ROOM);
        } else if first < self.first {
            let wider = first.saturating_sub(ROOM);
            let more = self.first - wider;
            self.counts.splice(0..0, std::iter::repeat_n(0, more));
            self.first = wider;
        }
        if end > self.first + self.counts.len() {
            self.counts.resize(end - self.first + ROOM, 0);
        }
    }

    /// Adds buckets that lie next to each other; count and sums are added apart.
    #[inline]
    pub(crate) fn add_buckets(&mut self, first: usize, counts: impl ExactSizeIterator<Item = u32>) {
        if counts.len() == 0 {
            return;
        }
        if first < self.first || first + counts.len() > self.first + self.counts.len() {
            self.cover(first, counts.len());
        }
        for (own, more) in self.counts[first - self.first..].iter_mut().zip(counts) {
            *own = own.saturating_add(more);
        }
    }

    /// The buckets from the first to the last one that is not empty, and which the first one is.
    pub(crate) fn buckets(&self) -> (usize, &[u32]) {
        let is_counted = |count: &u32| *count != 0;
        let Some(begin) = self.counts.iter().position(is_counted) else { return (0, &[]) };
        let end = self.counts.iter().rposition(is_counted).map_or(begin, |last| last + 1);
        (self.first + begin, &self.counts[begin..end])
    }

    /// Forgets everything but keeps the memory.
    pub(crate) fn clear(&mut self) {
        let mut counts = std::mem::take(&mut self.counts);
        counts.fill(0);
        *self = Self { first: self.first, counts, ..Self::default() };
    }

    /// The value below which `percent` of all values lie.
    pub(crate) fn percentile(&self, percent: u64) -> u64 {
        let rank = (self.count * percent).div_ceil(100).max(1);
        let mut seen = 0;
        for (place, count) in self.counts.iter().enumerate() {
            seen += u64::from(*count);
            if seen >= rank {
                return middle(self.first + place).min(self.max_us);
            }
        }
        self.max_us
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_ascend_and_their_middles_are_within_five_percent() {
        assert!((0..100_000).map(bucket).is_sorted());
        for us in (0..100_000u64).chain((0..64).map(|bit| 1 << bit)).chain([u64::MAX]) {
            let error = middle(bucket(us)).abs_diff(us);
            assert!(error <= us / 20, "{us} becomes {}", middle(bucket(us)));
        }
    }

    #[test]
    fn the_longest_time_has_the_last_bucket() {
        assert_eq!(bucket(u64::MAX) + 1, BUCKETS);
    }

    #[test]
    fn buckets_of_two_groups_are_those_of_all_their_values() {
        let (mut one, mut other, mut all) =
            (Spread::default(), Spread::default(), Spread::default());
        for us in [700, 90_000, 3, 5_000_000, 1_200, 1_200] {
            one.add(us, false);
            all.add(us, false);
        }
        for us in [1, 60_000_000, 2_000] {
            other.add(us, true);
            all.add(us, true);
        }
        let (first, counts) = other.buckets();
        one.add_buckets(first, counts.iter().copied());
        assert_eq!(one.buckets(), all.buckets());
        one.clear();
        assert_eq!(one.buckets(), (0, &[][..]));
    }

    #[test]
    fn percentiles_are_found_in_any_order_of_values() {
        let mut spread = Spread::default();
        for us in (1..=1000u64).rev() {
            spread.add(us * 100, us % 10 == 0);
        }
        assert_eq!((spread.count, spread.errors, spread.max_us), (1000, 100, 100_000));
        for (percent, exact) in [(50, 50_000u64), (95, 95_000), (99, 99_000), (100, 100_000)] {
            let found = spread.percentile(percent);
            assert!(found.abs_diff(exact) * 20 <= exact, "p{percent}: {found}");
        }
    }
}
