//! What native stacks and CPU samples cost, and whom samples blame.

use std::hint::black_box;
use std::io::Read as _;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use scouter_core::native::{self, MAX_SAMPLES_HZ, Quality, Sampler};
use scouter_core::record::EndReason;
use scouter_core::{Begin, TextId, TextKind, Transaction, intern};

use crate::clock::{measure, now, percentile, thread_cpu};
use crate::harness::Cell;
use crate::peers;
use crate::suites::is_small;

/// Threads of a dump.
const THREADS: usize = 50;

/// Bytes that a thread which runs has on its stack.
const STACK_BYTES: usize = 8 * 1_024;

/// How long anything may take until it is given up.
const PATIENCE: Duration = Duration::from_secs(120);

/// Threads that end when this is dropped.
struct Threads {
    tids: Vec<u32>,
    is_over: Arc<AtomicBool>,
    ends: Vec<UnixStream>,
    threads: Vec<JoinHandle<()>>,
}

impl Threads {
    fn none() -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        Self { tids: Vec::new(), is_over, ends: Vec::new(), threads: Vec::new() }
    }

    fn start(&mut self, work: impl FnOnce(&AtomicBool) + Send + 'static) -> Result<(), String> {
        let (tell, told) = sync_channel(1);
        let is_over = Arc::clone(&self.is_over);
        let thread = std::thread::Builder::new().name("bench-thread".into()).spawn(move || {
            let _ = tell.send(rustix::thread::gettid().as_raw_nonzero().get());
            work(&is_over);
        });
        self.threads.push(thread.map_err(|error| error.to_string())?);
        let tid = told.recv().map_err(|error| error.to_string())?;
        self.tids.push(u32::try_from(tid).map_err(|error| error.to_string())?);
        Ok(())
    }

    /// One that sleeps, in one of three ways.
    fn sleep(&mut self, number: usize) -> Result<(), String> {
        match number % 3 {
            0 => self.start(|is_over| {
                while !is_over.load(Ordering::Relaxed) {
                    std::thread::park();
                }
            }),
            1 => {
                let (ours, mut theirs) = UnixStream::pair().map_err(|error| error.to_string())?;
                self.ends.push(ours);
                self.start(move |_| drop(theirs.read(&mut [0])))
            }
            _ => self.start(|is_over| {
                while !is_over.load(Ordering::Relaxed) {
                    std::thread::park_timeout(PATIENCE);
                }
            }),
        }
    }

    /// Until the kernel says that so many of them sleep.
    fn wait_asleep(&self, count: usize) -> Result<(), String> {
        let until = now() + PATIENCE;
        loop {
            let all = native::threads();
            let asleep = all.iter().filter(|one| one.state == 'S' && self.tids.contains(&one.tid));
            if asleep.count() >= count {
                return Ok(());
            }
            if now() > until {
                return Err("threads do not fall asleep".to_owned());
            }
            std::thread::yield_now();
        }
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        self.ends.clear();
        for thread in self.threads.drain(..) {
            thread.thread().unpark();
            // Its panic was printed.
            let _ = thread.join();
        }
    }
}

/// A dump of fifty threads that sleep: names, states, CPU time and stacks, until it could be sent.
pub(super) fn dump_ms(cell: &Cell<'_>, is_floor: bool) -> Result<f64, String> {
    let mut threads = Threads::none();
    (0..THREADS).try_for_each(|number| threads.sleep(number))?;
    threads.wait_asleep(THREADS)?;
    if is_floor {
        let files = ["stat", "wchan", "syscall", "schedstat"];
        return Ok(measure(cell.budget, || {
            for tid in &threads.tids {
                for file in files {
                    drop(black_box(std::fs::read(format!("/proc/self/task/{tid}/{file}"))));
                }
            }
        }) / 1e6);
    }
    let (mut all, mut whole) = (0_u64, 0_u64);
    let nanos = measure(cell.budget, || {
        black_box(native::threads());
        for stack in native::capture_all(&threads.tids) {
            all += 1;
            whole += u64::from(stack.is_ok_and(|stack| stack.quality != Quality::Cut));
        }
    });
    // A dump that leaves something out costs less.
    if (all - whole) * 1_000 > all {
        return Err(format!("{whole} of {all} stacks are whole"));
    }
    Ok(nanos / 1e6)
}

