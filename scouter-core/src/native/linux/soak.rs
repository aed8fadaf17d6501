//! Captures of an application that does everything that ever made a profiler crash: it allocates,
//! panics, loads and unloads libraries, starts and ends threads, and sleeps, all at once; and of one
//! that does nothing.
//!
//! Each in a process of its own, so that its memory and files are those of the soak. 10,000
//! captures; `SCOUTER_TEST_CAPTURES` says another number, a million before a release:
//!
//! ```sh
//! SCOUTER_TEST_CAPTURES=1000000 cargo test -p scouter-core --lib soak -- --nocapture
//! ```

use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use super::bounds::enter_thread;
use super::capture_all;
use super::tests::{Helper, is_child, passed};
use crate::native::{Quality, Stack, Unavailable, threads};
use crate::sys;

/// How many captures are taken.
const CAPTURES: &str = "SCOUTER_TEST_CAPTURES";
const USUAL_CAPTURES: u64 = 10_000;

/// Captures of a hundred thousand that may be incomplete: of threads that do nothing, and under load.
const MAX_INCOMPLETE: (u64, u64) = (100, 500);

/// Captures of a hundred that a thread may not answer in time: on a machine that is busy with other
/// things too it gets no CPU, which says nothing about the capture.
const MAX_UNANSWERED: u64 = 5;

/// Growth of the process that is no leak: places, ring, and what the allocator keeps, in KiB.
const MAX_GROWTH_KB: u64 = 48 * 1024;

/// Incomplete stacks that are shown.
const SHOWN: u64 = 5;

#[test]
fn mixed_load_survives_captures_which_are_whole_and_leave_nothing_behind() {
    said("soak::child_under_load");
}

#[test]
fn fifty_idle_threads_are_captured_whole_and_nothing_is_left_behind() {
    said("soak::child_that_is_idle");
}

fn said(test: &str) {
    let said = passed(test);
    for line in said.lines().filter(|line| line.starts_with("soak:")) {
        println!("{line}");
    }
}

#[test]
fn child_that_is_idle() {
    if !is_child() {
        return;
    }
    let helpers: Vec<Helper> = (0..50).map(|_| Helper::asleep()).collect();
    helpers.iter().for_each(Helper::wait_asleep);
    let figures = soak(|tid| helpers.iter().any(|helper| helper.tid == tid));
    figures.check(MAX_INCOMPLETE.0);
    assert_eq!((figures.gone, figures.unanswered), (0, 0), "{figures:?}");
}

#[test]
fn child_under_load() {
    if !is_child() {
        return;
    }
    std::panic::set_hook(Box::new(|_| {}));
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
        let figures = soak(|_| true);
        is_over.store(true, Ordering::Relaxed);
        figures
    });
    figures.check(MAX_INCOMPLETE.1);
    assert!(figures.unanswered * 100 <= figures.captures * MAX_UNANSWERED, "{figures:?}");
}

/// What came of all captures.
#[derive(Debug, Default)]
struct Figures {
    captures: u64,
    incomplete: u64,
    gone: u64,
    unanswered: u64,
    /// By quality, and by the reason why there was none.
    outcomes: BTreeMap<String, u64>,
    /// Resident KiB and open files once the load had come to its size, and at the end.
    sizes: [(u64, usize); 2],
}

impl Figures {
    fn count(&mut self, stack: &Result<Stack, Unavailable>) {
        let outcome = match stack {
            Ok(stack) => format!("{:?}", stack.quality),
            Err(why) => format!("{why:?}"),
        };
        *self.outcomes.entry(outcome).or_default() += 1;
        match stack {
            Ok(stack) => {
                self.captures += 1;
                if stack.quality == Quality::Cut {
                    self.incomplete += 1;
                    if self.incomplete <= SHOWN {
                        let frames: Vec<_> = stack.frames.iter().map(ToString::to_string).collect();
                        println!("soak: cut after {}", frames.join(" "));
                    }
                }
            }
            Err(Unavailable::Gone | Unavailable::Unsteady) => self.gone += 1,
            Err(_) => self.unanswered += 1,
        }
    }

    fn check(&self, max_incomplete: u64) {
        println!("soak: {self:?}");
        assert!(self.incomplete * 100_000 <= self.captures * max_incomplete, "{self:?}");
        let [(kb, files), (kb_now, files_now)] = self.sizes;
        assert!(kb_now <= kb + MAX_GROWTH_KB, "{kb} KiB became {kb_now}");
        // A library that is being loaded right now is open for a moment.
        assert!(files_now <= files + 4, "{files} files became {files_now}");
    }
}

fn soak(is_wanted: impl Fn(u32) -> bool) -> Figures {
    let wanted = std::env::var(CAPTURES).map_or(USUAL_CAPTURES, |text| text.parse().unwrap());
    let mut figures = Figures::default();
    let own = sys::thread_id();
    while figures.captures < wanted {
        let all = threads().into_iter().map(|thread| thread.tid);
        let tids: Vec<u32> = all.filter(|tid| *tid != own && is_wanted(*tid)).collect();
        for stack in capture_all(&tids) {
            figures.count(&stack);
        }
        if figures.sizes[0] == (0, 0) && figures.captures > wanted / 4 {
            figures.sizes[0] = (resident_kb(), open_files());
        }
    }
    figures.sizes[1] = (resident_kb(), open_files());
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
