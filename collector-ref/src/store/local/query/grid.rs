//! The counted picture.

use super::super::columns::{Column, HAS_ERROR, Narrow};
use super::super::view::{Stop, View};
use super::filter::FilterRun;
use super::heights::{self, Heights};
use crate::store::{Bounds, Filter, Grid, GridShape, TimeRange, quantise};

/// Counts the rows of each pixel.
pub(crate) fn grid(view: &View, shape: &GridShape, filter: &Filter) -> Result<Grid, Stop> {
    let (from_ms, to_ms) = shape.range_ms();
    let bounds = Bounds::from_box(from_ms, to_ms, 0, u16::MAX);
    let mut run = FilterRun::new(bounds, filter);
    let columns = run.columns(&[heights::column(shape.measure), Column::Narrow(Narrow::Flags)]);
    let row_of = shape.row_of();
    let lines = usize::from(shape.rows) + 1;
    let mut grid = Grid {
        all: vec![0; shape.cells()],
        errors: vec![0; shape.cells()],
        total: 0,
        cursor: view.cursor,
    };
    let range: TimeRange = bounds.range;
    view.scan(range, &columns, &mut |chunk| {
        let (heights, flags) = (Heights::of(chunk, shape.measure), chunk.narrow(Narrow::Flags));
        run.select(chunk, |row| {
            let Some(column) = shape.column(quantise::time_ms(chunk.end[row])) else { return };
            let height = row_of[usize::from(heights.cell(row))];
            let cell = column * lines + usize::from(height);
            grid.all[cell] = grid.all[cell].saturating_add(1);
            if flags[row] & HAS_ERROR != 0 {
                grid.errors[cell] = grid.errors[cell].saturating_add(1);
            }
            grid.total += 1;
        });
    })?;
    Ok(grid)
}
