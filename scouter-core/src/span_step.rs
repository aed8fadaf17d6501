//! A step that is entered and left by callbacks: [`SpanStep`].

use std::fmt;

use scouter_wire::record::Outcome;

use crate::bounded::Bounded;
use crate::callsite::Callsite;
use crate::header::stamp;
use crate::in_step::OpenRecord;
use crate::records::{NO_RECORD, Note, add_poll, closed, site_word};
use crate::step::{close_leaf, drop_past_limit, push_attr, push_note};
use crate::telemetry::STEPS_CLOSED_BY_OTHERS;
use crate::value::Value;
use crate::{clock, lane};

/// A step for bridges from other instrumentation, whose spans are entered and left by callbacks.
///
/// It begins inside the step that is innermost then. Each [`enter`](Self::enter) makes it the
/// innermost and each [`exit`](Self::exit) puts back what was before; the time between them is
/// busy time. It ends with the last exit, and is written as ended when this is dropped, on
/// whatever thread; folding works as for other steps. Calls on a thread that works on another
/// transaction, or on none, do nothing. Nested enters count as one poll.
///
/// A span does not say whether a future in it was finished or dropped: it ends well, unless
/// [`fail`](Self::fail) said otherwise or a panic unwinds.
#[must_use = "the step ends when this is dropped"]
pub struct SpanStep {
    open: OpenRecord,
    /// Enters without an exit.
    depth: u32,
    start: u64,
    previous: u32,
    /// Last exit; 0 before the first.
    left_at: u64,
    has_failed: bool,
}

impl SpanStep {
    /// Begins a step now. `None` with the callsite switched off, without a transaction, or past
    /// the step limit (counted as for other steps).
    #[inline]
    pub fn begin(site: &'static Callsite) -> Option<Self> {
        let (header, generation) = lane::current()?;
        if !site.records_step() {
            return None;
        }
        let open = OpenRecord::push(site_word(site), header, generation, clock::now_ticks())?;
        Some(Self { open, depth: 0, start: 0, previous: NO_RECORD, left_at: 0, has_failed: false })
    }

    /// Whether its transaction is over, so that it records nothing any more.
    #[inline]
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.open.header.generation() != self.open.generation
    }

    #[inline]
    fn is_here(&self) -> bool {
        lane::is_current(self.open.header, self.open.generation)
    }

    /// Makes it the innermost step of the transaction this thread works on.
    #[inline]
    pub fn enter(&mut self) {
        if !self.is_here() {
            return;
        }
        self.depth = self.depth.saturating_add(1);
        if self.depth > 1 {
            return;
        }
        let OpenRecord { header, record, index, .. } = self.open;
        self.start = match header.stamp() {
            _ if self.left_at == 0 => record.start(),
            (_, stamp::STALE) => clock::now_ticks(),
            (ticks, _) => {
                header.set_stamp(ticks, stamp::ENTERED);
                ticks
            }
        };
        self.previous = header.current();
        header.set_current(index);
    }

    /// Leaves it: what was innermost at the enter is so again.
    #[inline]
    pub fn exit(&mut self) {
        if self.depth == 0 || !self.is_here() {
            return;
        }
        self.depth -= 1;
        if self.depth > 0 {
            return;
        }
        let OpenRecord { header, record, index, generation } = self.open;
        let now = match header.stamp() {
            // A step inside has just answered `Pending`: it took the time, and is what is awaited.
            (ticks, stamp::LEFT) => ticks,
            _ => {
                header.spoil_stamp();
                // Children come after their parents; one that is open is what is awaited.
                let pending = header.pending();
                let is_inside = pending != NO_RECORD
                    && pending > index
                    && header
                        .record(pending)
                        .is_some_and(|record| record.is_open(header.open_word(generation)));
                if !is_inside {
                    header.set_pending(index);
                }
                clock::now_ticks()
            }
        };
        record.set_link(add_poll(record.link(), now.saturating_sub(self.start)));
        header.set_current_if(index, self.previous);
        self.left_at = now;
    }

    /// Adds an attribute.
    #[inline]
    pub fn attr<'a>(&self, key: &'static str, value: impl Into<Value<'a>>) {
        if self.is_here() {
            push_attr(self.open.header, self.open.index, key, value.into());
        }
    }

    /// Says that it failed, and why.
    #[cold]
    pub fn fail(&mut self, error: &dyn fmt::Display) {
        if self.is_here() && !self.has_failed {
            self.has_failed = true;
            let error = Bounded::of(error);
            push_note(self.open.header, self.open.index, Note::Error, error.as_str());
        }
    }
}

impl Drop for SpanStep {
    #[inline]
    fn drop(&mut self) {
        let OpenRecord { header, record, index, generation } = self.open;
        let outcome = match (std::thread::panicking(), self.has_failed) {
            (true, _) => Outcome::Panic,
            (false, true) => Outcome::Error,
            (false, false) => Outcome::Ok,
        };
        let is_left = self.left_at != 0 && self.depth == 0;
        let end = if is_left { self.left_at } else { clock::now_ticks() };
        if !self.is_here() {
            let open = header.open_word(generation);
            if !self.has_ended() && record.close_from_elsewhere(open, closed(end, outcome)) {
                STEPS_CLOSED_BY_OTHERS.add(1);
            }
            return;
        }
        record.set_end(closed(end, outcome));
        if outcome == Outcome::Ok {
            close_leaf(header, record, index, end);
        } else {
            drop_past_limit(header, index);
        }
        header.set_current_if(index, self.previous);
    }
}

impl fmt::Debug for SpanStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpanStep").field("depth", &self.depth).finish_non_exhaustive()
    }
}
