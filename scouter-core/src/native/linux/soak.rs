//! Captures of an application that does everything that ever made a profiler crash: it allocates,
//! panics, loads and unloads libraries, starts and ends threads, and sleeps, all at once.
//!
//! In a process of its own, so that its memory and files are those of the soak. 10,000 captures;
//! `SCOUTER_NATIVE_SOAK` says another number, a million before a release.

use std::hint::black_box;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use super::bounds::enter_thread;
use super::capture_all;
use crate::native::{Quality, Unavailable, threads};
use crate::sys;

const IN_CHILD: &str = "SCOUTER_NATIVE_SOAK_CHILD";
const USUAL_CAPTURES: u64 = 10_000;

/// Captures of a hundred thousand that may be incomplete.
const MAX_INCOMPLETE: u64 = 500;

/// Captures of a hundred that a thread may not answer in time: on a machine that is busy with other
/// things too it gets no CPU, which says nothing about the capture.
const MAX_UNANSWERED: u64 = 5;

/// Growth of the process that is no leak: places, ring, and what the allocator keeps, in KiB.
const MAX_GROWTH_KB: u64 = 48 * 1024;

#[test]
fn mixed_load_survives_captures_which_are_whole_and_leave_nothing_behind() {
    let exe = std::env::current_exe().unwrap();
    let child = Command::new(exe)
        .args(["--exact", "native::platform::soak::child_under_load", "--nocapture"])
        .env(IN_CHILD, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success(), "{}\n{said}", child.status);
    let figures = said.lines().find(|line| line.contains("captures")).unwrap();
    println!("{figures}");
}

#[test]
fn child_under_load() {
    if std::env::var_os(IN_CHILD).is_none() {
        return;
    }
    std::panic::set_hook(Box::new(|_| {}));
    let wanted = std::env::var("SCOUTER_NATIVE_SOAK").ok().and_then(|text| text.parse().ok());
    let is_over = AtomicBool::new(false);
    let figures = std::thread::scope(|scope| {
        let load: [fn(&AtomicBool); 12] = [
            allocate,
            allocate,
            allocate,
            deep,
            deep,
            deep,
            panic_often,
            load_libraries,
            churn,
            churn,
            sleep_often,
            sleep_often,
        ];
        for work in load {
            let is_over = &is_over;
            scope.spawn(move || {
                enter_thread();
                work(is_over);
            });
        }
        let figures = soak(wanted.unwrap_or(USUAL_CAPTURES));
        is_over.store(true, Ordering::Relaxed);
        figures
    });
    println!("{figures:?}: captures, incomplete, gone, not answered");
    let [captures, incomplete, _, unanswered] = figures;
    assert!(incomplete * 100_000 <= captures * MAX_INCOMPLETE, "{figures:?}");
    assert!(unanswered * 100 <= captures * MAX_UNANSWERED, "{figures:?}");
}

fn soak(wanted: u64) -> [u64; 4] {
    let mut figures = [0; 4];
    let mut before = None;
    let own = sys::thread_id();
    while figures[0] < wanted {
        let all = threads().into_iter().map(|thread| thread.tid);
        let tids: Vec<u32> = all.filter(|tid| *tid != own).collect();
        for stack in capture_all(&tids) {
            match stack {
                Ok(stack) => {
                    figures[0] += 1;
                    figures[1] += u64::from(stack.quality == Quality::Cut);
                }
                Err(Unavailable::Gone | Unavailable::Unsteady) => figures[2] += 1,
                Err(_) => figures[3] += 1,
            }
        }
        // The load has come to its size by then.
        if before.is_none() && figures[0] > wanted / 4 {
            before = Some((resident_kb(), open_files()));
        }
    }
    let (kb, files) = before.unwrap();
    assert!(resident_kb() <= kb + MAX_GROWTH_KB, "{kb} KiB became {}", resident_kb());
    // A library that is being loaded right now is open for a moment.
    assert!(open_files() <= files + 4, "{files} files became {}", open_files());
    figures
}

fn resident_kb() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    text.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4
}

fn open_files() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

fn allocate(is_over: &AtomicBool) {
    let mut kept: Vec<Vec<u8>> = Vec::new();
    for n in 0_usize.. {
        if is_over.load(Ordering::Relaxed) {
            return;
        }
        kept.push(black_box(vec![1; 16 + n % 4_096]));
        if kept.len() > 64 {
            kept.clear();
        }
    }
}

fn deep(is_over: &AtomicBool) {
    #[inline(never)]
    fn dive(depth: u32) -> u64 {
        if depth == 0 { 1 } else { black_box(dive(black_box(depth - 1))) + 1 }
    }
    while !is_over.load(Ordering::Relaxed) {
        black_box(dive(40));
    }
}

fn panic_often(is_over: &AtomicBool) {
    while !is_over.load(Ordering::Relaxed) {
        let caught = std::panic::catch_unwind(|| {
            assert!(black_box(false), "as the soak wants it");
        });
        black_box(caught.is_err());
    }
}

fn load_libraries(is_over: &AtomicBool) {
    let libraries = [c"libresolv.so.2", c"libanl.so.1", c"libutil.so.1"];
    while !is_over.load(Ordering::Relaxed) {
        for library in libraries {
            // SAFETY: libraries of the C library without constructors that matter; each is closed
            // as often as it was opened.
            unsafe {
                let handle = libc::dlopen(library.as_ptr(), libc::RTLD_NOW);
                if !handle.is_null() {
                    libc::dlclose(handle);
                }
            }
        }
    }
}

fn churn(is_over: &AtomicBool) {
    static RUNS: AtomicU64 = AtomicU64::new(0);
    while !is_over.load(Ordering::Relaxed) {
        std::thread::scope(|scope| {
            scope.spawn(|| {
                enter_thread();
                RUNS.fetch_add(1, Ordering::Relaxed);
            });
        });
    }
}

fn sleep_often(is_over: &AtomicBool) {
    while !is_over.load(Ordering::Relaxed) {
        std::thread::sleep(Duration::from_micros(300));
    }
}
