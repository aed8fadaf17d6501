//! A sampled profile of the heap, by callsite and service.
//!
//! Every `heap_sample_bytes` or so a block is sampled: it stands for that many bytes of what was
//! allocated there. Sampled blocks are kept in a table by address until they are freed, so that for
//! each site it is known about how much of what it allocated still lives. An ordinary free looks at
//! one byte of a filter. The error of an estimate is about one over the root of its samples.
//!
//! A site is the innermost open step and the service. All tables are atomics of fixed size: a block
//! whose bucket is full is not sampled (`heap_samples_left_out`), and what belongs to none of the
//! first [`MAX_HEAP_SITES`] sites is one of its own (`heap_sites_other`).

use std::sync::atomic::{
    AtomicBool, AtomicI64, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering,
};

use parking_lot::Mutex;
use scouter_wire::{Gxid, Txid};

use crate::fixed::Fixed;
use crate::header::Header;
use crate::path::outwards;
use crate::records::StepName;
use crate::telemetry::{HEAP_SAMPLES_LEFT_OUT, HEAP_SITES_OTHER};
use crate::text::TextId;
use crate::texts::Slot;
use crate::{alert, lane, transaction};

/// Most sites that are told apart.
pub const MAX_HEAP_SITES: usize = 1_024;

/// Most sampled blocks that live at a time: 8 GiB at 512 KiB a sample.
pub const MAX_HEAP_SAMPLES: usize = BUCKETS * WAYS;

/// Most bytes of a tenant's name that are kept with a site.
const MAX_TENANT_SHOWN: usize = 64;

const BUCKETS: usize = 2_048;
/// Blocks of one bucket: all of them are looked at, so that none has to move.
const WAYS: usize = 8;
/// Places from its hash on in which a site is looked for.
const PROBES: usize = 16;
const FILTER_BITS: u32 = 16;

/// An address that nobody has: the entry is being written.
const BUSY: usize = 1;

struct Block {
    address: AtomicUsize,
    weight: AtomicU64,
    site: AtomicU32,
    /// How many blocks it stands for, in [`PARTS`].
    blocks: AtomicU32,
}

/// A sample stands for so many blocks and a part: large ones for few more than themselves.
const PARTS: u64 = 256;

struct Site {
    /// Hash of what it is; 0 while it is unused.
    key: AtomicU64,
    /// First word of the step.
    word0: AtomicU64,
    service: AtomicU32,
    samples: AtomicU32,
    allocated: AtomicU64,
    live: AtomicI64,
    /// Blocks, in [`PARTS`].
    allocated_blocks: AtomicU64,
    live_blocks: AtomicI64,
    /// Whom the last sample was for. The lock is only tried, by both sides.
    last: Mutex<For>,
}

/// Whom something was allocated for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct For {
    pub(crate) transaction: Option<(Gxid, Txid)>,
    pub(crate) tenant: Fixed<MAX_TENANT_SHOWN>,
}

impl For {
    const NOBODY: Self = Self { transaction: None, tenant: Fixed::EMPTY };

    fn here(header: &'static Header) -> Self {
        Self {
            transaction: transaction::gxid_of(header).zip(transaction::txid_of(header)),
            tenant: Fixed::written(|bytes| header.texts.copy_text(Slot::Tenant, bytes)),
        }
    }
}

impl Site {
    const fn unused() -> Self {
        Self {
            key: AtomicU64::new(0),
            word0: AtomicU64::new(0),
            service: AtomicU32::new(0),
            samples: AtomicU32::new(0),
            allocated: AtomicU64::new(0),
            live: AtomicI64::new(0),
            allocated_blocks: AtomicU64::new(0),
            live_blocks: AtomicI64::new(0),
            last: Mutex::new(For::NOBODY),
        }
    }
}

