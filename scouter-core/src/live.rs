//! The live view: which transactions run right now, and what each is doing or awaiting.
//!
//! The recording is the live view: a reader walks the open records of every living header without
//! stopping anyone. It copies raw words first, validates that the header still lives the same life,
//! and only then resolves names, so a torn copy is never shown. A transaction that ends meanwhile
//! is retried a few times (`live_retries`) and left out when it never holds still (`live_skipped`),
//! which takes a transaction of nanoseconds.

#[path = "live/forced.rs"]
mod forced;
#[path = "live/late.rs"]
mod late;
#[path = "live/views.rs"]
mod views;
#[path = "live/watched.rs"]
mod watched;

use scouter_wire::Gxid;
use scouter_wire::Txid;
use scouter_wire::record::{ActiveStep, ActiveTransaction, RunState, XLogKind};

use crate::clock;
use crate::drain::kind_of as kind;
use crate::header::{Half, Header, Word};
use crate::records::{NO_RECORD, Record, StepName, parent_of};
use crate::sync::Ordering;
use crate::telemetry::{LIVE_RETRIES, LIVE_SKIPPED};
use crate::text::{TextId, text};
use crate::texts::{Slot, walk};

pub use self::forced::force_end;
pub use self::late::{late_us_within, note_late};
pub use self::views::{LaneView, WatchedTransaction};
pub(crate) use self::watched::function_of;
pub use self::watched::{find, watched};

/// Most open steps of a transaction that the live view shows; of more, the innermost ones.
pub const MAX_ACTIVE_STEPS: usize = 64;

/// How many of the newest records are searched for an open one. Past it the step that returned
/// `Pending` last is taken, or what encloses it.
const MAX_SCANNED_RECORDS: u32 = 256;

/// How often a transaction that ended meanwhile is looked at again.
const TRIES: usize = 4;

/// How often a rewritten record or text is read again within one try.
const RECORD_TRIES: usize = 8;

/// How many headers ahead of the one that is read are fetched into the cache.
const PREFETCHED: usize = 6;

