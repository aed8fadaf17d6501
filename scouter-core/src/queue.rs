//! The two bounded queues of each thread between the request path and the drain.
//!
//! *Summaries*: finished rows as words, with their texts, in segments of 32 KiB that are linked as
//! they fill. A quiet thread owns one segment; a full queue holds [`MAX_SUMMARIES`] rows. *Profiles*:
//! references to finished headers, which the drain gives back once it has read them. They are two
//! queues so that pressure by profiles never costs a row. One thread produces, whoever holds the
//! drain consumes; a queue outlives its thread and is handed on to the next one.

use crate::header::Header;
use crate::sync::{AtomicU32, AtomicU64, Ordering, StaticRef};

/// Most finished rows that wait in one thread's queue.
///
/// Past it the newest row is dropped and `dropped_summary_queue` grows.
pub const MAX_SUMMARIES: u64 = 8_192;

/// Most finished profiles that wait in one thread's queue.
///
/// From half of it on only profiles that are slow, failed or forced are kept
/// (`profiles_sampled_out`); past it the newest is dropped (`profiles_dropped_queue`).
pub const MAX_PROFILES: u32 = 1_024;

/// Words of a segment.
#[cfg(not(loom))]
pub(crate) const SEGMENT_WORDS: usize = 4_096;
#[cfg(loom)]
pub(crate) const SEGMENT_WORDS: usize = 6;

#[cfg(not(loom))]
const PROFILE_PLACES: usize = MAX_PROFILES as usize;
#[cfg(loom)]
const PROFILE_PLACES: usize = 2;

/// A piece of a summary queue.
#[derive(Debug)]
pub(crate) struct Segment {
    next: StaticRef<Segment>,
    /// Words published so far.
    filled: AtomicU32,
    words: [AtomicU64; SEGMENT_WORDS],
}

impl Segment {
    pub(crate) fn blank() -> Self {
        Self {
            next: StaticRef::empty(),
            filled: AtomicU32::new(0),
            words: std::array::from_fn(|_| AtomicU64::new(0)),
        }
    }
}

impl Segment {
    /// Empties a segment that may come from another queue; nobody else refers to it.
    fn reset(&self) {
        self.next.store(None);
        self.filled.store(0, Ordering::Relaxed);
    }
}

/// Where segments come from and go back to.
pub(crate) trait Segments {
    /// A blank segment; `None` when memory is used up.
    fn take(&self) -> Option<&'static Segment>;
    /// Gives one back that nobody refers to any more.
    fn give(&self, segment: &'static Segment);
}

/// Finished rows of one thread, see the module. A row is its length in words, then the words.
#[derive(Debug)]
pub(crate) struct Summaries {
    // The producer's side.
    write: StaticRef<Segment>,
    produced: AtomicU64,
    dropped: AtomicU64,
    // The consumer's side.
    read: StaticRef<Segment>,
    read_at: AtomicU32,
    consumed: AtomicU64,
}

impl Summaries {
    pub(crate) fn new(first: &'static Segment) -> Self {
        first.reset();
        let queue = Self {
            write: StaticRef::empty(),
            produced: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            read: StaticRef::empty(),
            read_at: AtomicU32::new(0),
            consumed: AtomicU64::new(0),
        };
        queue.write.store(Some(first));
        queue.read.store(Some(first));
        queue
    }

    /// Rows produced, dropped because of the limit, and consumed so far.
    pub(crate) fn counts(&self) -> (u64, u64, u64) {
        // Consumed first: what is consumed after it was produced before the second reading.
        let consumed = self.consumed.load(Ordering::Acquire);
        let produced = self.produced.load(Ordering::Acquire);
        (produced, self.dropped.load(Ordering::Relaxed), consumed)
    }

    /// Appends a row of `len` words, which `fill` stores. Only the producer. `false`, counted, when
    /// the queue is full or there is no memory.
    #[inline]
    pub(crate) fn push(
        &self,
        len: usize,
        segments: &impl Segments,
        fill: impl FnOnce(&[AtomicU64]),
    ) -> bool {
        let produced = self.produced.load(Ordering::Relaxed);
        let waiting = produced.saturating_sub(self.consumed.load(Ordering::Acquire));
        let segment = if waiting >= MAX_SUMMARIES { None } else { self.room_for(len, segments) };
        let Some(segment) = segment else {
            self.dropped.store(self.dropped.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
            return false;
        };
        let start = segment.filled.load(Ordering::Relaxed) as usize;
        segment.words[start].store(len as u64, Ordering::Relaxed);
        let end = start + 1 + len;
        fill(&segment.words[start + 1..end]);
        // Counted before it is published: what is consumed is always counted as produced.
        self.produced.store(produced + 1, Ordering::Release);
        segment.filled.store(u32::try_from(end).unwrap_or(0), Ordering::Release);
        true
    }

    fn room_for(&self, len: usize, segments: &impl Segments) -> Option<&'static Segment> {
        let segment = self.write.load()?;
        if segment.filled.load(Ordering::Relaxed) as usize + 1 + len <= SEGMENT_WORDS {
            return Some(segment);
        }
        if 1 + len > SEGMENT_WORDS {
            return None;
        }
        let fresh = segments.take()?;
        fresh.reset();
        // The link also says that nothing more will come in the old segment.
        segment.next.store(Some(fresh));
        self.write.store(Some(fresh));
        Some(fresh)
    }

