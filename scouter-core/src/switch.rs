//! The main switch, and what a fork does to it.
//!
//! Recording is off until the exporter (or a test) turns it on; then nothing is recorded that
//! nobody would drain. In the child of a fork there is no exporter thread, the queues hold the
//! parent's rows, and any lock may have been held by a thread that does not exist there. So the
//! child turns recording off for good and counts it (`forks`); a transaction it was forked inside of
//! goes on in the parent only, and what still refers to it in the child takes no lock. A server that forks workers starts
//! Scouter in each worker, after the fork. (Starting anew in the child was rejected: it would have
//! to trust locks it cannot know.)

use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::lane::{self, Position};
use crate::telemetry::FORKS;
use crate::{panics, sys};

const OFF: u32 = 0;
const ON: u32 = 1;
/// Off for good: this process is the child of one that recorded.
const FORKED: u32 = 2;

static STATE: AtomicU32 = AtomicU32::new(OFF);
static HOOK: Once = Once::new();

/// Turns recording on or off. Transactions that run are recorded to their end in any case.
///
/// In the child of a fork of a process that recorded it stays off; see [`is_recording`].
///
/// The first time it is turned on, a panic hook is put in front of the present one, which is still
/// called: the message and place of a panic become the error of the transaction it happens in.
/// Install a hook of your own before, or let it call the one it replaces.
pub fn set_recording(on: bool) {
    if STATE.load(Ordering::Relaxed) == FORKED {
        return;
    }
    if on {
        HOOK.call_once(|| sys::on_fork_child(in_child));
        panics::install();
        let _ = crate::clock::now_ticks(); // calibrates before the first request
    }
    STATE.store(if on { ON } else { OFF }, Ordering::Relaxed);
}

/// Whether new transactions are recorded.
#[inline]
#[must_use]
pub fn is_recording() -> bool {
    STATE.load(Ordering::Relaxed) == ON
}

/// Whether this process is the child of one that recorded.
pub(crate) fn is_forked() -> bool {
    STATE.load(Ordering::Relaxed) == FORKED
}

extern "C" fn in_child() {
    STATE.store(FORKED, Ordering::Relaxed);
    FORKS.add(1);
    // What the thread that forked was working on goes on in the parent.
    lane::replace(Position::NOTHING);
}
