//! What a thread allocates between two edges of a transaction; nothing without feature `alloc`.

#[cfg(feature = "alloc")]
pub(crate) use crate::alloc::Edge;

/// Counts nothing.
#[cfg(not(feature = "alloc"))]
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Edge;

#[cfg(not(feature = "alloc"))]
impl Edge {
    #[inline(always)]
    pub(crate) const fn here(_: u32) -> Self {
        Self
    }

    #[inline(always)]
    pub(crate) const fn close(self, _: &'static crate::header::Header) {}
}
