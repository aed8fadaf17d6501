//! What it costs that a suspended request shows where it waits: by poll of the request, and by scope
//! that is polled again with it.
//!
//! The request never ends, and so has long begun: what is measured is a poll that finds nothing
//! ready. Each scope is a boxed future inside the next one, so that no compiler makes one of them.

use std::future::{Future, pending};
use std::hint::black_box;
use std::pin::Pin;
use std::task::{Context, Waker};

use crate::clock::measure;
use crate::harness::{Cell, NONE, OURS};
use crate::peers;
#[cfg(feature = "peers")]
use crate::peers::{ASYNC_BACKTRACE, AWAIT_TREE};

/// Scopes inside each other.
const DEPTH: usize = 8;

type Boxed = Pin<Box<dyn Future<Output = ()>>>;

/// Whoever shows what a suspended request awaits.
trait Scopes {
    fn start() {}

    /// A request.
    fn root(future: Boxed) -> impl Future<Output = ()> + 'static;

    /// Something in it that shows while it is awaited.
    fn scope(future: Boxed) -> impl Future<Output = ()> + 'static;
}

/// Measures one cell.
pub(super) fn run(cell: &Cell<'_>) -> Result<f64, String> {
    match cell.peer {
        NONE => Ok(measured::<Plain>(cell)),
        OURS => Ok(measured::<Ours>(cell)),
        #[cfg(feature = "peers")]
        AWAIT_TREE => Ok(measured::<AwaitTree>(cell)),
        #[cfg(feature = "peers")]
        ASYNC_BACKTRACE => Ok(measured::<AsyncBacktrace>(cell)),
        other => Err(format!("no peer `{other}` in this build")),
    }
}

fn measured<S: Scopes>(cell: &Cell<'_>) -> f64 {
    S::start();
    if cell.row == "poll_overhead_ns" {
        return poll_ns::<S>(cell, 0);
    }
    (poll_ns::<S>(cell, DEPTH) - poll_ns::<S>(cell, 0)) / DEPTH as f64
}

/// A poll of a request with so many scopes inside each other.
fn poll_ns<S: Scopes>(cell: &Cell<'_>, depth: usize) -> f64 {
    let leaf: Boxed = Box::pin(pending());
    let inside = (0..depth).fold(leaf, |inner, _| Box::pin(S::scope(inner)));
    let mut request: Boxed = Box::pin(S::root(inside));
    let mut cx = Context::from_waker(Waker::noop());
    measure(cell.budget / 2, || {
        black_box(request.as_mut().poll(&mut cx)).is_ready();
    })
}

struct Plain;

impl Scopes for Plain {
    fn root(future: Boxed) -> impl Future<Output = ()> + 'static {
        future
    }

    fn scope(future: Boxed) -> impl Future<Output = ()> + 'static {
        future
    }
}

struct Ours;

impl Scopes for Ours {
    fn start() {
        peers::ours::start_recording();
    }

    fn root(future: Boxed) -> impl Future<Output = ()> + 'static {
        peers::ours::in_request(future)
    }

    fn scope(future: Boxed) -> impl Future<Output = ()> + 'static {
        scouter_core::in_step(scouter_core::callsite!(name: "scope"), future)
    }
}

#[cfg(feature = "peers")]
struct AwaitTree;

#[cfg(feature = "peers")]
impl Scopes for AwaitTree {
    fn root(future: Boxed) -> impl Future<Output = ()> + 'static {
        static REGISTRY: std::sync::LazyLock<await_tree::Registry> =
            std::sync::LazyLock::new(|| await_tree::Registry::new(await_tree::Config::default()));
        REGISTRY.register_anonymous("GET /orders/{id}").instrument(future)
    }

    fn scope(future: Boxed) -> impl Future<Output = ()> + 'static {
        use await_tree::InstrumentAwait as _;
        future.instrument_await("scope")
    }
}

#[cfg(feature = "peers")]
struct AsyncBacktrace;

#[cfg(feature = "peers")]
impl Scopes for AsyncBacktrace {
    fn root(future: Boxed) -> impl Future<Output = ()> + 'static {
        async_backtrace::frame!(future)
    }

    fn scope(future: Boxed) -> impl Future<Output = ()> + 'static {
        async_backtrace::frame!(future)
    }
}
