//! What each OS thread is working on, and what it owns of the recorder.
//!
//! The lane is a thread-local that is initialised at compile time and has nothing to drop: reading
//! it can neither allocate nor fail, in a destructor, a signal handler or an allocator. Its
//! readable half, the [`Slot`], is shared, so that a watchdog can see which thread works on which
//! transaction since when.
//!
//! Queues and free headers belong to the thread and are handed on when it ends. That needs a second
//! thread-local with a destructor, which only the slow path creates. A transaction that ends on a
//! thread whose destructors already ran goes through one shared queue.

use std::cell::Cell;
use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;

use parking_lot::Mutex;

use crate::header::Header;
use crate::queue::{Profiles, Segment, Segments, Summaries};
use crate::sync::{AtomicU32, AtomicU64, Ordering};
use crate::{clock, pool, switch};

/// Headers a thread keeps for itself; further ones go to the process's list.
const MAX_OWN_HEADERS: u32 = 64;

/// Transaction numbers a thread draws at once from the process's counter.
const ID_BLOCK: u32 = 4_096;

/// Most segments of 32 KiB for finished rows in the process: 64 MiB.
///
/// Past it the newest row is dropped and `dropped_summary_queue` grows.
pub const MAX_SEGMENTS: u32 = 2_048;

/// What other threads may read of a lane.
#[derive(Debug)]
#[repr(C, align(128))]
pub(crate) struct Slot {
    /// Start of the poll in progress in ticks; 0 when there is none.
    pub(crate) poll_start: AtomicU64,
    /// Transaction that is being polled; 0 when there is none.
    pub(crate) txid: AtomicU64,
    /// Kernel id of the thread; 0 when no thread owns the slot.
    pub(crate) tid: AtomicU32,
}

/// What a thread owns and another may read or inherit.
#[derive(Debug)]
pub(crate) struct Thread {
    pub(crate) slot: Slot,
    /// Transactions that ended on this thread; only it writes.
    pub(crate) ended: AtomicU64,
    pub(crate) summaries: Summaries,
    pub(crate) profiles: Profiles,
}

/// See the module.
pub(crate) struct Lane {
    header: Cell<Option<&'static Header>>,
    generation: Cell<u32>,
    tid: Cell<u32>,
    thread: Cell<Option<&'static Thread>>,
    has_exited: Cell<bool>,
    free: Cell<Option<&'static Header>>,
    free_count: Cell<u32>,
    next_id: Cell<u32>,
    ids_left: Cell<u32>,
    random: Cell<(u64, u64)>,
    second: Cell<Second>,
    is_panics_muted: Cell<bool>,
}

/// A unix second and the ticks in which it is current.
#[derive(Debug, Clone, Copy)]
struct Second {
    number: u32,
    epoch: u32,
    from: u64,
    until: u64,
}

thread_local! {
    static LANE: Lane = const {
        Lane {
            header: Cell::new(None),
            generation: Cell::new(0),
            tid: Cell::new(0),
            thread: Cell::new(None),
            has_exited: Cell::new(false),
            free: Cell::new(None),
            free_count: Cell::new(0),
            next_id: Cell::new(0),
            ids_left: Cell::new(0),
            random: Cell::new((0, 0)),
            second: Cell::new(Second { number: 0, epoch: 0, from: 0, until: 0 }),
            is_panics_muted: Cell::new(false),
        }
    };
    static EXIT: Exit = const { Exit };
}

static THREADS: Mutex<Vec<&'static Thread>> = Mutex::new(Vec::new());
static ABANDONED: Mutex<Vec<&'static Thread>> = Mutex::new(Vec::new());
static SEGMENTS: Mutex<Vec<&'static Segment>> = Mutex::new(Vec::new());
static SEGMENT_COUNT: AtomicU32 = AtomicU32::new(0);
static NEXT_ID: LazyLock<AtomicU32> = LazyLock::new(|| AtomicU32::new(random_word()));

/// The queue of threads that are past their destructors; its lock makes them one producer.
static ORPHANAGE: Mutex<Option<&'static Thread>> = Mutex::new(None);

/// Calls `f` with this thread's lane.
#[inline(always)]
pub(crate) fn with<T>(f: impl FnOnce(&Lane) -> T) -> T {
    LANE.with(f)
}

/// The transaction this thread works on, with its generation.
#[inline(always)]
pub(crate) fn current() -> Option<(&'static Header, u32)> {
    with(|lane| {
        let header = lane.header.get()?;
        let generation = lane.generation.get();
        // A guard that was forgotten leaves a finished transaction behind.
        (header.generation() == generation).then_some((header, generation))
    })
}

