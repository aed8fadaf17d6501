//! The transaction header: one object that is recording, live view and profile at once.
//!
//! Headers are aligned to 128 bytes, never freed and reused. The first 16 records and the first
//! texts lie inside, so a small transaction is this one object of at most 1.5 KiB; more records
//! come in chunks of 4 KiB, and a directory only when the inline places for chunks are used up.
//!
//! Who may write: the one thread that polls the transaction (or its single owner). Who may read:
//! anyone at any time. A header that lives has an odd *generation*; it is paid for at begin and
//! end only, and a reader that saw the same odd generation before and after its copy has seen one
//! life of the header (a seqlock). Chunks, directories and text pages come from separate pools and
//! keep their type for ever, so a stale reference leads to stale words, never to foreign memory.

#[path = "header/blocks.rs"]
mod blocks;

use self::blocks::INLINE_CHUNKS;
use crate::records::{NO_RECORD, Record, open_word};
use crate::sync::{AtomicU32, AtomicU64, Ordering, StaticRef, fence};
use crate::texts::Texts;
use crate::{pool, sys};

pub(crate) use self::blocks::{Block, Chunk, Directory};

/// Records of a block; the first one lies in the header.
pub(crate) const BLOCK_RECORDS: u32 = 16;

/// Words of [`Header::set`] and [`Header::add`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub(crate) enum Word {
    Start = 0,
    End,
    Txid,
    GxidHigh,
    GxidLow,
    Caller,
    /// Start of the poll in progress; 0 when no thread works on it.
    PollStart,
    Busy,
    Ttfb,
    SqlTicks,
    SqlRows,
    PoolWait,
    ApiTicks,
    BytesOut,
    AllocBytes,
    /// Service text (low half) and epoch of the clock at its begin, from its end on at that (high
    /// half).
    ServiceEpoch,
}

/// The epoch in [`Word::ServiceEpoch`].
pub(crate) fn epoch_of(word: u64) -> u32 {
    u32::try_from(word >> 32).unwrap_or(0)
}

/// How many [`Word`]s there are.
pub(crate) const WORDS: usize = 16;

/// Half words of [`Header::half`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub(crate) enum Half {
    Polls = 0,
    SqlCount,
    ApiCount,
    Flags,
    Status,
    Kind,
    /// Kernel id of the thread that works on it; 0 when none does.
    Tid,
    /// Private marks, see `transaction`.
    Marks,
}

/// How many [`Half`]s there are.
pub(crate) const HALVES: usize = 8;

/// Mark of [`Half::Marks`]: it carries tracestate or baggage.
pub(crate) const MARK_CARRIED: u32 = 1 << 1;

/// How far the cached time stamp of a header may be trusted.
pub(crate) mod stamp {
    /// Code of the application may have run since.
    pub(crate) const STALE: u32 = 0;
    /// A poll was entered at it and nothing ran since: good for the start of what resumes.
    pub(crate) const ENTERED: u32 = 1;
    /// A poll was left at it and nothing of ours ran since: also good for the end of what encloses.
    pub(crate) const LEFT: u32 = 2;
}

/// See the module.
#[derive(Debug)]
#[repr(C, align(128))]
pub(crate) struct Header {
    // What every step touches.
    generation: AtomicU32,
    current: AtomicU32,
    len: AtomicU32,
    capacity: AtomicU32,
    tail: StaticRef<Block>,
    /// Open word of this header, without a generation.
    open: u64,
    stamp: AtomicU64,
    stamp_state: AtomicU32,
    pending: AtomicU32,
    fold: StaticRef<Record>,
    fold_next: AtomicU32,
    limit: AtomicU32,
    dropped: AtomicU32,
    /// Records that are not steps.
    extras: AtomicU32,
    chunk_count: AtomicU32,
    /// The generation of the life that has no row yet; 0 once somebody has claimed it.
    unclaimed: AtomicU32,
    // What polls, begin and end touch.
    halves: [AtomicU32; HALVES],
    words: [AtomicU64; WORDS],
    chunks: [StaticRef<Chunk>; INLINE_CHUNKS],
    directory: StaticRef<Directory>,
    next_free: StaticRef<Header>,
    carried: pool::CarriedCell,
    pub(crate) texts: Texts,
    first: Block,
}