/// How long a thread that runs is held up by a dump, in the handler of the signal, 99th percentile.
pub(super) fn pause_p99_us(cell: &Cell<'_>, is_floor: bool) -> Result<f64, String> {
    let least = if is_small() { 100 } else { 2_000 };
    let mut pauses = Vec::new();
    let until = now() + PATIENCE;
    let began = now();
    if is_floor {
        let from = [1_u8; STACK_BYTES];
        let mut to = vec![0_u8; STACK_BYTES];
        while began.elapsed() < cell.budget {
            let start = fastant::Instant::now();
            black_box(&mut to[..]).copy_from_slice(black_box(&from));
            pauses.push(start.elapsed().as_nanos() as f64 / 1e3);
        }
        return Ok(percentile(&mut pauses, 0.99));
    }
    // As a service: transactions tell the recorder where stacks end.
    peers::ours::start_recording();
    let mut threads = Threads::none();
    // One processor is left to whoever asks.
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let running = processors.saturating_sub(1).max(1);
    for _ in 0..running {
        threads.start(runs)?;
    }
    (running..THREADS).try_for_each(|number| threads.sleep(number))?;
    threads.wait_asleep(THREADS - running)?;
    while began.elapsed() < cell.budget || pauses.len() < least {
        for stack in native::capture_all(&threads.tids).into_iter().flatten() {
            if stack.pause_ns > 0 {
                pauses.push(stack.pause_ns as f64 / 1e3);
            }
        }
        if now() > until {
            return Err(format!("{} threads that run answered", pauses.len()));
        }
    }
    Ok(percentile(&mut pauses, 0.99))
}

/// Runs in a transaction, deep in a stack.
fn runs(is_over: &AtomicBool) {
    let service = intern(TextKind::Service, "GET /busy");
    let transaction = Transaction::begin(Begin::new(service));
    {
        let _entered = transaction.enter();
        let below = [0_u8; STACK_BYTES];
        let rounds = AtomicU64::new(0);
        while !is_over.load(Ordering::Relaxed) {
            black_box(&rounds).fetch_add(1, Ordering::Relaxed);
        }
        black_box(&below);
    }
    transaction.end(EndReason::Complete);
}

/// Samples between two visits of the exporter: fewer than find a place.
const SAMPLES: usize = 64;

/// What 99 samples a second take of the processor a thread is on, and of the one that unwinds: each
/// is taken by a signal that the thread sends itself, which costs it more than a timer does.
pub(super) fn overhead_pct(cell: &Cell<'_>, is_floor: bool) -> Result<f64, String> {
    const HZ: f64 = 99.0;
    let nanos = if is_floor {
        bare_signal::install()?;
        measure(cell.budget, || (0..SAMPLES).for_each(|_| bare_signal::raise()))
    } else {
        peers::ours::start_recording();
        sampled_ns(cell)?
    };
    Ok(nanos / SAMPLES as f64 * HZ / 1e9 * 100.0)
}

fn sampled_ns(cell: &Cell<'_>) -> Result<f64, String> {
    let service = intern(TextKind::Service, "GET /sampled");
    let transaction = Transaction::begin(Begin::new(service));
    let below = [0_u8; STACK_BYTES];
    let nanos = {
        let _entered = transaction.enter();
        let mut sampler = Sampler::start(1).map_err(|why| why.to_string())?;
        let (mut taken, mut drained) = (0_u64, 0_u64);
        let nanos = measure(cell.budget, || {
            for _ in 0..SAMPLES {
                taken += u64::from(sampler.sample_here());
            }
            sampler.drain(|of, _, _, frames| {
                drained += u64::from(of == service && frames.len() > 2);
            });
        });
        if drained < taken || taken == 0 {
            return Err(format!("{drained} of {taken} samples came"));
        }
        nanos
    };
    black_box(&below);
    transaction.end(EndReason::Complete);
    Ok(nanos)
}

