//! A step that is not a scope: a SQL stream, an outbound call.
//!
//! It begins as the child of the step that is innermost then, lives in a struct, is polled now and
//! then, and ends when its owner says so or drops it. It is `Send`. While the thread works on the
//! transaction, the end writes all details; anywhere else it only closes the record by
//! compare-and-exchange of exactly its life, and details are lost (counter
//! `steps_closed_by_others`). Enter the transaction around the drop of a future to avoid that, as
//! [`InTransaction`](crate::InTransaction) does.

use std::fmt;
use std::marker::PhantomData;

use scouter_wire::Txid;
use scouter_wire::record::{Outcome, StepKind};

use crate::header::{Half, Header, Word, stamp};
use crate::in_step::close_anywhere;
use crate::outcome::{ApiOutcome, SqlOutcome};
use crate::records::{Note, Record, Tag, add_poll, closed, named_word, open_word, owned_word};
use crate::step::{note_error, push_extra, push_note};
use crate::text::TextId;
use crate::{clock, lane, options};

/// See the [module](self). Dropped without an end it is cancelled.
pub struct OpenStep {
    header: Option<&'static Header>,
    /// `None` when the step limit was reached: totals of the transaction still count it.
    record: Option<(&'static Record, u32)>,
    generation: u32,
    kind: StepKind,
    start: u64,
    wait_end: u64,
    first_row: u64,
}

impl OpenStep {
    /// Begins a step now; inert when this thread works on no transaction.
    #[must_use]
    pub fn begin(kind: StepKind, name: TextId) -> Self {
        Self::begin_at(kind, name, |_| clock::now_ticks())
    }

    /// Begins a step that started a while ago and was learned of only now, for example from an
    /// event; never before its transaction.
    #[must_use]
    pub fn begin_past(kind: StepKind, name: TextId, ago: std::time::Duration) -> Self {
        Self::begin_at(kind, name, |header| {
            let ago = clock::ns_to_ticks(u64::try_from(ago.as_nanos()).unwrap_or(u64::MAX));
            clock::now_ticks().saturating_sub(ago).max(header.word(Word::Start))
        })
    }

    #[inline]
    fn begin_at(kind: StepKind, name: TextId, start: impl FnOnce(&Header) -> u64) -> Self {
        let mut step = Self::inert(kind);
        let Some((header, generation)) = lane::current() else { return step };
        let start = start(header);
        let words = [named_word(kind, name), start, open_word(generation), header.current().into()];
        step.record = header.push(words);
        step.header = Some(header);
        step.generation = generation;
        step.start = start;
        header.spoil_stamp();
        step
    }

    /// A step that records nothing.
    #[must_use]
    pub const fn inert(kind: StepKind) -> Self {
        Self {
            header: None,
            record: None,
            generation: 0,
            kind,
            start: 0,
            wait_end: 0,
            first_row: 0,
        }
    }

    /// Whether anything is recorded.
    #[inline]
    #[must_use]
    pub const fn is_recording(&self) -> bool {
        self.header.is_some()
    }

    /// Makes it the innermost step of this thread's transaction for one poll, measured as busy.
    /// Does nothing while the thread works on another transaction or none.
    #[inline]
    pub fn enter_poll(&self) -> OpenStepPoll<'_> {
        let mut poll = OpenStepPoll {
            inside: None,
            start: 0,
            previous: 0,
            is_pending: false,
            _step: PhantomData,
        };
        if let (Some(header), Some((record, index))) = (self.header, self.record)
            && lane::is_current(header, self.generation)
        {
            // Never shared: rows are handled by the application between two polls of a stream.
            poll.start = clock::now_ticks();
            poll.previous = header.current();
            poll.inside = Some((header, record, index));
            header.set_current(index);
            header.set_stamp(poll.start, stamp::ENTERED);
        }
        poll
    }

    /// Time since its begin, µs; 0 when nothing is recorded.
    #[must_use]
    pub fn elapsed_us(&self) -> u64 {
        match self.header {
            Some(_) => clock::ticks_to_us(clock::now_ticks().saturating_sub(self.start)),
            None => 0,
        }
    }

    /// Says that the wait for a connection ended now; the first time counts.
    pub fn mark_wait_end(&mut self) {
        if self.header.is_some() && self.wait_end == 0 {
            self.wait_end = clock::now_ticks();
        }
    }

    /// Says that the first row came now; the first time counts.
    pub fn mark_first_row(&mut self) {
        if self.header.is_some() && self.first_row == 0 {
            self.first_row = clock::now_ticks();
        }
    }

    /// Says that the response headers came now; the first time counts.
    pub fn mark_response(&mut self) {
        self.mark_first_row();
    }