impl Header {
    /// A header that has never lived. No two have the same number.
    pub(crate) fn blank(number: u32) -> Self {
        Self {
            open: open_word(number & (u32::MAX >> 1), 0),
            generation: AtomicU32::new(0),
            current: AtomicU32::new(NO_RECORD),
            len: AtomicU32::new(0),
            capacity: AtomicU32::new(0),
            tail: StaticRef::empty(),
            stamp: AtomicU64::new(0),
            stamp_state: AtomicU32::new(stamp::STALE),
            pending: AtomicU32::new(NO_RECORD),
            fold: StaticRef::empty(),
            fold_next: AtomicU32::new(NO_RECORD),
            limit: AtomicU32::new(0),
            dropped: AtomicU32::new(0),
            extras: AtomicU32::new(0),
            chunk_count: AtomicU32::new(0),
            unclaimed: AtomicU32::new(0),
            halves: std::array::from_fn(|_| AtomicU32::new(0)),
            words: std::array::from_fn(|_| AtomicU64::new(0)),
            chunks: std::array::from_fn(|_| StaticRef::empty()),
            directory: StaticRef::empty(),
            next_free: StaticRef::empty(),
            carried: pool::CarriedCell::default(),
            texts: Texts::blank(),
            first: Block::blank(),
        }
    }

    // ---- one life -----------------------------------------------------------------------------

    /// Prepares a life of at most `limit` records; [`Header::publish`] makes it visible.
    #[inline]
    pub(crate) fn prepare(&'static self, limit: u32) {
        self.current.store(NO_RECORD, Ordering::Relaxed);
        self.len.store(0, Ordering::Relaxed);
        self.capacity.store(limit.min(BLOCK_RECORDS), Ordering::Relaxed);
        self.tail.store(Some(&self.first));
        self.stamp_state.store(stamp::STALE, Ordering::Relaxed);
        self.pending.store(NO_RECORD, Ordering::Relaxed);
        self.fold_next.store(NO_RECORD, Ordering::Relaxed);
        self.limit.store(limit, Ordering::Relaxed);
        self.dropped.store(0, Ordering::Relaxed);
        self.extras.store(0, Ordering::Relaxed);
        self.texts.clear();
        for half in &self.halves {
            half.store(0, Ordering::Relaxed);
        }
        for word in &self.words {
            word.store(0, Ordering::Relaxed);
        }
    }

    /// Begins the prepared life. Answers its generation.
    #[inline]
    pub(crate) fn publish(&self) -> u32 {
        let generation = self.generation.load(Ordering::Relaxed).wrapping_add(1);
        self.unclaimed.store(generation, Ordering::Relaxed);
        self.generation.store(generation, Ordering::Release);
        generation
    }

    /// Takes the right to give the life with this generation its row: exactly one gets it, its
    /// owner at its end or whoever does not wait for that any longer.
    ///
    /// The only read-modify-write that a transaction pays, once.
    #[inline]
    pub(crate) fn claim(&self, generation: u32) -> bool {
        let claimed =
            self.unclaimed.compare_exchange(generation, 0, Ordering::Relaxed, Ordering::Relaxed);
        claimed.is_ok()
    }

    /// Ends the life: readers reject it from now on. What is written after the fence cannot be
    /// taken for a part of it.
    #[inline]
    pub(crate) fn retire(&self) {
        let generation = self.generation.load(Ordering::Relaxed).wrapping_add(1);
        self.generation.store(generation, Ordering::Release);
        fence(Ordering::Release);
    }

    #[inline(always)]
    pub(crate) fn generation(&self) -> u32 {
        self.generation.load(Ordering::Relaxed)
    }

    /// End word of the records that are open in the life with this generation.
    #[inline(always)]
    pub(crate) fn open_word(&self, generation: u32) -> u64 {
        self.open | u64::from(generation)
    }

