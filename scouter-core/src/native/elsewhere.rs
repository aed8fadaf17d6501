//! Where native stacks cannot be taken: each answer says why.

use super::{Capability, Frame, Stack, Unavailable};
use crate::TextId;

const WHY: Unavailable =
    if cfg!(feature = "native") { Unavailable::Platform } else { Unavailable::NotBuilt };

pub(crate) fn enter_thread() {}

pub(super) fn capture_if(_: u32, _: &dyn Fn() -> bool) -> Result<Stack, Unavailable> {
    Err(WHY)
}

/// The stacks of several threads.
#[must_use]
pub fn capture_all(tids: &[u32]) -> Vec<Result<Stack, Unavailable>> {
    tids.iter().map(|_| Err(WHY)).collect()
}

pub(super) fn capabilities() -> Vec<Capability> {
    ["stacks_asleep", "stacks_running", "cpu_samples"]
        .into_iter()
        .map(|name| Capability { name, unavailable: Some(WHY) })
        .collect()
}

/// The stack of the thread that asks; there are none here.
#[derive(Debug)]
pub struct OwnStack(());

impl OwnStack {
    /// Always `None`.
    #[must_use]
    pub fn copy() -> Option<Self> {
        None
    }

    /// No frames.
    #[must_use]
    pub fn unwind(&self) -> Stack {
        Stack { tid: 0, frames: Vec::new(), quality: super::Quality::Cut, pause_ns: 0 }
    }
}

/// CPU samples; there are none here.
#[derive(Debug)]
pub struct Sampler(());

impl Sampler {
    /// Never starts.
    ///
    /// # Errors
    /// Always: why not.
    pub fn start(_: u32) -> Result<Self, Unavailable> {
        Err(WHY)
    }

    /// Does nothing.
    pub fn refresh(&mut self) {}

    /// Visits nothing.
    pub fn drain(&mut self, _: impl FnMut(TextId, &str, u32, &[Frame])) {}

    /// Takes none.
    #[doc(hidden)]
    #[must_use]
    pub fn sample_here(&self) -> bool {
        false
    }

    /// Always 0.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        0
    }
}
