//! The picture, counted: how many transactions fall into each pixel.
//!
//! A range with more points than a page can hold is sent as counts. The columns and rows are those of
//! the page's own raster, by integer arithmetic that both share (golden vectors hold it), so that
//! the picture does not change when it switches from points to counts.

use super::Measure;

/// The height axis of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum AxisKind {
    /// Each octave is as high as the next.
    Log,
    /// Each microsecond is as high as the next.
    Linear,
}

/// The shape of a counted picture. Row 0 is the overflow lane, for everything above the axis; rows 1
/// to `rows` follow from top to bottom. What is below the axis counts in the last row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GridShape {
    /// Width of a column, ms; column 0 begins at `first_column` × this.
    pub column_ms: u32,
    /// Absolute number of the first column: unix ms divided by the width, rounded down.
    pub first_column: i64,
    /// Number of columns.
    pub columns: u32,
    /// Number of rows without the lane.
    pub rows: u16,
    /// What the heights are.
    pub measure: Measure,
    /// How heights are spread.
    pub axis: AxisKind,
    /// Cell ([`quantise::elapsed`](super::quantise::elapsed)) at the bottom of the axis.
    pub low: u16,
    /// Cell at the top of the axis; not below `low`.
    pub high: u16,
}

/// Most pixels of a counted picture, about those of a large screen; 8 bytes each while it is made.
pub const MAX_GRID_CELLS: usize = 4 << 20;

/// Counts by pixel, column by column from the left, each from its lane to its bottom.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grid {
    /// All transactions.
    pub all: Vec<u32>,
    /// Those with an error.
    pub errors: Vec<u32>,
    /// Sum of all counts.
    pub total: u64,
    /// It is complete up to this arrival number.
    pub cursor: u64,
}

impl GridShape {
    /// The row of each quantised elapsed time.
    #[must_use]
    pub fn row_of(&self) -> Vec<u16> {
        (0..=u16::MAX).map(|cell| self.row(cell)).collect()
    }

    /// The row of one quantised elapsed time.
    fn row(&self, cell: u16) -> u16 {
        if cell > self.high {
            return 0;
        }
        let (bottom, top, at) = match self.axis {
            AxisKind::Log => (u64::from(self.low), u64::from(self.high) + 1, u64::from(cell)),
            AxisKind::Linear => {
                let of = |cell: u32| scaled_elapsed(cell);
                (of(self.low.into()), of(u32::from(self.high) + 1), of(cell.into()))
            }
        };
        // Below 2^44 × 2^12, and top is above bottom.
        let above = at.saturating_sub(bottom) * u64::from(self.rows) / (top - bottom).max(1);
        let above = u16::try_from(above).unwrap_or(u16::MAX).min(self.rows.saturating_sub(1));
        self.rows - above
    }

    /// The column of a time; `None` when it is outside.
    #[must_use]
    pub fn column(&self, unix_ms: i64) -> Option<usize> {
        let column = unix_ms.div_euclid(i64::from(self.column_ms.max(1))) - self.first_column;
        usize::try_from(column).ok().filter(|column| *column < self.columns as usize)
    }

    /// First millisecond, and last.
    #[must_use]
    pub fn range_ms(&self) -> (i64, i64) {
        let width = i64::from(self.column_ms);
        let first = self.first_column.saturating_mul(width);
        let end = self.first_column.saturating_add(self.columns.into()).saturating_mul(width);
        (first, end.saturating_sub(1))
    }

    /// Number of pixels.
    #[must_use]
    pub const fn cells(&self) -> usize {
        (self.columns as usize).saturating_mul(self.rows as usize + 1)
    }
}

/// 2,048 times the shortest elapsed time (µs) that is quantised to this cell, which is an integer.
fn scaled_elapsed(cell: u32) -> u64 {
    match cell.checked_sub(1) {
        None => 0,
        Some(above) => (2_048 + u64::from(above % 2_048)) << (above / 2_048),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::quantise;

    fn shape(axis: AxisKind) -> GridShape {
        let (low, high) = (quantise::elapsed(100), quantise::elapsed(10_000_000));
        GridShape {
            column_ms: 250,
            first_column: -4,
            columns: 8,
            rows: 300,
            measure: Measure::Elapsed,
            axis,
            low,
            high,
        }
    }

    #[test]
    fn rows_fall_with_the_height_and_what_is_outside_lies_at_the_edges() {
        for axis in [AxisKind::Log, AxisKind::Linear] {
            let shape = shape(axis);
            let rows = shape.row_of();
            let (low, high) = (usize::from(shape.low), usize::from(shape.high));
            assert!(rows[..=high].is_sorted_by(|a, b| a >= b), "{axis:?}");
            assert!(rows[..=low].iter().all(|row| *row == 300), "{axis:?}");
            assert_eq!(rows[high], 1, "{axis:?}");
            assert!(rows[high + 1..].iter().all(|row| *row == 0), "{axis:?}");
        }
    }

    #[test]
    fn columns_are_aligned_to_time_before_1970_too() {
        let shape = shape(AxisKind::Log);
        assert_eq!(shape.range_ms(), (-1_000, 999));
        for (ms, column) in [
            (-1_001, None),
            (-1_000, Some(0)),
            (-751, Some(0)),
            (-750, Some(1)),
            (0, Some(4)),
            (999, Some(7)),
            (1_000, None),
        ] {
            assert_eq!(shape.column(ms), column, "{ms} ms");
        }
    }
}
