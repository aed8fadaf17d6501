//! Without feature `fallback` nothing needs to be marked.

/// See `fallback::FacadeMark`.
#[derive(Debug)]
pub(crate) struct FacadeMark;

impl FacadeMark {
    #[inline(always)]
    pub(crate) fn new() -> Self {
        Self
    }

    #[inline(always)]
    pub(crate) fn inside<T>(&self, run: impl FnOnce() -> T) -> T {
        run()
    }
}
