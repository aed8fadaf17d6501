//! Captures of real threads: asleep, running, ending, in the middle of everything.

use std::hint::black_box;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use super::bounds::enter_thread;
use super::{Sampler, capture_all, ring};
use crate::native::{
    Quality, Stack, Symbols, Unavailable, capabilities, capture, capture_if, threads,
};
use crate::{TextKind, intern, options, sys, testing};

/// Says in its environment that a process is a test's own child.
const IN_CHILD: &str = "SCOUTER_TEST_CHILD";

/// Runs one test alone, in a process of its own, of this program or a copy of it.
pub(super) fn in_child(program: &std::path::Path, test: &str) -> Output {
    let name = format!("native::platform::{test}");
    let mut command = Command::new(program);
    command.args(["--exact", &name, "--nocapture"]).env(IN_CHILD, "1").output().unwrap()
}

/// As [`in_child`], of this very program; what it said, once it has passed.
pub(super) fn passed(test: &str) -> String {
    let child = in_child(&std::env::current_exe().unwrap(), test);
    let said = String::from_utf8_lossy(&child.stdout).into_owned();
    let errors = String::from_utf8_lossy(&child.stderr);
    assert!(child.status.success(), "{}\n{said}\n{errors}", child.status);
    assert!(said.contains("1 passed"), "no test is named {test}: {said}");
    said
}

/// Whether this process is such a child.
pub(super) fn is_child() -> bool {
    std::env::var_os(IN_CHILD).is_some()
}

/// A thread that ends when this is dropped.
pub(super) struct Helper {
    pub(super) tid: u32,
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Helper {
    pub(super) fn start(work: impl FnOnce(&AtomicBool) + Send + 'static) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let (tell, told) = mpsc::sync_channel(1);
        let over = Arc::clone(&is_over);
        let thread = std::thread::Builder::new().name("helper".into()).spawn(move || {
            enter_thread();
            tell.send(sys::thread_id()).unwrap();
            work(&over);
        });
        let thread = thread.unwrap();
        Self { tid: told.recv().unwrap(), is_over, thread: Some(thread) }
    }

    pub(super) fn asleep() -> Self {
        Self::start(sleeps_here)
    }

    /// Inside [`runs_here`] by the time it is handed out.
    pub(super) fn running() -> Self {
        let rounds = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&rounds);
        let helper = Self::start(move |is_over| runs_here(is_over, &counted));
        while rounds.load(Ordering::Relaxed) == 0 {
            std::thread::yield_now();
        }
        helper
    }

    /// Until the kernel says that it sleeps.
    pub(super) fn wait_asleep(&self) {
        while !threads().iter().any(|thread| thread.tid == self.tid && thread.state == 'S') {
            std::thread::yield_now();
        }
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            thread.join().unwrap();
        }
    }
}

#[inline(never)]
fn sleeps_here(is_over: &AtomicBool) {
    while !black_box(is_over).load(Ordering::Relaxed) {
        std::thread::park();
    }
}

#[inline(never)]
fn runs_here(is_over: &AtomicBool, rounds: &AtomicU64) {
    while !black_box(is_over).load(Ordering::Relaxed) {
        black_box(rounds).fetch_add(1, Ordering::Relaxed);
    }
}

/// Names of all functions in a stack.
fn names(stack: &Stack) -> String {
    let mut symbols = Symbols::new([]);
    let names = stack.frames.iter().flat_map(|frame| {
        let module = frame.module.as_ref()?;
        symbols.look_up(&module.path, &module.build_id, frame.offset).ok()
    });
    names.flatten().map(|symbol| symbol.function + "\n").collect()
}

/// A capture of a thread that may be in the middle of waking up or falling asleep.
pub(super) fn steady(tid: u32) -> Stack {
    std::iter::repeat_with(|| capture(tid)).take(100).find_map(Result::ok).unwrap()
}

#[test]
fn a_sleeping_thread_is_read_without_a_signal_up_to_its_root() {
    let helper = Helper::asleep();
    helper.wait_asleep();
    let stack = steady(helper.tid);
    assert_eq!(stack.pause_ns, 0);
    assert_ne!(stack.quality, Quality::Cut, "{stack:?}");
    let names = names(&stack);
    assert!(names.contains("sleeps_here"), "{names} {stack:?}");
    assert!(names.contains("std::thread"), "{names}");
}

