//! Heights of rows by a measure.

use super::super::columns::{Column, Narrow, Wide};
use super::super::segment::Chunk;
use crate::store::{Measure, quantise};

/// The column that holds a measure.
pub(crate) const fn column(measure: Measure) -> Column {
    match measure {
        Measure::Elapsed => Column::Wide(Wide::Elapsed),
        Measure::Busy => Column::Wide(Wide::Busy),
        Measure::PoolWait => Column::Wide(Wide::PoolWait),
        Measure::SqlTime => Column::Wide(Wide::SqlTime),
        Measure::SqlCount => Column::Narrow(Narrow::SqlCount),
        Measure::ApiTime => Column::Wide(Wide::ApiTime),
        Measure::ApiCount => Column::Narrow(Narrow::ApiCount),
        Measure::BytesOut => Column::Wide(Wide::BytesOut),
    }
}

/// The values of one measure in a chunk.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Heights<'a> {
    Wide(&'a [u64]),
    Narrow(&'a [u32]),
}

impl<'a> Heights<'a> {
    /// Of this chunk, which was read with [`column`].
    pub(crate) fn of(chunk: &Chunk<'a>, measure: Measure) -> Self {
        match column(measure) {
            Column::Narrow(narrow) => Self::Narrow(chunk.narrow(narrow)),
            Column::Wide(wide) => Self::Wide(chunk.wide(wide)),
            // `column` gives no other.
            _ => Self::Narrow(&[]),
        }
    }

    /// Of one row.
    #[inline]
    pub(crate) fn value(self, row: usize) -> u64 {
        match self {
            Self::Wide(values) => values[row],
            Self::Narrow(values) => values[row].into(),
        }
    }

    /// The cell of one row.
    #[inline]
    pub(crate) fn cell(self, row: usize) -> u16 {
        quantise::elapsed(self.value(row))
    }
}
