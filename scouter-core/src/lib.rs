//! The recorder of Scouter: what an application thread writes, and what others read of it.
//!
//! A [`Transaction`] is one served request, message or job. While a thread works on it (a *lane*,
//! see [`Transaction::enter`]), [`step`]s, [`in_step`] futures and [`OpenStep`]s write timed records
//! into it: two clock reads and a few stores each, no allocation, no lock. The recording is the live
//! view ([`live`]): any thread may read it at any time. At its end a transaction leaves as one
//! finished row and, if it is to be kept, its profile; the exporter's thread takes both through
//! [`drain`].
//!
//! | what you want | where it is |
//! |---|---|
//! | record | [`Transaction`], [`step`], [`in_step`], [`wait`], [`OpenStep`], [`current`], [`spawn`](InCurrent) |
//! | bridge other instrumentation | [`SpanStep`], [`current::note`], [`current::error`] |
//! | instrumented places and their switches | [`callsite!`], [`callsites`] |
//! | options | [`options`] |
//! | trace headers | [`propagation`] |
//! | connections checked out | [`checkout`] |
//! | alerts | [`alert`] |
//! | numbers of your own | [`counter`], [`gauge`] |
//! | add own code | [`plugin`] |
//! | stacks of threads (feature `native`) | `native` |
//! | export | [`drain`], [`live`], [`telemetry`], [`clock`] |
//! | test | [`testing`] (feature `testing`) |
//!
//! Recording is off until [`set_recording`] turns it on. Without feature `enable` every public item
//! is a no-op.
//!
//! Nothing here panics into the application, waits for a consumer, or grows without a limit; each
//! limit has a constant in [`limits`] and a counter in [`telemetry`].

// The loom models include the modules they exercise by path; with loom's atomics the rest of the
// crate could have no statics.
#![cfg(not(loom))]

#[cfg(feature = "alloc")]
#[expect(unsafe_code, reason = "an allocator is an unsafe trait")]
mod alloc;
mod begin;
mod outcome;
#[expect(unsafe_code, reason = "calls to the machine and the C library")]
mod sys;
mod value;

pub mod clock;
pub mod options;
pub mod propagation;
pub mod telemetry;

#[cfg(feature = "enable")]
mod bounded;
#[cfg(feature = "enable")]
pub mod captures;
#[cfg(feature = "enable")]
pub mod counters;
#[cfg(feature = "enable")]
mod edge;
#[cfg(feature = "enable")]
mod finish;
#[cfg(feature = "enable")]
mod fixed;
#[cfg(feature = "enable")]
mod header;
#[cfg(feature = "enable")]
pub mod heap;
#[cfg(feature = "enable")]
mod lane;
#[cfg(feature = "enable")]
pub mod last_words;
#[cfg(feature = "enable")]
#[cfg_attr(
    all(feature = "native", target_os = "linux", target_arch = "x86_64"),
    expect(unsafe_code, reason = "signals, foreign stacks and the loader's tables")
)]
pub mod native;
#[cfg(feature = "enable")]
mod panics;
#[cfg(feature = "enable")]
mod path;
#[cfg(feature = "enable")]
mod pool;
#[cfg(feature = "enable")]
mod queue;
#[cfg(feature = "enable")]
#[expect(unsafe_code, reason = "a word of a record holds the address of a static")]
mod records;
#[cfg(feature = "enable")]
mod rules;
#[cfg(feature = "tokio")]
#[cfg_attr(not(feature = "enable"), path = "off/runtime.rs")]
mod runtime;
#[cfg(feature = "enable")]
mod sampling;
#[cfg(feature = "enable")]
mod scene;
#[cfg(feature = "enable")]
#[expect(unsafe_code, reason = "references to what is never freed")]
mod sync;
#[cfg(all(feature = "enable", any(test, feature = "testing")))]
pub mod testing;
#[cfg(feature = "enable")]
mod texts;

#[cfg_attr(not(feature = "enable"), path = "off/callsite.rs")]
#[cfg_attr(
    all(test, feature = "enable"),
    expect(unsafe_code, reason = "the linker's list names its section")
)]
mod callsite;
#[cfg_attr(not(feature = "enable"), path = "off/in_step.rs")]
mod in_step;
#[cfg_attr(not(feature = "enable"), path = "off/in_transaction.rs")]
mod in_transaction;
mod macros;
#[cfg_attr(not(feature = "enable"), path = "off/metrics.rs")]
mod metrics;
#[cfg_attr(not(feature = "enable"), path = "off/open_step.rs")]
mod open_step;
#[cfg_attr(not(feature = "enable"), path = "off/private.rs")]
mod private;
#[cfg(feature = "enable")]
mod slow;
#[cfg_attr(not(feature = "enable"), path = "off/span_step.rs")]
mod span_step;
#[cfg_attr(not(feature = "enable"), path = "off/spawn.rs")]
mod spawn;
#[cfg_attr(not(feature = "enable"), path = "off/step.rs")]
mod step;
#[cfg_attr(not(feature = "enable"), path = "off/switch.rs")]
mod switch;
#[cfg_attr(not(feature = "enable"), path = "off/text.rs")]
mod text;
#[cfg_attr(not(feature = "enable"), path = "off/transaction.rs")]
mod transaction;

