//! Asking a running thread to copy its stack.

use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

use super::Registers;
use super::handler::{self, Copied, PLACES, SLOTS, Slot, state, word};
use crate::native::{SIGNAL_TIMEOUT_MS, Unavailable};
use crate::{clock, options, sys};

/// Which real-time signal is used unless the option names one, counted from the first.
const USUAL_OFFSET: i32 = 5;

/// Longest pause between two looks whether a thread has answered.
const PATIENCE: Duration = Duration::from_micros(200);

/// Looks without a pause, then with giving way to others.
const SPINS: (u32, u32) = (50, 200);

/// The signal that has our handler; 0 for none yet.
static INSTALLED: AtomicI32 = AtomicI32::new(0);

/// A place in which a thread was asked to put its copy.
pub(super) struct Place {
    slot: &'static Slot,
    number: u64,
}

/// The signal to use as the option says.
fn wanted() -> Result<i32, Unavailable> {
    let text = options::NATIVE_SIGNAL.value();
    match text.trim() {
        "" | "on" | "true" => Ok(libc::SIGRTMIN() + USUAL_OFFSET),
        "off" | "false" | "0" => Err(Unavailable::SignalOff),
        number => {
            let number: i32 = number.parse().unwrap_or(-1);
            let is_free = (libc::SIGRTMIN()..=libc::SIGRTMAX()).contains(&number);
            if is_free { Ok(number) } else { Err(Unavailable::SignalTaken(number)) }
        }
    }
}

/// The signal to use, and whether it has our handler; an error where somebody else's is there.
fn free() -> Result<(i32, bool), Unavailable> {
    let signal = wanted()?;
    let mut present = std::mem::MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: only asks, into a live variable; all zeros are a value of the type.
    let present = unsafe {
        if libc::sigaction(signal, std::ptr::null(), present.as_mut_ptr()) != 0 {
            return Err(Unavailable::SignalTaken(signal));
        }
        present.assume_init().sa_sigaction
    };
    if present == handler::handle as *const () as usize
        && INSTALLED.load(Ordering::Relaxed) == signal
    {
        return Ok((signal, true));
    }
    if present == libc::SIG_DFL {
        Ok((signal, false))
    } else {
        Err(Unavailable::SignalTaken(signal))
    }
}

/// Whether threads can be asked. Installs and sends nothing: signal 0 only asks the kernel.
pub(super) fn usable() -> Result<(), Unavailable> {
    free()?;
    match queue(sys::thread_id(), (0, libc::SI_QUEUE), 0) {
        0 => Ok(()),
        _ => Err(Unavailable::Refused(SEND)),
    }
}

/// Installs the handler, once, if nobody else has one; answers the signal.
pub(super) fn install() -> Result<i32, Unavailable> {
    let (signal, is_installed) = free()?;
    if is_installed {
        return Ok(signal);
    }
    prepare();
    let ours = handler::handle as *const () as usize;
    let mut before = std::mem::MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: the handler keeps to what a handler may do, see its module; SA_ONSTACK lets it run on
    // the thread's alternative stack, SA_RESTART restarts system calls that can be. Of two that
    // install at once the second finds the first and gives the signal back.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = ours;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_RESTART | libc::SA_ONSTACK;
        libc::sigfillset(&raw mut action.sa_mask);
        if libc::sigaction(signal, &raw const action, before.as_mut_ptr()) != 0 {
            return Err(Unavailable::SignalTaken(signal));
        }
        let before = before.assume_init();
        if before.sa_sigaction != libc::SIG_DFL && before.sa_sigaction != ours {
            libc::sigaction(signal, &raw const before, std::ptr::null_mut());
            return Err(Unavailable::SignalTaken(signal));
        }
    }
    INSTALLED.store(signal, Ordering::Relaxed);
    Ok(signal)
}

/// Makes the places, once. They are never freed: a signal may come late.
fn prepare() {
    // Calibrates the clock before a handler reads it.
    let _ = clock::now_ticks();
    if !PLACES.load(Ordering::Acquire).is_null() {
        return;
    }
    // SAFETY: zeros are a value of each field (numbers, atomics and bytes that need none), and the
    // memory is never given back. The engine's lock makes this the only one.
    unsafe {
        let layout = std::alloc::Layout::new::<[Slot; SLOTS]>();
        let places = std::alloc::alloc_zeroed(layout).cast::<Slot>();
        PLACES.store(places, Ordering::Release);
    }
}

fn slots() -> &'static [Slot] {
    let places = PLACES.load(Ordering::Acquire);
    if places.is_null() {
        return &[];
    }
    // SAFETY: an array of SLOTS that is never freed; what changes in it are atomics and cells.
    unsafe { std::slice::from_raw_parts(places, SLOTS) }
}

