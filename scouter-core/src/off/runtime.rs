//! Without feature `enable`: nobody watches.

/// Watches nothing.
#[inline(always)]
pub fn watch_runtime() -> bool {
    false
}