/// Whether this thread works on exactly this life of this header.
#[inline(always)]
pub(crate) fn is_current(header: &'static Header, generation: u32) -> bool {
    with(|lane| {
        lane.generation.get() == generation
            && lane.header.get().is_some_and(|current| std::ptr::eq(current, header))
            && header.generation() == generation
    })
}

/// Whether this thread works on this header, whichever life of it.
#[inline(always)]
pub(crate) fn works_on(header: &'static Header) -> bool {
    with(|lane| lane.header.get().is_some_and(|current| std::ptr::eq(current, header)))
}

/// What a lane pointed to, to be put back.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Position(Option<&'static Header>, u32);

impl Position {
    /// Works on nothing.
    pub(crate) const NOTHING: Self = Self(None, 0);

    pub(crate) const fn of(header: &'static Header, generation: u32) -> Self {
        Self(Some(header), generation)
    }
}

/// Points the lane elsewhere; answers where it pointed.
#[inline(always)]
pub(crate) fn replace(position: Position) -> Position {
    with(|lane| Position(lane.header.replace(position.0), lane.generation.replace(position.1)))
}

/// Says whether a panic of this thread is no business of its transaction; answers what was said.
pub(crate) fn mute_panics(is_muted: bool) -> bool {
    with(|lane| lane.is_panics_muted.replace(is_muted))
}

/// See [`mute_panics`].
pub(crate) fn is_panics_muted() -> bool {
    with(|lane| lane.is_panics_muted.get())
}

/// Kernel id of this thread.
#[inline]
pub(crate) fn tid() -> u32 {
    with(|lane| {
        if lane.tid.get() == 0 {
            lane.tid.set(crate::sys::thread_id());
        }
        lane.tid.get()
    })
}

/// What this thread owns; `None` once its destructors ran.
#[inline]
pub(crate) fn thread() -> Option<&'static Thread> {
    with(|lane| lane.thread.get().or_else(|| register(lane)))
}

#[cold]
fn register(lane: &Lane) -> Option<&'static Thread> {
    // In the child of a fork the locks may be held by threads that do not exist there.
    if lane.has_exited.get() || switch::is_forked() || EXIT.try_with(|_| ()).is_err() {
        return None;
    }
    let thread = match ABANDONED.lock().pop() {
        Some(thread) => thread,
        None => new_thread()?,
    };
    crate::native::enter_thread();
    thread.slot.tid.store(tid(), Ordering::Relaxed);
    lane.thread.set(Some(thread));
    Some(thread)
}

fn new_thread() -> Option<&'static Thread> {
    let thread: &'static Thread = Box::leak(Box::new(Thread {
        slot: Slot {
            poll_start: AtomicU64::new(0),
            txid: AtomicU64::new(0),
            tid: AtomicU32::new(0),
        },
        ended: AtomicU64::new(0),
        summaries: Summaries::new(SegmentPool.take()?),
        profiles: Profiles::new(),
    }));
    THREADS.lock().push(thread);
    Some(thread)
}

/// Calls `f` with a thread whose queues only the caller fills: its own, or the shared one.
/// `None` when there is neither.
pub(crate) fn with_queues<T>(f: impl FnOnce(&'static Thread) -> T) -> Option<T> {
    if let Some(thread) = thread() {
        return Some(f(thread));
    }
    let mut orphanage = ORPHANAGE.lock();
    if orphanage.is_none() {
        *orphanage = new_thread();
    }
    orphanage.map(f)
}

/// All threads that ever recorded, each queue once.
pub(crate) fn threads(out: &mut Vec<&'static Thread>) {
    out.clear();
    out.extend_from_slice(&THREADS.lock());
}

/// Segments of the process.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SegmentPool;

impl Segments for SegmentPool {
    fn take(&self) -> Option<&'static Segment> {
        if let Some(segment) = SEGMENTS.lock().pop() {
            return Some(segment);
        }
        if SEGMENT_COUNT.fetch_add(1, Ordering::Relaxed) >= MAX_SEGMENTS {
            SEGMENT_COUNT.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        Some(Box::leak(Box::new(Segment::blank())))
    }

    fn give(&self, segment: &'static Segment) {
        SEGMENTS.lock().push(segment);
    }
}

struct Exit;

impl Drop for Exit {
    fn drop(&mut self) {
        with(|lane| {
            lane.has_exited.set(true);
            if switch::is_forked() {
                return;
            }
            let mut next = lane.free.take();
            lane.free_count.set(0);
            pool::give_headers(std::iter::from_fn(|| {
                let header = next?;
                next = header.next_free();
                Some(header)
            }));
            if let Some(thread) = lane.thread.take() {
                thread.slot.tid.store(0, Ordering::Relaxed);
                thread.slot.txid.store(0, Ordering::Relaxed);
                thread.slot.poll_start.store(0, Ordering::Relaxed);
                ABANDONED.lock().push(thread);
            }
        });
    }
}

// ---- headers ----------------------------------------------------------------------------------

/// A header of this thread's list, of the process's, or a new one; `None` at the limit.
#[inline]
pub(crate) fn take_header(lane: &Lane) -> Option<&'static Header> {
    let (header, left) = match lane.free.get() {
        Some(header) => (header, lane.free_count.get()),
        None => pool::take_headers()?,
    };
    lane.free.set(header.next_free());
    lane.free_count.set(left - 1);
    Some(header)
}

