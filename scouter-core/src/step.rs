//! A timed step on one thread, and attributes of steps.
//!
//! [`step`] costs two clock reads and a few stores. It records into the transaction this thread
//! works on; without one it does nothing. Consecutive calls of the same callsite under one parent,
//! with nothing in between and nothing inside, fold into one record with count, total and maximum;
//! a run that folds goes on past the step limit.
//! A guard that is dropped late, out of order or never leaves the recording consistent: it closes
//! its own record only while the transaction it belongs to lives.

use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;

use scouter_wire::record::Outcome;

use crate::bounded::{Bounded, field};
use crate::callsite::Callsite;
use crate::header::Header;
use crate::in_step::close_anywhere;
use crate::path::{note_origin, site_around};
use crate::records::{
    NO_RECORD, Note, Record, Tag, WordType, add_link, closed, key_word, meta_word, owned_word,
    parent_of, records_of_text, site_word, write_text,
};
use crate::value::Value;
use crate::{clock, lane, transaction};

/// Records a step from now until the guard is dropped.
///
/// With the callsite switched off, without a transaction, or past the step limit the guard does
/// nothing. Keep the guard within one thread and never across an `.await`: it is `!Send`, so in a
/// spawned future the compiler says so; use [`in_step`](crate::in_step) there.
#[inline(always)]
#[must_use = "the step ends when the guard is dropped; `let _ = step(..)` ends it at once"]
pub fn step(site: &'static Callsite) -> StepGuard {
    match lane::current() {
        Some((header, generation)) if site.records_step() => {
            StepGuard::open(header, generation, site)
        }
        _ => StepGuard::inert(),
    }
}

/// An open step of this thread. See [`step`].
#[must_use = "the step ends when the guard is dropped"]
pub struct StepGuard {
    open: Option<(&'static Header, &'static Record)>,
    index: u32,
    generation: u32,
    has_failed: Cell<bool>,
    _not_send: PhantomData<*const ()>,
}

impl StepGuard {
    #[inline(always)]
    const fn inert() -> Self {
        Self {
            open: None,
            index: NO_RECORD,
            generation: 0,
            has_failed: Cell::new(false),
            _not_send: PhantomData,
        }
    }

    #[inline(always)]
    fn open(header: &'static Header, generation: u32, site: &'static Callsite) -> Self {
        let words = [
            site_word(site),
            clock::now_ticks(),
            header.open_word(generation),
            header.current().into(),
        ];
        let mut guard = Self::inert();
        let pushed = header.push(words).or_else(|| open_past_limit(header, words));
        if let Some((record, index)) = pushed {
            header.set_current(index);
            header.spoil_stamp();
            guard.open = Some((header, record));
            guard.index = index;
            guard.generation = generation;
        }
        guard
    }

    /// Whether anything is recorded.
    #[inline]
    #[must_use]
    pub fn is_recording(&self) -> bool {
        self.open.is_some()
    }

    /// Adds an attribute.
    #[inline(always)]
    pub fn attr<'a>(&self, key: &'static str, value: impl Into<Value<'a>>) {
        if let Some((header, _)) = self.open
            && header.generation() == self.generation
        {
            push_attr(header, self.index, key, value.into());
        }
    }

    /// Says that the step failed, and why.
    #[cold]
    pub fn fail(&self, error: &dyn fmt::Display) {
        if let Some((header, _)) = self.open
            && header.generation() == self.generation
        {
            self.has_failed.set(true);
            fail_step(header, self.index, Bounded::of(error).as_str());
        }
    }
}

impl Drop for StepGuard {
    #[inline(always)]
    fn drop(&mut self) {
        // Only the test is inline: a guard that records nothing costs no call.
        if let Some((header, record)) = self.open {
            close(header, record, self.index, self.generation, self.has_failed.get());
        }
    }
}