/// Texts looked up last, by number: running transactions are in few places, and each look-up
/// takes a lock.
#[derive(Debug)]
struct Names([(TextId, &'static str); 64]);

impl Default for Names {
    fn default() -> Self {
        Self([(TextId::NONE, ""); 64])
    }
}

impl Names {
    fn text(&mut self, id: TextId) -> &'static str {
        let place = &mut self.0[id.number() as usize % 64];
        if place.0 != id {
            *place = (id, text(id));
        }
        place.1
    }
}

#[derive(Debug, Default)]
struct Raw {
    words: [u64; 10],
    halves: [u32; 4],
    steps: u32,
    /// First word and start of each open step, innermost first.
    stack: Vec<(u64, u64)>,
    texts: Vec<u64>,
}

/// Replaces the content of `out` with what runs now, at most `limit` of them; answers how many run.
///
/// Entries that `out` holds are reused, so that a caller who keeps the vector allocates nothing in
/// steady state. Order is arbitrary but stable for a transaction while it runs.
pub fn active(out: &mut Vec<ActiveTransaction>, limit: usize) -> usize {
    let mut headers = Vec::new();
    crate::pool::headers(&mut headers);
    let (mut raw, mut bytes, mut names) = (Raw::default(), Vec::new(), Names::default());
    let now = clock::now_ticks();
    let (mut shown, mut total) = (0, 0);
    for (index, header) in headers.iter().copied().enumerate() {
        // Headers lie apart, so that the processor does not foresee which comes next.
        if let Some(ahead) = headers.get(index + PREFETCHED) {
            ahead.prefetch();
        }
        if shown >= limit {
            total += usize::from(header.is_alive());
            continue;
        }
        if !read(header, |header, generation| copy(header, generation, &mut raw)) {
            continue;
        }
        total += 1;
        if out.len() == shown {
            let Some(blank) = blank(&raw) else { continue };
            out.push(blank);
        }
        if resolve(&raw, now, &mut bytes, &mut names, &mut out[shown]) {
            shown += 1;
        }
    }
    out.truncate(shown);
    total
}

/// Visits every running transaction with its service, whether a thread works on it, and the names
/// of its open steps, outermost first. No name is looked up, so that it is cheap enough for many
/// times a second.
pub fn stacks(visit: &mut dyn FnMut(TextId, bool, &[TextId])) {
    let mut headers = Vec::new();
    crate::pool::headers(&mut headers);
    let (mut raw, mut path) = (Raw::default(), Vec::new());
    for (index, header) in headers.iter().copied().enumerate() {
        if let Some(ahead) = headers.get(index + PREFETCHED) {
            ahead.prefetch();
        }
        let is_read = read(header, |header, generation| {
            raw.words[SERVICE] = header.word(Word::ServiceEpoch);
            raw.halves[0] = header.half(Half::Tid);
            copy_open(header, generation, &mut raw);
        });
        if is_read {
            let names = raw.stack.iter().rev().filter_map(|(word0, _)| StepName::of(*word0));
            path.clear();
            path.extend(names.map(StepName::text));
            visit(service_of(&raw), raw.halves[0] != 0, &path);
        }
    }
}

/// Place of the service among the words of a [`Raw`].
const SERVICE: usize = 6;

fn service_of(raw: &Raw) -> TextId {
    #[expect(clippy::cast_possible_truncation, reason = "the low half is the service")]
    let number = raw.words[SERVICE] as u32;
    TextId::from_number(number)
}

/// Replaces the content of `out` with the lanes of all living threads that ever recorded.
///
/// Transaction and age of one lane are read one after the other, so they may belong to two polls
/// that follow each other.
pub fn lanes(out: &mut Vec<LaneView>) {
    let mut threads = Vec::new();
    crate::lane::threads(&mut threads);
    let now = clock::now_ticks();
    out.clear();
    out.extend(threads.into_iter().filter_map(|thread| {
        let slot = &thread.slot;
        let tid = slot.tid.load(Ordering::Relaxed);
        let start = slot.poll_start.load(Ordering::Acquire);
        let age = if start == 0 { 0 } else { now.saturating_sub(start) };
        (tid != 0).then(|| LaneView {
            tid,
            txid: Txid::new(slot.txid.load(Ordering::Relaxed)),
            poll_age_us: clock::ticks_to_us(age),
            poll: start,
        })
    }));
}

/// How long the longest empty task on a watched runtime has been waiting to be run, µs, and by how
/// many threads; see [`watch_runtime`](crate::watch_runtime). Asked again and again, each time a few
/// hundred ms later. Without feature `tokio` never.
#[must_use]
pub fn late_beat() -> Option<(u64, usize)> {
    #[cfg(feature = "tokio")]
    return crate::runtime::late_beat();
    #[cfg(not(feature = "tokio"))]
    None
}

/// How many of the running transactions are younger than the first age, younger than the second,
/// and older; ages in µs.
#[must_use]
pub fn active_speed(ages_us: [u64; 2]) -> [usize; 3] {
    let mut headers = Vec::new();
    crate::pool::headers(&mut headers);
    let now = clock::now_ticks();
    let mut counts = [0; 3];
    for header in headers {
        let mut start = 0;
        if read(header, |header, _| start = header.word(Word::Start)) {
            let age_us = clock::ticks_to_us(now.saturating_sub(start));
            counts[ages_us.iter().filter(|age| age_us >= **age).count()] += 1;
        }
    }
    counts
}

/// How many transactions run now.
#[must_use]
pub fn active_count() -> usize {
    let mut headers = Vec::new();
    crate::pool::headers(&mut headers);
    headers.into_iter().filter(|header| header.is_alive()).count()
}

/// Copies a living header; `false` if it does not live or does not hold still.
fn read(header: &'static Header, mut copy: impl FnMut(&'static Header, u32)) -> bool {
    for _ in 0..TRIES {
        match header.read_life(&mut copy) {
            Ok(None) => return false,
            Ok(Some(())) => return true,
            Err(_) => LIVE_RETRIES.add(1),
        }
    }
    LIVE_SKIPPED.add(1);
    false
}

fn copy(header: &'static Header, generation: u32, raw: &mut Raw) {
    raw.words = [
        Word::Txid,
        Word::GxidHigh,
        Word::GxidLow,
        Word::Start,
        Word::PollStart,
        Word::Busy,
        Word::ServiceEpoch,
        Word::Caller,
        Word::BytesOut,
        Word::Ttfb,
    ]
    .map(|word| header.word(word));
    raw.halves = [Half::Tid, Half::Kind, Half::Polls, Half::Marks].map(|half| header.half(half));
    raw.steps = header.steps();
    raw.texts.clear();
    if header.texts.len_words() > 0 {
        for _ in 0..RECORD_TRIES {
            if header.texts.copy_for_readers(&mut raw.texts) {
                break;
            }
        }
    }
    copy_open(header, generation, raw);
}

/// Copies the open steps as they stood together, or none.
fn copy_open(header: &'static Header, generation: u32, raw: &mut Raw) {
    for _ in 0..RECORD_TRIES {
        raw.stack.clear();
        if copy_stack(header, generation, raw.halves[0] != 0, &mut raw.stack) {
            return;
        }
    }
    // It moved on each time: a step is named only if it holds still for the copy.
    raw.stack.clear();
}

/// Copies the open steps, innermost first; `false` if they changed meanwhile.
fn copy_stack(
    header: &'static Header,
    generation: u32,
    is_running: bool,
    stack: &mut Vec<(u64, u64)>,
) -> bool {
    let inner = if is_running {
        header.current_for_readers()
    } else {
        // The youngest open step is what it awaits; of several at once, one of them.
        header.last_open(generation, MAX_SCANNED_RECORDS).unwrap_or_else(|| header.pending())
    };
    let Some(innermost) = walk_open(header, generation, inner, stack) else { return true };
    // What encloses an open step is open, so the whole stack stood if its innermost still does.
    let now = header.record(innermost).and_then(Record::read);
    now.is_some_and(|[word0, start, end, _]| {
        stack.first() == Some(&(word0, start)) && end == header.open_word(generation)
    })
}

/// Follows parents outwards; answers the innermost open record. Parents have smaller indexes, so
/// it ends.
fn walk_open(
    header: &'static Header,
    generation: u32,
    inner: u32,
    stack: &mut Vec<(u64, u64)>,
) -> Option<u32> {
    let mut index = inner;
    let mut innermost = None;
    while index != NO_RECORD && stack.len() < MAX_ACTIVE_STEPS {
        let Some(record) = header.record(index) else { break };
        let Some([word0, start, end, link]) = (0..RECORD_TRIES).find_map(|_| record.read()) else {
            break;
        };
        // A closed one is what was awaited last; whatever encloses it goes on.
        if end == header.open_word(generation) {
            innermost = innermost.or(Some(index));
            stack.push((word0, start));
        }
        let parent = parent_of(link);
        if parent >= index {
            break;
        }
        index = parent;
    }
    innermost
}

fn blank(raw: &Raw) -> Option<ActiveTransaction> {
    Some(ActiveTransaction {
        txid: Txid::new(raw.words[0])?,
        gxid: Gxid::new(1)?,
        kind: XLogKind::Web,
        caller: None,
        service: String::new(),
        tenant: String::new(),
        login: String::new(),
        ip: String::new(),
        desc: String::new(),
        age_us: 0,
        busy_us: 0,
        state: RunState::Waiting,
        tid: 0,
        steps: 0,
        stack: Vec::new(),
    })
}

/// Names what was copied and validated. `false` for words that make no transaction.
fn resolve(
    raw: &Raw,
    now: u64,
    bytes: &mut Vec<u8>,
    known: &mut Names,
    out: &mut ActiveTransaction,
) -> bool {
    let [txid, gxid_high, gxid_low, start, poll_start, busy, ..] = raw.words;
    let gxid = u128::from(gxid_high) << 64 | u128::from(gxid_low);
    let (Some(txid), Some(gxid)) = (Txid::new(txid), Gxid::new(gxid)) else { return false };
    (out.txid, out.gxid) = (txid, gxid);
    (out.kind, out.caller) = (kind(raw.halves[1]), Txid::new(raw.words[7]));
    replace(&mut out.service, known.text(service_of(raw)));
    for text in [&mut out.tenant, &mut out.login, &mut out.ip, &mut out.desc] {
        text.clear();
    }
    walk(&raw.texts, bytes, |slot, _, value| {
        if slot == Slot::Tenant as u8 {
            replace(&mut out.tenant, value);
        } else if slot == Slot::Login as u8 {
            replace(&mut out.login, value);
        } else if slot == Slot::Ip as u8 {
            replace(&mut out.ip, value);
        } else if slot == Slot::Desc as u8 {
            replace(&mut out.desc, value);
        }
    });
    out.age_us = clock::ticks_to_us(now.saturating_sub(start));
    let in_poll = if poll_start == 0 { 0 } else { now.saturating_sub(poll_start) };
    out.busy_us = clock::ticks_to_us(busy.saturating_add(in_poll));
    out.tid = raw.halves[0];
    out.state = if out.tid == 0 { RunState::Waiting } else { RunState::Running };
    out.steps = raw.steps;
    let names = raw.stack.iter().rev().filter_map(|(word0, start)| {
        StepName::of(*word0).map(|name| (name, clock::ticks_to_us(now.saturating_sub(*start))))
    });
    let mut depth = 0;
    for (name, age_us) in names {
        if out.stack.len() == depth {
            out.stack.push(ActiveStep::default());
        }
        let step = &mut out.stack[depth];
        step.kind = name.kind();
        replace(&mut step.name, known.text(name.text()));
        step.age_us = age_us;
        depth += 1;
    }
    out.stack.truncate(depth);
    true
}

fn replace(place: &mut String, text: &str) {
    place.clear();
    place.push_str(text);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn live() -> &'static Header {
        let header: &'static Header = Box::leak(Box::new(Header::blank(1)));
        header.prepare(16);
        header.publish();
        header
    }

    /// Ends the life that is being copied and begins the next one.
    fn move_on(header: &'static Header) {
        header.retire();
        header.prepare(16);
        header.publish();
    }

    #[test]
    fn transaction_that_ends_while_it_is_copied_is_tried_again() {
        let before = LIVE_RETRIES.value();
        let mut copies = 0;
        assert!(read(live(), |header, _| {
            copies += 1;
            if copies < TRIES {
                move_on(header);
            }
        }));
        assert_eq!(copies, TRIES);
        assert!(LIVE_RETRIES.value() - before >= TRIES as u64 - 1);
    }

    #[test]
    fn transaction_that_never_holds_still_is_left_out_and_counted() {
        let before = LIVE_SKIPPED.value();
        assert!(!read(live(), |header, _| move_on(header)));
        assert!(LIVE_SKIPPED.value() > before);
    }
}
