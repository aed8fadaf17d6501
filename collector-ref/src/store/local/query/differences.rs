//! What distinguishes the rows of a box from the other rows of a time range.
//!
//! For each value of each dimension the share of the selected rows that have it is set against the
//! share of the rest, as Honeycomb's BubbleUp does. Values are ranked by how large the difference is
//! *at least*: the end of the 95 % confidence interval of the difference of two proportions that is
//! nearer to zero, by the formula of Agresti and Caffo ("Simple and effective confidence intervals
//! for proportions and differences of proportions", 2000), so that three slow requests of one rare
//! user do not outrank a tenant that is in half of the selection.

use super::super::view::{Stop, View};
use super::filter::FilterRun;
use super::heights::{self, Heights};
use super::values::Values;
use crate::store::{Bounds, Difference, Differences, Dimension, Filter, TimeRange};

/// Half width of a 95 % interval, in standard deviations.
const Z: f64 = 1.96;

/// Counts by value of one dimension.
#[derive(Debug)]
struct Counted {
    values: Values,
    /// By number: selected, rest.
    counts: Vec<[u64; 2]>,
}

/// Compares the rows of `bounds` with all others of `range`; both pass the filter.
pub(crate) fn differences(
    view: &View,
    bounds: &Bounds,
    range: TimeRange,
    filter: &Filter,
    limit: usize,
) -> Result<Differences, Stop> {
    let mut run = FilterRun::new(Bounds::time(range), filter);
    let mut dimensions: Vec<Counted> = Dimension::ALL
        .map(|dimension| Counted { values: Values::new(dimension), counts: Vec::new() })
        .into();
    let mut more = vec![heights::column(bounds.measure)];
    more.extend(dimensions.iter().map(|counted| counted.values.column()));
    let columns = run.columns(&more);
    let mut totals = [0u64; 2];
    let mut places: Vec<(usize, usize)> = Vec::new();
    view.scan(range, &columns, &mut |chunk| {
        let heights = Heights::of(chunk, bounds.measure);
        places.clear();
        run.select(chunk, |row| {
            let is_rest = usize::from(!bounds.contains(chunk.end[row], heights.value(row)));
            totals[is_rest] += 1;
            places.push((row, is_rest));
        });
        for Counted { values, counts } in &mut dimensions {
            let keys = values.enter(chunk);
            for (row, is_rest) in &places {
                let number = values.number(keys, *row);
                if number >= counts.len() {
                    counts.resize(number + 1, [0; 2]);
                }
                counts[number][*is_rest] += 1;
            }
        }
    })?;
    let mut found: Vec<Difference> = Vec::new();
    for Counted { values, counts } in dimensions {
        for (value, [selected, rest]) in values.names.into_iter().zip(counts) {
            let least = least_difference([selected, rest], totals);
            if least != 0.0 {
                let dimension = values.dimension;
                found.push(Difference { dimension, value, selected, rest, least });
            }
        }
    }
    // Stable: equal ones stay in the order of the dimensions.
    found.sort_by(|a, b| b.least.abs().total_cmp(&a.least.abs()));
    found.truncate(limit);
    Ok(Differences { selected: totals[0], rest: totals[1], values: found })
}

/// The edge nearer to zero of the interval of the difference of two shares; 0 when zero is inside.
fn least_difference(counts: [u64; 2], totals: [u64; 2]) -> f64 {
    if totals.contains(&0) {
        return 0.0;
    }
    #[expect(clippy::cast_precision_loss, reason = "shares need no more than 53 bits")]
    let share = |side: usize| {
        let total = totals[side] as f64 + 2.0;
        let share = (counts[side] as f64 + 1.0) / total;
        (share, share * (1.0 - share) / total)
    };
    let ((selected, selected_variance), (rest, rest_variance)) = (share(0), share(1));
    let difference = selected - rest;
    let half = Z * (selected_variance + rest_variance).sqrt();
    if difference.abs() <= half { 0.0 } else { difference - half.copysign(difference) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_that_may_be_chance_are_none() {
        for (counts, totals, sign) in [
            ([0, 0], [0, 0], 0.0),
            ([5, 5], [10, 0], 0.0),
            ([5, 500], [10, 1_000], 0.0),
            ([2, 0], [2, 2], 0.0),
            ([50, 0], [100, 1_000], 1.0),
            ([0, 500], [100, 1_000], -1.0),
            ([100, 1_000], [100, 1_000], 0.0),
        ] {
            let least: f64 = least_difference(counts, totals);
            let found = if least == 0.0 { 0.0 } else { least.signum() };
            assert!((found - sign).abs() < 1e-9, "{counts:?} of {totals:?}: {least}");
        }
    }

    #[test]
    fn more_rows_make_the_same_shares_more_telling() {
        let few = least_difference([8, 20], [10, 100]);
        let many = least_difference([800, 2_000], [1_000, 10_000]);
        assert!(0.0 < few && few < many && many < 0.6, "{few} {many}");
    }
}
