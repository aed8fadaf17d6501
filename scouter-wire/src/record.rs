//! What is recorded: transactions, steps, counters, objects, active services, alerts, digests.
//!
//! Times are microseconds. Texts of bounded vocabularies are [`TextRef`](crate::TextRef)s, all
//! others are borrowed `&str`, already cut by the recorder. Empty means "not set".

/// Gives an enum whose wire numbers are its discriminants, from 0 without a gap, the way back.
macro_rules! from_wire {
    ($name:ident: $($variant:ident)*) => {
        impl $name {
            /// All of them, in the order of their wire numbers.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The one with this wire number.
            #[must_use]
            pub fn from_wire(number: u8) -> Option<Self> {
                Self::ALL.get(usize::from(number)).copied()
            }
        }
    };
}

mod active;
mod alert;
mod counter;
mod digest;
mod object;
mod step;
mod xlog;

pub use active::{ActiveStep, ActiveTransaction, RunState};
pub use alert::{Alert, AlertKind, AlertLevel};
pub use counter::CounterPoint;
pub use digest::{Digest, DigestKey, Sketch};
pub use object::Object;
pub use step::{Detail, Outcome, Step, StepKind};
pub use xlog::{EndReason, ProfileFate, Tag, XLog, XLogFlags, XLogKind};
