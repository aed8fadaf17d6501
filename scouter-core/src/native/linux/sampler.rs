//! CPU samples: each thread has a timer of its own CPU time, whose signal copies its stack.
//!
//! A thread that sleeps uses no CPU and gets no signal. The kernel looks at such timers with its
//! tick, so that several intervals may pass before one signal; it says how many, and the sample
//! weighs as many.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

use super::ring::{self, Sample};
use super::{Registers, signal, with_engine};
use crate::TextId;
use crate::native::{Frame, MAX_SAMPLES_HZ, Unavailable, threads};
use crate::telemetry::CPU_THREADS_UNSAMPLED;

/// Most threads that are sampled at once; each has a timer in the kernel. Past it, and where the
/// kernel makes no timer, `cpu_threads_unsampled` grows with each look for new threads.
const MAX_TIMERS: usize = 4_096;

const NANOS_PER_SECOND: i64 = 1_000_000_000;

static NEXT_SESSION: AtomicU64 = AtomicU64::new(1);

/// Samples all threads until it is dropped. There is one at a time.
#[derive(Debug)]
pub struct Sampler {
    session: u64,
    signal: i32,
    interval_ns: i64,
    timers: HashMap<u32, Timer>,
    dropped_before: u64,
}

/// A timer of the kernel, deleted when it is dropped.
#[derive(Debug)]
struct Timer(libc::timer_t);

// SAFETY: the kernel's timers belong to the process; their names are numbers or pointers that the
// C library keeps, which any thread may use.
unsafe impl Send for Timer {}

impl Sampler {
    /// Starts to take `hz` samples a second of CPU time of each thread, at most
    /// [`MAX_SAMPLES_HZ`].
    ///
    /// # Errors
    /// Those of the signal, and [`Unavailable::Refused`] when the kernel makes no timers.
    pub fn start(hz: u32) -> Result<Self, Unavailable> {
        let signal = with_engine(|_| signal::install())?;
        let session = NEXT_SESSION.fetch_add(1, Ordering::Relaxed);
        ring::open(session);
        ring::drain(|_| {});
        let mut sampler = Self {
            session,
            signal,
            interval_ns: NANOS_PER_SECOND / i64::from(hz.clamp(1, MAX_SAMPLES_HZ)),
            timers: HashMap::new(),
            dropped_before: ring::dropped(),
        };
        sampler.refresh();
        if sampler.timers.is_empty() {
            return Err(Unavailable::Refused(CREATE));
        }
        Ok(sampler)
    }

    /// Finds threads that are new, and forgets those that have ended. Call it about once a second.
    pub fn refresh(&mut self) {
        let alive: Vec<u32> = threads().into_iter().map(|thread| thread.tid).collect();
        self.timers.retain(|tid, _| alive.binary_search(tid).is_ok());
        for tid in alive {
            if self.timers.contains_key(&tid) {
                continue;
            }
            let has_room = self.timers.len() < MAX_TIMERS;
            match has_room.then(|| self.arm(tid)).flatten() {
                Some(timer) => _ = self.timers.insert(tid, timer),
                None => CPU_THREADS_UNSAMPLED.add(1),
            }
        }
    }

    /// Visits the samples that came since the last time: service ([`TextId::NONE`] for none),
    /// tenant, how many intervals it stands for, frames leaf first. Call it ten times a second.
    pub fn drain(&mut self, mut visit: impl FnMut(TextId, &str, u32, &[Frame])) {
        with_engine(|engine| {
            ring::drain(|sample| {
                let (frames, _) = engine.unwinder.unwind(registers(sample), bytes(sample));
                let service = TextId::from_number(sample.service);
                visit(service, tenant_of(sample), sample.weight, &frames);
            });
        });
    }

    /// Takes a sample of the thread that calls, as if its timer had run out; whether that could be
    /// done. For whoever measures what one costs, or needs one at a certain place.
    #[doc(hidden)]
    #[must_use]
    pub fn sample_here(&self) -> bool {
        signal::sample_here(self.signal, self.session)
    }

    /// Intervals whose samples found no place.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        ring::dropped().saturating_sub(self.dropped_before)
    }

    /// A timer of the CPU time of a thread, which tells that thread.
    fn arm(&self, tid: u32) -> Option<Timer> {
        /// The kernel's names for a thread's clock: the id inverted, above "of a thread" and "as
        /// the scheduler counts".
        const THREAD_AND_SCHEDULER: i32 = 4 | 2;
        let number = i32::try_from(tid).ok()?;
        let clock = !number << 3 | THREAD_AND_SCHEDULER;
        let interval = libc::timespec {
            tv_sec: self.interval_ns / NANOS_PER_SECOND,
            tv_nsec: self.interval_ns % NANOS_PER_SECOND,
        };
        let times = libc::itimerspec { it_interval: interval, it_value: interval };
        let mut timer = std::ptr::null_mut();
        // SAFETY: the structures are live and of the kernel's form; the handler is installed.
        unsafe {
            let mut event: libc::sigevent = std::mem::zeroed();
            event.sigev_notify = libc::SIGEV_THREAD_ID;
            event.sigev_signo = self.signal;
            event.sigev_notify_thread_id = number;
            event.sigev_value.sival_ptr =
                std::ptr::without_provenance_mut(usize::try_from(self.session).ok()?);
            if libc::timer_create(clock, &raw mut event, &raw mut timer) != 0 {
                return None;
            }
            let timer = Timer(timer);
            let is_set = libc::timer_settime(timer.0, 0, &raw const times, std::ptr::null_mut());
            (is_set == 0).then_some(timer)
        }
    }
}

impl Drop for Sampler {
    fn drop(&mut self) {
        ring::close();
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        // SAFETY: made by `timer_create` and deleted once.
        unsafe { libc::timer_delete(self.0) };
    }
}

/// The system call that makes a timer.
const CREATE: &str = "timer_create";

/// Whether the kernel makes timers of CPU time. Makes one that tells nobody, and deletes it.
pub(super) fn usable() -> Result<(), Unavailable> {
    let mut timer = std::ptr::null_mut();
    // SAFETY: the structure is live and of the kernel's form; all zeros are a value of it.
    let is_made = unsafe {
        let mut event: libc::sigevent = std::mem::zeroed();
        event.sigev_notify = libc::SIGEV_NONE;
        libc::timer_create(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut event, &raw mut timer) == 0
    };
    if !is_made {
        return Err(Unavailable::Refused(CREATE));
    }
    drop(Timer(timer));
    Ok(())
}

fn registers(sample: &Sample) -> Registers {
    let [ip, sp, bp] = sample.registers;
    Registers { ip, sp, bp: Some(bp) }
}

fn bytes(sample: &Sample) -> &[u8] {
    // SAFETY: the handler has written the first `length` bytes.
    unsafe { std::slice::from_raw_parts(sample.bytes.as_ptr().cast(), sample.length) }
}

fn tenant_of(sample: &Sample) -> &str {
    let tenant = sample.tenant.get(..sample.tenant_bytes).unwrap_or_default();
    std::str::from_utf8(tenant).unwrap_or_default()
}
