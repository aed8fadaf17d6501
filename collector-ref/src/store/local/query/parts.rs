//! How a question about sums is answered: from tables of rollups where they can answer, from rows
//! elsewhere.
//!
//! A segment that lies in the range as a whole answers by its totals, one at the edge of the range
//! by its whole minutes; rows are read of the ragged ends, of what is in memory, and of segments that
//! have no table which tells apart what the question needs.

use std::sync::Arc;

use super::super::columns::Text;
use super::super::rollup::{KEY_COLUMNS, KEY_COUNT, MINUTE_US, Need, Table};
use super::super::segment::{Segment, SegmentError};
use super::super::view::{Source, Stop, View};
use crate::store::{Bounds, Filter, Glob, QueryError, Test, TimeRange};

/// Pieces of one segment whose rows are read beside its minutes. Where it would be more, all its
/// rows are read at once: a page that two pieces share would be decoded twice.
const MAX_PIECES: usize = 4;

/// A part of the answer.
#[derive(Debug)]
pub(crate) enum Part {
    /// Rows of a source in a time range.
    Rows(usize, TimeRange),
    /// All entries of a table.
    Table(Table),
}

/// What tables must tell apart for this question, or `None` if only rows can answer it.
pub(crate) fn need(bounds: &Bounds, filter: &Filter, by: &[Text]) -> Option<Need> {
    if bounds.low != 0 || bounds.high != u16::MAX {
        return None;
    }
    let mut need = Need::default();
    for text in by {
        need = need.with(KEY_COLUMNS.iter().position(|column| column == text)?);
    }
    for clause in &filter.clauses {
        need = need.with(key_test(&clause.test)?.0);
    }
    Some(need)
}

/// The key column a test looks at.
fn key_test(test: &Test) -> Option<(usize, &Glob)> {
    match test {
        Test::Service(glob) => Some((0, glob)),
        Test::Object(glob) => Some((1, glob)),
        Test::Tenant(glob) => Some((2, glob)),
        _ => None,
    }
}

/// Which texts of each key column pass a filter; to be asked for filters that [`need`] took.
pub(crate) fn passing(table: &Table, filter: &Filter) -> [Vec<bool>; KEY_COUNT] {
    std::array::from_fn(|column| {
        let clauses = || {
            filter.clauses.iter().filter_map(move |clause| {
                let (of, glob) = key_test(&clause.test)?;
                (of == column).then_some((glob, clause.is_negated))
            })
        };
        let passes = |text: &Arc<str>| clauses().all(|(glob, not)| glob.matches(text) != not);
        table.texts(column).iter().map(passes).collect()
    })
}

/// The parts that answer a question; without a need from rows alone.
pub(crate) fn parts(view: &View, range: TimeRange, need: Option<Need>) -> Result<Vec<Part>, Stop> {
    let mut parts = Vec::new();
    for number in view.overlapping(range) {
        match (&view.sources[number], need.filter(|_| view.uses_rollups)) {
            (Source::Sealed(segment), Some(need)) => {
                add_segment(&mut parts, number, segment, range, need)?;
            }
            _ => parts.push(Part::Rows(number, range)),
        }
    }
    Ok(parts)
}

fn add_segment(
    parts: &mut Vec<Part>,
    number: usize,
    segment: &Arc<Segment>,
    range: TimeRange,
    need: Need,
) -> Result<(), Stop> {
    let rows = || Part::Rows(number, range);
    let Some(file) = segment.rollup() else {
        parts.push(rows());
        return Ok(());
    };
    let stop = |error| match error {
        SegmentError::Damaged(why) => Stop::NoRollup(Arc::clone(segment), why),
        SegmentError::Io(error) => Stop::Failed(QueryError::Io(error)),
    };
    let Some(rollup) = file.totals().map_err(stop)? else {
        parts.push(rows());
        return Ok(());
    };
    let (first, last) = (segment.entry.first_unix_us, segment.entry.last_unix_us);
    if range.from_unix_us <= first && last <= range.to_unix_us {
        parts.push(rollup.total(need).cloned().map_or_else(rows, Part::Table));
        return Ok(());
    }
    let inside = TimeRange {
        from_unix_us: range.from_unix_us.max(first),
        to_unix_us: range.to_unix_us.min(last),
    };
    // What lies outside of the segment has no rows, so its first and last minute may be whole.
    let is_whole = |minute: i64| {
        let begin = minute.saturating_mul(MINUTE_US);
        inside.from_unix_us <= begin.max(first)
            && begin.saturating_add(MINUTE_US - 1).min(last) <= inside.to_unix_us
    };
    let minutes = file.minutes(&rollup, need, is_whole).map_err(stop)?;
    let mut pieces = Vec::new();
    let mut from = inside.from_unix_us;
    for (minute, _) in &minutes {
        let begin = minute.saturating_mul(MINUTE_US);
        if from < begin {
            pieces.push(TimeRange { from_unix_us: from, to_unix_us: begin - 1 });
        }
        from = begin.saturating_add(MINUTE_US);
    }
    if from <= inside.to_unix_us {
        pieces.push(TimeRange { from_unix_us: from, to_unix_us: inside.to_unix_us });
    }
    if pieces.len() > MAX_PIECES {
        parts.push(rows());
        return Ok(());
    }
    parts.extend(pieces.into_iter().map(|piece| Part::Rows(number, piece)));
    parts.extend(minutes.into_iter().map(|(_, table)| Part::Table(table)));
    Ok(())
}

/// Numbers of texts over many tables. Those of one segment are sorted and mostly the same as those of
/// the segment before, so both lists are walked together instead of looking each text up.
#[derive(Debug, Default)]
pub(crate) struct SameTexts {
    last: Vec<(Arc<str>, u32)>,
}

/// A text that nobody asks for.
pub(crate) const NO_NUMBER: u32 = u32::MAX;

impl SameTexts {
    /// The number of each text that passes; `find` knows the number of one that is new here.
    pub(crate) fn numbers(
        &mut self,
        texts: &[Arc<str>],
        passes: &[bool],
        mut find: impl FnMut(&str) -> usize,
    ) -> Vec<u32> {
        let mut last = std::mem::take(&mut self.last).into_iter().peekable();
        let mut numbers = Vec::with_capacity(texts.len());
        for (text, passes) in texts.iter().zip(passes) {
            if !passes {
                numbers.push(NO_NUMBER);
                continue;
            }
            while last.next_if(|(known, _)| known < text).is_some() {}
            let number = match last.next_if(|(known, _)| known == text) {
                Some((_, number)) => number,
                None => u32::try_from(find(text)).unwrap_or(NO_NUMBER),
            };
            numbers.push(number);
            self.last.push((Arc::clone(text), number));
        }
        numbers
    }
}

/// A table that was read is sound, since it was checked then.
pub(crate) fn unsound() -> Stop {
    Stop::Failed(QueryError::Io(std::io::Error::other("a table changed while it was read")))
}