    /// Calls `each` with the words of up to `limit` rows, copied into `scratch`; answers how many.
    /// Only the consumer. A row counts as consumed before `each` sees it.
    pub(crate) fn consume(
        &self,
        limit: usize,
        segments: &impl Segments,
        scratch: &mut Vec<u64>,
        each: &mut dyn FnMut(&[u64]),
    ) -> usize {
        let mut taken = 0;
        while taken < limit {
            let Some(segment) = self.read.load() else { return taken };
            // The link first: if it is there, all that will ever be filled is visible.
            let next = segment.next.load();
            let filled = segment.filled.load(Ordering::Acquire);
            let at = self.read_at.load(Ordering::Relaxed);
            if at >= filled {
                let Some(next) = next else { return taken };
                self.read.store(Some(next));
                self.read_at.store(0, Ordering::Relaxed);
                segments.give(segment);
                continue;
            }
            let from = at as usize + 1;
            let len =
                usize::try_from(segment.words[at as usize].load(Ordering::Relaxed)).unwrap_or(0);
            let to = (from + len).min(SEGMENT_WORDS);
            scratch.clear();
            scratch.extend(segment.words[from..to].iter().map(|w| w.load(Ordering::Relaxed)));
            self.read_at.store(u32::try_from(to).unwrap_or(filled), Ordering::Relaxed);
            let consumed = self.consumed.load(Ordering::Relaxed);
            self.consumed.store(consumed + 1, Ordering::Release);
            taken += 1;
            each(scratch);
        }
        taken
    }
}

/// Finished profiles of one thread, see the module.
#[derive(Debug)]
pub(crate) struct Profiles {
    produced: AtomicU32,
    consumed: AtomicU32,
    places: [StaticRef<Header>; PROFILE_PLACES],
}

impl Profiles {
    pub(crate) fn new() -> Self {
        Self {
            produced: AtomicU32::new(0),
            consumed: AtomicU32::new(0),
            places: std::array::from_fn(|_| StaticRef::empty()),
        }
    }

    /// How many wait. Exact for the producer in that it can only shrink before its next push.
    #[inline]
    pub(crate) fn waiting(&self) -> u32 {
        let consumed = self.consumed.load(Ordering::Acquire);
        self.produced.load(Ordering::Relaxed).wrapping_sub(consumed)
    }

    /// Whether the next push will succeed; for the producer.
    #[inline]
    pub(crate) fn has_room(&self) -> bool {
        (self.waiting() as usize) < PROFILE_PLACES
    }

    /// Whether it is at least half full.
    #[inline]
    pub(crate) fn is_pressed(&self) -> bool {
        self.waiting() as usize * 2 >= PROFILE_PLACES
    }

    /// Hands a finished header over; only the producer. `false` when it is full.
    #[inline]
    pub(crate) fn push(&self, header: &'static Header) -> bool {
        if !self.has_room() {
            return false;
        }
        let produced = self.produced.load(Ordering::Relaxed);
        self.places[produced as usize % PROFILE_PLACES].store(Some(header));
        self.produced.store(produced.wrapping_add(1), Ordering::Release);
        true
    }

    /// Takes the oldest; only the consumer.
    pub(crate) fn pop(&self) -> Option<&'static Header> {
        let consumed = self.consumed.load(Ordering::Relaxed);
        if consumed == self.produced.load(Ordering::Acquire) {
            return None;
        }
        let place = &self.places[consumed as usize % PROFILE_PLACES];
        let header = place.load();
        place.store(None);
        self.consumed.store(consumed.wrapping_add(1), Ordering::Release);
        header
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use parking_lot::Mutex;

    #[derive(Default)]
    struct Pool(Mutex<Vec<&'static Segment>>);

    impl Segments for Pool {
        fn take(&self) -> Option<&'static Segment> {
            Some(self.0.lock().pop().unwrap_or_else(|| Box::leak(Box::new(Segment::blank()))))
        }

        fn give(&self, segment: &'static Segment) {
            self.0.lock().push(segment);
        }
    }

    fn queue(pool: &Pool) -> Summaries {
        Summaries::new(pool.take().unwrap_or_else(|| unreachable!("it is unlimited")))
    }

