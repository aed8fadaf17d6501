//! What was allocated where, and what of it lives: the recorder's samples, those of which most lives
//! first.

use scouter_core::heap::{self, HeapSite};
use scouter_core::{options, text};
use scouter_wire::codec::{HeapEntry, HeapProfile};

use crate::process::resident_bytes;

pub(super) fn profile() -> HeapProfile {
    let mut sites = Vec::new();
    heap::sites(&mut sites);
    sites.sort_by_key(|site| std::cmp::Reverse((site.live_bytes, site.allocated_bytes)));
    let unavailable = heap::unavailable();
    HeapProfile {
        unavailable: unavailable.unwrap_or_default().to_owned(),
        sample_bytes: unavailable.map_or_else(|| options::HEAP_SAMPLE_BYTES.value(), |_| 0),
        resident_bytes: resident_bytes().unwrap_or(0),
        left_out: heap::left_out(),
        total: sites.len() as u64,
        sites: sites.into_iter().map(entry).collect(),
    }
}

fn entry(site: HeapSite) -> HeapEntry {
    HeapEntry {
        name: site.name,
        place: site.place,
        service: text(site.service).to_owned(),
        tenant: site.tenant,
        transaction: site.transaction,
        samples: site.samples,
        allocated_bytes: site.allocated_bytes,
        allocated_blocks: site.allocated_blocks,
        live_bytes: site.live_bytes,
        live_blocks: site.live_blocks,
    }
}
