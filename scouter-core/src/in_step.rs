//! A step that spans polls: an async function, a named wait.
//!
//! The record is made by the first poll, not by construction, since futures are often built long
//! before they are awaited; its parent is the step that is innermost then. Each poll makes it the
//! innermost and puts back what was before, so siblings in `join!` and `select!` keep their parent.
//! Busy is the time inside polls. A future dropped before its end closes its step as cancelled,
//! from whatever thread drops it.
//!
//! *Clock sharing.* A task poll that resumes a stack of n steps would read the clock 2 n times.
//! Since no code of the application runs between the entry of the poll and the step that resumes,
//! re-entered steps take the entry's time stamp; and when the innermost step returns `Pending`, the
//! enclosing ones take its time stamp. Whenever a step begins or ends, the stamp is spoilt. The
//! inexact case: a future that is not instrumented, polled after an instrumented sibling of the
//! same `join!`, is charged to the idle time of what encloses both.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;
use scouter_wire::TextKind;
use scouter_wire::record::{Outcome, StepKind};

use crate::callsite::Callsite;
use crate::header::{Header, stamp};
use crate::records::{Record, add_poll, closed, end_of, named_word, site_word};
use crate::step::{close_leaf, drop_past_limit, open_past_limit};
use crate::telemetry::STEPS_CLOSED_BY_OTHERS;
use crate::text::intern;
use crate::{clock, lane};

/// What names the step before it has a record.
#[derive(Debug, Clone, Copy)]
enum Name {
    Site(&'static Callsite),
    Wait(&'static str),
}

impl Name {
    fn word0(self) -> Option<u64> {
        match self {
            Self::Site(site) => site.records_step().then(|| site_word(site)),
            Self::Wait(name) => Some(named_word(StepKind::Wait, intern(TextKind::Method, name))),
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum State {
    New(Name),
    Open(OpenRecord),
    Done,
}

/// A record that spans polls.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OpenRecord {
    pub(crate) header: &'static Header,
    pub(crate) record: &'static Record,
    pub(crate) index: u32,
    pub(crate) generation: u32,
}

pin_project! {
    /// Future of [`in_step`] and [`wait`].
    ///
    /// # Cancel safety
    /// As that of the inner future; dropped before its end, the step is recorded as cancelled.
    #[must_use = "futures do nothing unless polled"]
    pub struct StepFuture<F> {
        #[pin]
        future: F,
        state: State,
    }

    impl<F> PinnedDrop for StepFuture<F> {
        fn drop(this: Pin<&mut Self>) {
            if let State::Open(open) = this.project().state {
                open.abandon();
            }
        }
    }
}

impl<F> fmt::Debug for StepFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StepFuture").field("state", &self.state).finish_non_exhaustive()
    }
}

/// Records a step around a future, from its first poll to its end.
pub fn in_step<F: Future>(site: &'static Callsite, future: F) -> StepFuture<F> {
    StepFuture { future, state: State::New(Name::Site(site)) }
}

/// Names what a future waits for: `scouter::wait("inventory lock", lock.lock())`.
///
/// A step of kind `Wait`, recorded like [`in_step`].
pub fn wait<F: Future>(name: &'static str, future: F) -> StepFuture<F> {
    StepFuture { future, state: State::New(Name::Wait(name)) }
}

impl<F: Future> Future for StepFuture<F> {
    type Output = F::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let Some((start, previous, open)) = enter(this.state) else {
            return this.future.poll(cx);
        };
        let scope = Scope { open, start, previous, is_left: false };
        let polled = this.future.poll(cx);
        if polled.is_ready() {
            scope.finish();
            *this.state = State::Done;
        } else {
            scope.leave();
        }
        polled
    }
}

/// Makes the step the innermost. `None` when it records nothing in this poll.
#[inline]
fn enter(state: &mut State) -> Option<(u64, u32, OpenRecord)> {
    let (header, generation) = lane::current()?;
    let previous = header.current();
    let (start, open) = match *state {
        State::Open(open) => {
            // Polled inside another transaction it belongs to none of the two.
            if !std::ptr::eq(open.header, header) || open.generation != generation {
                return None;
            }
            let (stamp, stamp_state) = header.stamp();
            let is_exact = stamp_state != stamp::STALE;
            let start = if is_exact { stamp } else { clock::now_ticks() };
            header.set_stamp(start, stamp::ENTERED);
            (start, open)
        }
        State::New(name) => {
            let now = clock::now_ticks();
            let opened =
                name.word0().and_then(|word0| OpenRecord::push(word0, header, generation, now));
            let Some(open) = opened else {
                *state = State::Done;
                return None;
            };
            *state = State::Open(open);
            (now, open)
        }
        State::Done => return None,
    };
    header.set_current(open.index);
    Some((start, previous, open))
}

/// One poll of a step; dropped by a panic it closes the step.
struct Scope {
    open: OpenRecord,
    start: u64,
    /// What was innermost before: usually the parent, but a future may be moved between polls.
    previous: u32,
    is_left: bool,
}

impl Scope {
    /// The poll answered `Pending`.
    #[inline]
    fn leave(mut self) {
        self.is_left = true;
        let OpenRecord { header, record, index, .. } = self.open;
        let (stamp, state) = header.stamp();
        let now = if state == stamp::LEFT {
            stamp
        } else {
            // Nothing of ours was pending inside: this is what it awaits.
            header.set_pending(index);
            clock::now_ticks()
        };
        header.set_stamp(now, stamp::LEFT);
        let link = add_poll(record.link(), now.saturating_sub(self.start));
        record.set_link(link);
        header.set_current(self.previous);
    }

