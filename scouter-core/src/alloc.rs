//! An allocator that says who allocates: [`ScoutAlloc`], around any other one.
//!
//! Each thread counts the bytes it allocates; where it begins and ends to work on a transaction the
//! difference is the transaction's (`alloc_bytes` of its row). That is exact for code that runs in
//! its polls, on whatever threads: each poll closes its own account. What is freed is not
//! subtracted: memory is often freed elsewhere.
//!
//! The counter is a countdown, so that one branch serves three purposes. When it passes zero the
//! slow path looks whether the allocation is a very large one, and takes a sample for the heap
//! profile ([`heap`]). An allocation costs a subtraction, a free one load.
//!
//! Nothing in here allocates, locks, waits or panics. What is to be told goes through tables that
//! are there from the start; where there is no room it is counted.

use std::alloc::{GlobalAlloc, Layout, System};

#[cfg(feature = "enable")]
#[path = "alloc/count.rs"]
mod count;
#[cfg(feature = "enable")]
#[path = "alloc/heap.rs"]
pub(crate) mod heap;
#[cfg(feature = "enable")]
#[path = "alloc/large.rs"]
pub(crate) mod large;

#[cfg(feature = "enable")]
pub(crate) use self::count::{Edge, bytes_of_thread};

#[cfg(not(feature = "enable"))]
mod count {
    #[inline(always)]
    pub(super) fn allocated(_: *mut u8, _: usize) {}

    #[inline(always)]
    pub(super) fn moved(_: *mut u8, _: usize, _: usize) {}
}
#[cfg(not(feature = "enable"))]
mod heap {
    pub(super) struct Sample;

    #[inline(always)]
    pub(super) fn forget(_: *mut u8) -> Option<Sample> {
        None
    }

    #[inline(always)]
    pub(super) fn put_back(_: *mut u8, _: Sample) {}
}

/// Counts what is allocated, by transaction, service and tenant, and samples the heap.
///
/// Put it around the allocator of your choice, in the program (a library cannot choose one):
///
/// ```
/// use scouter_core::ScoutAlloc;
///
/// #[global_allocator]
/// static ALLOCATOR: ScoutAlloc = ScoutAlloc::system();
/// ```
///
/// or `ScoutAlloc::new(Jemalloc)`, with `ScoutAlloc<Jemalloc>` as the type. Without it `alloc_bytes`
/// of all rows is 0, and no allocation is told.
///
/// With options `large_allocation_bytes`, `heap_sample_bytes` and `memory_growth_bytes` it can be
/// tuned and switched off while the process runs.
#[derive(Debug, Clone, Copy, Default)]
pub struct ScoutAlloc<A = System>(A);

impl ScoutAlloc<System> {
    /// Around the allocator of the operating system, which Rust takes by default.
    #[must_use]
    pub const fn system() -> Self {
        Self(System)
    }
}

impl<A> ScoutAlloc<A> {
    /// Around another allocator.
    #[must_use]
    pub const fn new(inner: A) -> Self {
        Self(inner)
    }
}

// SAFETY: every call goes to the inner allocator with the very arguments that the caller vouches
// for, and its answer is handed back as it is; what else is done neither allocates nor unwinds.
unsafe impl<A: GlobalAlloc> GlobalAlloc for ScoutAlloc<A> {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise is that of the inner allocator.
        let pointer = unsafe { self.0.alloc(layout) };
        if !pointer.is_null() {
            count::allocated(pointer, layout.size());
        }
        pointer
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as above.
        let pointer = unsafe { self.0.alloc_zeroed(layout) };
        if !pointer.is_null() {
            count::allocated(pointer, layout.size());
        }
        pointer
    }

    #[inline]
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // Before: as soon as it is free another thread may get the same address and be sampled.
        heap::forget(pointer);
        // SAFETY: as above.
        unsafe { self.0.dealloc(pointer, layout) };
    }

    #[inline]
    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        let sample = heap::forget(pointer);
        // SAFETY: as above.
        let moved = unsafe { self.0.realloc(pointer, layout, new_size) };
        if moved.is_null() {
            if let Some(sample) = sample {
                heap::put_back(pointer, sample);
            }
        } else {
            count::moved(moved, layout.size(), new_size);
        }
        moved
    }
}
