//! Where the timers' signals put their samples: a ring of places, written by handlers on any
//! thread and emptied by the exporter's.

use std::cell::UnsafeCell;
use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering};

use super::handler;
use crate::header::{Header, Word};
use crate::lane;
use crate::telemetry::CPU_SAMPLES_DROPPED;
use crate::texts::Slot;

/// Places of the ring. They take 4 MiB, from the first sampling on; at 99 samples a second sixteen
/// busy cores fill them in 160 ms. Past it a sample is dropped and
/// `cpu_samples_dropped` grows.
pub(super) const SAMPLES: usize = 256;

/// Longest part of a stack that a sample keeps, from its leaf on, in bytes.
pub(super) const MAX_SAMPLE_BYTES: usize = 16 * 1024;

/// States of a sample.
const FREE: u32 = 0;
const WRITING: u32 = 1;
const FULL: u32 = 2;

/// Longest name of a tenant, in bytes: that of any text of a transaction.
pub(super) const MAX_TENANT_BYTES: usize = crate::texts::MAX_FIELD_BYTES;

/// One sample.
pub(super) struct Sample {
    pub(super) registers: [u64; 3],
    pub(super) length: usize,
    /// Intervals that it stands for.
    pub(super) weight: u32,
    /// Number of the text that names the service; 0 for none.
    pub(super) service: u32,
    pub(super) tenant_bytes: usize,
    pub(super) tenant: [u8; MAX_TENANT_BYTES],
    pub(super) bytes: [MaybeUninit<u8>; MAX_SAMPLE_BYTES],
}

struct Cell {
    state: AtomicU32,
    sample: UnsafeCell<Sample>,
}

static RING: AtomicPtr<Cell> = AtomicPtr::new(std::ptr::null_mut());
static NEXT: AtomicUsize = AtomicUsize::new(0);
/// What the timers of the sampling that runs carry; others' signals are left alone. 0 for none.
static SESSION: AtomicU64 = AtomicU64::new(0);

/// Makes the ring, once, and accepts samples of this session. It is never freed: a signal may come
/// late.
pub(super) fn open(session: u64) {
    if RING.load(Ordering::Acquire).is_null() {
        let layout = std::alloc::Layout::new::<[Cell; SAMPLES]>();
        // SAFETY: the layout is not empty, and zeros are a value of every field.
        let ring = unsafe { std::alloc::alloc_zeroed(layout) }.cast::<Cell>();
        RING.store(ring, Ordering::Release);
    }
    SESSION.store(session, Ordering::Release);
}

/// Accepts no more samples.
pub(super) fn close() {
    SESSION.store(0, Ordering::Release);
}

/// Intervals whose samples found no place, since the process began.
pub(super) fn dropped() -> u64 {
    CPU_SAMPLES_DROPPED.value()
}

fn cells() -> &'static [Cell] {
    let ring = RING.load(Ordering::Acquire);
    if ring.is_null() {
        return &[];
    }
    // SAFETY: an array of SAMPLES that is never freed; what changes in it are atomics and cells.
    unsafe { std::slice::from_raw_parts(ring, SAMPLES) }
}

/// Takes a sample of this thread.
///
/// # Safety
/// Only the handler calls it, with what the kernel gave it for a timer.
pub(super) unsafe fn take(info: *const libc::siginfo_t, context: *const libc::ucontext_t) {
    // SAFETY: the kernel's own structure; of a timer its sixth word is the number of overruns.
    let (session, overruns) = unsafe {
        ((*info).si_value().sival_ptr.addr() as u64, *info.cast::<i32>().wrapping_add(5))
    };
    if session == 0 || session != SESSION.load(Ordering::Acquire) {
        return;
    }
    let weight = overruns.max(0).unsigned_abs().saturating_add(1);
    let at = NEXT.fetch_add(1, Ordering::Relaxed) % SAMPLES;
    let Some(cell) = cells().get(at) else { return };
    let won = cell.state.compare_exchange(FREE, WRITING, Ordering::AcqRel, Ordering::Relaxed);
    if won.is_err() {
        CPU_SAMPLES_DROPPED.add(weight.into());
        return;
    }
    // SAFETY: whoever moved the state to WRITING owns the sample until it stores FULL.
    unsafe {
        let sample = cell.sample.get();
        (*sample).weight = weight;
        (*sample).registers = handler::registers(context);
        (*sample).length = handler::copy_stack(
            (*sample).registers[1],
            (&raw mut (*sample).bytes).cast(),
            MAX_SAMPLE_BYTES,
        );
        let tenant = &mut (*sample).tenant;
        ((*sample).service, (*sample).tenant_bytes) = whose(tenant);
    }
    cell.state.store(FULL, Ordering::Release);
}

/// Service and tenant of what this thread works on. Loads of atomics, nothing else.
fn whose(tenant: &mut [u8; MAX_TENANT_BYTES]) -> (u32, usize) {
    let Some((header, _)) = lane::current() else { return (0, 0) };
    let header: &Header = header;
    #[expect(clippy::cast_possible_truncation, reason = "the low half is the service")]
    let service = header.word(Word::ServiceEpoch) as u32;
    // The signal may have interrupted just that.
    let is_whole = !header.texts.is_in_write();
    (service, if is_whole { header.texts.copy_text(Slot::Tenant, tenant) } else { 0 })
}

/// Visits the samples that have come, and frees their places.
pub(super) fn drain(mut visit: impl FnMut(&Sample)) {
    for cell in cells() {
        if cell.state.load(Ordering::Acquire) == FULL {
            // SAFETY: FULL says that the handler has let go of it, and only this thread, under the
            // engine's lock, frees it.
            visit(unsafe { &*cell.sample.get() });
            cell.state.store(FREE, Ordering::Release);
        }
    }
}
