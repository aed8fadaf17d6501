//! The stack of the thread that asks: it copies that by itself, and another one unwinds it later.

use std::arch::asm;

use super::{Registers, bounds, handler, with_engine};
use crate::native::{MAX_STACK_BYTES, Quality, Stack};
use crate::sys;
use crate::telemetry::STACKS_CUT;

/// The stack of the thread that made it, as it was then. Making one takes a copy of at most
/// [`MAX_STACK_BYTES`] and no lock, so it may be done on a thread that serves requests.
pub struct OwnStack {
    tid: u32,
    registers: Registers,
    bytes: Box<[u8]>,
}

impl std::fmt::Debug for OwnStack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (tid, bytes) = (self.tid, self.bytes.len());
        f.debug_struct("OwnStack").field("tid", &tid).field("bytes", &bytes).finish()
    }
}

impl OwnStack {
    /// Copies the stack of this thread, which begins with this function; `None` of a thread that
    /// has never recorded, whose stack is not known.
    #[inline(never)]
    #[must_use]
    pub fn copy() -> Option<Self> {
        let (ip, sp, bp): (u64, u64, u64);
        // SAFETY: it reads registers and changes nothing.
        unsafe {
            asm!(
                "lea {ip}, [rip]",
                "mov {sp}, rsp",
                "mov {bp}, rbp",
                ip = out(reg) ip,
                sp = out(reg) sp,
                bp = out(reg) bp,
                options(nomem, nostack, preserves_flags)
            );
        }
        let (low, high) = bounds::bounds();
        let here = usize::try_from(sp).ok()?;
        let length = high.checked_sub(here).filter(|_| low <= here)?.min(MAX_STACK_BYTES);
        let mut bytes = Vec::with_capacity(length);
        // SAFETY: there is room for `length` bytes, of which those that the callee says are written;
        // `sp` is the stack pointer of this function, which waits for its callee.
        unsafe {
            let written = handler::copy_stack(sp, bytes.as_mut_ptr(), length);
            bytes.set_len(written);
        }
        let registers = Registers { ip, sp, bp: Some(bp) };
        Some(Self { tid: sys::thread_id(), registers, bytes: bytes.into_boxed_slice() })
    }

    /// Its frames. Takes the lock of all captures and reads unwind tables: for the agent's own
    /// threads only.
    #[must_use]
    pub fn unwind(&self) -> Stack {
        let (frames, quality) =
            with_engine(|engine| engine.unwinder.unwind(self.registers, &self.bytes));
        if quality == Quality::Cut {
            STACKS_CUT.add(1);
        }
        Stack { tid: self.tid, frames, quality, pause_ns: 0 }
    }
}
