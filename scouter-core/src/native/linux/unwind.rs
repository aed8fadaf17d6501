//! From a copy of registers and stack to frames.

use std::collections::BTreeMap;
use std::sync::Arc;

use framehop::x86_64::{CacheX86_64, UnwindRegsX86_64, UnwinderX86_64};
use framehop::{ExplicitModuleSectionInfo, Unwinder as _};

use super::modules::{Bytes, Loaded, changes, loaded};
use super::signal::Guard;
use super::{Registers, memory};
use crate::clock;
use crate::native::{Frame, MAX_FRAMES, Quality, Stack};

/// How far into the stack of a sleeping thread a value for its base pointer is looked for, in words.
const MAX_GUESSES: usize = 256;

/// Fewest frames of a stack that was found by guessing; a shorter one proves nothing.
const MIN_GUESSED_FRAMES: usize = 4;

/// How far into a function the code of a callee may be for a call to be known as one of it, in bytes.
const NEAR_BYTES: u64 = 1 << 16;

/// Stands for a base pointer that is not known: no stack is there, so that whatever needs it fails.
/// (Zero would not do: it ends a chain of frames.)
const NO_ADDRESS: u64 = 8;

/// Unwinds copies of this process's stacks.
pub(super) struct Unwinder {
    inner: UnwinderX86_64<Bytes>,
    cache: CacheX86_64,
    modules: Vec<Loaded>,
    /// Which of the modules lies where, by its first address.
    places: BTreeMap<u64, usize>,
    changes: (u64, u64),
    number: u32,
    /// Frames of the last unwinding, as addresses.
    addresses: Vec<u64>,
}

impl Unwinder {
    pub(super) fn new() -> Self {
        Self {
            inner: UnwinderX86_64::new(),
            cache: CacheX86_64::new(),
            modules: Vec::new(),
            places: BTreeMap::new(),
            changes: (0, 0),
            number: 0,
            addresses: Vec::new(),
        }
    }

    /// Learns what was loaded and unloaded since the last time.
    pub(super) fn refresh(&mut self) {
        let changes = changes();
        if changes == self.changes && !self.modules.is_empty() {
            return;
        }
        self.changes = changes;
        self.modules = loaded(&self.modules, &mut self.number);
        self.inner = UnwinderX86_64::new();
        self.cache = CacheX86_64::new();
        self.places.clear();
        for (index, module) in self.modules.iter().enumerate() {
            self.places.insert(module.range.start, index);
            self.inner.add_module(framehop::Module::new(
                String::new(),
                module.range.clone(),
                module.base,
                ExplicitModuleSectionInfo {
                    base_svma: 0,
                    text_svma: Some(module.text.clone()),
                    eh_frame_svma: Some(module.eh_frame.0.clone()),
                    eh_frame: Some(module.eh_frame.1.clone()),
                    eh_frame_hdr_svma: Some(module.eh_frame_hdr.0.clone()),
                    eh_frame_hdr: Some(module.eh_frame_hdr.1.clone()),
                    ..ExplicitModuleSectionInfo::default()
                },
            ));
        }
    }

    /// The stack that a handler copied.
    pub(super) fn of_copy(&mut self, tid: u32, copied: &Guard) -> Stack {
        let (frames, quality) = self.unwind(copied.registers(), copied.bytes());
        let pause_ns = clock::ticks_to_ns(copied.pause_ticks());
        Stack { tid, frames, quality, pause_ns }
    }

    /// Frames, leaf first, of a stack whose bytes from the stack pointer on are `stack`.
    pub(super) fn unwind(&mut self, registers: Registers, stack: &[u8]) -> (Vec<Frame>, Quality) {
        let mut quality = Quality::Cut;
        if self.walk(registers, registers.bp.unwrap_or(NO_ADDRESS), stack) {
            quality = Quality::Complete;
        } else if registers.bp.is_none() && self.guess(registers, stack) {
            quality = Quality::Guessed;
        }
        let frames = self.addresses.iter().map(|address| self.frame(*address)).collect();
        (frames, quality)
    }

