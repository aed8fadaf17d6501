//! Whether nobody has sent a transaction yet: what the collector records of itself does not count.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::self_watch::is_own;
use crate::store::Store;

/// Over once and for all when the first transaction of an application is stored.
#[derive(Debug, Default)]
pub(crate) struct FirstRun {
    is_over: AtomicBool,
}

impl FirstRun {
    /// Whether it still is the first run of a store. Takes as long as listing its objects, until it
    /// is over.
    pub(crate) fn holds(&self, store: &dyn Store) -> bool {
        if self.is_over.load(Ordering::Relaxed) {
            return false;
        }
        let objects = store.objects().into_iter();
        let own: HashSet<_> =
            objects.filter(|object| is_own(&object.name)).map(|object| object.id).collect();
        let marks = store.origins();
        let is_over = marks.iter().any(|mark| mark.xlogs > 0 && !own.contains(&mark.object));
        self.is_over.store(is_over, Ordering::Relaxed);
        !is_over
    }
}
