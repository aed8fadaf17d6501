//! Threads that sleep: the kernel names stack and code pointer, and lets us copy our own memory.

use super::{Registers, memory};
use crate::native::thread::{Fact, Text};
use crate::native::{Unavailable, switches};
use crate::sys;

/// How often a thread that ran meanwhile is looked at again.
const TRIES: usize = 3;

/// Where the kernel says what a thread sleeps in, in messages.
pub(super) const PATH: &str = "/proc/self/task/TID/syscall";

/// What a look at a thread found.
pub(super) enum Look {
    /// It sleeps; so many bytes were copied from its stack pointer on.
    Asleep(Registers, usize),
    /// It runs, or wants to.
    Running,
}

/// Copies the stack of a thread if it sleeps, and did so the whole time.
pub(super) fn copy(tid: u32, buffer: &mut [u8]) -> Result<Look, Unavailable> {
    let Ok(place) = Fact::open(tid, "syscall") else { return unseen(tid, PATH) };
    let counter = Fact::open(tid, "schedstat").ok();
    let switches = || counter.as_ref().map_or_else(|| switches(tid), Fact::switches);
    let (mut first, mut second) = (Text::new(), Text::new());
    for _ in 0..TRIES {
        let before = switches();
        let Some(text) = place.read(&mut first) else { return unseen(tid, PATH) };
        let Some((ip, sp)) = parse(text) else {
            return if is_steady(tid) { Ok(Look::Running) } else { Err(Unavailable::Unsteady) };
        };
        let length = memory::read(sp, buffer);
        let is_same = place.read(&mut second) == Some(text);
        if before.is_some() && is_same && switches() == before {
            return Ok(Look::Asleep(Registers { ip, sp, bp: None }, length));
        }
    }
    // It sleeps for so short a time that it may be called running.
    if is_steady(tid) { Ok(Look::Running) } else { Err(Unavailable::Unsteady) }
}

/// What can be said of a thread while the kernel refuses `what` is needed to read its stack: one
/// that runs may still be asked by a signal.
pub(super) fn unseen(tid: u32, what: &'static str) -> Result<Look, Unavailable> {
    match state(tid) {
        None => Err(Unavailable::Gone),
        Some('R') => Ok(Look::Running),
        Some(_) => Err(Unavailable::Refused(what)),
    }
}

/// Whether a signal would reach it: not when it is stopped, traced or at its end.
fn is_steady(tid: u32) -> bool {
    state(tid).is_some_and(|state| matches!(state, 'R' | 'S' | 'D'))
}

/// The kernel's letter for what a thread does; `None` of one that has ended.
fn state(tid: u32) -> Option<char> {
    let mut text = Text::new();
    let stat = Fact::open(tid, "stat").ok()?.read(&mut text)?;
    stat.rsplit_once(") ")?.1.chars().next()
}

/// Whether the kernel says of threads of this process where they sleep.
pub(super) fn is_told() -> bool {
    let fact = Fact::open(sys::thread_id(), "syscall");
    fact.is_ok_and(|fact| fact.read(&mut Text::new()).is_some())
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
    fn of_a_thread_that_cannot_be_read_it_is_said_whether_it_runs() {
        assert!(is_told());
        assert!(matches!(unseen(sys::thread_id(), PATH), Ok(Look::Running)));
        assert!(matches!(unseen(u32::MAX, PATH), Err(Unavailable::Gone)));
    }
}
