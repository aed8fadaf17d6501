//! Threads that sleep: the kernel names stack and code pointer, and lets us copy our own memory.

use std::fs;

use super::Registers;
use crate::native::{Unavailable, switches};

/// How often a thread that ran meanwhile is looked at again.
const TRIES: usize = 3;

const PAGE: usize = 4_096;

/// Pages that one copy touches.
const MAX_PIECES: usize = crate::native::MAX_STACK_BYTES / PAGE + 1;

/// What a look at a thread found.
pub(super) enum Look {
    /// It sleeps; so many bytes were copied from its stack pointer on.
    Asleep(Registers, usize),
    /// It runs, or wants to.
    Running,
}

/// Copies the stack of a thread if it sleeps, and did so the whole time.
pub(super) fn copy(tid: u32, buffer: &mut [u8]) -> Result<Look, Unavailable> {
    for _ in 0..TRIES {
        let before = switches(tid);
        let text = fs::read_to_string(format!("/proc/self/task/{tid}/syscall"));
        let text = text.map_err(|_| missing(tid))?;
        let Some((ip, sp)) = parse(&text) else {
            return if is_steady(tid) { Ok(Look::Running) } else { Err(Unavailable::Unsteady) };
        };
        let length = read(sp, buffer);
        let again = fs::read_to_string(format!("/proc/self/task/{tid}/syscall"));
        if before.is_some() && switches(tid) == before && again.is_ok_and(|again| again == text) {
            return Ok(Look::Asleep(Registers { ip, sp, bp: None }, length));
        }
    }
    // It sleeps for so short a time that it may be called running.
    if is_steady(tid) { Ok(Look::Running) } else { Err(Unavailable::Unsteady) }
}

/// Why the kernel says nothing about a thread.
fn missing(tid: u32) -> Unavailable {
    match fs::exists(format!("/proc/self/task/{tid}")) {
        Ok(true) => Unavailable::Refused("/proc/self/task/TID/syscall"),
        _ => Unavailable::Gone,
    }
}

/// Whether a signal would reach it: not when it is stopped, traced or at its end.
fn is_steady(tid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/self/task/{tid}/stat")).unwrap_or_default();
    let state = stat.rsplit_once(") ").and_then(|(_, fields)| fields.chars().next());
    state.is_some_and(|state| matches!(state, 'R' | 'S' | 'D'))
}

/// Code and stack pointer; `None` for `running`. Their two numbers are the last of the line, after
/// the system call and its arguments, or after -1 for a thread that waits in none.
fn parse(text: &str) -> Option<(u64, u64)> {
    let mut numbers = text.split_ascii_whitespace().rev().map(|number| {
        u64::from_str_radix(number.strip_prefix("0x")?, 16).ok().filter(|number| *number != 0)
    });
    let ip = numbers.next()??;
    let sp = numbers.next()??;
    Some((ip, sp))
}

/// Copies memory of this process from `address` on, up to the first page that is not there;
/// answers how many bytes. The kernel checks each page, so that no address can hurt.
pub(super) fn read(address: u64, buffer: &mut [u8]) -> usize {
    let Ok(start) = usize::try_from(address) else { return 0 };
    let mut pieces = [libc::iovec { iov_base: std::ptr::null_mut(), iov_len: 0 }; MAX_PIECES];
    let (mut at, mut count) = (0, 0);
    // A transfer stops at the piece that fails, so pieces are pages.
    for piece in &mut pieces {
        let Some(from) = start.checked_add(at).filter(|_| at < buffer.len()) else { break };
        let length = (PAGE - from % PAGE).min(buffer.len() - at);
        *piece = libc::iovec { iov_base: std::ptr::without_provenance_mut(from), iov_len: length };
        at += length;
        count += 1;
    }
    let local = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    // SAFETY: the kernel writes into `buffer` alone, at most its length, and checks the addresses
    // it reads from.
    let copied = unsafe {
        libc::process_vm_readv(libc::getpid(), &raw const local, 1, pieces.as_ptr(), count, 0)
    };
    usize::try_from(copied).unwrap_or(0)
}

/// Whether the kernel lets this process read its own memory.
pub(super) fn probe() -> bool {
    let word = 0x5C07_7E12_u32.to_ne_bytes();
    let mut copy = [0; 4];
    read(word.as_ptr().addr() as u64, &mut copy) == 4 && copy == word
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_of_a_thread_ends_with_stack_and_code_pointer() {
        let asleep = "35 0x0 0x0 0x7ffd 0x7ffe 0x0 0x0 0x7f0000001000 0x7f0000002000\n";
        assert_eq!(parse(asleep), Some((0x7f00_0000_2000, 0x7f00_0000_1000)));
        assert_eq!(parse("-1 0x10 0x20\n"), Some((0x20, 0x10)));
        for nothing in ["running\n", "", "-1 0x0 0x0\n"] {
            assert_eq!(parse(nothing), None, "{nothing}");
        }
    }

    #[test]
    fn memory_that_is_not_there_is_read_as_nothing() {
        assert!(probe());
        assert_eq!(read(8, &mut [0; 64]), 0);
        assert_eq!(read(u64::MAX - 4, &mut [0; 64]), 0);
    }
}
