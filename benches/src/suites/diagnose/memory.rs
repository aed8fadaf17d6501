//! What the allocator's wrapper costs, and how true its sums are.
//!
//! The allocator is called directly, so that a pair of calls and nothing else is measured: what our
//! wrapper adds to the allocator of the system, which is the yardstick. The sum of what transactions
//! are said to have allocated is compared with what the wrapped allocator was asked for.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::hint::black_box;

use scouter_core::record::EndReason;
use scouter_core::{Begin, ScoutAlloc, TextKind, Transaction, intern};

use crate::clock::measure;
use crate::peers;

/// Size of the blocks of a pair: what most allocations of a request are, and less than a free list
/// of the system's allocator serves at once.
const SIZES: [usize; 8] = [64, 24, 512, 48, 1_040, 16, 128, 96];

pub(super) fn pair_ns(cell: &crate::harness::Cell<'_>, allocator: impl GlobalAlloc) -> f64 {
    // Samples are taken only while somebody wants to know.
    peers::ours::start_recording();
    let layouts = SIZES.map(|size| Layout::from_size_align(size, 8));
    let nanos = measure(cell.budget, || {
        for layout in black_box(&layouts).iter().flatten() {
            pair(&allocator, *layout);
        }
    });
    nanos / SIZES.len() as f64
}

#[inline(always)]
#[expect(unsafe_code, reason = "allocators are called directly")]
fn pair(allocator: &impl GlobalAlloc, layout: Layout) {
    // SAFETY: no layout is empty, and the block is freed by the allocator it came from.
    unsafe {
        let block = black_box(allocator.alloc(layout));
        if !block.is_null() {
            allocator.dealloc(block, layout);
        }
    }
}

thread_local! {
    static ASKED: Cell<u64> = const { Cell::new(0) };
}

/// Counts by itself what it is asked for.
struct Asked;

#[expect(unsafe_code, reason = "an allocator is an unsafe trait")]
// SAFETY: each call goes to the system's allocator as it is.
unsafe impl GlobalAlloc for Asked {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ASKED.with(|asked| asked.set(asked.get() + layout.size() as u64));
        // SAFETY: the caller's promise is that of the system's allocator.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(block, layout) };
    }
}

/// Requests that move from thread to thread between their polls, several at a time on each.
pub(super) fn sum_error_pct() -> Result<f64, String> {
    const THREADS: usize = 4;
    const REQUESTS: u64 = 200;
    const POLLS: usize = 10;
    let recording = scouter_core::testing::capture(|| {
        let asked = std::sync::atomic::AtomicU64::new(0);
        let mut requests: Vec<_> = (0..REQUESTS)
            .map(|_| Transaction::begin(Begin::new(intern(TextKind::Service, "allocates"))))
            .collect();
        for round in 0..POLLS {
            let share = requests.len() / THREADS;
            let mut shares = Vec::new();
            while !requests.is_empty() {
                shares.push(requests.split_off(requests.len().saturating_sub(share)));
            }
            std::thread::scope(|scope| {
                let polled: Vec<_> = shares
                    .into_iter()
                    .map(|share| scope.spawn(|| polled(share, round, &asked)))
                    .collect();
                for share in polled {
                    requests.extend(share.join().unwrap_or_default());
                }
            });
        }
        requests.into_iter().for_each(|request| request.end(EndReason::Complete));
        TOTAL.store(asked.into_inner(), std::sync::atomic::Ordering::Relaxed);
    });
    let asked = TOTAL.load(std::sync::atomic::Ordering::Relaxed);
    let said: u64 = recording.xlogs.iter().map(|row| row.alloc_bytes).sum();
    if recording.xlogs.len() as u64 != REQUESTS || asked == 0 {
        return Err(format!("{} of {REQUESTS} requests were recorded", recording.xlogs.len()));
    }
    Ok(said.abs_diff(asked) as f64 * 100.0 / asked as f64)
}

static TOTAL: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);

fn polled(
    requests: Vec<Transaction>,
    round: usize,
    asked: &std::sync::atomic::AtomicU64,
) -> Vec<Transaction> {
    let allocator = ScoutAlloc::new(Asked);
    for (number, request) in requests.iter().enumerate() {
        let before = ASKED.with(Cell::get);
        {
            let _poll = request.enter_poll();
            for size in SIZES {
                if let Ok(layout) = Layout::from_size_align(size * (number + 1), 8) {
                    pair(&allocator, layout);
                }
            }
        }
        let inside = ASKED.with(Cell::get) - before;
        asked.fetch_add(inside, std::sync::atomic::Ordering::Relaxed);
        // Between two polls the thread works for nobody.
        if let Ok(layout) = Layout::from_size_align(4_096 * (1 + round), 8) {
            pair(&allocator, layout);
        }
    }
    requests
}