#[inline(never)]
fn close(
    header: &'static Header,
    record: &'static Record,
    index: u32,
    generation: u32,
    has_failed: bool,
) {
    if header.generation() != generation {
        return;
    }
    if !lane::works_on(header) {
        return close_outside(header, record, generation, has_failed);
    }
    let now = clock::now_ticks();
    // Folding rewrites the record, so its parent is read first.
    let parent = parent_of(record.link());
    if !has_failed && !std::thread::panicking() {
        record.set_end(closed(now, Outcome::Ok));
        close_leaf(header, record, index, now);
    } else {
        close_badly(header, record, index, now);
    }
    // Dropped out of order it is not the innermost any more; then somebody inside restores.
    header.set_current_if(index, parent);
    header.spoil_stamp();
}

#[cold]
fn close_badly(header: &Header, record: &Record, index: u32, now: u64) {
    record.set_end(closed(now, bad_outcome()));
    drop_past_limit(header, index);
}

/// The guard outlived the scope of its transaction, on which another thread may work by now.
#[cold]
fn close_outside(
    header: &'static Header,
    record: &'static Record,
    generation: u32,
    has_failed: bool,
) {
    let is_bad = has_failed || std::thread::panicking();
    let outcome = if is_bad { bad_outcome() } else { Outcome::Ok };
    close_anywhere(header, record, generation, outcome);
}

fn bad_outcome() -> Outcome {
    if std::thread::panicking() { Outcome::Panic } else { Outcome::Error }
}

impl fmt::Debug for StepGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StepGuard").field("is_recording", &self.is_recording()).finish()
    }
}

/// Folds a step that has just ended well into the run before it, if it is a leaf without
/// attributes and the record right before it is such a run of the same callsite and parent.
#[inline(always)]
pub(crate) fn close_leaf(header: &'static Header, record: &'static Record, index: u32, now: u64) {
    let len = header.len();
    if len != index + 1 {
        if len == index {
            close_past_limit(header, record, index, now);
        }
        return;
    }
    match run_before(header, index, record.word0(), record.link()) {
        Some(target) => fold(header, target, record, index, now),
        None => header.set_fold(record, index + 1),
    }
}

/// The run that ends right before `index`, if a step of this name and link would be one more of it.
#[inline(always)]
fn run_before(
    header: &'static Header,
    index: u32,
    word0: u64,
    link: u64,
) -> Option<&'static Record> {
    let (target, next) = header.fold();
    target.filter(|target| {
        next == index && target.word0() == word0 && parent_of(target.link()) == parent_of(link)
    })
}

/// First word of the totals of a run.
fn of_totals() -> u64 {
    owned_word(Tag::Fold, 0, 0)
}

/// Opens a step that found no room, if the recording ends in a run of its callsite that has totals:
/// its time is added to them when it ends well. It is written where it counts for nothing.
#[cold]
#[inline(never)]
pub(crate) fn open_past_limit(
    header: &'static Header,
    words: [u64; 4],
) -> Option<(&'static Record, u32)> {
    let len = header.len();
    run_before(header, len, words[0], words[3])?;
    let totals = header.record(len.checked_sub(1)?)?;
    if totals.word0() != of_totals() {
        return None;
    }
    header.push_past_limit(words)
}

#[cold]
fn close_past_limit(header: &'static Header, record: &'static Record, index: u32, now: u64) {
    match run_before(header, index, record.word0(), record.link()) {
        Some(target) => fold(header, target, record, index, now),
        None => header.count_dropped(),
    }
}

/// Counts a step that did not end well, if it was written past the limit.
pub(crate) fn drop_past_limit(header: &Header, index: u32) {
    if header.len() == index {
        header.count_dropped();
    }
}

