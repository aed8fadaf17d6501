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
    /// Bytes of those that were not freed.
    pub live_bytes: u64,
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
            live_bytes,
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
    crate::alloc::heap::visit(
        |number, name, service, [samples, allocated_bytes, live_bytes], last| {
            let (name, place) = match name {
                Some(StepName::Site(site)) => (site.name().to_owned(), site.place()),
                Some(StepName::Named(_, name)) => {
                    (crate::text::text(name).to_owned(), String::new())
                }
                None => Default::default(),
            };
            out.push(HeapSite {
                number,
                name,
                place,
                service,
                samples,
                allocated_bytes,
                live_bytes,
                tenant: last.tenant.as_str().to_owned(),
                transaction: last.transaction,
            });
        },
    );
}
