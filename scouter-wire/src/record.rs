//! What is recorded: transactions, steps, counters, objects, active services, alerts, digests.
//!
//! Times are microseconds. Texts of bounded vocabularies are [`TextRef`](crate::TextRef)s, all
//! others are borrowed `&str`, already cut by the recorder. Empty means "not set".

/// Gives an enum whose wire numbers are its discriminants, from 0 without a gap, the way back; and
/// says what a number reads as that only a newer version knows.
macro_rules! from_wire {
    ($name:ident: $($variant:ident)*; or $other:ident) => {
        impl $name {
            /// All that this version can name, in the order of their wire numbers.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The one with this wire number; `None` for one that only a newer version knows.
            #[must_use]
            pub fn from_wire(number: u8) -> Option<Self> {
                let other = (number == Self::$other as u8).then_some(Self::$other);
                Self::ALL.get(usize::from(number)).copied().or(other)
            }

            #[doc = concat!("The one with this wire number, or [`", stringify!($name), "::",
                stringify!($other), "`] for one that only a newer version knows. Decoders use it, \
                so that an old collector lives with a new agent.")]
            #[must_use]
            pub fn from_wire_lossy(number: u8) -> Self {
                Self::from_wire(number).unwrap_or(Self::$other)
            }
        }
    };
}
#[cfg(feature = "codec")]
pub(crate) use from_wire;

mod active;
mod alert;
mod counter;
mod digest;
mod object;
mod step;
mod visitors;
mod xlog;

pub use active::{ActiveStep, ActiveTransaction, RunState};
pub use alert::{Alert, AlertKind, AlertLevel, CodeFrame, MAX_ALERT_FRAMES};
pub use counter::CounterPoint;
pub use digest::{Digest, DigestKey, Sketch};
pub use object::Object;
pub use step::{Detail, Outcome, Step, StepKind};
pub use visitors::Visitors;
pub use xlog::{EndReason, ProfileFate, Tag, XLog, XLogFlags, XLogKind};
