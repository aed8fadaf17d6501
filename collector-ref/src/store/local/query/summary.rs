//! Totals and percentiles by the values of one dimension.

use super::super::columns::{Column, HAS_ERROR, Narrow, Wide};
use super::super::view::{Stop, View};
use super::filter::FilterRun;
use super::spread::Spread;
use super::values::Values;
use crate::store::{Bounds, Dimension, Filter, GroupSummary};

#[derive(Debug)]
struct Group {
    spread: Spread,
    first_unix_us: i64,
    last_unix_us: i64,
    sql_us: u64,
    api_us: u64,
}

impl Default for Group {
    fn default() -> Self {
        let spread = Spread::default();
        Self { spread, first_unix_us: i64::MAX, last_unix_us: i64::MIN, sql_us: 0, api_us: 0 }
    }
}

/// Totals by value, the most frequent first; values that are as frequent by their text.
pub(crate) fn summary(
    view: &View,
    bounds: &Bounds,
    filter: &Filter,
    by: Dimension,
) -> Result<Vec<GroupSummary>, Stop> {
    let mut run = FilterRun::new(*bounds, filter);
    let mut values = Values::new(by);
    let columns = run.columns(&[
        Column::Wide(Wide::Elapsed),
        Column::Wide(Wide::SqlTime),
        Column::Wide(Wide::ApiTime),
        Column::Narrow(Narrow::Flags),
        values.column(),
    ]);
    let mut groups: Vec<Group> = Vec::new();
    view.scan(bounds.range, &columns, &mut |chunk| {
        let [elapsed, sql, api] =
            [Wide::Elapsed, Wide::SqlTime, Wide::ApiTime].map(|column| chunk.wide(column));
        let flags = chunk.narrow(Narrow::Flags);
        let keys = values.enter(chunk);
        run.select(chunk, |row| {
            let number = values.number(keys, row);
            if number >= groups.len() {
                groups.resize_with(number + 1, Group::default);
            }
            let group = &mut groups[number];
            group.spread.add(elapsed[row], flags[row] & HAS_ERROR != 0);
            group.first_unix_us = group.first_unix_us.min(chunk.end[row]);
            group.last_unix_us = group.last_unix_us.max(chunk.end[row]);
            group.sql_us = group.sql_us.saturating_add(sql[row]);
            group.api_us = group.api_us.saturating_add(api[row]);
        });
    })?;
    let mut summaries: Vec<GroupSummary> = values
        .names
        .into_iter()
        .zip(&groups)
        .map(|(value, Group { spread, first_unix_us, last_unix_us, sql_us, api_us })| {
            GroupSummary {
                value,
                count: spread.count,
                errors: spread.errors,
                elapsed_sum_us: spread.elapsed_sum_us,
                sql_sum_us: *sql_us,
                api_sum_us: *api_us,
                p50_us: spread.percentile(50),
                p95_us: spread.percentile(95),
                p99_us: spread.percentile(99),
                max_us: spread.max_us,
                first_unix_us: *first_unix_us,
                last_unix_us: *last_unix_us,
            }
        })
        .collect();
    summaries.sort_unstable_by(|a, b| b.count.cmp(&a.count).then_with(|| a.value.cmp(&b.value)));
    Ok(summaries)
}
