//! Answers of the tools on demand: threads, stack frequencies, environment.

use super::answers::put_list_within;
use super::bytes::{Reader, put_text, put_varint};
use super::code::{FrameEntry, ModuleEntry, put_frames, put_modules, read_frames, read_modules};
use super::{DecodeError, MAX_LIST_ITEMS, MAX_NAME_BYTES, MAX_REPLY_BYTES, MAX_SENTENCE_BYTES};
use crate::Txid;
use crate::record::from_wire;
use crate::text::{MAX_INLINE_BYTES, MAX_TEXT_BYTES};

/// Bytes that the small lists of an answer may take, so that its large one has room.
const MAX_SMALL_LIST_BYTES: usize = 1024 * 1024;

/// Bytes that the large list of an answer may take.
pub(super) const MAX_LARGE_LIST_BYTES: usize = MAX_REPLY_BYTES - 3 * MAX_SMALL_LIST_BYTES;

/// How far a native stack can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(u8)]
#[non_exhaustive]
pub enum StackQuality {
    /// There is none; the answer says why.
    #[default]
    Missing = 0,
    /// It goes to the root of the thread.
    Complete = 1,
    /// It goes to the root, with one register guessed.
    Guessed = 2,
    /// It ends before the root.
    Cut = 3,
    /// Something that only a newer version can name.
    Other = 255,
}

from_wire!(StackQuality: Missing Complete Guessed Cut; or Other);

/// One OS thread.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ThreadEntry {
    /// Kernel id.
    pub tid: u32,
    /// Name.
    pub name: String,
    /// The kernel's letter for what it does: `R` runs, `S` sleeps, `D` waits for a device.
    pub state: u8,
    /// CPU time used so far, ms.
    pub cpu_ms: u64,
    /// The system call or place in the kernel it sleeps in, or empty.
    pub waits_in: String,
    /// The transaction it polls now.
    pub txid: Option<Txid>,
    /// The service of that transaction, or empty.
    pub service: String,
    /// How long that poll takes already, µs.
    pub poll_us: u64,
    /// How far the stack can be trusted.
    pub quality: StackQuality,
    /// Why there is no stack, or empty.
    pub missing: String,
    /// How long the thread was held up, ns.
    pub pause_ns: u64,
    /// Its stack, leaf first.
    pub frames: Vec<FrameEntry>,
}

/// Whether a tool works in the agent's process.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CapabilityEntry {
    /// Its name.
    pub name: String,
    /// Why it does not work; empty when it does.
    pub unavailable: String,
}

/// The answer to `Threads`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ThreadDump {
    /// Files that the frames are in.
    pub modules: Vec<ModuleEntry>,
    /// What works.
    pub capabilities: Vec<CapabilityEntry>,
    /// How many threads there are, also those that did not fit.
    pub total: u64,
    /// The threads, by their ids.
    pub threads: Vec<ThreadEntry>,
}

/// Appends the answer to `Threads`. Threads past [`MAX_REPLY_BYTES`] are left out; `total` counts
/// them.
pub fn put_threads(out: &mut Vec<u8>, dump: &ThreadDump) {
    put_modules(out, &dump.modules);
    put_list_within(out, MAX_SMALL_LIST_BYTES, &dump.capabilities, |out, capability| {
        put_text(out, &capability.name, MAX_NAME_BYTES);
        put_text(out, &capability.unavailable, MAX_SENTENCE_BYTES);
    });
    put_varint(out, dump.total);
    put_list_within(out, MAX_LARGE_LIST_BYTES, &dump.threads, |out, thread| {
        put_varint(out, u64::from(thread.tid));
        put_text(out, &thread.name, MAX_NAME_BYTES);
        out.push(thread.state);
        put_varint(out, thread.cpu_ms);
        put_text(out, &thread.waits_in, MAX_NAME_BYTES);
        put_varint(out, thread.txid.map_or(0, Txid::value));
        put_text(out, &thread.service, MAX_TEXT_BYTES);
        put_varint(out, thread.poll_us);
        out.push(thread.quality as u8);
        put_text(out, &thread.missing, MAX_SENTENCE_BYTES);
        put_varint(out, thread.pause_ns);
        put_frames(out, &thread.frames);
    });
}

/// Reads the answer to `Threads`. What a newer agent appends is skipped.
///
/// # Errors
/// Any damage.
pub fn read_threads(payload: &[u8]) -> Result<ThreadDump, DecodeError> {
    let mut reader = Reader::new(payload);
    let mut dump = ThreadDump { modules: read_modules(&mut reader)?, ..ThreadDump::default() };
    for _ in 0..reader.length(MAX_LIST_ITEMS, "capabilities")? {
        let mut record = reader.record("capability")?;
        dump.capabilities.push(CapabilityEntry {
            name: record.text(MAX_NAME_BYTES, "capability")?.to_owned(),
            unavailable: record.text(MAX_SENTENCE_BYTES, "capability")?.to_owned(),
        });
    }
    dump.total = reader.varint("threads")?;
    for _ in 0..reader.length(MAX_LIST_ITEMS, "threads")? {
        let mut record = reader.record("thread")?;
        dump.threads.push(ThreadEntry {
            tid: record.varint_u32("tid")?,
            name: record.text(MAX_NAME_BYTES, "thread")?.to_owned(),
            state: record.u8("state of a thread")?,
            cpu_ms: record.varint("CPU time")?,
            waits_in: record.text(MAX_NAME_BYTES, "wait of a thread")?.to_owned(),
            txid: Txid::new(record.varint("txid")?),
            service: record.text(MAX_TEXT_BYTES, "service")?.to_owned(),
            poll_us: record.varint("poll")?,
            quality: StackQuality::from_wire_lossy(record.u8("quality of a stack")?),
            missing: record.text(MAX_SENTENCE_BYTES, "reason")?.to_owned(),
            pause_ns: record.varint("pause")?,
            frames: read_frames(&mut record)?,
        });
    }
    Ok(dump)
}

