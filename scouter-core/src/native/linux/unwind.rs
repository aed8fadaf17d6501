//! From a copy of registers and stack to frames.

use std::cell::Cell;
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

/// How far above the stack pointer a frame may lie, in bytes; what is beyond it is no stack.
const MAX_DEPTH_BYTES: usize = 1 << 20;

/// How far an unwinding came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// To the root of the thread.
    Root,
    /// To a frame that lies above what was copied.
    OfCopy,
    /// To something that is no frame.
    Lost,
}

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
        let end = self.walk(registers, registers.bp.unwrap_or(NO_ADDRESS), stack);
        let quality = match end {
            End::Root => Quality::Complete,
            _ if registers.bp.is_none() => self.guess(registers, stack),
            _ => Quality::Cut,
        };
        let frames = self.addresses.iter().map(|address| self.frame(*address)).collect();
        (frames, quality)
    }

    /// Tries each word of the stack as the place that the base pointer of a sleeping thread points
    /// to; code without one never comes here. It should lead to the root of the thread, through code
    /// alone and by way of a call; of a stack deeper than the copy at least to the end of that.
    ///
    /// Old frames that were left behind may look right too. So of several places the best one counts
    /// ([`Trust`]), and of equal ones the first, which is nearest to the leaf.
    fn guess(&mut self, registers: Registers, stack: &[u8]) -> Quality {
        let known = std::mem::take(&mut self.addresses);
        let Some(callee) = known.last().copied() else { return Quality::Cut };
        let mut best = None;
        for word in 0..MAX_GUESSES.min(stack.len() / 8) {
            let bp = registers.sp.wrapping_add(word as u64 * 8);
            let end = self.walk(registers, bp, stack);
            let is_code = end != End::Lost
                && self.addresses.len() >= MIN_GUESSED_FRAMES
                && self.addresses.iter().all(|address| self.module(*address).is_some());
            let caller = self.addresses.get(known.len()).copied();
            let Some(call) = caller.filter(|_| is_code).and_then(call_before) else { continue };
            let trust = Trust { is_whole: end == End::Root, is_known_call: call.is_of(callee) };
            if best.is_none_or(|(most, _)| trust > most) {
                best = Some((trust, bp));
            }
            if trust == Trust::MOST {
                break;
            }
        }
        let Some((trust, bp)) = best else {
            self.addresses = known;
            return Quality::Cut;
        };
        self.walk(registers, bp, stack);
        if trust.is_whole { Quality::Guessed } else { Quality::Cut }
    }

    /// Fills the addresses; how far it came.
    fn walk(&mut self, registers: Registers, bp: u64, stack: &[u8]) -> End {
        self.addresses.clear();
        let is_past_copy = Cell::new(false);
        let mut read = |address: u64| {
            let at = usize::try_from(address.wrapping_sub(registers.sp)).map_err(|_| ())?;
            is_past_copy.set(at < MAX_DEPTH_BYTES && at + 8 > stack.len());
            let word = stack.get(at..).and_then(<[u8]>::first_chunk).ok_or(())?;
            Ok(u64::from_le_bytes(*word))
        };
        let start = UnwindRegsX86_64::new(registers.ip, registers.sp, bp);
        let mut frames = self.inner.iter_frames(registers.ip, start, &mut self.cache, &mut read);
        while self.addresses.len() < MAX_FRAMES {
            match frames.next() {
                Ok(Some(frame)) => self.addresses.push(frame.address_for_lookup()),
                Ok(None) => return End::Root,
                Err(_) if is_past_copy.get() => return End::OfCopy,
                Err(_) => return End::Lost,
            }
        }
        End::Lost
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

/// How far a guess is to be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Trust {
    /// It leads to the root of the thread, not only to the end of the copy.
    is_whole: bool,
    /// The call that returns there is one of the function below it, as far as the code tells.
    is_known_call: bool,
}

impl Trust {
    const MOST: Self = Self { is_whole: true, is_known_call: true };
}

/// A call instruction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Call {
    /// Of the function at this address.
    To(u64),
    /// Of the function whose address stands at this one, as functions of other crates are called.
    Through(u64),
    /// Of one that a register or a place in memory names.
    Indirect,
}

impl Call {
    /// Whether it is known to call the function that this code is in.
    fn is_of(self, code: u64) -> bool {
        matches!(self, Self::To(target) if code.wrapping_sub(target) < NEAR_BYTES)
    }
}

/// The call that ends with the byte at `address`, which is the last one before a return address.
fn call_before(address: u64) -> Option<Call> {
    const LENGTH: usize = 7;
    let end = address.wrapping_add(1);
    let mut bytes = [0; LENGTH];
    // Its library may be gone by now; the kernel looks.
    (memory::read(end.wrapping_sub(LENGTH as u64), &mut bytes) == LENGTH).then_some(())?;
    let call = call_at_end(&bytes, end)?;
    let Call::Through(place) = call else { return Some(call) };
    let mut target = [0; 8];
    let is_there = memory::read(place, &mut target) == target.len();
    Some(if is_there { Call::To(u64::from_ne_bytes(target)) } else { call })
}

/// The call that these bytes end with, which stand before `end`.
fn call_at_end(bytes: &[u8; 7], end: u64) -> Option<Call> {
    let target =
        |distance: [u8; 4]| end.wrapping_add_signed(i64::from(i32::from_le_bytes(distance)));
    match *bytes {
        [.., 0xe8, a, b, c, d] => return Some(Call::To(target([a, b, c, d]))),
        [.., 0xff, 0x15, a, b, c, d] => return Some(Call::Through(target([a, b, c, d]))),
        _ => {}
    }
    // FF /2 with a register, or with an address of 0, 1 or 4 bytes, with or without a scale.
    let is_indirect = [2, 3, 4, 6, 7].into_iter().any(|length| {
        let instruction = &bytes[bytes.len() - length..];
        instruction[0] == 0xff && instruction[1] >> 3 & 7 == 2
    });
    is_indirect.then_some(Call::Indirect)
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
            ([0, 0xff, 0x15, 0x10, 0, 0, 0], Some(Call::Through(0x1010))),
            ([0, 0, 0, 0, 0xff, 0x50, 8], Some(Call::Indirect)),
            ([0x90; 7], None),
            ([0, 0, 0, 0, 0, 0xff, 0xe0], None),
        ] {
            assert_eq!(call_at_end(&bytes, 0x1000), call, "{bytes:x?}");
        }
    }
}