    /// Ends a statement and adds it to the totals of the transaction.
    pub fn finish_sql(mut self, end: SqlOutcome<'_>) {
        let Some((header, elapsed)) = self.close(end.outcome, end.error) else { return };
        let wait = self.wait_end.saturating_sub(self.start).min(elapsed);
        if self.kind == StepKind::PoolWait {
            header.add(Word::PoolWait, elapsed);
        } else {
            header.add(Word::SqlTicks, elapsed - wait);
            header.add(Word::SqlRows, end.rows);
            header.add(Word::PoolWait, wait);
            header.add_half(Half::SqlCount, 1);
        }
        let Some((_, index)) = self.record else { return };
        let from = self.start.max(self.wait_end);
        // 0 means that no row came, so a row within the same tick still counts one.
        let first = match self.first_row {
            0 => 0,
            first => first.saturating_sub(from).max(1),
        };
        push_extra(header, [owned_word(Tag::Sql, index, 0), wait, first, end.rows]);
        if end.affected != 0 || end.binds != 0 {
            let word0 = owned_word(Tag::SqlMore, index, 0);
            push_extra(header, [word0, end.affected, end.binds.into(), 0]);
        }
        if !end.bind_values.is_empty() {
            push_note(header, index, Note::Binds, end.bind_values);
        }
    }

    /// Ends an outbound call and adds it to the totals of the transaction.
    pub fn finish_api(mut self, end: ApiOutcome<'_>) {
        let Some((header, elapsed)) = self.close(end.outcome, end.error) else { return };
        header.add(Word::ApiTicks, elapsed);
        header.add_half(Half::ApiCount, 1);
        let Some((_, index)) = self.record else { return };
        let ttfb = self.first_row.saturating_sub(self.start);
        let callee = end.callee.map_or(0, Txid::value);
        push_extra(header, [owned_word(Tag::Api, index, end.status), callee, ttfb, 0]);
        if !end.address.is_empty() {
            push_note(header, index, Note::Address, end.address);
        }
    }

    /// Ends any other step. A pool wait adds to the transaction's.
    pub fn finish(mut self, outcome: Outcome, error: &str) {
        if let Some((header, elapsed)) = self.close(outcome, error)
            && self.kind == StepKind::PoolWait
        {
            header.add(Word::PoolWait, elapsed);
        }
    }

    /// Closes the record. Answers header and elapsed ticks if this thread may write details.
    fn close(&mut self, outcome: Outcome, error: &str) -> Option<(&'static Header, u64)> {
        let header = self.header.take()?;
        if !lane::is_current(header, self.generation) {
            if let Some((record, _)) = self.record {
                close_anywhere(header, record, self.generation, outcome);
            }
            return None;
        }
        let now = clock::now_ticks();
        header.spoil_stamp();
        if let Some((record, _)) = self.record {
            record.set_end(closed(now, outcome));
        }
        if !error.is_empty() {
            let owner = self.record.map(|(_, index)| index);
            note_error(header, owner, error, marks_transaction(self.kind));
        }
        Some((header, now.saturating_sub(self.start)))
    }
}

/// Whether an error of such a step is an error of the transaction.
fn marks_transaction(kind: StepKind) -> bool {
    match kind {
        StepKind::Sql | StepKind::SqlTransaction | StepKind::PoolWait => {
            options::XLOG_ERROR_ON_SQLEXCEPTION_ENABLED.value()
        }
        StepKind::Api => options::XLOG_ERROR_ON_APICALL_EXCEPTION_ENABLED.value(),
        _ => true,
    }
}

impl Drop for OpenStep {
    fn drop(&mut self) {
        if self.header.is_none() {
            return;
        }
        let outcome = if std::thread::panicking() { Outcome::Panic } else { Outcome::Cancelled };
        let step = std::mem::replace(self, Self::inert(self.kind));
        match self.kind {
            StepKind::Sql | StepKind::SqlTransaction => {
                step.finish_sql(SqlOutcome { outcome, ..SqlOutcome::default() });
            }
            StepKind::Api => {
                step.finish_api(ApiOutcome { outcome, ..ApiOutcome::default() });
            }
            _ => step.finish(outcome, ""),
        }
    }
}

impl fmt::Debug for OpenStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenStep")
            .field("kind", &self.kind)
            .field("is_recording", &self.is_recording())
            .finish()
    }
}

/// One poll of an [`OpenStep`].
#[derive(Debug)]
#[must_use = "the poll ends when this is dropped"]
pub struct OpenStepPoll<'a> {
    inside: Option<(&'static Header, &'static Record, u32)>,
    start: u64,
    previous: u32,
    is_pending: bool,
    _step: PhantomData<(&'a OpenStep, *const ())>,
}

impl OpenStepPoll<'_> {
    /// Ends the poll and says that it answered `Pending`, so that nothing of the application runs
    /// before the enclosing steps are left too: they share its time stamp.
    #[inline]
    pub fn pending(mut self) {
        self.is_pending = true;
    }
}

impl Drop for OpenStepPoll<'_> {
    #[inline]
    fn drop(&mut self) {
        let Some((header, record, index)) = self.inside else { return };
        let (stamp, state) = header.stamp();
        let now = if state == stamp::LEFT {
            stamp
        } else {
            header.set_pending(index);
            clock::now_ticks()
        };
        header.set_stamp(now, if self.is_pending { stamp::LEFT } else { stamp::STALE });
        record.set_link(add_poll(record.link(), now.saturating_sub(self.start)));
        header.set_current(self.previous);
    }
}
