//! The dump of all OS threads.

use std::collections::HashMap;
use std::time::Duration;

use scouter_core::{Txid, heap, live, native, options};
use scouter_wire::codec::{CapabilityEntry, StackQuality, ThreadDump, ThreadEntry};

use super::modules::Modules;

pub(super) fn interval() -> Duration {
    Duration::from_millis(options::THREAD_DUMP_INTERVAL_MS.value())
}

/// All threads with their stacks. What a thread works on is read before its stack is taken, so
/// that both may differ by what happened in between.
pub(super) fn dump() -> ThreadDump {
    let mut lanes = Vec::new();
    live::lanes(&mut lanes);
    let lanes: HashMap<u32, (Txid, u64)> =
        lanes.iter().filter_map(|lane| Some((lane.tid, (lane.txid?, lane.poll_age_us)))).collect();
    let service = |txid: Txid| Some((txid, live::find(txid)?.active.service));
    let services: HashMap<Txid, String> =
        lanes.values().filter_map(|(txid, _)| service(*txid)).collect();
    let all = native::threads();
    let tids: Vec<u32> = all.iter().map(|thread| thread.tid).collect();
    let stacks = native::capture_all(&tids);
    let mut modules = Modules::default();
    let threads: Vec<ThreadEntry> = all
        .into_iter()
        .zip(stacks)
        .map(|(thread, stack)| {
            let polled = lanes.get(&thread.tid);
            let mut entry = ThreadEntry {
                tid: thread.tid,
                waits_in: waits_in(&thread),
                name: thread.name,
                state: u8::try_from(thread.state).unwrap_or(b'?'),
                cpu_ms: thread.cpu_ms,
                txid: polled.map(|(txid, _)| *txid),
                service: polled
                    .and_then(|(txid, _)| services.get(txid).cloned())
                    .unwrap_or_default(),
                poll_us: polled.map_or(0, |(_, age_us)| *age_us),
                ..ThreadEntry::default()
            };
            match stack {
                Ok(stack) => {
                    entry.quality = match stack.quality {
                        native::Quality::Complete => StackQuality::Complete,
                        native::Quality::Guessed => StackQuality::Guessed,
                        _ => StackQuality::Cut,
                    };
                    entry.pause_ns = stack.pause_ns;
                    entry.frames = stack.frames.iter().map(|one| modules.frame(one)).collect();
                }
                Err(why) => entry.missing = why.to_string(),
            }
            entry
        })
        .collect();
    ThreadDump {
        modules: modules.entries(),
        capabilities: capabilities(),
        total: threads.len() as u64,
        threads,
    }
}

/// Why a program has no figures of what it allocates.
const NO_ALLOCATOR: &str = "the program's allocator is not ScoutAlloc (feature `alloc`)";

/// What works here, and why the rest does not.
pub(crate) fn capabilities() -> Vec<CapabilityEntry> {
    let native = native::capabilities().into_iter().map(|capability| CapabilityEntry {
        name: capability.name.to_owned(),
        unavailable: capability.unavailable.map(|why| why.to_string()).unwrap_or_default(),
    });
    let allocations = CapabilityEntry {
        name: "allocations".to_owned(),
        unavailable: if heap::is_counted() { "" } else { NO_ALLOCATOR }.to_owned(),
    };
    native.chain([allocations]).collect()
}

fn waits_in(thread: &native::Thread) -> String {
    match thread.syscall {
        Some(number) if thread.waits_in.is_empty() => format!("system call {number}"),
        Some(number) => format!("{} (system call {number})", thread.waits_in),
        None => thread.waits_in.clone(),
    }
}