#[cfg_attr(not(feature = "enable"), path = "off/alert.rs")]
pub mod alert;
#[cfg_attr(not(feature = "enable"), path = "off/checkout.rs")]
pub mod checkout;
#[cfg_attr(not(feature = "enable"), path = "off/current.rs")]
pub mod current;
#[cfg_attr(not(feature = "enable"), path = "off/drain.rs")]
pub mod drain;
#[cfg_attr(not(feature = "enable"), path = "off/live.rs")]
pub mod live;
#[cfg_attr(not(feature = "enable"), path = "off/plugin.rs")]
pub mod plugin;
#[cfg_attr(not(feature = "enable"), path = "off/pools.rs")]
pub mod pools;

#[doc(hidden)]
pub mod __private {
    pub use crate::private::*;
}

pub use scouter_wire::record;
pub use scouter_wire::{Gxid, TextKind, Txid};

#[cfg(feature = "alloc")]
pub use crate::alloc::ScoutAlloc;
pub use crate::begin::{Begin, Field};
pub use crate::callsite::{Callsite, CallsiteFlags, callsites};
pub use crate::in_step::{StepFuture, in_step, wait};
pub use crate::in_transaction::{InTransaction, in_transaction};
pub use crate::metrics::{Counter, Gauge, counter, gauge};
pub use crate::open_step::{OpenStep, OpenStepPoll};
pub use crate::outcome::{ApiOutcome, SqlOutcome};
pub use crate::propagation::TraceContext;
#[cfg(feature = "tokio")]
pub use crate::runtime::watch_runtime;
pub use crate::span_step::SpanStep;
pub use crate::spawn::InCurrent;
#[cfg(feature = "tokio")]
pub use crate::spawn::spawn;
pub use crate::step::{StepGuard, attr, fail, step};
pub use crate::switch::{is_recording, set_recording};
pub use crate::text::{TextId, intern, intern_parts, text};
pub use crate::transaction::{Entered, PollScope, Transaction};
pub use crate::value::Value;

/// The limits that callers keep to also when nothing is recorded.
#[cfg(not(feature = "enable"))]
pub mod limits {
    pub use scouter_wire::text::MAX_INLINE_BYTES as MAX_FIELD_BYTES;

    pub use crate::propagation::{
        MAX_BAGGAGE_BYTES, MAX_ID_HEADER_BYTES, MAX_MESSAGE_HEADERS, MAX_TENANT_BYTES,
        MAX_TRACESTATE_BYTES,
    };
}

/// The limits of the recorder in one place.
#[cfg(feature = "enable")]
pub mod limits {
    pub use crate::alert::{MAX_ALERT_BYTES, MAX_ALERTS};
    #[cfg(feature = "alloc")]
    pub use crate::alloc::large::MAX_LARGE_ALLOCATIONS;
    pub use crate::captures::{MAX_CAPTURE_TIME, MAX_CAPTURED_VALUES};
    pub use crate::checkout::MAX_CHECKOUTS;
    pub use crate::clock::MAX_DRIFT_PPM;
    pub use crate::lane::MAX_SEGMENTS;
    pub use crate::last_words::MAX_LAST_WORDS_BYTES;
    pub use crate::live::MAX_ACTIVE_STEPS;
    pub use crate::metrics::{MAX_METRIC_NAME_BYTES, MAX_METRICS};
    pub use crate::native::{MAX_FRAMES, MAX_SAMPLES_HZ, MAX_STACK_BYTES, SIGNAL_TIMEOUT_MS};
    pub use crate::options::{DEFAULT_PROFILE_STEPS, MAX_PROFILE_STEPS, MAX_TEXT_OPTION_BYTES};
    pub use crate::panics::MAX_PANIC_PLACES;
    pub use crate::plugin::MAX_PLUGINS;
    pub use crate::pool::{MAX_PAGES, MAX_TRANSACTIONS};
    pub use crate::pools::{MAX_POOL_NAMES, MAX_WATCHED_POOLS};
    pub use crate::propagation::{
        MAX_BAGGAGE_BYTES, MAX_ID_HEADER_BYTES, MAX_MESSAGE_HEADERS, MAX_TENANT_BYTES,
        MAX_TRACESTATE_BYTES,
    };
    pub use crate::queue::{MAX_PROFILES, MAX_SUMMARIES};
    #[cfg(feature = "tokio")]
    pub use crate::runtime::MAX_WATCHED_RUNTIMES;
    pub use crate::text::{DEFAULT_TEXTS_PER_KIND, MAX_SQL_TEXTS, MAX_TEXTS_BYTES, OTHER};
    pub use crate::texts::{MAX_FIELD_BYTES, MAX_TRANSACTION_TEXT_BYTES};
}
