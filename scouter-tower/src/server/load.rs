//! How many requests a layer lets in at once.
//!
//! A count of its own, of what this layer let in and has not seen the end of. Counting all running
//! transactions instead would walk them at every request, and would count jobs and other ports.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use scouter_core::options::{CONTROL_REJECT_SERVICE_ENABLED, CONTROL_REJECT_SERVICE_MAX_COUNT};

/// When a client that was turned away may come again.
pub(crate) const RETRY_AFTER_SECONDS: &str = "1";

/// Requests that a layer let in.
#[derive(Debug, Clone, Default)]
pub(crate) struct Load(Arc<AtomicUsize>);

/// One of them; dropped when its response has left or its future is dropped.
#[derive(Debug)]
pub(crate) struct Admission(Load);

impl Load {
    /// Lets one in, unless as many are active.
    pub(crate) fn admit(&self, limit: usize) -> Option<Admission> {
        let one_more = |active| (active < limit).then_some(active + 1);
        let admitted = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more);
        admitted.is_ok().then(|| Admission(self.clone()))
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The limit of the options, if it is switched on.
pub(crate) fn live_limit() -> Option<usize> {
    if !CONTROL_REJECT_SERVICE_ENABLED.value() {
        return None;
    }
    Some(usize::try_from(CONTROL_REJECT_SERVICE_MAX_COUNT.value()).unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_more_than_the_limit_are_in_and_each_leaves_once() {
        let load = Load::default();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..5_000 {
                        let admission = load.admit(2);
                        assert!(load.0.load(Ordering::Relaxed) <= 2);
                        drop(admission);
                    }
                });
            }
        });
        let (one, two) = (load.admit(2), load.admit(2));
        assert!(one.is_some() && two.is_some() && load.admit(2).is_none());
        drop(one);
        assert!(load.admit(2).is_some());
    }
}