static FILTER: [AtomicU8; 1 << FILTER_BITS] = [const { AtomicU8::new(0) }; 1 << FILTER_BITS];
static BLOCKS: [[Block; WAYS]; BUCKETS] = [const {
    [const {
        Block {
            address: AtomicUsize::new(0),
            weight: AtomicU64::new(0),
            site: AtomicU32::new(0),
            blocks: AtomicU32::new(0),
        }
    }; WAYS]
}; BUCKETS];
/// The last one is that of all others.
static SITES: [Site; MAX_HEAP_SITES + 1] = [const { Site::unused() }; MAX_HEAP_SITES + 1];

static IS_OURS: AtomicBool = AtomicBool::new(false);

/// A sampled block.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sample {
    weight: u64,
    site: u32,
    blocks: u32,
}

impl Sample {
    /// Adds it to what lives of its site, or takes it away.
    fn live(self, add: fn(&AtomicI64, i64)) {
        let site = &SITES[self.site as usize % SITES.len()];
        add(&site.live, i64::try_from(self.weight).unwrap_or(i64::MAX));
        add(&site.live_blocks, self.blocks.into());
    }
}

/// Says that the program's allocator is ours.
pub(super) fn note_ours() {
    IS_OURS.store(true, Ordering::Relaxed);
}

/// Whether the program's allocator is ours, as far as it was asked for memory yet.
pub(crate) fn is_ours() -> bool {
    IS_OURS.load(Ordering::Relaxed)
}

/// Neighbours in memory are neighbours in the filter: blocks have 16 bytes at least.
#[inline(always)]
fn filter(pointer: *mut u8) -> &'static AtomicU8 {
    &FILTER[(pointer.addr() >> 4) & ((1 << FILTER_BITS) - 1)]
}

fn bucket(pointer: *mut u8) -> &'static [Block; WAYS] {
    let hash = (pointer.addr() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    &BLOCKS[usize::try_from(hash).unwrap_or(0) % BUCKETS]
}

/// Takes a sample of a block that was just allocated.
pub(super) fn sample(pointer: *mut u8, size: usize, mean: u64) {
    let header = lane::current().map(|(header, _)| header);
    let site = site_at(header);
    let weight = weight_of(size, mean);
    let blocks = weight.saturating_mul(PARTS) / size.max(1) as u64;
    let known = &SITES[site as usize];
    known.samples.fetch_add(1, Ordering::Relaxed);
    known.allocated.fetch_add(weight, Ordering::Relaxed);
    known.allocated_blocks.fetch_add(blocks, Ordering::Relaxed);
    if let Some(header) = header
        && let Some(mut last) = known.last.try_lock()
    {
        *last = For::here(header);
    }
    put_back(pointer, Sample { weight, site, blocks: u32::try_from(blocks).unwrap_or(u32::MAX) });
}

/// How many bytes a sample stands for: its own, divided by how likely it was to be sampled.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "an estimate; casts of floats saturate"
)]
fn weight_of(size: usize, mean: u64) -> u64 {
    let (size, mean) = (size.max(1) as f64, mean.max(1) as f64);
    (size / -(-size / mean).exp_m1()) as u64
}

/// Keeps a sampled block until it is freed.
#[cold]
pub(super) fn put_back(pointer: *mut u8, sample: Sample) {
    let cell = filter(pointer);
    let free = bucket(pointer).iter().find(|block| {
        block.address.compare_exchange(0, BUSY, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    });
    let Some(block) = free else {
        HEAP_SAMPLES_LEFT_OUT.add(1);
        return;
    };
    if cell
        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| count.checked_add(1))
        .is_err()
    {
        block.address.store(0, Ordering::Relaxed);
        HEAP_SAMPLES_LEFT_OUT.add(1);
        return;
    }
    block.weight.store(sample.weight, Ordering::Relaxed);
    block.site.store(sample.site, Ordering::Relaxed);
    block.blocks.store(sample.blocks, Ordering::Relaxed);
    // Whoever frees the block learned of its address after this.
    block.address.store(pointer.addr(), Ordering::Release);
    sample.live(|live, by| _ = live.fetch_add(by, Ordering::Relaxed));
}

