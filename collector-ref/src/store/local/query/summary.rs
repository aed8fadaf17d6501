//! Totals and percentiles by the values of one dimension: from rollups where they answer, else by
//! walking over the rows of a range.

use super::super::columns::{Column, HAS_ERROR, Narrow, Wide};
use super::super::rollup::{KEY_COLUMNS, Need, Table, Totals};
use super::super::view::{Stop, View};
use super::filter::FilterRun;
use super::parts::{self, NO_NUMBER, Part, SameTexts};
use super::values::Values;
use crate::store::{Bounds, Dimension, Filter, GroupSummary, MAX_GROUPS};

/// Totals by value, the most frequent first; values that are as frequent by their text.
pub(crate) fn summary(
    view: &View,
    bounds: &Bounds,
    filter: &Filter,
    by: Dimension,
) -> Result<Vec<GroupSummary>, Stop> {
    let need = match Values::new(by).column() {
        Column::Text(text) => parts::need(bounds, filter, &[text]),
        _ => None,
    };
    let mut found = grouped(view, bounds, filter, by, need)?;
    // Which values are told apart at the limit depends on the order in which they are met.
    if need.is_some() && found.0.names.len() >= MAX_GROUPS {
        found = grouped(view, bounds, filter, by, None)?;
    }
    let (values, groups) = found;
    let mut summaries: Vec<GroupSummary> = values
        .names
        .into_iter()
        .zip(&groups)
        .filter(|(_, group)| group.spread.count > 0)
        .map(|(value, Totals { spread, sql_us, api_us, first_unix_us, last_unix_us, .. })| {
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

fn grouped(
    view: &View,
    bounds: &Bounds,
    filter: &Filter,
    by: Dimension,
    need: Option<Need>,
) -> Result<(Values, Vec<Totals>), Stop> {
    let mut run = FilterRun::new(*bounds, filter);
    let mut values = Values::new(by);
    let columns = run.columns(&[
        Column::Wide(Wide::Elapsed),
        Column::Wide(Wide::SqlTime),
        Column::Wide(Wide::ApiTime),
        Column::Narrow(Narrow::Flags),
        values.column(),
    ]);
    let mut groups: Vec<Totals> = Vec::new();
    let mut last = SameTexts::default();
    for part in parts::parts(view, bounds.range, need)? {
        let (source, range) = match part {
            Part::Rows(source, range) => (source, range),
            Part::Table(table) => {
                add_table(&table, filter, &mut values, &mut last, &mut groups)?;
                continue;
            }
        };
        run.narrow_to(range);
        view.scan_source(source, range, &columns, &mut |chunk| {
            let [elapsed, sql, api] =
                [Wide::Elapsed, Wide::SqlTime, Wide::ApiTime].map(|column| chunk.wide(column));
            let flags = chunk.narrow(Narrow::Flags);
            let keys = values.enter(chunk);
            run.select(chunk, |row| {
                let number = values.number(keys, row);
                if number >= groups.len() {
                    groups.resize_with(number + 1, Totals::default);
                }
                let group = &mut groups[number];
                group.spread.add(elapsed[row], flags[row] & HAS_ERROR != 0);
                group.add_times(chunk.end[row], sql[row], api[row]);
            });
        })?;
    }
    groups.resize_with(values.names.len(), Totals::default);
    Ok((values, groups))
}

/// Adds the entries of a table that pass.
fn add_table(
    table: &Table,
    filter: &Filter,
    values: &mut Values,
    last: &mut SameTexts,
    groups: &mut Vec<Totals>,
) -> Result<(), Stop> {
    let passes = parts::passing(table, filter);
    let columns = table.shape.columns();
    let Column::Text(text) = values.column() else { return Err(parts::unsound()) };
    let own = columns.iter().position(|column| KEY_COLUMNS[*column] == text);
    let own = own.ok_or_else(parts::unsound)?;
    let column = columns[own];
    let numbers = last.numbers(table.texts(column), &passes[column], |value| values.find(value));
    groups.resize_with(values.names.len(), Totals::default);
    let other = columns[1 - own];
    let added = table.each(|key, stored| {
        let number = numbers[key[own] as usize];
        if number != NO_NUMBER && passes[other][key[1 - own] as usize] {
            stored.add_to(&mut groups[number as usize]);
        }
    });
    added.map_err(|_| parts::unsound())
}
