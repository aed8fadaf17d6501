//! Native stacks of the process's own threads, taken from inside and while they run.
//!
//! A thread that **sleeps** in the kernel is read without its noticing: the kernel says where its
//! stack is, the bytes are copied, and the copy counts only if the thread has not run meanwhile. No
//! signal is sent, so no system call of it is ever interrupted. A thread that **runs** gets one
//! real-time signal, whose handler copies registers and stack bytes into memory that lies ready,
//! and returns: no lock, no allocation, no unwinding. All unwinding is done afterwards, on the
//! thread that asks, over copies. (Unwinding inside the handler, as most profilers do, was
//! rejected: it takes locks of the loader and the allocator that the thread may hold.)
//!
//! Between the look at a thread and its signal it may fall asleep; then a system call may return
//! `EINTR`, once. `SCOUTER_NATIVE_SIGNAL=off` sends no signals at all.
//!
//! Never call this from a thread that serves requests: one capture waits up to
//! [`SIGNAL_TIMEOUT_MS`] for a thread that gets no CPU. Captures queue behind each other.
//!
//! Linux on x86_64 with feature `native`; elsewhere every answer is the reason why not. The list of
//! [`threads`] needs only Linux.
//!
//! # Examples
//! A watchdog that found a poll that blocks takes the stack of that very thread, and only if it
//! still is that poll:
//! ```
//! use scouter_core::native;
//!
//! # let (tid, seen, slot) = (1, 1, std::sync::atomic::AtomicU64::new(1));
//! # use std::sync::atomic::Ordering::Acquire;
//! match native::capture_if(tid, || slot.load(Acquire) == seen) {
//!     Ok(stack) => stack.frames.iter().for_each(|frame| println!("{frame}")),
//!     Err(why) => println!("no native stack: {why}"),
//! }
//! ```

#[cfg(all(feature = "native", target_os = "linux", target_arch = "x86_64"))]
#[path = "linux/mod.rs"]
mod platform;
#[cfg(not(all(feature = "native", target_os = "linux", target_arch = "x86_64")))]
#[path = "elsewhere.rs"]
mod platform;
#[cfg(feature = "symbols")]
mod symbols;
mod thread;

use std::fmt;
use std::sync::Arc;

use scouter_wire::record::CodeFrame;

pub(crate) use self::platform::enter_thread;
pub use self::platform::{OwnStack, Sampler, capture_all};
#[cfg(feature = "symbols")]
pub use self::symbols::{
    MAX_DEBUG_FILE_BYTES, MAX_DEBUG_FILES, Missing, Symbol, Symbols, build_id_of,
};
pub use self::thread::{Thread, switches, threads};

/// Longest part of a stack that is copied, from its leaf on, in bytes. A deeper stack loses its
/// root and is [`Quality::Cut`].
pub const MAX_STACK_BYTES: usize = 32 * 1024;

/// Most frames of a stack; of a deeper one those at the root are left out.
pub const MAX_FRAMES: usize = 256;

/// How long a running thread may take to answer a signal, in ms.
pub const SIGNAL_TIMEOUT_MS: u64 = 200;

/// Highest rate of CPU samples a second and thread. POSIX timers of CPU time are looked at with
/// the kernel's tick, so that more would only be counted as overruns.
pub const MAX_SAMPLES_HZ: u32 = 250;

/// A file that holds code of this process.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Module {
    /// Its number in this process: the same file loaded again has another one.
    pub number: u32,
    /// Where it was loaded from.
    pub path: String,
    /// Its build-id, or empty when its linker wrote none. It names the debug file.
    pub build_id: Vec<u8>,
}

impl Module {
    /// The build-id in hexadecimal digits.
    #[must_use]
    pub fn build_id_hex(&self) -> String {
        build_id_hex(&self.build_id)
    }
}

/// A build-id in hexadecimal digits, as debug files are named by it.
#[must_use]
pub fn build_id_hex(build_id: &[u8]) -> String {
    build_id.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// One frame of a stack.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Frame {
    /// The file its code is in; `None` for code that belongs to no file.
    pub module: Option<Arc<Module>>,
    /// The address inside the file as its symbol table has it; without a file that in memory. Of a
    /// caller it is one byte before the return address, so that it lies in the line that calls.
    pub offset: u64,
}

