//! The bytes of a thread, and of a transaction from edge to edge.

use std::cell::Cell;

use super::{heap, large};
use crate::header::{Header, Word};
use crate::{options, switch};

/// Bytes until the slow path looks again when there is nothing to look for.
const IDLE_BYTES: u64 = 1 << 30;

/// Longest gap between two samples, in mean gaps: whatever the random number.
const MAX_GAPS: f64 = 16.0;

struct Counts {
    /// Bytes left until the slow path.
    left: Cell<i64>,
    /// Bytes that were given to `left` so far; what was allocated is the difference.
    given: Cell<u64>,
    /// Bytes that transactions have claimed.
    claimed: Cell<u64>,
    random: Cell<u64>,
    is_inside: Cell<bool>,
}

thread_local! {
    // Nothing to initialise and nothing to drop, so that the allocator may use it at any time.
    static COUNTS: Counts = const {
        Counts {
            left: Cell::new(0),
            given: Cell::new(0),
            claimed: Cell::new(0),
            random: Cell::new(0),
            is_inside: Cell::new(false),
        }
    };
}

/// Counts a block that was allocated.
#[inline(always)]
pub(super) fn allocated(pointer: *mut u8, size: usize) {
    let is_over = COUNTS.with(|counts| {
        // No block is larger than isize::MAX.
        let left = counts.left.get().wrapping_sub(size.cast_signed() as i64);
        counts.left.set(left);
        left < 0
    });
    if is_over {
        look(pointer, size);
    }
}

/// Counts a block that was moved or resized: only what it grew by is new, but it is as likely to be
/// sampled as any other block of its size.
#[inline]
pub(super) fn moved(pointer: *mut u8, before: usize, size: usize) {
    COUNTS.with(|counts| {
        counts.given.set(counts.given.get().wrapping_sub(before.min(size) as u64));
    });
    allocated(pointer, size);
}

#[cold]
#[inline(never)]
fn look(pointer: *mut u8, size: usize) {
    COUNTS.with(|counts| {
        let mean = options::HEAP_SAMPLE_BYTES.value();
        let limit = options::LARGE_ALLOCATION_BYTES.value();
        let was_first = counts.random.get() == 0;
        refill(counts, mean, limit);
        heap::note_ours();
        // The first countdown of a thread begins at zero, so that it says nothing.
        if was_first && (size as u64) < mean.max(1)
            || counts.is_inside.get()
            || !switch::is_recording()
        {
            return;
        }
        counts.is_inside.set(true);
        if limit > 0 && size as u64 > limit {
            large::note(size);
        }
        if mean > 0 {
            heap::sample(pointer, size, mean);
        }
        counts.is_inside.set(false);
    });
}

/// Begins a new countdown: exponentially distributed, so that every byte is as likely as any other
/// to be the one that is sampled, and never longer than what is told one by one.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "a random number of bytes; casts of floats saturate"
)]
fn refill(counts: &Counts, mean: u64, limit: u64) {
    let mut random = counts.random.get();
    if random == 0 {
        random = std::ptr::from_ref(counts).addr() as u64 ^ 0x9e37_79b9_7f4a_7c15;
    }
    random ^= random << 13;
    random ^= random >> 7;
    random ^= random << 17;
    counts.random.set(random.max(1));
    let unit = ((random >> 11) + 1) as f64 / (1_u64 << 53) as f64;
    let gap = match mean {
        0 => IDLE_BYTES,
        mean => ((-unit.ln()).min(MAX_GAPS) * mean as f64) as u64,
    };
    let gap = if limit > 0 { gap.min(limit) } else { gap }.max(1);
    // What was allocated is `given - left`, which this must not change.
    let (left, fresh) = (counts.left.replace(gap.cast_signed()), gap);
    let given = counts.given.get().wrapping_add(fresh).wrapping_sub(left.cast_unsigned());
    counts.given.set(given);
}

/// Bytes this thread has allocated so far.
#[inline(always)]
pub(crate) fn bytes_of_thread() -> u64 {
    COUNTS.with(|counts| counts.given.get().wrapping_sub(counts.left.get().cast_unsigned()))
}

/// Where a thread begins to work on a transaction.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Edge {
    bytes: u64,
    claimed: u64,
    generation: u32,
}

impl Edge {
    /// Here, for this life of a header.
    #[inline]
    pub(crate) fn here(generation: u32) -> Self {
        let claimed = COUNTS.with(|counts| counts.claimed.get());
        Self { bytes: bytes_of_thread(), claimed, generation }
    }

    /// Adds what was allocated since, and not by another transaction inside.
    #[inline]
    pub(crate) fn close(self, header: &'static Header) {
        let bytes = bytes_of_thread().wrapping_sub(self.bytes);
        COUNTS.with(|counts| {
            let inside = counts.claimed.get().wrapping_sub(self.claimed);
            counts.claimed.set(self.claimed.wrapping_add(bytes));
            if header.generation() == self.generation {
                header.add(Word::AllocBytes, bytes.wrapping_sub(inside));
            }
        });
    }
}
