//! Stacks on Linux x86_64: see the module above.

mod asleep;
mod bounds;
mod handler;
mod modules;
mod ring;
mod sampler;
mod signal;
#[cfg(test)]
mod soak;
#[cfg(test)]
mod tests;
mod unwind;

use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

pub(crate) use self::bounds::enter_thread;
pub use self::sampler::Sampler;

use self::asleep::Look;
use self::handler::SLOTS;
use self::unwind::Unwinder;
use super::{Capability, MAX_STACK_BYTES, Stack, Unavailable};
use crate::sys;

/// Whoever captures or unwinds holds it, so that there is one at a time.
static ENGINE: Mutex<Option<Engine>> = Mutex::new(None);

/// Whether `process_vm_readv` works here; asked once.
static IS_READ_REFUSED: AtomicBool = AtomicBool::new(false);

/// What captures need again and again.
struct Engine {
    unwinder: Unwinder,
    buffer: Box<[u8; MAX_STACK_BYTES]>,
}

impl Engine {
    fn new() -> Self {
        let read = asleep::probe();
        IS_READ_REFUSED.store(!read, Ordering::Relaxed);
        Self { unwinder: Unwinder::new(), buffer: Box::new([0; MAX_STACK_BYTES]) }
    }
}

/// The registers that unwinding needs. What a sleeping thread has in `bp` nobody can see.
#[derive(Debug, Clone, Copy, Default)]
struct Registers {
    ip: u64,
    sp: u64,
    bp: Option<u64>,
}

fn with_engine<T>(work: impl FnOnce(&mut Engine) -> T) -> T {
    let mut engine = ENGINE.lock();
    let engine = engine.get_or_insert_with(Engine::new);
    engine.unwinder.refresh();
    work(engine)
}

pub(super) fn capture_if(tid: u32, is_still: &dyn Fn() -> bool) -> Result<Stack, Unavailable> {
    with_engine(|engine| match engine.asleep(tid, is_still) {
        Some(done) => done,
        None => {
            let place = signal::send(tid)?;
            let copied = signal::wait(place)?;
            if !is_still() {
                return Err(Unavailable::Late);
            }
            Ok(engine.unwinder.of_copy(tid, &copied))
        }
    })
}

/// The stacks of several threads, in their order. Those that run are held up at about the same
/// moment, each for as long as its own copy takes.
#[must_use]
pub fn capture_all(tids: &[u32]) -> Vec<Result<Stack, Unavailable>> {
    with_engine(|engine| {
        let mut stacks: Vec<_> = tids.iter().map(|tid| engine.asleep(*tid, &|| true)).collect();
        let running: Vec<usize> = (0..tids.len()).filter(|at| stacks[*at].is_none()).collect();
        for some in running.chunks(SLOTS / 2) {
            let sent: Vec<_> = some.iter().map(|at| (*at, signal::send(tids[*at]))).collect();
            for (at, place) in sent {
                let copied = place.and_then(signal::wait);
                stacks[at] = Some(copied.map(|copy| engine.unwinder.of_copy(tids[at], &copy)));
            }
        }
        stacks.into_iter().map(|stack| stack.unwrap_or(Err(Unavailable::Unsteady))).collect()
    })
}

impl Engine {
    /// The stack of a thread that sleeps; `None` of one that runs.
    fn asleep(
        &mut self,
        tid: u32,
        is_still: &dyn Fn() -> bool,
    ) -> Option<Result<Stack, Unavailable>> {
        if tid == sys::thread_id() {
            return Some(Err(Unavailable::Own));
        }
        if IS_READ_REFUSED.load(Ordering::Relaxed) {
            return Some(Err(Unavailable::Refused("process_vm_readv")));
        }
        match asleep::copy(tid, &mut self.buffer[..]) {
            Err(why) => Some(Err(why)),
            Ok(Look::Running) => None,
            Ok(Look::Asleep(..)) if !is_still() => Some(Err(Unavailable::Late)),
            Ok(Look::Asleep(registers, length)) => {
                let (frames, quality) = self.unwinder.unwind(registers, &self.buffer[..length]);
                Some(Ok(Stack { tid, frames, quality, pause_ns: 0 }))
            }
        }
    }
}

pub(super) fn capabilities() -> Vec<Capability> {
    let signal = with_engine(|_| signal::install().err());
    let read =
        IS_READ_REFUSED.load(Ordering::Relaxed).then_some(Unavailable::Refused("process_vm_readv"));
    [("stacks_asleep", read), ("stacks_running", signal.clone()), ("cpu_samples", signal)]
        .into_iter()
        .map(|(name, unavailable)| Capability { name, unavailable })
        .collect()
}
