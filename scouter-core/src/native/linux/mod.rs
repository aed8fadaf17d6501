//! Stacks on Linux x86_64: see the module above.

mod asleep;
mod bounds;
mod handler;
mod memory;
mod modules;
mod own;
#[cfg(test)]
mod refused;
mod ring;
mod sampler;
mod signal;
#[cfg(test)]
mod soak;
#[cfg(test)]
mod tests;
mod unwind;

use parking_lot::Mutex;

pub(crate) use self::bounds::enter_thread;
pub use self::own::OwnStack;
pub use self::sampler::Sampler;

use self::asleep::Look;
use self::handler::SLOTS;
use self::unwind::Unwinder;
use super::{Capability, MAX_STACK_BYTES, Quality, Stack, Unavailable};
use crate::sys;
use crate::telemetry::{STACKS_CUT, STACKS_UNANSWERED};

/// Whoever captures or unwinds holds it, so that there is one at a time.
static ENGINE: Mutex<Option<Engine>> = Mutex::new(None);

/// How much of a sleeping thread's stack is copied at first, in bytes: most have less. Of one that has
/// more all is copied then.
const USUAL_BYTES: usize = 8 * 1024;

/// What captures need again and again.
struct Engine {
    unwinder: Unwinder,
    buffer: Box<[u8; MAX_STACK_BYTES]>,
    reads_memory: bool,
}

impl Engine {
    fn new() -> Self {
        Self {
            unwinder: Unwinder::new(),
            buffer: Box::new([0; MAX_STACK_BYTES]),
            reads_memory: memory::open(),
        }
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
    let stack = with_engine(|engine| match engine.asleep(tid, is_still) {
        Some(done) => done,
        None => {
            let place = signal::send(tid)?;
            let copied = signal::wait(place)?;
            if !is_still() {
                return Err(Unavailable::Late);
            }
            Ok(engine.unwinder.of_copy(tid, &copied))
        }
    });
    count(&stack);
    stack
}

/// Counts what a bound cost.
fn count(stack: &Result<Stack, Unavailable>) {
    match stack {
        Ok(stack) if stack.quality == Quality::Cut => STACKS_CUT.add(1),
        Err(Unavailable::NoAnswer | Unavailable::Busy) => STACKS_UNANSWERED.add(1),
        _ => {}
    }
}

/// The stacks of several threads, in their order. Those that run are held up at about the same
/// moment, each for as long as its own copy takes.
#[must_use]
pub fn capture_all(tids: &[u32]) -> Vec<Result<Stack, Unavailable>> {
    let stacks: Vec<_> = with_engine(|engine| {
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
    });
    stacks.iter().for_each(count);
    stacks
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
        for limit in [USUAL_BYTES, MAX_STACK_BYTES] {
            let look = if self.reads_memory {
                asleep::copy(tid, &mut self.buffer[..limit])
            } else {
                asleep::unseen(tid, memory::PATH)
            };
            let (registers, length) = match look {
                Err(why) => return Some(Err(why)),
                Ok(Look::Running) => return None,
                Ok(Look::Asleep(..)) if !is_still() => return Some(Err(Unavailable::Late)),
                Ok(Look::Asleep(registers, length)) => (registers, length),
            };
            let (frames, quality) = self.unwinder.unwind(registers, &self.buffer[..length]);
            if quality != Quality::Cut || length < limit || limit == MAX_STACK_BYTES {
                return Some(Ok(Stack { tid, frames, quality, pause_ns: 0 }));
            }
        }
        None
    }
}

pub(super) fn capabilities() -> Vec<Capability> {
    let asleep = if !memory::can_open() {
        Some(Unavailable::Refused(memory::PATH))
    } else if !asleep::is_told() {
        Some(Unavailable::Refused(asleep::PATH))
    } else {
        None
    };
    let running = signal::usable().err();
    let samples = running.clone().or_else(|| sampler::usable().err());
    [("stacks_asleep", asleep), ("stacks_running", running), ("cpu_samples", samples)]
        .into_iter()
        .map(|(name, unavailable)| Capability { name, unavailable })
        .collect()
}