/// Forgets a block that is about to be freed; answers what was known if it was a sampled one.
#[inline(always)]
pub(super) fn forget(pointer: *mut u8) -> Option<Sample> {
    if filter(pointer).load(Ordering::Relaxed) == 0 { None } else { find_and_forget(pointer) }
}

#[cold]
#[inline(never)]
fn find_and_forget(pointer: *mut u8) -> Option<Sample> {
    let address = pointer.addr();
    let block =
        bucket(pointer).iter().find(|block| block.address.load(Ordering::Acquire) == address)?;
    let sample = Sample {
        weight: block.weight.load(Ordering::Relaxed),
        site: block.site.load(Ordering::Relaxed),
        blocks: block.blocks.load(Ordering::Relaxed),
    };
    // The block has one owner, who frees it now: nobody else takes this entry.
    block.address.store(0, Ordering::Relaxed);
    filter(pointer).fetch_sub(1, Ordering::Relaxed);
    sample.live(|live, by| _ = live.fetch_sub(by, Ordering::Relaxed));
    Some(sample)
}

/// The number of the site that a thread is at.
fn site_at(header: Option<&'static Header>) -> u32 {
    let (word0, service) = header.map_or((0, TextId::NONE), |header| {
        let mut steps = outwards(header, header.current());
        let innermost = steps.next().unwrap_or(0);
        let is_site = |word0: &u64| matches!(StepName::of(*word0), Some(StepName::Site(_)));
        let with_place = std::iter::once(innermost).chain(steps).find(is_site);
        (with_place.unwrap_or(innermost), alert::service_of(header))
    });
    find_site(word0, service)
}

fn find_site(word0: u64, service: TextId) -> u32 {
    let mixed =
        (word0 ^ u64::from(service.number()).rotate_left(40)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let key = (mixed ^ mixed >> 29).max(1);
    let first = usize::try_from(key >> 32).unwrap_or(0) % MAX_HEAP_SITES;
    for probe in 0..PROBES {
        let number = (first + probe) % MAX_HEAP_SITES;
        let site = &SITES[number];
        let found = site.key.compare_exchange(0, key, Ordering::AcqRel, Ordering::Acquire);
        if found.is_ok() {
            site.service.store(service.number(), Ordering::Relaxed);
            site.word0.store(word0, Ordering::Release);
        }
        if found.is_ok() || found == Err(key) {
            return u32::try_from(number).unwrap_or(0);
        }
    }
    HEAP_SITES_OTHER.add(1);
    u32::try_from(MAX_HEAP_SITES).unwrap_or(0)
}

/// What is known of a site.
#[derive(Debug)]
pub(crate) struct Figures {
    pub(crate) samples: u64,
    pub(crate) allocated_bytes: u64,
    pub(crate) allocated_blocks: u64,
    pub(crate) live_bytes: u64,
    pub(crate) live_blocks: u64,
    pub(crate) last: For,
}

/// Calls `each` with number, step and service of each site that was ever sampled.
pub(crate) fn visit(mut each: impl FnMut(usize, Option<StepName>, TextId, Figures)) {
    let live = |live: &AtomicI64| u64::try_from(live.load(Ordering::Relaxed)).unwrap_or(0);
    for (number, site) in SITES.iter().enumerate() {
        let samples = site.samples.load(Ordering::Relaxed);
        if samples == 0 {
            continue;
        }
        let name = StepName::of(site.word0.load(Ordering::Acquire));
        let service = TextId::from_number(site.service.load(Ordering::Relaxed));
        let figures = Figures {
            samples: samples.into(),
            allocated_bytes: site.allocated.load(Ordering::Relaxed),
            allocated_blocks: site.allocated_blocks.load(Ordering::Relaxed) / PARTS,
            live_bytes: live(&site.live),
            live_blocks: live(&site.live_blocks).div_ceil(PARTS),
            last: site.last.try_lock().map_or(For::NOBODY, |last| *last),
        };
        each(number, name, service, figures);
    }
}
