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
//! | instrumented places and their switches | [`callsite!`], [`callsites`] |
//! | options | [`options`] |
//! | trace headers | [`propagation`] |
//! | connections checked out | [`checkout`] |
//! | alerts | [`alert`] |
//! | add own code | [`plugin`] |
//! | export | [`drain`], [`live`], [`telemetry`], [`clock`] |
//! | test | [`testing`] (feature `testing`) |
//!
//! Recording is off until [`set_recording`] turns it on. Without feature `enable` every public item
//! is a no-op.
//!
//! Nothing here panics into the application, waits for a consumer, or grows without a limit; each
//! limit has a constant in [`limits`] and a counter in [`telemetry`].

mod bounded;
#[cfg_attr(test, expect(unsafe_code, reason = "the linker's list names its section"))]
mod callsite;
mod finish;
mod header;
mod in_step;
mod in_transaction;
mod lane;
mod open_step;
mod pool;
mod private;
mod queue;
#[expect(unsafe_code, reason = "two words of a record hold addresses of statics")]
mod records;
mod spawn;
mod step;
mod switch;
#[expect(unsafe_code, reason = "references to what is never freed")]
mod sync;
#[expect(unsafe_code, reason = "calls to the machine and the C library")]
mod sys;
mod text;
mod texts;
mod transaction;

pub mod alert;
pub mod checkout;
pub mod clock;
pub mod current;
pub mod drain;
pub mod live;
pub mod options;
pub mod plugin;
pub mod propagation;
pub mod telemetry;
#[cfg(any(test, feature = "testing"))]
pub mod testing;

#[doc(hidden)]
pub mod __private {
    pub use crate::private::*;
}

pub use scouter_wire::record;
pub use scouter_wire::{Gxid, TextKind, Txid};

pub use crate::callsite::{Callsite, CallsiteFlags, callsites};
pub use crate::in_step::{StepFuture, in_step, wait};
pub use crate::in_transaction::{InTransaction, in_transaction};
pub use crate::open_step::{ApiOutcome, OpenStep, OpenStepPoll, SqlOutcome};
pub use crate::propagation::TraceContext;
pub use crate::spawn::InCurrent;
#[cfg(feature = "tokio")]
pub use crate::spawn::spawn;
pub use crate::step::{StepGuard, Value, attr, fail, step};
pub use crate::switch::{is_recording, set_recording};
pub use crate::text::{TextId, intern, intern_parts, text};
pub use crate::transaction::{Begin, Entered, Field, PollScope, Transaction};

/// The limits of the recorder in one place.
pub mod limits {
    pub use crate::alert::{MAX_ALERT_BYTES, MAX_ALERTS};
    pub use crate::checkout::MAX_CHECKOUTS;
    pub use crate::clock::MAX_DRIFT_PPM;
    pub use crate::lane::MAX_SEGMENTS;
    pub use crate::live::MAX_ACTIVE_STEPS;
    pub use crate::options::{DEFAULT_PROFILE_STEPS, MAX_PROFILE_STEPS, MAX_TEXT_OPTION_BYTES};
    pub use crate::plugin::MAX_PLUGINS;
    pub use crate::pool::{MAX_PAGES, MAX_TRANSACTIONS};
    pub use crate::propagation::{
        MAX_BAGGAGE_BYTES, MAX_ID_HEADER_BYTES, MAX_TENANT_BYTES, MAX_TRACESTATE_BYTES,
    };
    pub use crate::queue::{MAX_PROFILES, MAX_SUMMARIES};
    pub use crate::text::{DEFAULT_TEXTS_PER_KIND, MAX_SQL_TEXTS, OTHER};
    pub use crate::texts::{MAX_FIELD_BYTES, MAX_TRANSACTION_TEXT_BYTES};
}
