//! What a thread is doing, taken down without allocating, locking or waiting: for a panic hook and
//! an allocator.

use scouter_wire::text::{MAX_INLINE_BYTES, method_text};
use scouter_wire::{Gxid, Txid};

use crate::alert::{self, About};
use crate::callsite::Callsite;
use crate::fixed::Fixed;
use crate::path::outwards;
use crate::records::StepName;
use crate::text::{TextId, text};
use crate::texts::Slot;
use crate::{clock, lane, sys, transaction};

/// Most open steps that are named, the innermost ones.
const MAX_STEPS: usize = 16;

/// See the module.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scene {
    pub(crate) thread: Fixed<16>,
    pub(crate) service: TextId,
    pub(crate) transaction: Option<(Gxid, Txid)>,
    ticks: u64,
    tenant: Fixed<MAX_INLINE_BYTES>,
    /// First words of the open steps, innermost first.
    steps: [u64; MAX_STEPS],
}

impl Scene {
    /// That of this thread.
    pub(crate) fn here() -> Self {
        let (name, len) = sys::thread_name();
        let mut scene = Self {
            thread: Fixed::written(|bytes| {
                bytes.copy_from_slice(&name);
                len
            }),
            service: TextId::NONE,
            transaction: None,
            ticks: clock::now_ticks(),
            tenant: Fixed::EMPTY,
            steps: [0; MAX_STEPS],
        };
        if let Some((header, _)) = lane::current() {
            scene.service = alert::service_of(header);
            scene.transaction = transaction::gxid_of(header).zip(transaction::txid_of(header));
            scene.tenant = Fixed::written(|bytes| header.texts.copy_text(Slot::Tenant, bytes));
            for (place, word0) in scene.steps.iter_mut().zip(outwards(header, header.current())) {
                *place = word0;
            }
        }
        scene
    }

    /// The open steps that have a callsite, outermost first.
    pub(crate) fn sites(&self) -> impl DoubleEndedIterator<Item = &'static Callsite> {
        self.names().filter_map(|name| match name {
            StepName::Site(site) => Some(site),
            StepName::Named(..) => None,
        })
    }

    fn names(&self) -> impl DoubleEndedIterator<Item = StepName> {
        self.steps.iter().rev().filter_map(|word0| StepName::of(*word0))
    }

    /// Thread and open steps as `thread NAME; inside a @ src/a.rs:1 > b @ src/b.rs:2`. Allocates.
    pub(crate) fn sentence(&self) -> String {
        let steps: Vec<String> = self
            .names()
            .map(|name| match name {
                StepName::Site(site) => method_text(site.name(), site.file(), site.line()),
                StepName::Named(_, name) => text(name).to_owned(),
            })
            .collect();
        let thread = self.thread.as_str();
        if steps.is_empty() {
            return format!("thread {thread}");
        }
        format!("thread {thread}; inside {}", steps.join(" > "))
    }

    /// What an alert about it says.
    pub(crate) fn about(&self) -> About<'_> {
        About {
            service: text(self.service),
            tenant: self.tenant.as_str(),
            transaction: self.transaction,
            unix_us: clock::unix_us(self.ticks),
            ..About::default()
        }
    }
}