/// Takes a header back that nobody refers to any more.
#[inline]
pub(crate) fn give_header(header: &'static Header) {
    with(|lane| {
        if lane.has_exited.get() || lane.free_count.get() >= MAX_OWN_HEADERS {
            pool::give_headers([header]);
            return;
        }
        header.set_next_free(lane.free.get());
        lane.free.set(Some(header));
        lane.free_count.set(lane.free_count.get() + 1);
    });
}

// ---- ids --------------------------------------------------------------------------------------

impl Lane {
    /// A new txid for a transaction that begins at `ticks`.
    #[inline]
    pub(crate) fn next_txid(&self, ticks: u64) -> u64 {
        if self.ids_left.get() == 0 {
            self.seed();
        }
        self.ids_left.set(self.ids_left.get() - 1);
        let id = self.next_id.get();
        self.next_id.set(id.wrapping_add(1));
        u64::from(self.unix_second(ticks)) << 32 | u64::from(id)
    }

    /// A new random gxid: xorshift128+, seeded per thread from the system.
    #[inline]
    pub(crate) fn next_gxid(&self) -> (u64, u64) {
        let (mut a, mut b) = self.random.get();
        let mut draw = || {
            let mut x = a;
            let y = b;
            a = y;
            x ^= x << 23;
            b = x ^ y ^ (x >> 17) ^ (y >> 26);
            b.wrapping_add(y)
        };
        let drawn = (draw(), draw() | 1);
        self.random.set((a, b));
        drawn
    }

    #[cold]
    fn seed(&self) {
        if self.random.get() == (0, 0) {
            let state = RandomState::new();
            self.random.set((state.hash_one(1) | 1, state.hash_one(2)));
        }
        self.next_id.set(NEXT_ID.fetch_add(ID_BLOCK, Ordering::Relaxed));
        self.ids_left.set(ID_BLOCK);
    }

    #[inline]
    fn unix_second(&self, ticks: u64) -> u32 {
        let second = self.second.get();
        if second.epoch == clock::epoch() && (second.from..second.until).contains(&ticks) {
            return second.number;
        }
        self.find_second(ticks)
    }

    #[cold]
    fn find_second(&self, ticks: u64) -> u32 {
        let unix_us = u64::try_from(clock::unix_us(ticks)).unwrap_or(1_000_000);
        let left_us = 1_000_000 - unix_us % 1_000_000;
        let number = u32::try_from(unix_us / 1_000_000).unwrap_or(u32::MAX).max(1);
        let until = ticks.saturating_add(clock::ns_to_ticks(left_us * 1_000));
        self.second.set(Second { number, epoch: clock::epoch(), from: ticks, until });
        number
    }
}

fn random_word() -> u32 {
    #[expect(clippy::cast_possible_truncation, reason = "half of a random number")]
    let word = RandomState::new().hash_one(std::process::id()) as u32;
    word
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn txids_of_all_threads_differ_and_carry_the_second() {
        let draw =
            || with(|lane| (0..10_000).map(|_| lane.next_txid(clock::now_ticks())).collect());
        let mut all: Vec<u64> = std::thread::scope(|scope| {
            let others: Vec<_> = (0..3).map(|_| scope.spawn(draw)).collect();
            let mut all: Vec<u64> = draw();
            others.into_iter().for_each(|other| all.extend(other.join().unwrap()));
            all
        });
        assert!(all.iter().all(|id| id >> 32 > 1_600_000_000));
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
    }

    #[test]
    fn gxids_are_random_and_never_zero() {
        with(|lane| {
            lane.next_txid(clock::now_ticks());
            let (first, second) = (lane.next_gxid(), lane.next_gxid());
            assert_ne!(first, second);
            assert_ne!(first.1, 0);
        });
    }

    #[test]
    fn queue_of_a_finished_thread_is_handed_on() {
        let first = std::thread::scope(|scope| {
            scope.spawn(|| std::ptr::from_ref(thread().expect("alive")).addr()).join().unwrap()
        });
        let mut all = Vec::new();
        threads(&mut all);
        assert!(all.iter().any(|thread| std::ptr::from_ref(*thread).addr() == first));
    }
}