    fn put(queue: &Summaries, pool: &Pool, value: u64, len: usize) -> bool {
        queue.push(len, pool, |words| {
            words
                .iter()
                .zip(value..)
                .for_each(|(word, value)| word.store(value, Ordering::Relaxed));
        })
    }

    fn take_all(queue: &Summaries, pool: &Pool) -> Vec<Vec<u64>> {
        let mut rows = Vec::new();
        queue.consume(usize::MAX, pool, &mut Vec::new(), &mut |row| rows.push(row.to_vec()));
        rows
    }

    #[test]
    fn rows_come_out_whole_and_in_order_across_segments() {
        let pool = Pool::default();
        let queue = queue(&pool);
        for round in 0..3 {
            for n in 0..1_000_u64 {
                assert!(put(&queue, &pool, n * 1_000, 1 + (n % 60) as usize));
            }
            let rows = take_all(&queue, &pool);
            assert_eq!(rows.len(), 1_000, "round {round}");
            for (n, row) in rows.iter().enumerate() {
                assert_eq!(row.len(), 1 + n % 60);
                assert!(row.iter().zip(n as u64 * 1_000..).all(|(got, want)| *got == want));
            }
        }
        assert!(pool.0.lock().len() < 20, "segments are reused");
    }

    #[test]
    fn segment_of_another_queue_is_emptied_before_it_is_used() {
        let pool = Pool::default();
        let first = queue(&pool);
        (0..2_000).for_each(|n| assert!(put(&first, &pool, n, 5)));
        assert_eq!(take_all(&first, &pool).len(), 2_000);
        assert!(!pool.0.lock().is_empty());
        let second = queue(&pool);
        assert!(take_all(&second, &pool).is_empty());
        assert!(put(&second, &pool, 9, 1));
        assert_eq!(take_all(&second, &pool), [[9]]);
    }

    #[test]
    fn full_queue_drops_newest_and_counts_it() {
        let pool = Pool::default();
        let queue = queue(&pool);
        for n in 0..MAX_SUMMARIES + 5 {
            assert_eq!(put(&queue, &pool, n, 3), n < MAX_SUMMARIES);
        }
        assert_eq!(queue.counts(), (MAX_SUMMARIES, 5, 0));
        assert_eq!(take_all(&queue, &pool)[0], [0, 1, 2]);
        assert_eq!(queue.counts(), (MAX_SUMMARIES, 5, MAX_SUMMARIES));
        assert!(put(&queue, &pool, 1, 3), "there is room again");
    }

    #[test]
    fn row_longer_than_a_segment_is_refused_and_counted() {
        let pool = Pool::default();
        let queue = queue(&pool);
        assert!(!put(&queue, &pool, 1, SEGMENT_WORDS));
        assert!(put(&queue, &pool, 1, SEGMENT_WORDS - 1));
        assert_eq!(queue.counts(), (1, 1, 0));
    }

    #[test]
    fn consumer_takes_at_most_its_limit() {
        let pool = Pool::default();
        let queue = queue(&pool);
        (0..10).for_each(|n| assert!(put(&queue, &pool, n, 1)));
        let mut seen = 0;
        assert_eq!(queue.consume(4, &pool, &mut Vec::new(), &mut |_| seen += 1), 4);
        assert_eq!(seen, 4);
        assert_eq!(take_all(&queue, &pool).len(), 6);
    }

    #[test]
    fn producer_and_consumer_on_two_threads_lose_nothing() {
        const ROWS: u64 = 200_000;
        let pool = Pool::default();
        let queue = queue(&pool);
        let (mut next, mut refused) = (0, 0);
        std::thread::scope(|scope| {
            let producer = scope.spawn(|| {
                (0..ROWS).filter(|n| !put(&queue, &pool, *n, (n % 7) as usize + 1)).count()
            });
            let mut last = None;
            let mut scratch = Vec::new();
            loop {
                let done = producer.is_finished();
                queue.consume(usize::MAX, &pool, &mut scratch, &mut |row| {
                    assert!(last < Some(row[0]));
                    assert_eq!(row.len() as u64, row[0] % 7 + 1);
                    last = Some(row[0]);
                    next += 1;
                });
                if done {
                    break;
                }
            }
            refused = producer.join().unwrap() as u64;
        });
        assert_eq!(next + refused, ROWS);
    }

    #[test]
    fn profile_queue_hands_over_in_order_and_refuses_past_its_limit() {
        let queue = Profiles::new();
        let header: &'static Header = Box::leak(Box::new(Header::blank(0)));
        let kept = (0..MAX_PROFILES + 3).filter(|_| queue.push(header)).count();
        assert_eq!(kept, MAX_PROFILES as usize);
        assert!(queue.is_pressed());
        assert!(queue.pop().is_some());
        assert!(queue.has_room());
        while queue.pop().is_some() {}
        assert_eq!(queue.waiting(), 0);
    }
}