/// What the stacks of a profile count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(u8)]
#[non_exhaustive]
pub enum ProfileMode {
    /// Looks at what each running transaction did or awaited: time as its users saw it.
    #[default]
    Logical = 0,
    /// Samples of CPU time.
    Cpu = 1,
    /// Something that only a newer version can name.
    Other = 255,
}

from_wire!(ProfileMode: Logical Cpu; or Other);

/// One stack of a profile.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct StackCount {
    /// Service, or empty for threads that worked on none.
    pub service: String,
    /// Tenant, or empty.
    pub tenant: String,
    /// Whether a thread worked on it; else it waited. CPU samples always run.
    pub is_running: bool,
    /// How often it was seen.
    pub count: u64,
    /// Root first for steps, leaf first for code.
    pub frames: Vec<FrameEntry>,
}

/// The answer to `Sfa`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StackProfile {
    /// What is counted.
    pub mode: ProfileMode,
    /// Whether it still goes on.
    pub is_running: bool,
    /// Time it covers, ms.
    pub covers_ms: u64,
    /// Samples a second that were asked for, in thousandths.
    pub rate_mhz: u64,
    /// Looks or samples that are counted in the stacks.
    pub samples: u64,
    /// Samples that found no place.
    pub dropped: u64,
    /// Files that the frames are in.
    pub modules: Vec<ModuleEntry>,
    /// The stacks, the most frequent first.
    pub stacks: Vec<StackCount>,
}

/// Appends the answer to `Sfa`. Stacks past [`MAX_REPLY_BYTES`] are left out, the rarest first.
pub fn put_profile(out: &mut Vec<u8>, profile: &StackProfile) {
    out.push(profile.mode as u8);
    out.push(u8::from(profile.is_running));
    for number in [profile.covers_ms, profile.rate_mhz, profile.samples, profile.dropped] {
        put_varint(out, number);
    }
    put_modules(out, &profile.modules);
    put_list_within(out, MAX_LARGE_LIST_BYTES, &profile.stacks, |out, stack| {
        put_text(out, &stack.service, MAX_TEXT_BYTES);
        put_text(out, &stack.tenant, MAX_INLINE_BYTES);
        out.push(u8::from(stack.is_running));
        put_varint(out, stack.count);
        put_frames(out, &stack.frames);
    });
}

/// Reads the answer to `Sfa`. What a newer agent appends is skipped.
///
/// # Errors
/// Any damage.
pub fn read_profile(payload: &[u8]) -> Result<StackProfile, DecodeError> {
    let mut reader = Reader::new(payload);
    let mut profile = StackProfile {
        mode: ProfileMode::from_wire_lossy(reader.u8("mode of a profile")?),
        is_running: reader.u8("profile")? & 1 != 0,
        covers_ms: reader.varint("profile")?,
        rate_mhz: reader.varint("rate")?,
        samples: reader.varint("samples")?,
        dropped: reader.varint("dropped samples")?,
        modules: read_modules(&mut reader)?,
        stacks: Vec::new(),
    };
    for _ in 0..reader.length(MAX_LIST_ITEMS, "stacks")? {
        let mut record = reader.record("stack")?;
        profile.stacks.push(StackCount {
            service: record.text(MAX_TEXT_BYTES, "service")?.to_owned(),
            tenant: record.text(MAX_INLINE_BYTES, "tenant")?.to_owned(),
            is_running: record.u8("stack")? & 1 != 0,
            count: record.varint("count of a stack")?,
            frames: read_frames(&mut record)?,
        });
    }
    Ok(profile)
}

/// One fact about the agent's process.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct EnvironmentEntry {
    /// What it belongs to: `process`, `arguments`, `variables`, `limits`, `sockets`, `tools`.
    pub section: String,
    /// Its name.
    pub name: String,
    /// Its value; empty where it is not shown.
    pub value: String,
    /// Whether the value is hidden: it may be a secret.
    pub is_hidden: bool,
}

/// Appends the answer to `Environment`. Entries past [`MAX_REPLY_BYTES`] are left out.
pub fn put_environment(out: &mut Vec<u8>, entries: &[EnvironmentEntry]) {
    put_list_within(out, MAX_LARGE_LIST_BYTES, entries, |out, entry| {
        put_text(out, &entry.section, MAX_NAME_BYTES);
        put_text(out, &entry.name, MAX_NAME_BYTES);
        put_text(out, &entry.value, MAX_SENTENCE_BYTES);
        out.push(u8::from(entry.is_hidden));
    });
}

/// Reads the answer to `Environment`. What a newer agent appends is skipped.
///
/// # Errors
/// Any damage.
pub fn read_environment(payload: &[u8]) -> Result<Vec<EnvironmentEntry>, DecodeError> {
    let mut reader = Reader::new(payload);
    let mut entries = Vec::new();
    for _ in 0..reader.length(MAX_LIST_ITEMS, "environment")? {
        let mut record = reader.record("environment")?;
        entries.push(EnvironmentEntry {
            section: record.text(MAX_NAME_BYTES, "environment")?.to_owned(),
            name: record.text(MAX_NAME_BYTES, "environment")?.to_owned(),
            value: record.text(MAX_SENTENCE_BYTES, "environment")?.to_owned(),
            is_hidden: record.u8("environment")? & 1 != 0,
        });
    }
    Ok(entries)
}