/// The least that a signal can cost.
#[expect(unsafe_code, reason = "a handler of a signal is installed by hand")]
mod bare_signal {
    extern "C" fn nothing(_: libc::c_int) {}

    pub(super) fn install() -> Result<(), String> {
        // SAFETY: all zeros are a value of the type; the handler does nothing.
        let is_done = unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = nothing as *const () as usize;
            libc::sigaction(libc::SIGUSR2, &raw const action, std::ptr::null_mut()) == 0
        };
        if is_done { Ok(()) } else { Err("the signal takes no handler".to_owned()) }
    }

    pub(super) fn raise() {
        // SAFETY: the handler is installed.
        unsafe { libc::raise(libc::SIGUSR2) };
    }
}

/// Share of the time that is the first service's.
const SHARE: f64 = 0.7;

/// CPU time of both services as the threads saw it, ns.
type Truth = Arc<Mutex<[u64; 2]>>;

/// By how many points the share of a service in the samples differs from that in CPU time.
pub(super) fn attribution_error(is_floor: bool) -> Result<f64, String> {
    let wanted = if is_small() { 300.0 } else { 2_000.0 };
    if is_floor {
        return Ok(100.0 * (SHARE * (1.0 - SHARE) / wanted).sqrt());
    }
    peers::ours::start_recording();
    let services = ["GET /often", "GET /seldom"].map(|name| intern(TextKind::Service, name));
    let truth = Truth::default();
    let mut threads = Threads::none();
    for seed in [0x9e37_79b9, 0x85eb_ca6b] {
        let truth = Arc::clone(&truth);
        threads.start(move |is_over| works_in_turn(services, seed, &truth, is_over))?;
    }
    let mut sampler = Sampler::start(MAX_SAMPLES_HZ).map_err(|why| why.to_string())?;
    let before = *truth.lock().unwrap_or_else(PoisonError::into_inner);
    let mut counts = [0.0, 0.0];
    let until = now() + PATIENCE;
    while counts[0] + counts[1] < wanted {
        std::thread::sleep(Duration::from_millis(50));
        sampler.drain(|service, _, weight, _| {
            for (count, _) in counts.iter_mut().zip(services).filter(|(_, own)| *own == service) {
                *count += f64::from(weight);
            }
        });
        if now() > until {
            return Err(format!("{counts:?} samples after {PATIENCE:?}"));
        }
    }
    let after = *truth.lock().unwrap_or_else(PoisonError::into_inner);
    let share = |[first, second]: [f64; 2]| 100.0 * first / (first + second);
    let cpu = [after[0] - before[0], after[1] - before[1]].map(|nanos| nanos as f64);
    Ok((share(counts) - share(cpu)).abs())
}

/// Works for one service or the other for one to five ms at a time, so that neither is in step with
/// the samples.
fn works_in_turn(services: [TextId; 2], seed: u64, truth: &Truth, is_over: &AtomicBool) {
    let mut random = seed;
    let mut next = move |below: u64| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random % below
    };
    while !is_over.load(Ordering::Relaxed) {
        let which = usize::from(next(1_000) as f64 >= SHARE * 1_000.0);
        let slice = Duration::from_micros(1_000 + next(4_000));
        let transaction = Transaction::begin(Begin::new(services[which]));
        let began = thread_cpu();
        {
            let _entered = transaction.enter();
            while thread_cpu() - began < slice {
                black_box((0..1_000_u64).fold(1_u64, |a, b| a.wrapping_mul(31) ^ b));
            }
        }
        let spent = u64::try_from((thread_cpu() - began).as_nanos()).unwrap_or(0);
        truth.lock().unwrap_or_else(PoisonError::into_inner)[which] += spent;
        transaction.end(EndReason::Complete);
    }
}
