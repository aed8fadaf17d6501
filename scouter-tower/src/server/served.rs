//! Which transaction the layer on this thread is serving right now.
//!
//! Two of our layers around one another must record one transaction. The obvious mark, a request
//! extension, costs an allocation and a rehash per request; the recorder's current transaction
//! alone is not enough, since a job may call an HTTP service inside its own process, and that is a
//! request of its own. So the layer notes the id of the transaction *it* began while it polls,
//! and an inner layer that finds this id current is inside the same request.

use std::cell::Cell;

use scouter_core::{Txid, current};

thread_local! {
    static SERVED: Cell<Option<Txid>> = const { Cell::new(None) };
}

/// Whether this thread is inside a request that an outer layer of ours already records.
pub(crate) fn is_inside() -> bool {
    let served = SERVED.get();
    served.is_some() && served == current::txid()
}

/// Restores the previous mark when dropped, also by a panic.
#[derive(Debug)]
pub(crate) struct Mark(Option<Txid>);

/// Notes that from here on, on this thread, this transaction is served.
pub(crate) fn mark(txid: Option<Txid>) -> Mark {
    Mark(SERVED.replace(txid))
}

impl Drop for Mark {
    fn drop(&mut self) {
        SERVED.set(self.0);
    }
}