/// Asks a thread for a copy. The caller holds the engine's lock.
pub(super) fn send(tid: u32) -> Result<Place, Unavailable> {
    let signal = install()?;
    let found = slots().iter().enumerate().find(|(_, slot)| is_free(slot));
    let Some((index, slot)) = found else { return Err(Unavailable::Busy) };
    slot.is_lost.store(false, Ordering::Relaxed);
    let number = (slot.state.load(Ordering::Relaxed) >> state::BITS).wrapping_add(1) & NUMBERS;
    slot.state.store(word(number, state::ASKED), Ordering::Release);
    let value = usize::try_from(number).unwrap_or(0) * SLOTS + index;
    match queue(tid, (signal, libc::SI_QUEUE), value) {
        0 => Ok(Place { slot, number }),
        error => {
            slot.state.store(word(number, state::FREE), Ordering::Release);
            Err(if error == libc::ESRCH { Unavailable::Gone } else { Unavailable::Refused(SEND) })
        }
    }
}

fn is_free(slot: &Slot) -> bool {
    match slot.state.load(Ordering::Acquire) & ((1 << state::BITS) - 1) {
        state::FREE => true,
        state::DONE => slot.is_lost.load(Ordering::Relaxed),
        _ => false,
    }
}

/// Numbers of requests: with the index of a place they fit a pointer.
const NUMBERS: u64 = (1 << 48) - 1;

/// What the kernel takes for `rt_tgsigqueueinfo`, 128 bytes as `siginfo_t`.
#[repr(C)]
struct QueuedInfo {
    signal: i32,
    errno: i32,
    code: i32,
    padding: i32,
    pid: i32,
    uid: u32,
    value: usize,
    rest: [u64; 12],
}

/// The system call that sends a signal with a value to a thread.
const SEND: &str = "rt_tgsigqueueinfo";

/// Sends a signal with its code and a value; answers 0 or the error.
fn queue(tid: u32, (signal, code): (i32, i32), value: usize) -> i32 {
    // SAFETY: the call has no side effects.
    let uid = unsafe { libc::getuid() };
    queue_of(uid, tid, (signal, code), value)
}

fn queue_of(uid: u32, tid: u32, (signal, code): (i32, i32), value: usize) -> i32 {
    // SAFETY: the call has no side effects.
    let pid = unsafe { libc::getpid() };
    let info = QueuedInfo { signal, errno: 0, code, padding: 0, pid, uid, value, rest: [0; 12] };
    // SAFETY: the kernel reads the 128 bytes of `info`; the handler is installed, so that the
    // signal does not end the process.
    let sent =
        unsafe { libc::syscall(libc::SYS_rt_tgsigqueueinfo, pid, tid, signal, &raw const info) };
    if sent == 0 { 0 } else { std::io::Error::last_os_error().raw_os_error().unwrap_or(-1) }
}

/// Lets this thread take a sample, as if its timer of this session had run out; whether it could.
/// The handler is installed.
pub(super) fn sample_here(signal: i32, session: u64) -> bool {
    let Ok(value) = usize::try_from(session) else { return false };
    // Where a queued signal has the user, that of a timer has the number of overruns.
    queue_of(0, sys::thread_id(), (signal, libc::SI_TIMER), value) == 0
}

/// Waits for the copy and frees the place when the guard is dropped.
pub(super) fn wait(place: Place) -> Result<Guard, Unavailable> {
    let Place { slot, number } = place;
    let until = sys::monotonic_ns() + SIGNAL_TIMEOUT_MS * 1_000_000;
    let mut looks = 0_u32;
    while slot.state.load(Ordering::Acquire) != word(number, state::DONE) {
        looks = looks.saturating_add(1);
        if looks < SPINS.0 {
            std::hint::spin_loop();
        } else if looks < SPINS.1 {
            std::thread::yield_now();
        } else {
            std::thread::sleep(PATIENCE);
        }
        if looks > SPINS.0 && sys::monotonic_ns() > until {
            let (asked, free) = (word(number, state::ASKED), word(number, state::FREE));
            let taken_back =
                slot.state.compare_exchange(asked, free, Ordering::AcqRel, Ordering::Acquire);
            match taken_back {
                Ok(_) => return Err(Unavailable::NoAnswer),
                // It copies right now and has lost its CPU: the place is taken until it is done.
                Err(now) if now == word(number, state::COPYING) => {
                    slot.is_lost.store(true, Ordering::Relaxed);
                    return Err(Unavailable::NoAnswer);
                }
                Err(_) => {}
            }
        }
    }
    Ok(Guard { slot, number })
}

/// A copy that is done, until it has been read.
pub(super) struct Guard {
    slot: &'static Slot,
    number: u64,
}

impl Guard {
    fn copied(&self) -> &Copied {
        // SAFETY: the state is DONE, so that the handler has let go of it, and nobody asks for
        // another copy in this place before the guard is dropped.
        unsafe { &*self.slot.copied.get() }
    }

    pub(super) fn registers(&self) -> Registers {
        let copied = self.copied();
        Registers { ip: copied.ip, sp: copied.sp, bp: Some(copied.bp) }
    }

    pub(super) fn pause_ticks(&self) -> u64 {
        self.copied().pause_ticks
    }

    pub(super) fn bytes(&self) -> &[u8] {
        let copied = self.copied();
        // SAFETY: the handler has written the first `length` bytes.
        unsafe { std::slice::from_raw_parts(copied.bytes.as_ptr().cast(), copied.length) }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.slot.state.store(word(self.number, state::FREE), Ordering::Release);
    }
}