impl Frame {
    /// The same, as it travels in an alert.
    #[must_use]
    pub fn to_code_frame(&self) -> CodeFrame {
        let (path, build_id): (&str, &[u8]) = match &self.module {
            Some(module) => (&module.path, &module.build_id),
            None => ("", &[]),
        };
        CodeFrame { path: path.into(), build_id: build_id.into(), offset: self.offset }
    }
}

impl fmt::Display for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.module {
            Some(module) => write!(f, "{}+{:#x}", module.path, self.offset),
            None => write!(f, "{:#x}", self.offset),
        }
    }
}

/// How far a stack can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Quality {
    /// It was followed to the root of the thread.
    Complete,
    /// It was followed to the root, but a register of a sleeping thread had to be guessed.
    Guessed,
    /// It ends before the root: the copy was too short, or code has no unwind information.
    Cut,
}

/// The stack of one thread at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stack {
    /// Kernel id of the thread.
    pub tid: u32,
    /// Leaf first.
    pub frames: Vec<Frame>,
    /// How far it can be trusted.
    pub quality: Quality,
    /// How long the thread was held up, ns; 0 of one that slept.
    pub pause_ns: u64,
}

/// Why there is no stack.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unavailable {
    /// The application was built without feature `native`.
    NotBuilt,
    /// Only Linux on x86_64 is supported.
    Platform,
    /// Option `native_signal` is `off`, and the thread runs.
    SignalOff,
    /// The signal has a handler of somebody else, or is none that may be used.
    SignalTaken(i32),
    /// The kernel refused a system call: most likely a seccomp filter.
    Refused(&'static str),
    /// The thread has ended.
    Gone,
    /// The thread went on to something else before it was captured.
    Late,
    /// It is the thread that asks.
    Own,
    /// The thread did not take the signal in time: it gets no CPU, or blocks all signals.
    NoAnswer,
    /// The thread is stopped, traced, or never holds still.
    Unsteady,
    /// All places for copies are in use by threads that never answered.
    Busy,
}

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotBuilt => f.write_str("the application is built without feature `native`"),
            Self::Platform => f.write_str("native stacks are taken on Linux x86_64 only"),
            Self::SignalOff => f.write_str("the thread runs, and option `native_signal` is off"),
            Self::SignalTaken(number) => write!(
                f,
                "signal {number} cannot be used or has a handler already: name another real-time \
                 signal in option `native_signal`"
            ),
            Self::Refused(call) => {
                write!(f, "the kernel refuses {call}: most likely a seccomp filter")
            }
            Self::Gone => f.write_str("the thread has ended"),
            Self::Late => f.write_str("the thread went on before it was captured"),
            Self::Own => f.write_str("this thread takes the stacks"),
            Self::NoAnswer => {
                write!(f, "the thread did not take the signal within {SIGNAL_TIMEOUT_MS} ms")
            }
            Self::Unsteady => f.write_str("the thread is stopped, traced, or never holds still"),
            Self::Busy => f.write_str("all places for copies wait for threads that do not answer"),
        }
    }
}

impl std::error::Error for Unavailable {}

/// The stack of one thread of this process.
///
/// # Errors
/// See [`Unavailable`].
pub fn capture(tid: u32) -> Result<Stack, Unavailable> {
    capture_if(tid, || true)
}

/// The stack of one thread, if `is_still` says after the copy that the thread does what it did
/// when somebody chose it. So a late capture is never blamed on what the thread does next.
///
/// # Errors
/// [`Unavailable::Late`] when it does not, else see [`Unavailable`].
pub fn capture_if(tid: u32, is_still: impl Fn() -> bool) -> Result<Stack, Unavailable> {
    platform::capture_if(tid, &is_still)
}

/// Whether a part of the tools works in this process, and why not.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Capability {
    /// `stacks_asleep`, `stacks_running`, `cpu_samples`.
    pub name: &'static str,
    /// Why it does not work; `None` when it does.
    pub unavailable: Option<Unavailable>,
}

/// What works in this process, and why the rest does not. Asks the kernel, and changes nothing.
#[must_use]
pub fn capabilities() -> Vec<Capability> {
    platform::capabilities()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_is_a_sentence_that_says_what_to_do_or_what_happened() {
        for why in [Unavailable::NotBuilt, Unavailable::SignalTaken(40), Unavailable::NoAnswer] {
            assert!(why.to_string().len() > 20 && !why.to_string().ends_with('.'), "{why}");
        }
        assert!(Unavailable::SignalTaken(40).to_string().contains("signal 40"));
    }
}