    /// Tries each word of the stack as the place that the base pointer of a sleeping thread points
    /// to; code without one never comes here. Whether one leads to the root of the thread, through
    /// code alone and by way of a call.
    ///
    /// Old frames that were left behind may look right too. So a place counts first of all if the
    /// call that returns there is one of the function below it, and only then if it is any call.
    fn guess(&mut self, registers: Registers, stack: &[u8]) -> bool {
        let known = std::mem::take(&mut self.addresses);
        let Some(callee) = known.last().copied() else { return false };
        let mut any_call = None;
        for word in 0..MAX_GUESSES.min(stack.len() / 8) {
            let bp = registers.sp.wrapping_add(word as u64 * 8);
            let is_whole = self.walk(registers, bp, stack)
                && self.addresses.len() >= MIN_GUESSED_FRAMES
                && self.addresses.iter().all(|address| self.module(*address).is_some());
            let caller = self.addresses.get(known.len()).copied();
            match caller.filter(|_| is_whole).and_then(call_before) {
                Some(Call::To(target)) if (target..target + NEAR_BYTES).contains(&callee) => {
                    return true;
                }
                Some(_) => any_call = any_call.or(Some(bp)),
                None => {}
            }
        }
        if let Some(bp) = any_call {
            return self.walk(registers, bp, stack);
        }
        self.addresses = known;
        false
    }

    /// Fills the addresses; whether the root was reached.
    fn walk(&mut self, registers: Registers, bp: u64, stack: &[u8]) -> bool {
        self.addresses.clear();
        let mut read = |address: u64| {
            let at = usize::try_from(address.wrapping_sub(registers.sp)).map_err(|_| ())?;
            let word = stack.get(at..).and_then(<[u8]>::first_chunk).ok_or(())?;
            Ok(u64::from_le_bytes(*word))
        };
        let start = UnwindRegsX86_64::new(registers.ip, registers.sp, bp);
        let mut frames = self.inner.iter_frames(registers.ip, start, &mut self.cache, &mut read);
        while self.addresses.len() < MAX_FRAMES {
            match frames.next() {
                Ok(Some(frame)) => self.addresses.push(frame.address_for_lookup()),
                Ok(None) => return true,
                Err(_) => return false,
            }
        }
        false
    }

    /// The module whose code an address is in.
    fn module(&self, address: u64) -> Option<&Loaded> {
        let (_, index) = self.places.range(..=address).next_back()?;
        self.modules.get(*index).filter(|module| module.range.contains(&address))
    }

    fn frame(&self, address: u64) -> Frame {
        match self.module(address) {
            Some(found) => Frame {
                module: Some(Arc::clone(&found.module)),
                offset: address.wrapping_sub(found.base),
            },
            None => Frame { module: None, offset: address },
        }
    }
}

/// A call instruction.
#[derive(Debug, PartialEq, Eq)]
enum Call {
    /// Of the function at this address.
    To(u64),
    /// Of one that a register or a place in memory names.
    Indirect,
}

/// The call that ends with the byte at `address`, which is the last one before a return address.
fn call_before(address: u64) -> Option<Call> {
    const LENGTH: usize = 7;
    let end = address.wrapping_add(1);
    let mut bytes = [0; LENGTH];
    // Its library may be gone by now; the kernel looks.
    (memory::read(end.wrapping_sub(LENGTH as u64), &mut bytes) == LENGTH).then_some(())?;
    call_at_end(&bytes, end)
}

/// The call that these bytes end with, which stand before `end`.
fn call_at_end(bytes: &[u8; 7], end: u64) -> Option<Call> {
    let [.., 0xe8, a, b, c, d] = *bytes else {
        // FF /2 with a register, or with an address of 0, 1 or 4 bytes, with or without a scale.
        let is_indirect = [2, 3, 4, 6, 7].into_iter().any(|length| {
            let instruction = &bytes[bytes.len() - length..];
            instruction[0] == 0xff && instruction[1] >> 3 & 7 == 2
        });
        return is_indirect.then_some(Call::Indirect);
    };
    Some(Call::To(end.wrapping_add_signed(i64::from(i32::from_le_bytes([a, b, c, d])))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_told_from_other_instructions_with_their_target() {
        for (bytes, call) in [
            ([0, 0, 0xe8, 0x10, 0, 0, 0], Some(Call::To(0x1010))),
            ([0, 0, 0xe8, 0xf0, 0xff, 0xff, 0xff], Some(Call::To(0xff0))),
            ([0, 0, 0, 0, 0, 0xff, 0xd0], Some(Call::Indirect)),
            ([0, 0xff, 0x15, 1, 2, 3, 4], Some(Call::Indirect)),
            ([0, 0, 0, 0, 0xff, 0x50, 8], Some(Call::Indirect)),
            ([0x90; 7], None),
            ([0, 0, 0, 0, 0, 0xff, 0xe0], None),
        ] {
            assert_eq!(call_at_end(&bytes, 0x1000), call, "{bytes:x?}");
        }
    }
}
