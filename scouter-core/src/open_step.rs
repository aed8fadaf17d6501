//! The step that is not a scope: [`OpenStep`].

use std::fmt;
use std::marker::PhantomData;
use std::task::Poll;

use scouter_wire::Txid;
use scouter_wire::record::{Outcome, StepKind};

use crate::header::{Half, Header, Word, stamp};
use crate::in_step::close_anywhere;
use crate::outcome::{ApiOutcome, SqlOutcome};
use crate::records::{Note, Record, Tag, add_poll, closed, named_word, owned_word};
use crate::step::{note_error, push_extra, push_note};
use crate::text::TextId;
use crate::{clock, lane, options};

/// A step that is not a scope: a SQL stream, an outbound call.
///
/// It begins as the child of the step that is innermost then, lives in a struct, is polled now and
/// then, and ends when its owner says so; dropped without an end it is cancelled. It is `Send`.
/// While the thread works on the transaction, the end writes all details; anywhere else it only
/// closes the record by compare-and-exchange of exactly its life, and details are lost (counter
/// `steps_closed_by_others`). Enter the transaction around the drop of a future to avoid that, as
/// [`InTransaction`](crate::InTransaction) does.
///
/// Runs of it never fold, since each has details of its own: past the step limit further ones are
/// dropped and counted, and go on counting in the totals of their transaction.
pub struct OpenStep {
    header: Option<&'static Header>,
    /// `None` when the step limit was reached: totals of the transaction still count it.
    record: Option<(&'static Record, u32)>,
    generation: u32,
    kind: StepKind,
    start: u64,
    wait_end: u64,
    first_row: u64,
    /// End of the last poll of [`poll`](Self::poll); 0 when there was none.
    left_at: u64,
    polling: Polling,
}

/// How far [`OpenStep::poll`] is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Polling {
    /// The first poll takes the time of the begin.
    First,
    Further,
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
        let words =
            [named_word(kind, name), start, header.open_word(generation), header.current().into()];
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
            left_at: 0,
            polling: Polling::First,
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
        // Never shared: rows are handled by the application between two polls of a stream.
        self.enter_at(clock::now_ticks)
    }

    #[inline]
    fn enter_at<'a>(&self, start: impl FnOnce() -> u64) -> OpenStepPoll<'a> {
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
            poll.start = start();
            poll.previous = header.current();
            poll.inside = Some((header, record, index));
            header.set_current(index);
            header.set_stamp(poll.start, stamp::ENTERED);
        }
        poll
    }

    /// Runs one poll of a future inside the step, with as few clock reads as possible.
    ///
    /// For a future that is awaited where the step is begun: the first poll takes the time of the
    /// begin, further ones that of the task's poll where nothing ran in between. What is marked,
    /// or finished by [`finish_sql_at_poll`](Self::finish_sql_at_poll), right after the poll takes
    /// the time of its end.
    #[inline]
    pub fn poll<T>(&mut self, poll: impl FnOnce() -> Poll<T>) -> Poll<T> {
        let start = match self.polling {
            Polling::First => self.start,
            Polling::Further => self.header.map_or(0, |header| match header.stamp() {
                (_, stamp::STALE) => clock::now_ticks(),
                (ticks, _) => ticks,
            }),
        };
        self.polling = Polling::Further;
        let mut scope = self.enter_at(|| start);
        let polled = poll();
        scope.is_pending = polled.is_pending();
        self.left_at = scope.leave();
        polled
    }

    /// The end of the poll just made, or now.
    fn moment(&self) -> u64 {
        if self.left_at == 0 { clock::now_ticks() } else { self.left_at }
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
            self.wait_end = self.moment();
        }
    }

    /// Says that the wait for a connection ended at a moment of [`clock::now_ticks`], within the
    /// poll just made; the first time counts. Answers how long it was, µs.
    pub fn mark_wait_end_at(&mut self, ticks: u64) -> u64 {
        if self.header.is_some() && self.wait_end == 0 {
            self.wait_end = ticks;
        }
        clock::ticks_to_us(self.wait_end.saturating_sub(self.start))
    }

    /// Says that the first row came now; the first time counts.
    pub fn mark_first_row(&mut self) {
        if self.header.is_some() && self.first_row == 0 {
            self.first_row = self.moment();
        }
    }

    /// Says that the response headers came now; the first time counts.
    pub fn mark_response(&mut self) {
        self.mark_first_row();
    }

    /// Ends a statement and adds it to the totals of the transaction.
    pub fn finish_sql(self, end: SqlOutcome<'_>) {
        let now = clock::now_ticks();
        self.finish_sql_at(end, now);
    }

    /// Like [`finish_sql`](Self::finish_sql) at the end of the [`poll`](Self::poll) just made.
    /// Answers the elapsed time, µs; 0 when nothing is recorded.
    pub fn finish_sql_at_poll(self, end: SqlOutcome<'_>) -> u64 {
        let now = self.moment();
        clock::ticks_to_us(self.finish_sql_at(end, now))
    }

    fn finish_sql_at(mut self, end: SqlOutcome<'_>, now: u64) -> u64 {
        let Some((header, elapsed)) = self.close(end.outcome, end.error, now) else { return 0 };
        let wait = self.wait_end.saturating_sub(self.start).min(elapsed);
        if self.kind == StepKind::PoolWait {
            header.add(Word::PoolWait, elapsed);
        } else {
            header.add(Word::SqlTicks, elapsed - wait);
            header.add(Word::SqlRows, end.rows);
            header.add(Word::PoolWait, wait);
            header.add_half(Half::SqlCount, 1);
        }
        let Some((_, index)) = self.record else { return elapsed };
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
        elapsed
    }

    /// Ends an outbound call and adds it to the totals of the transaction.
    pub fn finish_api(mut self, end: ApiOutcome<'_>) {
        let Some((header, elapsed)) = self.close(end.outcome, end.error, clock::now_ticks()) else {
            return;
        };
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
        if let Some((header, elapsed)) = self.close(outcome, error, clock::now_ticks())
            && self.kind == StepKind::PoolWait
        {
            header.add(Word::PoolWait, elapsed);
        }
    }

    /// Closes the record. Answers header and elapsed ticks if this thread may write details.
    fn close(&mut self, outcome: Outcome, error: &str, now: u64) -> Option<(&'static Header, u64)> {
        let header = self.header.take()?;
        if !lane::is_current(header, self.generation) {
            if let Some((record, _)) = self.record {
                close_anywhere(header, record, self.generation, outcome);
            }
            return None;
        }
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

impl OpenStepPoll<'_> {
    /// Ends the poll and answers when; 0 when nothing is recorded.
    #[inline]
    fn leave(&mut self) -> u64 {
        let Some((header, record, index)) = self.inside.take() else { return 0 };
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
        now
    }
}

impl Drop for OpenStepPoll<'_> {
    #[inline]
    fn drop(&mut self) {
        self.leave();
    }
}