#[inline(never)]
fn naps_here(is_over: &AtomicBool) {
    while !black_box(is_over).load(Ordering::Relaxed) {
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// More stack than is copied, as builds for debugging need.
#[inline(never)]
fn goes_deep(levels: u32, is_over: &AtomicBool) {
    let room = black_box([0_u8; 4_096]);
    if levels > 0 {
        goes_deep(levels - 1, is_over);
    } else {
        naps_here(is_over);
    }
    black_box(&room);
}

#[test]
fn of_a_sleeping_thread_that_is_deeper_than_the_copy_the_frames_at_the_leaf_are_shown() {
    let helper = Helper::start(|is_over| goes_deep(20, is_over));
    helper.wait_asleep();
    let stack = steady(helper.tid);
    let names = names(&stack);
    assert_eq!(stack.quality, Quality::Cut, "{names}");
    let leaf = names.find("naps_here").unwrap_or_else(|| panic!("{names}"));
    assert!(names[leaf..].matches("goes_deep").count() >= 3, "{names}");
}

#[test]
fn a_running_thread_shows_the_function_it_is_in_and_is_held_up_for_a_moment() {
    let _options = testing::exclusive();
    let helper = Helper::running();
    let stack = steady(helper.tid);
    assert!(stack.pause_ns > 0);
    assert_eq!(stack.quality, Quality::Complete, "{stack:?}");
    let names = names(&stack);
    assert!(names.contains("runs_here"), "{names}");
}

#[test]
fn a_capture_that_comes_late_is_rejected_whether_the_thread_runs_or_sleeps() {
    let _options = testing::exclusive();
    let (asleep, running) = (Helper::asleep(), Helper::running());
    asleep.wait_asleep();
    for helper in [asleep, running] {
        let generation = AtomicU64::new(1);
        let seen = generation.load(Ordering::Acquire);
        assert!(capture_if(helper.tid, || generation.load(Ordering::Acquire) == seen).is_ok());
        generation.store(2, Ordering::Release);
        let late = capture_if(helper.tid, || generation.load(Ordering::Acquire) == seen);
        assert_eq!(late, Err(Unavailable::Late));
    }
}

#[test]
fn threads_that_have_ended_and_the_one_that_asks_have_no_stack_and_say_why() {
    let tid = Helper::asleep().tid;
    assert_eq!(capture(tid), Err(Unavailable::Gone));
    assert_eq!(capture(sys::thread_id()), Err(Unavailable::Own));
}

#[test]
fn a_dump_has_one_answer_a_thread_in_the_order_asked() {
    let _options = testing::exclusive();
    let helpers: Vec<Helper> =
        (0..40).map(|n| if n % 8 == 0 { Helper::running() } else { Helper::asleep() }).collect();
    let tids: Vec<u32> = helpers.iter().map(|helper| helper.tid).collect();
    let stacks = capture_all(&tids);
    assert_eq!(stacks.len(), tids.len());
    for (tid, stack) in tids.iter().zip(stacks) {
        match stack {
            Ok(stack) => assert_eq!(stack.tid, *tid),
            Err(why) => assert!(matches!(why, Unavailable::NoAnswer), "{why}"),
        }
    }
}

/// Waits until the other end is closed; answers how often a signal ended the wait. Unlike most
/// calls, `poll` is never restarted.
fn interrupted_polls(end: &UnixStream) -> u64 {
    let mut interrupted = 0;
    let mut place = libc::pollfd { fd: end.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    // SAFETY: one live entry.
    while unsafe { libc::poll(&raw mut place, 1, -1) } == -1 {
        interrupted += 1;
    }
    interrupted
}

#[test]
fn no_signal_goes_to_threads_that_sleep() {
    let _recorder = testing::exclusive();
    let interrupted = Arc::new(AtomicU64::new(0));
    let (ends, helpers): (Vec<UnixStream>, Vec<Helper>) = (0..8)
        .map(|_| {
            let (ours, theirs) = UnixStream::pair().unwrap();
            let interrupted = Arc::clone(&interrupted);
            let work = move |_: &AtomicBool| {
                interrupted.fetch_add(interrupted_polls(&theirs), Ordering::Relaxed);
            };
            (ours, Helper::start(work))
        })
        .unzip();
    helpers.iter().for_each(Helper::wait_asleep);
    let tids: Vec<u32> = helpers.iter().map(|helper| helper.tid).collect();
    // Their CPU time is sampled besides, of which they use none.
    let sampler = Sampler::start(250).unwrap();
    for _ in 0..100 {
        for stack in capture_all(&tids) {
            let stack = stack.unwrap();
            assert_ne!(stack.quality, Quality::Cut, "{stack:?}");
            assert_eq!(stack.pause_ns, 0);
        }
    }
    drop(sampler);
    drop(ends);
    drop(helpers);
    assert_eq!(interrupted.load(Ordering::Relaxed), 0);
}

#[test]
fn without_a_signal_running_threads_say_why_and_sleeping_ones_are_read_all_the_same() {
    let _options = testing::exclusive();
    let (asleep, running) = (Helper::asleep(), Helper::running());
    asleep.wait_asleep();
    options::set("native_signal", "off").unwrap();
    let stacks = (steady(asleep.tid), capture(running.tid), Sampler::start(99).map(drop));
    options::set("native_signal", "").unwrap();
    assert!(!stacks.0.frames.is_empty());
    assert_eq!(stacks.1, Err(Unavailable::SignalOff));
    assert_eq!(stacks.2, Err(Unavailable::SignalOff));
}

extern "C" fn of_somebody_else(_: libc::c_int) {}

#[test]
fn a_signal_that_somebody_else_handles_is_left_alone() {
    let _options = testing::exclusive();
    let theirs = libc::SIGRTMIN() + 9;
    // SAFETY: a handler that does nothing, for a signal that nothing else uses.
    unsafe { libc::signal(theirs, of_somebody_else as *const () as libc::sighandler_t) };
    let running = Helper::running();
    for (value, number) in [(theirs, theirs), (libc::SIGSEGV, libc::SIGSEGV)] {
        options::set("native_signal", &value.to_string()).unwrap();
        let (answer, able) = (capture(running.tid), capabilities());
        options::set("native_signal", "").unwrap();
        assert_eq!(answer, Err(Unavailable::SignalTaken(number)));
        let unavailable: Vec<_> = able.into_iter().map(|one| (one.name, one.unavailable)).collect();
        assert_eq!(unavailable[0], ("stacks_asleep", None));
        assert_eq!(unavailable[1], ("stacks_running", Some(Unavailable::SignalTaken(number))));
        assert_eq!(unavailable[2], ("cpu_samples", Some(Unavailable::SignalTaken(number))));
    }
    // SAFETY: all zeros are a value of the type; only asks.
    let handler = unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        libc::sigaction(theirs, std::ptr::null(), &raw mut action);
        action.sa_sigaction
    };
    assert_eq!(handler, of_somebody_else as *const () as usize);
}

#[test]
fn cpu_samples_name_service_and_tenant_and_weigh_as_many_intervals_as_passed() {
    let _recorder = testing::exclusive();
    let service = intern(TextKind::Service, "sampled service");
    let _busy = Helper::start(move |is_over| {
        let transaction = crate::Transaction::begin(crate::Begin::new(service));
        transaction.set_text(crate::Field::Tenant, "sampled tenant");
        let entered = transaction.enter();
        runs_here(is_over, &AtomicU64::new(0));
        drop(entered);
    });
    let mut sampler = Sampler::start(99).unwrap();
    let (mut ours, mut is_named) = (0, false);
    let until = sys::monotonic_ns() + 60_000_000_000;
    while (ours < 20 || !is_named) && sys::monotonic_ns() < until {
        std::thread::sleep(Duration::from_millis(20));
        sampler.drain(|sampled, tenant, weight, frames| {
            if sampled == service {
                assert_eq!(tenant, "sampled tenant");
                ours += weight;
                is_named |= frames.len() > 2;
            }
        });
    }
    assert!(ours >= 20 && is_named, "{ours} {is_named}");
}

#[test]
fn samples_that_find_no_place_are_counted_and_the_others_are_whole() {
    const MORE: usize = 50;
    let _recorder = testing::exclusive();
    let helper = Helper::start(sleeps_here);
    helper.wait_asleep();
    enter_thread();
    // The slowest rate there is, which is one all the same: of the timers hardly a sample comes.
    let mut sampler = Sampler::start(1).unwrap();
    for _ in 0..ring::SAMPLES + MORE {
        assert!(sampler.sample_here());
    }
    let mut kept = 0;
    sampler.drain(|_, _, weight, frames| {
        assert!(!frames.is_empty());
        kept += u64::from(weight);
    });
    assert!(kept >= ring::SAMPLES as u64, "{kept}");
    assert!(sampler.dropped() >= MORE as u64, "{}", sampler.dropped());
    assert!(sampler.sample_here());
    let mut again = 0;
    sampler.drain(|_, _, weight, _| again += weight);
    assert!(again >= 1, "a place that was emptied is used again");
}