    /// Runs `copy` over the header if it lives, and answers its result if the same life lasted
    /// until the end of the copy. `Err` if the life ended meanwhile (worth another try).
    pub(crate) fn read_life<T>(
        &'static self,
        copy: impl FnOnce(&'static Self, u32) -> T,
    ) -> Result<Option<T>, Ended> {
        let generation = self.generation.load(Ordering::Acquire);
        if generation & 1 == 0 {
            return Ok(None);
        }
        let copied = copy(self, generation);
        fence(Ordering::Acquire);
        if self.generation.load(Ordering::Relaxed) == generation {
            Ok(Some(copied))
        } else {
            Err(Ended)
        }
    }

    /// Asks for the parts that the live view reads.
    pub(crate) fn prefetch(&self) {
        sys::prefetch(&self.generation);
        sys::prefetch(&self.halves);
        sys::prefetch(&self.words[0]);
        sys::prefetch(&self.words[WORDS / 2]);
        sys::prefetch(&self.words[WORDS - 1]);
        sys::prefetch(&self.texts);
        sys::prefetch(&self.first.0[0]);
        sys::prefetch(&self.first.0[2]);
    }

    // ---- words --------------------------------------------------------------------------------

    #[inline(always)]
    pub(crate) fn word(&self, word: Word) -> u64 {
        self.words[word as usize].load(Ordering::Relaxed)
    }

    #[inline(always)]
    pub(crate) fn set(&self, word: Word, value: u64) {
        self.words[word as usize].store(value, Ordering::Relaxed);
    }

    #[inline(always)]
    pub(crate) fn add(&self, word: Word, by: u64) {
        self.set(word, self.word(word).wrapping_add(by));
    }

    #[inline(always)]
    pub(crate) fn half(&self, half: Half) -> u32 {
        self.halves[half as usize].load(Ordering::Relaxed)
    }

    #[inline(always)]
    pub(crate) fn set_half(&self, half: Half, value: u32) {
        self.halves[half as usize].store(value, Ordering::Relaxed);
    }

    #[inline(always)]
    pub(crate) fn add_half(&self, half: Half, by: u32) {
        self.set_half(half, self.half(half).saturating_add(by));
    }

    /// Takes over the words and half words of another one as they are, whatever its owner does.
    pub(crate) fn copy_figures(&self, from: &Self) {
        for (place, word) in self.words.iter().zip(&from.words) {
            place.store(word.load(Ordering::Relaxed), Ordering::Relaxed);
        }
        for (place, half) in self.halves.iter().zip(&from.halves) {
            place.store(half.load(Ordering::Relaxed), Ordering::Relaxed);
        }
    }

    /// Copies all words, then all halves in pairs, in the order of their enums.
    #[inline]
    pub(crate) fn copy_words(&self, places: &[AtomicU64; WORDS + HALVES / 2]) {
        for (place, word) in places.iter().zip(&self.words) {
            place.store(word.load(Ordering::Relaxed), Ordering::Relaxed);
        }
        for (place, pair) in places[WORDS..].iter().zip(self.halves.as_chunks::<2>().0) {
            let [low, high] = pair;
            let pair = u64::from(low.load(Ordering::Relaxed))
                | u64::from(high.load(Ordering::Relaxed)) << 32;
            place.store(pair, Ordering::Relaxed);
        }
    }

    // ---- position -----------------------------------------------------------------------------

    /// Innermost open record of the thread that works on it.
    #[inline(always)]
    pub(crate) fn current(&self) -> u32 {
        self.current.load(Ordering::Relaxed)
    }

    #[inline(always)]
    pub(crate) fn set_current(&self, index: u32) {
        self.current.store(index, Ordering::Release);
    }

    /// Restores the innermost record when `index` is it.
    #[inline(always)]
    pub(crate) fn set_current_if(&self, index: u32, parent: u32) {
        if self.current() == index {
            self.set_current(parent);
        }
    }

    /// The last record among the newest `limit` that is open, for readers.
    pub(crate) fn last_open(&'static self, generation: u32, limit: u32) -> Option<u32> {
        let (len, open) = (self.len(), self.open_word(generation));
        (len.saturating_sub(limit)..len)
            .rev()
            .find(|index| self.record(*index).is_some_and(|record| record.is_open(open)))
    }

    /// What it awaited when it was last left, for readers.
    pub(crate) fn pending(&self) -> u32 {
        self.pending.load(Ordering::Acquire)
    }

    #[inline(always)]
    pub(crate) fn set_pending(&self, index: u32) {
        self.pending.store(index, Ordering::Release);
    }

    /// Innermost open record, for readers.
    pub(crate) fn current_for_readers(&self) -> u32 {
        self.current.load(Ordering::Acquire)
    }

    /// Number of records.
    #[inline(always)]
    pub(crate) fn len(&self) -> u32 {
        self.len.load(Ordering::Acquire)
    }

    /// Records that were not written because of a limit.
    pub(crate) fn dropped(&self) -> u32 {
        self.dropped.load(Ordering::Relaxed)
    }

    #[inline(always)]
    pub(crate) fn stamp(&self) -> (u64, u32) {
        (self.stamp.load(Ordering::Relaxed), self.stamp_state.load(Ordering::Relaxed))
    }

    #[inline(always)]
    pub(crate) fn set_stamp(&self, ticks: u64, state: u32) {
        self.stamp.store(ticks, Ordering::Relaxed);
        self.stamp_state.store(state, Ordering::Relaxed);
    }

    /// Code of the application runs now: the cached time stamp is of no use any more.
    #[inline(always)]
    pub(crate) fn spoil_stamp(&self) {
        self.stamp_state.store(stamp::STALE, Ordering::Relaxed);
    }

    // ---- free lists ---------------------------------------------------------------------------

    pub(crate) fn next_free(&self) -> Option<&'static Self> {
        self.next_free.load()
    }

