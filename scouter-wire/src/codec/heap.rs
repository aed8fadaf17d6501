//! The answer of the heap profile: what was allocated where, and what of it lives.

use super::answers::put_list_within;
use super::bytes::{Reader, put_text, put_varint};
use super::tools::MAX_LARGE_LIST_BYTES;
use super::{DecodeError, MAX_LIST_ITEMS, MAX_NAME_BYTES, MAX_SENTENCE_BYTES};
use crate::text::{MAX_INLINE_BYTES, MAX_TEXT_BYTES};
use crate::{Gxid, Txid};

/// What was allocated at one place for one service. Bytes and blocks are estimates from samples.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HeapEntry {
    /// Name of the innermost open step; empty outside of any, `(other)` past the limit of places.
    pub name: String,
    /// Its line of code, `src/orders.rs:12`, or empty.
    pub place: String,
    /// Service, or empty.
    pub service: String,
    /// Tenant of the last sample, or empty.
    pub tenant: String,
    /// Transaction of the last sample.
    pub transaction: Option<(Gxid, Txid)>,
    /// Samples taken.
    pub samples: u64,
    /// Bytes allocated since the process began.
    pub allocated_bytes: u64,
    /// Blocks allocated since the process began.
    pub allocated_blocks: u64,
    /// Bytes of those that were not freed.
    pub live_bytes: u64,
    /// Blocks of those that were not freed.
    pub live_blocks: u64,
}

/// The answer to `Heap`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HeapProfile {
    /// Why nothing is sampled now; empty while it is. What was sampled before is listed all the
    /// same.
    pub unavailable: String,
    /// Bytes between two samples on average; 0 when none is taken.
    pub sample_bytes: u64,
    /// Resident memory of the process, bytes; 0 when it is not known.
    pub resident_bytes: u64,
    /// Samples of living blocks that found no place: what lives is at least theirs more.
    pub left_out: u64,
    /// How many places there are, also those that did not fit.
    pub total: u64,
    /// The places, those of which most lives first.
    pub sites: Vec<HeapEntry>,
}

/// Appends the answer to `Heap`. Places past [`MAX_REPLY_BYTES`](super::MAX_REPLY_BYTES) are left
/// out, those of which least lives first; `total` counts them.
pub fn put_heap(out: &mut Vec<u8>, profile: &HeapProfile) {
    put_text(out, &profile.unavailable, MAX_SENTENCE_BYTES);
    for number in [profile.sample_bytes, profile.resident_bytes, profile.left_out, profile.total] {
        put_varint(out, number);
    }
    put_list_within(out, MAX_LARGE_LIST_BYTES, &profile.sites, |out, site| {
        put_text(out, &site.name, MAX_TEXT_BYTES);
        put_text(out, &site.place, MAX_NAME_BYTES);
        put_text(out, &site.service, MAX_TEXT_BYTES);
        put_text(out, &site.tenant, MAX_INLINE_BYTES);
        let (gxid, txid) =
            site.transaction.map_or((0, 0), |(gxid, txid)| (gxid.value(), txid.value()));
        out.extend_from_slice(&gxid.to_le_bytes());
        out.extend_from_slice(&txid.to_le_bytes());
        put_varint(out, site.samples);
        put_varint(out, site.allocated_bytes);
        put_varint(out, site.allocated_blocks);
        put_varint(out, site.live_bytes);
        put_varint(out, site.live_blocks);
    });
}

/// Reads the answer to `Heap`. What a newer agent appends is skipped.
///
/// # Errors
/// Any damage.
pub fn read_heap(payload: &[u8]) -> Result<HeapProfile, DecodeError> {
    let mut reader = Reader::new(payload);
    let mut profile = HeapProfile {
        unavailable: reader.text(MAX_SENTENCE_BYTES, "reason")?.to_owned(),
        sample_bytes: reader.varint("bytes between samples")?,
        resident_bytes: reader.varint("resident memory")?,
        left_out: reader.varint("samples left out")?,
        total: reader.varint("places")?,
        sites: Vec::new(),
    };
    for _ in 0..reader.length(MAX_LIST_ITEMS, "places")? {
        let mut record = reader.record("place")?;
        profile.sites.push(HeapEntry {
            name: record.text(MAX_TEXT_BYTES, "name")?.to_owned(),
            place: record.text(MAX_NAME_BYTES, "place")?.to_owned(),
            service: record.text(MAX_TEXT_BYTES, "service")?.to_owned(),
            tenant: record.text(MAX_INLINE_BYTES, "tenant")?.to_owned(),
            transaction: Gxid::new(record.u128("gxid")?).zip(Txid::new(record.u64("txid")?)),
            samples: record.varint("samples")?,
            allocated_bytes: record.varint("bytes")?,
            allocated_blocks: record.varint("blocks")?,
            live_bytes: record.varint("bytes")?,
            live_blocks: record.varint("blocks")?,
        });
    }
    Ok(profile)
}