    /// The poll answered `Ready`.
    #[inline]
    fn finish(mut self) {
        self.is_left = true;
        self.close(Outcome::Ok);
    }

    #[inline]
    fn close(&self, outcome: Outcome) {
        let OpenRecord { header, record, index, .. } = self.open;
        let now = clock::now_ticks();
        header.spoil_stamp();
        let link = add_poll(record.link(), now.saturating_sub(self.start));
        record.set_link(link);
        record.set_end(closed(now, outcome));
        if outcome == Outcome::Ok {
            close_leaf(header, record, index, now);
        } else {
            drop_past_limit(header, index);
        }
        header.set_current(self.previous);
    }
}

impl Drop for Scope {
    #[inline]
    fn drop(&mut self) {
        if !self.is_left {
            self.close(Outcome::Panic);
        }
    }
}

impl OpenRecord {
    /// Writes an open record that begins now inside the innermost step.
    #[inline(always)]
    pub(crate) fn push(
        word0: u64,
        header: &'static Header,
        generation: u32,
        now: u64,
    ) -> Option<Self> {
        let words = [word0, now, header.open_word(generation), header.current().into()];
        let (record, index) = header.push(words).or_else(|| open_past_limit(header, words))?;
        header.spoil_stamp();
        Some(Self { header, record, index, generation })
    }

    /// The future was dropped before its end, perhaps on another thread, perhaps long after the
    /// transaction: only exactly this life of the record is closed.
    #[cold]
    fn abandon(&self) {
        let outcome = if std::thread::panicking() { Outcome::Panic } else { Outcome::Cancelled };
        let is_closed = close_anywhere(self.header, self.record, self.generation, outcome);
        if is_closed && lane::is_current(self.header, self.generation) {
            drop_past_limit(self.header, self.index);
        }
    }
}

/// Closes a record from any thread, if it is still open in this life.
pub(crate) fn close_anywhere(
    header: &'static Header,
    record: &'static Record,
    generation: u32,
    outcome: Outcome,
) -> bool {
    if header.generation() != generation {
        // Its transaction is over: it was unfinished, and stays so.
        return false;
    }
    let now = clock::now_ticks();
    let is_closed = record.close_from_elsewhere(header.open_word(generation), closed(now, outcome));
    if is_closed && !lane::is_current(header, generation) {
        STEPS_CLOSED_BY_OTHERS.add(1);
    }
    debug_assert!(!is_closed || end_of(record.owned()[2]).is_some());
    is_closed
}
