//! Bodies that are put together in memory, or may be.
//!
//! Who sends a body in one piece had all of it in memory: that is certain. Of one that is read piece by
//! piece nobody knows what becomes of the pieces, so that is only a hint.

use scouter_core::alert::{self, AlertKind, AlertLevel};
use scouter_core::options::LARGE_BODY_BYTES;

/// Looks at a piece of a response body that leaves; `within` runs code inside of its transaction.
#[inline]
pub(crate) fn look_at_piece(bytes: usize, within: impl FnOnce(&dyn Fn())) {
    let limit = LARGE_BODY_BYTES.value();
    if limit > 0 && bytes as u64 > limit {
        within(&|| tell_piece(bytes));
    }
}

#[cold]
fn tell_piece(bytes: usize) {
    alert::raise(
        AlertKind::LargeAllocation,
        AlertLevel::Warn,
        "",
        format_args!(
            "a response body of {} was put together in memory before it was sent; stream it, or \
             answer in pages (large_body_bytes)",
            Size(bytes as u64)
        ),
    );
}

/// Looks at the answer of an outbound call of which a piece was read; inside of its transaction.
#[inline]
pub(crate) fn look_at_answer(before: u64, after: u64, address: &str) {
    let limit = LARGE_BODY_BYTES.value();
    if limit > 0 && after > limit && before <= limit {
        tell_answer(after, address);
    }
}

#[cold]
fn tell_answer(bytes: u64, address: &str) {
    alert::raise(
        AlertKind::LargeAllocation,
        AlertLevel::Info,
        "",
        format_args!(
            "{} of the answer of {address} have been read and it goes on; do not collect it as a \
             whole, or limit it (large_body_bytes)",
            Size(bytes)
        ),
    );
}

/// Bytes in words, rounded down.
struct Size(u64);

impl std::fmt::Display for Size {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} MiB", self.0 >> 20)
    }
}
