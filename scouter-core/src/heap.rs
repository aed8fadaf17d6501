//! The sampled profile of the heap, for the exporter.
//!
//! Empty without feature `alloc`, or while the program has no [`ScoutAlloc`](crate::ScoutAlloc) as its
//! allocator.

#[cfg(feature = "alloc")]
use crate::records::StepName;
use crate::text::TextId;
use scouter_wire::{Gxid, Txid};

#[cfg(feature = "alloc")]
pub use crate::alloc::heap::{MAX_HEAP_SAMPLES, MAX_HEAP_SITES};

/// What was allocated at one place for one service. Bytes are estimates from samples.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HeapSite {
    /// Tells sites apart as long as the process lives.
    pub number: usize,
    /// Name of the innermost open step, or empty.
    pub name: String,
    /// Its line of code, `src/orders.rs:12`, or empty.
    pub place: String,
    /// The service.
    pub service: TextId,
    /// Samples taken.
    pub samples: u64,
    /// Bytes allocated so far.
    pub allocated_bytes: u64,
    /// Blocks allocated so far.
    pub allocated_blocks: u64,
    /// Bytes of those that were not freed.
    pub live_bytes: u64,
    /// Blocks of those that were not freed.
    pub live_blocks: u64,
    /// Tenant of the last sample, its first 64 bytes, or empty.
    pub tenant: String,
    /// Transaction of the last sample.
    pub transaction: Option<(Gxid, Txid)>,
}

impl HeapSite {
    /// One of which so much lives, for tests of whoever reads them.
    #[doc(hidden)]
    #[must_use]
    pub fn for_tests(live_bytes: u64) -> Self {
        let (name, place) = ("leaky".to_owned(), "src/leaky.rs:1".to_owned());
        let (number, service) = (0, TextId::NONE);
        Self {
            number,
            name,
            place,
            service,
            samples: 1,
            allocated_bytes: live_bytes,
            allocated_blocks: 1,
            live_bytes,
            live_blocks: 1,
            tenant: String::new(),
            transaction: None,
        }
    }
}

/// Whether this program counts what it allocates: its allocator is [`ScoutAlloc`](crate::ScoutAlloc).
/// Asked by an allocation.
#[must_use]
pub fn is_counted() -> bool {
    #[cfg(feature = "alloc")]
    {
        let before = crate::alloc::bytes_of_thread();
        drop(std::hint::black_box(Box::new(0_u64)));
        crate::alloc::bytes_of_thread() != before
    }
    #[cfg(not(feature = "alloc"))]
    false
}

/// Replaces the content of `out` with the sites that were ever sampled.
pub fn sites(out: &mut Vec<HeapSite>) {
    out.clear();
    #[cfg(feature = "alloc")]
    crate::alloc::heap::visit(|number, name, service, figures| {
        let (name, place) = match name {
            Some(StepName::Site(site)) => (site.name().to_owned(), site.place()),
            Some(StepName::Named(_, name)) => (crate::text::text(name).to_owned(), String::new()),
            None if number == MAX_HEAP_SITES => (crate::text::OTHER.to_owned(), String::new()),
            None => Default::default(),
        };
        out.push(HeapSite {
            number,
            name,
            place,
            service,
            samples: figures.samples,
            allocated_bytes: figures.allocated_bytes,
            allocated_blocks: figures.allocated_blocks,
            live_bytes: figures.live_bytes,
            live_blocks: figures.live_blocks,
            tenant: figures.last.tenant.as_str().to_owned(),
            transaction: figures.last.transaction,
        });
    });
}

/// Samples that found no place: about what they stand for lives or lived besides what is told.
#[must_use]
pub fn left_out() -> u64 {
    crate::telemetry::HEAP_SAMPLES_LEFT_OUT.value()
}

/// Why nothing is sampled, in one sentence without a full stop; `None` while it is.
#[must_use]
pub fn unavailable() -> Option<&'static str> {
    #[cfg(feature = "alloc")]
    if crate::alloc::heap::is_ours() {
        let is_off = crate::options::HEAP_SAMPLE_BYTES.value() == 0;
        return is_off.then_some("the heap is not sampled: option `heap_sample_bytes` is 0");
    }
    Some(
        "the program's allocator is not Scouter's: enable feature `alloc` and declare a \
         `#[global_allocator]` of type `scouter::ScoutAlloc`",
    )
}