/// Folds `record`, the last one, into `target`. The first time it becomes the run's totals, later
/// it is taken back.
#[inline(never)]
fn fold(
    header: &'static Header,
    target: &'static Record,
    record: &'static Record,
    index: u32,
    now: u64,
) {
    let elapsed = now.saturating_sub(record.start());
    let previous = index.checked_sub(1).and_then(|index| header.record(index));
    let of_totals = of_totals();
    let totals = previous.filter(|previous| previous.word0() == of_totals);
    let link = record.link();
    if let Some(totals) = totals {
        let [_, total, max, count] = totals.owned();
        totals.write([
            of_totals,
            total.saturating_add(elapsed),
            max.max(elapsed),
            count.saturating_add(1),
        ]);
        header.pop(index);
        header.set_fold_next(index);
    } else {
        let first = crate::records::end_of(target.owned()[2])
            .map_or(0, |(end, _)| end.saturating_sub(crate::records::comparable(target.start())));
        record.write([of_totals, first.saturating_add(elapsed), first.max(elapsed), 2]);
        header.count_extra();
        header.set_fold_next(index + 1);
    }
    // Only the steps of futures have polls to add.
    if link > u64::from(NO_RECORD) {
        target.set_link(add_link(target.link(), link));
    }
    target.set_end(closed(now, Outcome::Ok));
}

// ---- attributes and notes -----------------------------------------------------------------------

/// Adds an attribute to the innermost open step of the transaction this thread works on.
#[inline]
pub fn attr<'a>(key: &'static str, value: impl Into<Value<'a>>) {
    if let Some((header, _)) = lane::current()
        && header.current() != NO_RECORD
    {
        push_attr(header, header.current(), key, value.into());
    }
}

/// Says that the innermost open step failed, and why. The first reason wins.
#[cold]
pub fn fail(error: &dyn fmt::Display) {
    if let Some((header, _)) = lane::current()
        && header.current() != NO_RECORD
    {
        fail_step(header, header.current(), Bounded::of(error).as_str());
    }
}

fn fail_step(header: &'static Header, index: u32, error: &str) {
    push_note(header, index, Note::Error, error);
    note_origin(header, site_around(header, index), error);
}

#[inline(always)]
pub(crate) fn push_attr(header: &'static Header, owner: u32, key: &'static str, value: Value<'_>) {
    let (kind, word) = match value {
        Value::U64(value) => (WordType::Unsigned, value),
        Value::I64(value) => (WordType::Signed, value.cast_unsigned()),
        Value::F64(value) => (WordType::Float, value.to_bits()),
        Value::Bool(value) => (WordType::Bool, value.into()),
        Value::Static(text) | Value::Str(text) => {
            return push_text(header, key_word(Tag::Text, key), owner, field(text));
        }
    };
    push_extra(header, [key_word(Tag::Word, key), word, meta_word(owner, kind as u8, 0), 0]);
}

#[inline]
pub(crate) fn push_note(header: &'static Header, owner: u32, note: Note, text: &str) {
    push_text(header, note.word0(), owner, field(text));
}

#[inline]
fn push_text(header: &'static Header, word0: u64, owner: u32, text: &str) {
    debug_assert!(records_of_text(text.len()) <= 12);
    let word2 = meta_word(owner, 0, text.len());
    write_text(text.as_bytes(), word0, word2, |words| push_extra(header, words));
}

/// Appends a record that is not a step. Whether there was room.
#[inline(always)]
pub(crate) fn push_extra(header: &'static Header, words: [u64; 4]) -> bool {
    let is_kept = header.push(words).is_some();
    if is_kept {
        header.count_extra();
    }
    is_kept
}

/// Notes an error of a step and, if asked, marks the transaction if it has no error yet.
#[cold]
pub(crate) fn note_error(header: &'static Header, owner: Option<u32>, error: &str, marks: bool) {
    if let Some(owner) = owner {
        push_note(header, owner, Note::Error, error);
    }
    let around = site_around(header, owner.unwrap_or_else(|| header.current()));
    note_origin(header, around, error);
    if marks {
        transaction::set_error(header, &error);
    }
}
