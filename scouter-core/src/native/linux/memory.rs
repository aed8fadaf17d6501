//! The memory of this process as the kernel reads it: an address may be wrong, and nothing happens.
//!
//! It is read from `/proc/self/mem`, since every sandbox lets a process open and read files.
//! `process_vm_readv` does the same and was rejected: usual filters of system calls, those of
//! systemd among them, end a process that tries it, and nobody can ask a filter beforehand.

use std::fs::File;
use std::os::fd::{AsRawFd as _, IntoRawFd as _};
use std::sync::atomic::{AtomicI32, Ordering};

use crate::sys;

/// What is read.
pub(super) const PATH: &str = "/proc/self/mem";

/// The open file. -1 before the first capture, where it cannot be opened, and in the child of a fork:
/// there it would still show the memory of the parent, whatever privileges the child gives up.
static FILE: AtomicI32 = AtomicI32::new(-1);

/// Opens it, once; whether memory can be read. The caller holds the engine's lock.
pub(super) fn open() -> bool {
    if FILE.load(Ordering::Acquire) < 0
        && let Ok(file) = File::open(PATH)
    {
        sys::on_fork_child(close_in_child);
        FILE.store(file.into_raw_fd(), Ordering::Release);
    }
    is_readable(FILE.load(Ordering::Acquire))
}

/// Whether memory can be read. Leaves nothing open that was not before.
pub(super) fn can_open() -> bool {
    match FILE.load(Ordering::Acquire) {
        ..0 => File::open(PATH).is_ok_and(|file| is_readable(file.as_raw_fd())),
        file => is_readable(file),
    }
}

fn is_readable(file: i32) -> bool {
    let word = 0x5C07_7E12_u32.to_ne_bytes();
    let mut copy = [0; 4];
    // SAFETY: `copy` is live and has 4 bytes.
    let length = unsafe { read_from(file, word.as_ptr().addr() as u64, copy.as_mut_ptr(), 4) };
    length == 4 && copy == word
}

/// Copies memory from `address` on, up to the first page that is not there; answers how many bytes.
pub(super) fn read(address: u64, buffer: &mut [u8]) -> usize {
    // SAFETY: the buffer is live and as long as it says.
    unsafe { read_raw(address, buffer.as_mut_ptr(), buffer.len()) }
}

/// As [`read`]; also in the handler of a signal, where it must be a bare system call.
///
/// # Safety
/// `to` has room for `length` bytes.
pub(super) unsafe fn read_raw(address: u64, to: *mut u8, length: usize) -> usize {
    // SAFETY: the caller's promise.
    unsafe { read_from(FILE.load(Ordering::Acquire), address, to, length) }
}

/// # Safety
/// `to` has room for `length` bytes.
unsafe fn read_from(file: i32, address: u64, to: *mut u8, length: usize) -> usize {
    // SAFETY: the kernel writes at most `length` bytes to `to`, and checks the address it reads from.
    let copied = unsafe { libc::syscall(libc::SYS_pread64, file, to, length, address) };
    usize::try_from(copied).unwrap_or(0)
}

extern "C" fn close_in_child() {
    let file = FILE.swap(-1, Ordering::AcqRel);
    if file >= 0 {
        // SAFETY: opened above, and nothing in this process uses it any more.
        unsafe { libc::close(file) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_that_is_not_there_is_read_as_nothing() {
        assert!(can_open() && open());
        assert_eq!(read(8, &mut [0; 64]), 0);
        assert_eq!(read(u64::MAX - 4, &mut [0; 64]), 0);
        assert_eq!(read(i64::MAX as u64, &mut [0; 64]), 0);
    }

    #[test]
    fn a_child_keeps_no_door_to_the_memory_of_its_parent() {
        assert!(open());
        let word = 1_u64;
        let read_it = || read(std::ptr::from_ref(&word).addr() as u64, &mut [0; 8]);
        // SAFETY: the child makes system calls and leaves without running destructors.
        let left = unsafe {
            let child = libc::fork();
            if child == 0 {
                libc::_exit(i32::try_from(read_it()).unwrap_or(-1));
            }
            let mut left = -1;
            assert_eq!(libc::waitpid(child, &raw mut left, 0), child);
            left
        };
        assert!(libc::WIFEXITED(left) && libc::WEXITSTATUS(left) == 0, "{left:#x}");
        assert_eq!(read_it(), 8);
    }

    #[test]
    fn reading_stops_at_the_first_page_that_is_not_there() {
        const PAGE: usize = 4_096;
        assert!(open());
        // SAFETY: a mapping of its own, of which the second page is given back; what is left is
        // given back at the end.
        unsafe {
            let (rights, flags) = (libc::PROT_READ, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
            let pages = libc::mmap(std::ptr::null_mut(), 2 * PAGE, rights, flags, -1, 0);
            assert_ne!(pages, libc::MAP_FAILED);
            assert_eq!(libc::munmap(pages.byte_add(PAGE), PAGE), 0);
            let near_its_end = (pages.addr() + PAGE - 100) as u64;
            assert_eq!(read(near_its_end, &mut [0; 1_000]), 100);
            assert_eq!(libc::munmap(pages, PAGE), 0);
        }
    }
}
