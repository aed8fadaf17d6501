//! What a question is asked of: the generations in memory and the sealed files, as they were at one
//! moment.

use std::ops::Range;
use std::sync::Arc;

use super::columns::Column;
use super::hot::Generation;
use super::segment::{Chunk, Segment, SegmentError, hot_chunk, hot_row};
use crate::store::{QueryError, Row, TimeRange};

/// Rows of a generation visited under one lock, so that an append waits for some 100 µs at most.
const HOT_ROWS: usize = 65_536;

/// A place in a view where rows come from.
#[derive(Debug)]
pub(crate) enum Source {
    Hot(Arc<Generation>, usize),
    Sealed(Arc<Segment>),
}

/// Everything at one moment: newest sources last.
#[derive(Debug)]
pub(crate) struct View {
    pub(crate) sources: Vec<Source>,
    /// Arrival number of the newest row in it.
    pub(crate) cursor: u64,
    /// Whether questions may be answered from rollups.
    pub(crate) uses_rollups: bool,
}

/// Why a walk over a view stopped: a damaged segment is marked and the walk begins again.
#[derive(Debug)]
pub(crate) enum Stop {
    Damaged(Arc<Segment>, String),
    /// The rollups of a segment are damaged: they are marked, and rows answer.
    NoRollup(Arc<Segment>, String),
    Failed(QueryError),
}

impl From<(&Arc<Segment>, SegmentError)> for Stop {
    fn from((segment, error): (&Arc<Segment>, SegmentError)) -> Self {
        match error {
            SegmentError::Damaged(why) => Self::Damaged(Arc::clone(segment), why),
            SegmentError::Io(error) => Self::Failed(QueryError::Io(error)),
        }
    }
}

impl Source {
    /// Whether rows of this time range may be in it.
    fn overlaps(&self, range: TimeRange) -> bool {
        match self {
            Self::Hot(generation, _) => {
                generation.data.read().range.is_some_and(|(first, last)| {
                    first <= range.to_unix_us && last >= range.from_unix_us
                })
            }
            Self::Sealed(segment) => segment.overlaps(range) && !segment.is_damaged(),
        }
    }

    /// END of its newest row.
    pub(crate) fn last_unix_us(&self) -> i64 {
        match self {
            Self::Hot(generation, _) => {
                generation.data.read().range.map_or(i64::MIN, |(_, last)| last)
            }
            Self::Sealed(segment) => segment.entry.last_unix_us,
        }
    }

    /// Visits its rows of a time range by columns; rows outside may be among them.
    fn scan(
        &self,
        range: TimeRange,
        columns: &[Column],
        dictionary: &mut u64,
        visit: &mut dyn FnMut(&Chunk<'_>),
    ) -> Result<(), Stop> {
        match self {
            Self::Sealed(segment) => segment
                .scan(range, columns, dictionary, visit)
                .map_err(|error| Stop::from((segment, error))),
            Self::Hot(generation, rows) => {
                // Keys of a generation never change their meaning, so one number serves them all.
                *dictionary += 1;
                for first in (0..*rows).step_by(HOT_ROWS) {
                    let chunk: Range<usize> = first..(first + HOT_ROWS).min(*rows);
                    visit(&hot_chunk(&generation.data.read(), chunk, *dictionary));
                }
                Ok(())
            }
        }
    }

    /// Whole rows by their ascending numbers.
    pub(crate) fn rows(&self, numbers: &[usize]) -> Result<Vec<Row>, Stop> {
        match self {
            Self::Sealed(segment) => {
                segment.rows(numbers).map_err(|error| Stop::from((segment, error)))
            }
            Self::Hot(generation, _) => {
                let data = generation.data.read();
                Ok(numbers.iter().filter_map(|row| hot_row(&data, *row)).collect())
            }
        }
    }
}

impl View {
    /// Visits all rows of a time range by columns.
    pub(crate) fn scan(
        &self,
        range: TimeRange,
        columns: &[Column],
        visit: &mut dyn FnMut(&Chunk<'_>),
    ) -> Result<(), Stop> {
        for source in self.overlapping(range) {
            self.scan_source(source, range, columns, visit)?;
        }
        Ok(())
    }

    /// The sources that may have rows of a time range.
    pub(crate) fn overlapping(&self, range: TimeRange) -> impl Iterator<Item = usize> {
        (0..self.sources.len()).filter(move |source| self.sources[*source].overlaps(range))
    }

    /// Visits the rows of one source.
    pub(crate) fn scan_source(
        &self,
        source: usize,
        range: TimeRange,
        columns: &[Column],
        visit: &mut dyn FnMut(&Chunk<'_>),
    ) -> Result<(), Stop> {
        // Room for more dictionaries than a source can have, so that no two share a number.
        let mut dictionary = (source as u64 + 1) << 32;
        self.sources[source].scan(range, columns, &mut dictionary, visit)
    }

    /// The sources that may have rows of a time range, those with the newest rows first.
    pub(crate) fn newest_first(&self, range: TimeRange) -> Vec<usize> {
        let mut sources: Vec<usize> = self.overlapping(range).collect();
        sources.sort_by_key(|source| std::cmp::Reverse(self.sources[*source].last_unix_us()));
        sources
    }

    /// The sources that may have rows of a time range, those with the oldest newest row first.
    pub(crate) fn oldest_first(&self, range: TimeRange) -> impl Iterator<Item = usize> {
        self.newest_first(range).into_iter().rev()
    }

    /// Whole rows that `find` names in each source.
    pub(crate) fn find(
        &self,
        hot: impl Fn(&Generation, usize) -> Vec<usize>,
        sealed: impl Fn(&Segment) -> Result<Vec<usize>, SegmentError>,
        limit: usize,
    ) -> Result<Vec<Row>, Stop> {
        let mut rows = Vec::new();
        for source in self.sources.iter().rev() {
            let numbers = match source {
                Source::Hot(generation, length) => hot(generation, *length),
                Source::Sealed(segment) if segment.is_damaged() => continue,
                Source::Sealed(segment) => {
                    sealed(segment).map_err(|error| Stop::from((segment, error)))?
                }
            };
            let numbers = &numbers[..numbers.len().min(limit - rows.len())];
            if !numbers.is_empty() {
                rows.extend(source.rows(numbers)?);
            }
        }
        Ok(rows)
    }
}
