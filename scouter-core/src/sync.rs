//! Atomics, switched to loom's when its models run, and the one pointer type the recorder needs.
//!
//! Everything another thread may read while it changes is an atomic of this module, so the live
//! view is never undefined behaviour, only possibly stale, and staleness is detected by generation.

#[cfg(not(loom))]
pub(crate) use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering, fence};

#[cfg(loom)]
pub(crate) use loom::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering, fence};

use std::fmt;
use std::ptr;

/// A shared cell with a reference to something that lives for ever, or nothing.
///
/// Headers, chunks, queues and callsites are never freed, only reused. That makes this the only
/// place where the recorder turns a pointer back into a reference. Stores release and loads
/// acquire, so whoever sees the reference sees what it refers to initialised.
pub(crate) struct StaticRef<T: 'static>(AtomicPtr<T>);

impl<T: Sync> StaticRef<T> {
    /// An empty cell.
    #[cfg(not(loom))]
    pub(crate) const fn empty() -> Self {
        Self(AtomicPtr::new(ptr::null_mut()))
    }

    /// An empty cell.
    #[cfg(loom)]
    pub(crate) fn empty() -> Self {
        Self(AtomicPtr::new(ptr::null_mut()))
    }

    /// What it refers to.
    #[inline(always)]
    pub(crate) fn load(&self) -> Option<&'static T> {
        let pointer = self.0.load(Ordering::Acquire);
        // SAFETY: only `store` and `compare_exchange` write the cell, and they accept nothing but
        // `&'static T` or null; their Release pairs with the Acquire above.
        unsafe { pointer.as_ref() }
    }

    /// Replaces the reference.
    #[inline(always)]
    pub(crate) fn store(&self, target: Option<&'static T>) {
        self.0.store(Self::raw(target), Ordering::Release);
    }

    /// Replaces the reference if it still is `current`; whether it was.
    pub(crate) fn compare_exchange(
        &self,
        current: Option<&'static T>,
        new: Option<&'static T>,
    ) -> bool {
        self.0
            .compare_exchange(
                Self::raw(current),
                Self::raw(new),
                Ordering::AcqRel,
                Ordering::Acquire,
            )
            .is_ok()
    }

    fn raw(target: Option<&'static T>) -> *mut T {
        target.map_or(ptr::null_mut(), |target| ptr::from_ref(target).cast_mut())
    }
}

impl<T: 'static> fmt::Debug for StaticRef<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StaticRef")
    }
}
