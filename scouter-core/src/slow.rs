//! The mark of `#[scout(slow = "..")]`.
//!
//! A step that took too long gets an attribute with the threshold. Faster ones are recorded as
//! always: their children and their place in the time line would be missing otherwise.

use crate::callsite::Callsite;
use crate::clock;
use crate::header::{Word, epoch_of};
use crate::private::innermost;
use crate::step::push_attr;
use crate::value::Value;

/// Key of the mark.
pub(crate) const KEY: &str = "slow";

/// Marks the open step of `site` when it began at least `ns` nanoseconds ago.
///
/// Does nothing when that step is not the innermost (switched off, or dropped by a limit), nor in a
/// transaction in which the clock was switched.
#[inline(never)]
pub fn mark_slow(site: &'static Callsite, ns: u64, threshold: &'static str) {
    let Some((header, index)) = innermost(site) else { return };
    let Some(record) = header.record(index) else { return };
    // Its begin is by another clock: what lies between is no time.
    if epoch_of(header.word(Word::ServiceEpoch)) != clock::epoch() {
        return;
    }
    let elapsed = clock::now_ticks().saturating_sub(record.start());
    if clock::ticks_to_ns(elapsed) >= ns {
        push_attr(header, index, KEY, Value::Static(threshold));
    }
}

/// Calls [`mark_slow`] when a synchronous function returns; a panic is mark enough.
#[derive(Debug)]
#[must_use = "the step is looked at when the guard is dropped"]
pub struct SlowGuard {
    site: &'static Callsite,
    ns: u64,
    threshold: &'static str,
}

impl SlowGuard {
    /// A guard for the step of `site`, which must be open already.
    #[inline(always)]
    pub const fn new(site: &'static Callsite, ns: u64, threshold: &'static str) -> Self {
        Self { site, ns, threshold }
    }
}

impl Drop for SlowGuard {
    #[inline]
    fn drop(&mut self) {
        if !std::thread::panicking() {
            mark_slow(self.site, self.ns, self.threshold);
        }
    }
}
