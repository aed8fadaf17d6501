//! Without feature `enable`: recording cannot be turned on.

/// Does nothing.
#[inline(always)]
pub fn set_recording(_: bool) {}

/// Never.
#[inline(always)]
#[must_use]
pub fn is_recording() -> bool {
    false
}