    pub(crate) fn set_next_free(&self, next: Option<&'static Self>) {
        self.next_free.store(next);
    }

    /// Whether it is in a life now.
    pub(crate) fn is_alive(&self) -> bool {
        self.generation.load(Ordering::Acquire) & 1 == 1
    }

    /// Forgets what travels on to callees, if there is anything.
    pub(crate) fn clear_carried(&self) {
        if self.half(Half::Marks) & MARK_CARRIED != 0 {
            self.carried.set(None);
        }
    }

    /// What travels on to callees besides the ids.
    pub(crate) fn carried(&self) -> &pool::CarriedCell {
        &self.carried
    }
}

/// The life that was being read ended meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ended;

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn header() -> &'static Header {
        Box::leak(Box::new(Header::blank(1)))
    }

    #[test]
    fn idle_transaction_costs_at_most_one_and_a_half_kibibyte() {
        assert!(size_of::<Header>() <= 1_536, "{}", size_of::<Header>());
        assert_eq!(align_of::<Header>(), 128);
        assert_eq!(size_of::<Chunk>(), 4_096);
        assert_eq!(size_of::<Directory>(), 4_096);
    }

    #[test]
    fn reader_sees_one_life_or_none() {
        let header = header();
        assert_eq!(header.read_life(|_, _| 1), Ok(None));
        header.prepare(16);
        header.publish();
        assert_eq!(header.read_life(|_, generation| generation), Ok(Some(1)));
        let torn = header.read_life(|header, _| {
            header.retire();
            header.prepare(16);
            header.publish();
        });
        assert_eq!(torn, Err(Ended));
    }

    #[test]
    fn late_foreign_close_never_touches_the_next_life() {
        const ROUNDS: u32 = 50_000;
        let header = header();
        let life = AtomicU64::new(0);
        let closed_early = std::thread::scope(|scope| {
            let foreign = scope.spawn(|| {
                let (mut seen, mut closes) = (0, 0);
                loop {
                    let now = life.load(Ordering::Acquire);
                    if now == u64::MAX {
                        return closes;
                    }
                    if now != seen {
                        seen = now;
                        let generation = u32::try_from(now).unwrap();
                        let record = header.record(0).unwrap();
                        closes += u32::from(
                            record.close_from_elsewhere(header.open_word(generation), 99),
                        );
                    }
                }
            });
            for _ in 0..ROUNDS {
                header.prepare(16);
                let first = header.publish();
                header.push([1, 1, header.open_word(first), 0]).unwrap();
                life.store(first.into(), Ordering::Release);
                header.retire();
                header.prepare(16);
                let second = header.publish();
                let (record, _) = header.push([2, 2, header.open_word(second), 0]).unwrap();
                assert!(record.is_open(header.open_word(second)));
                std::hint::black_box(record);
                assert!(record.is_open(header.open_word(second)));
                header.retire();
            }
            life.store(u64::MAX, Ordering::Release);
            foreign.join().unwrap()
        });
        assert!(closed_early <= ROUNDS);
    }
}
