//! The main switch, and what a fork does to it.
//!
//! Recording is off until the exporter (or a test) turns it on; then nothing is recorded that
//! nobody would drain. In the child of a fork there is no exporter thread, and the queues hold the
//! parent's records: recording turns itself off there and counter `forks` grows. A child that wants
//! to record starts its own exporter, which turns it on again; ids are then drawn anew, so that
//! parent and child never share one.

use std::sync::Once;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use crate::sys;
use crate::telemetry::FORKS;

static RECORDING: AtomicBool = AtomicBool::new(false);
static PROCESS: AtomicU32 = AtomicU32::new(0);
static HOOK: Once = Once::new();

/// Turns recording on or off. Transactions that run are recorded to their end in any case.
pub fn set_recording(on: bool) {
    if on {
        HOOK.call_once(|| sys::on_fork_child(in_child));
        let _ = crate::clock::now_ticks(); // calibrates before the first request
    }
    RECORDING.store(on, Ordering::Relaxed);
}

/// Whether new transactions are recorded.
#[inline]
#[must_use]
pub fn is_recording() -> bool {
    RECORDING.load(Ordering::Relaxed)
}

/// Grows with each fork this process comes from; whoever draws random numbers seeds anew when it
/// changes.
#[inline]
pub(crate) fn process() -> u32 {
    PROCESS.load(Ordering::Relaxed)
}

extern "C" fn in_child() {
    RECORDING.store(false, Ordering::Relaxed);
    PROCESS.fetch_add(1, Ordering::Relaxed);
    FORKS.add(1);
}
