//! Whether another layer of ours around this one already records this very request.
//!
//! Two of our layers around one another must record one transaction. A request that a handler
//! makes inside its own process, to a router that is wrapped as well, is a request of its own
//! though it is served within the first one: the current transaction alone cannot tell the two
//! apart, so the request itself is marked.
//!
//! Where axum matched a route its `MatchedPath` is mark enough: it
//! travels with the request, every layer inside sees the same one, and a new request never has it.
//! Elsewhere the layer puts an extension of its own on the request. It does not do so always,
//! since that would cost a matched request one more allocation: the table of its extensions would
//! have to grow. The price is that a wrapped router which is the whole service of *one route* of
//! another wrapped router is recorded twice: axum gives its requests a route of their own.

use std::cell::Cell;

use http::Extensions;
use scouter_core::{Txid, current};

thread_local! {
    static SERVED: Cell<Option<Served>> = const { Cell::new(None) };
}

/// A request whose transaction a layer of ours has begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Served {
    txid: Txid,
    route: Option<Route>,
}

/// Where axum keeps the template of the matched route; compared, never followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Route(usize);

/// The mark on a request that no route was matched for yet; of size zero, so that it needs no box.
#[derive(Debug, Clone, Copy)]
struct IsServed;

/// Notes on the request that this transaction serves it.
pub(crate) fn begin(extensions: &mut Extensions, txid: Txid) -> Served {
    let route = route_of(extensions);
    if route.is_none() {
        extensions.insert(IsServed);
    }
    Served { txid, route }
}

/// Whether an outer layer of ours already records the request with these extensions.
pub(crate) fn is_inside(extensions: &Extensions) -> bool {
    let Some(Served { txid, route }) = SERVED.get() else { return false };
    if current::txid() != Some(txid) {
        return false;
    }
    match route {
        Some(_) => route_of(extensions) == route,
        None => extensions.get::<IsServed>().is_some(),
    }
}

#[cfg(feature = "axum")]
fn route_of(extensions: &Extensions) -> Option<Route> {
    let path = extensions.get::<axum::extract::MatchedPath>()?;
    Some(Route(path.as_str().as_ptr().addr()))
}

#[cfg(not(feature = "axum"))]
fn route_of(_: &Extensions) -> Option<Route> {
    None
}

/// Restores the previous one when dropped, also by a panic.
#[derive(Debug)]
pub(crate) struct Mark(Option<Served>);

/// Notes that from here on, on this thread, this request is served.
pub(crate) fn mark(served: Option<Served>) -> Mark {
    Mark(SERVED.replace(served))
}

impl Drop for Mark {
    fn drop(&mut self) {
        SERVED.set(self.0);
    }
}
