//! The handler of the signal: it copies registers and stack bytes, and nothing else.
//!
//! It runs at any point of any thread of the application, so it takes no lock, allocates nothing,
//! calls no code that could, and cannot panic: plain stores, atomics and one copy. Memory it
//! writes to is never freed; a signal that comes late finds that its number is no longer asked for.

use std::cell::UnsafeCell;
use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, Ordering};

use super::{bounds, memory, ring};
use crate::native::MAX_STACK_BYTES;

/// Places for copies of running threads. They take 1 MiB, from the first capture on.
pub(super) const SLOTS: usize = 32;

/// Longest copy by the kernel, of a thread whose stack is not known, in bytes.
const MAX_UNKNOWN_BYTES: usize = 16 * 1024;

/// States of a place; the number of the request stands above them.
pub(super) mod state {
    pub(in super::super) const BITS: u32 = 2;
    pub(in super::super) const FREE: u64 = 0;
    pub(in super::super) const ASKED: u64 = 1;
    pub(in super::super) const COPYING: u64 = 2;
    pub(in super::super) const DONE: u64 = 3;
}

/// What a handler copied.
pub(super) struct Copied {
    pub(super) ip: u64,
    pub(super) sp: u64,
    pub(super) bp: u64,
    pub(super) length: usize,
    pub(super) pause_ticks: u64,
    pub(super) bytes: [MaybeUninit<u8>; MAX_STACK_BYTES],
}

/// A place for one copy.
pub(super) struct Slot {
    /// Number of the request and its state.
    pub(super) state: AtomicU64,
    /// Nobody waits for the copy any more: the place is free once it is done.
    pub(super) is_lost: AtomicBool,
    pub(super) copied: UnsafeCell<Copied>,
}

/// The places, or null before the first capture.
pub(super) static PLACES: AtomicPtr<Slot> = AtomicPtr::new(std::ptr::null_mut());

/// The handler.
///
/// # Safety
/// Only the kernel calls it, as the handler of a signal with `SA_SIGINFO`.
pub(super) unsafe extern "C" fn handle(
    _: libc::c_int,
    info: *mut libc::siginfo_t,
    context: *mut libc::c_void,
) {
    // SAFETY: the kernel passes valid pointers; the C library's errno of this thread always exists.
    unsafe {
        let errno = *libc::__errno_location();
        let context = context.cast::<libc::ucontext_t>();
        match (*info).si_code {
            libc::SI_QUEUE => copy_for_request((*info).si_value().sival_ptr.addr(), context),
            libc::SI_TIMER => ring::take(info, context),
            _ => {}
        }
        *libc::__errno_location() = errno;
    }
}

/// # Safety
/// `context` is what the kernel gave the handler.
unsafe fn copy_for_request(value: usize, context: *const libc::ucontext_t) {
    let start = crate::clock::now_ticks();
    let (index, number) = (value % SLOTS, (value / SLOTS) as u64);
    let places = PLACES.load(Ordering::Acquire);
    if places.is_null() {
        return;
    }
    // SAFETY: the places are an array of SLOTS that is never freed.
    let slot = unsafe { &*places.wrapping_add(index) };
    let (asked, copying) = (word(number, state::ASKED), word(number, state::COPYING));
    let won = slot.state.compare_exchange(asked, copying, Ordering::AcqRel, Ordering::Relaxed);
    if won.is_err() {
        return;
    }
    // SAFETY: whoever moved the state to COPYING owns the copy until it stores DONE.
    unsafe {
        let copied = slot.copied.get();
        let registers = registers(context);
        (*copied).ip = registers[0];
        (*copied).sp = registers[1];
        (*copied).bp = registers[2];
        (*copied).length =
            copy_stack(registers[1], (&raw mut (*copied).bytes).cast(), MAX_STACK_BYTES);
        (*copied).pause_ticks = crate::clock::now_ticks().wrapping_sub(start);
    }
    slot.state.store(word(number, state::DONE), Ordering::Release);
}

/// Instruction, stack and base pointer of the interrupted code.
///
/// # Safety
/// `context` is what the kernel gave the handler.
pub(super) unsafe fn registers(context: *const libc::ucontext_t) -> [u64; 3] {
    // SAFETY: see above; the indexes are the C library's own.
    let general = unsafe { &(*context).uc_mcontext.gregs };
    [libc::REG_RIP, libc::REG_RSP, libc::REG_RBP].map(|register| {
        let index = usize::try_from(register).unwrap_or(0);
        general.get(index).map_or(0, |value| value.cast_unsigned())
    })
}

/// Copies the stack of this thread from `sp` on, at most `limit` bytes; answers how many.
///
/// # Safety
/// `to` has room for `limit` bytes and `sp` is the stack pointer of the interrupted code.
pub(super) unsafe fn copy_stack(sp: u64, to: *mut u8, limit: usize) -> usize {
    let (low, high) = bounds::bounds();
    let Ok(sp) = usize::try_from(sp) else { return 0 };
    let from = std::ptr::with_exposed_provenance::<u8>(sp);
    if low <= sp && sp < high {
        let length = high.wrapping_sub(sp).min(limit);
        // SAFETY: from the stack pointer to the end of the stack all pages are there, and only
        // this thread, which is in this handler, writes to them.
        unsafe { std::ptr::copy_nonoverlapping(from, to, length) };
        return length;
    }
    // A thread that never recorded, or a stack it made itself: the kernel finds out where it ends.
    // SAFETY: the caller's promise; the kernel checks where it reads.
    unsafe { memory::read_raw(sp as u64, to, limit.min(MAX_UNKNOWN_BYTES)) }
}

/// Number and state in one word.
pub(super) const fn word(number: u64, state: u64) -> u64 {
    number << state::BITS | state
}
