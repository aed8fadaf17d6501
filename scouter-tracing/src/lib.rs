//! The spans and events you have, in the recordings of Scouter; its ids in your log lines.
//!
//! A service full of `#[instrument]` and `info!` has said already what it does. [`Bridge`] is a
//! `tracing_subscriber` layer that writes it down where the request is: a span becomes a step of
//! the transaction it runs in, an event becomes a message, an ERROR event is the transaction's
//! error and fails the step around it. [`WithIds`] puts the ids of the transaction into each log
//! line, so that a line leads to its request and a request to its lines.
//!
//! ```
//! use scouter_tracing::{Bridge, WithIds};
//! use tracing_subscriber::prelude::*;
//!
//! let log = tracing_subscriber::fmt::layer().map_event_format(WithIds::text);
//! let subscriber = tracing_subscriber::registry().with(log).with(Bridge::new());
//! # let _ = subscriber;
//! ```
//!
//! # What is recorded
//!
//! - Spans and events up to level INFO ([`Bridge::max_level`]), as far as the subscriber's own
//!   filters let them through. They never see ours: no other layer gets less because of it.
//! - A span is a step from its first enter inside a transaction to its last exit, with the time
//!   between enter and exit as its busy time. tracing does not tell whether a future was finished or
//!   dropped, so a cancelled span looks finished; and it enters a span once more to drop its future,
//!   which counts as a poll.
//! - Each place with a span is a [callsite](scouter_core::callsites): it can be switched off while
//!   the process runs. Its fields are its arguments and, like those of `#[scout]`, are recorded
//!   only when somebody switches that on (there, or by [`Bridge::with_fields`]), because
//!   `#[instrument]` lists every argument by itself.
//! - Of an event its message; of an ERROR event also the fields `error`, `err` and `exception`; all
//!   fields with [`Bridge::with_fields`].
//! - Not what our own layers record already: spans and events of the [`SKIPPED_TARGETS`].
//!
//! # Limits
//!
//! Steps and messages count against the step limit of the transaction, texts are cut at 256 bytes,
//! and what goes past is counted as for other steps. At most [`MAX_SPAN_PLACES`] places with spans
//! are known; see [`unplaced_spans`]. The state of a span lives in the registry as long as the span
//! does. Outside of a transaction a span costs a thread-local read at each callback.
#![forbid(unsafe_code)]

mod bridge;
mod event;
mod ids;
mod places;

pub use crate::bridge::{Bridge, MAX_SPAN_FIELDS, dropped_fields};
pub use crate::ids::WithIds;
pub use crate::places::{MAX_SPAN_PLACES, SKIPPED_TARGETS, unplaced_spans};
