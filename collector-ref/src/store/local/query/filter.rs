//! Applies bounds and a filter to chunks of rows.

use std::ops::Range;

use super::super::columns::{Column, HAS_ERROR, Narrow, Text, Wide};
use super::super::segment::{Chunk, TextColumn};
use super::heights::{self, Heights};
use crate::store::{Bounds, Clause, Filter, Glob, Test, TimeRange};
use scouter_wire::record::XLogFlags;

/// Bounds and a filter in the middle of a walk: remembers which texts match.
#[derive(Debug)]
pub(crate) struct FilterRun<'a> {
    bounds: Bounds,
    clauses: Vec<Run<'a>>,
}

#[derive(Debug)]
struct Run<'a> {
    clause: &'a Clause,
    matches: TextMatches,
}

/// Whether each key of a dictionary matches, found out once per key.
#[derive(Debug, Default)]
struct TextMatches {
    dictionary: u64,
    /// 0: not known yet, 1: no, 2: yes.
    answers: Vec<u8>,
}

impl TextMatches {
    fn matches(&mut self, glob: &Glob, column: TextColumn<'_>, row: usize) -> bool {
        if self.dictionary != column.dictionary {
            self.dictionary = column.dictionary;
            self.answers.clear();
        }
        let key = column.keys[row];
        let place = key as usize;
        if place >= self.answers.len() {
            self.answers.resize(column.key_count().max(place + 1), 0);
        }
        if self.answers[place] == 0 {
            self.answers[place] = 1 + u8::from(glob.matches(column.text(key)));
        }
        self.answers[place] == 2
    }
}

/// The text column a test looks at.
const fn text_of(test: &Test) -> Option<(Text, &Glob)> {
    match test {
        Test::Service(glob) => Some((Text::Service, glob)),
        Test::Object(glob) => Some((Text::Object, glob)),
        Test::Tenant(glob) => Some((Text::Tenant, glob)),
        Test::Login(glob) => Some((Text::Login, glob)),
        Test::Ip(glob) => Some((Text::Ip, glob)),
        Test::UserAgent(glob) => Some((Text::UserAgent, glob)),
        Test::Desc(glob) => Some((Text::Desc, glob)),
        Test::ErrorText(glob) => Some((Text::Error, glob)),
        _ => None,
    }
}

impl<'a> FilterRun<'a> {
    pub(crate) fn new(bounds: Bounds, filter: &'a Filter) -> Self {
        let run = |clause| Run { clause, matches: TextMatches::default() };
        Self { bounds, clauses: filter.clauses.iter().map(run).collect() }
    }

    /// The columns it needs, END first, each once; `more` are added.
    pub(crate) fn columns(&self, more: &[Column]) -> Vec<Column> {
        let mut columns = vec![Column::EndTime];
        let mut add = |column: Column| {
            if !columns.contains(&column) {
                columns.push(column);
            }
        };
        if self.has_heights() {
            add(heights::column(self.bounds.measure));
        }
        for run in &self.clauses {
            add(match &run.clause.test {
                Test::Status(..) => Column::Narrow(Narrow::Status),
                Test::Error | Test::Slow => Column::Narrow(Narrow::Flags),
                Test::ElapsedAbove(_) | Test::ElapsedBelow(_) => Column::Wide(Wide::Elapsed),
                Test::SqlAbove(_) => Column::Wide(Wide::SqlTime),
                Test::ApiAbove(_) => Column::Wide(Wide::ApiTime),
                Test::PoolAbove(_) => Column::Wide(Wide::PoolWait),
                test => match text_of(test) {
                    Some((text, _)) => Column::Text(text),
                    None => Column::EndTime,
                },
            });
        }
        more.iter().copied().for_each(add);
        columns
    }

    /// Looks only at rows of this part of the time range from now on.
    pub(crate) fn narrow_to(&mut self, range: TimeRange) {
        self.bounds.range = range;
    }

    const fn has_heights(&self) -> bool {
        self.bounds.low != 0 || self.bounds.high != u16::MAX
    }

    /// Calls `visit` with the place in the chunk of every row that passes.
    pub(crate) fn select(&mut self, chunk: &Chunk<'_>, mut visit: impl FnMut(usize)) {
        let rows = self.rows_in_time(chunk);
        let is_checked = chunk.is_sorted;
        if self.clauses.is_empty() && !self.has_heights() {
            for row in rows {
                if is_checked || self.bounds.range.contains(chunk.end[row]) {
                    visit(row);
                }
            }
            return;
        }
        for row in rows {
            if (is_checked || self.bounds.range.contains(chunk.end[row]))
                && self.is_in_box(chunk, row)
                && self.clauses.iter_mut().all(|run| run.passes(chunk, row))
            {
                visit(row);
            }
        }
    }

    /// Rows of the time range: exactly when the chunk is sorted, all of it otherwise.
    fn rows_in_time(&self, chunk: &Chunk<'_>) -> Range<usize> {
        if !chunk.is_sorted {
            return 0..chunk.end.len();
        }
        let range = self.bounds.range;
        let start = chunk.end.partition_point(|end| *end < range.from_unix_us);
        let end = chunk.end.partition_point(|end| *end <= range.to_unix_us);
        start..end.max(start)
    }

    fn is_in_box(&self, chunk: &Chunk<'_>, row: usize) -> bool {
        if !self.has_heights() {
            return true;
        }
        let cell = Heights::of(chunk, self.bounds.measure).cell(row);
        self.bounds.low <= cell && cell <= self.bounds.high
    }
}

impl Run<'_> {
    fn passes(&mut self, chunk: &Chunk<'_>, row: usize) -> bool {
        let wide = |column: Wide| chunk.wide(column)[row];
        let flags = || chunk.narrow(Narrow::Flags)[row];
        let answer = match &self.clause.test {
            Test::Status(low, high) => {
                let status = chunk.narrow(Narrow::Status)[row];
                u32::from(*low) <= status && status <= u32::from(*high)
            }
            Test::Error => flags() & HAS_ERROR != 0,
            Test::Slow => flags() & u32::from(XLogFlags::SLOW.0) != 0,
            Test::ElapsedAbove(us) => wide(Wide::Elapsed) > *us,
            Test::ElapsedBelow(us) => wide(Wide::Elapsed) < *us,
            Test::SqlAbove(us) => wide(Wide::SqlTime) > *us,
            Test::ApiAbove(us) => wide(Wide::ApiTime) > *us,
            Test::PoolAbove(us) => wide(Wide::PoolWait) > *us,
            test => match text_of(test) {
                Some((text, glob)) => self.matches.matches(glob, chunk.text(text), row),
                None => false,
            },
        };
        answer != self.clause.is_negated
    }
}
