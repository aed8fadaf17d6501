//! Every row, whole, for exports.

use std::ops::ControlFlow;

use super::super::view::{Stop, View};
use super::filter::FilterRun;
use crate::store::{Bounds, Filter, Row};

/// Rows read whole at a time: a page of a segment is decoded about once, and some ten megabytes are
/// held.
const WALK_ROWS: usize = 16_384;

/// Visits the rows of one source that lie inside and pass, until `visit` breaks.
pub(crate) fn walk(
    view: &View,
    source: usize,
    bounds: &Bounds,
    filter: &Filter,
    visit: &mut dyn FnMut(Row) -> ControlFlow<()>,
) -> Result<ControlFlow<()>, Stop> {
    let mut run = FilterRun::new(*bounds, filter);
    let columns = run.columns(&[]);
    // Numbers first: a row is read under the same lock as a chunk, which must not be held twice.
    let mut numbers = Vec::new();
    view.scan_source(source, bounds.range, &columns, &mut |chunk| {
        run.select(chunk, |row| numbers.push(chunk.first_row + row));
    })?;
    for some in numbers.chunks(WALK_ROWS) {
        for row in view.sources[source].rows(some)? {
            if visit(row).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
    }
    Ok(ControlFlow::Continue(()))
}
