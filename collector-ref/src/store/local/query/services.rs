//! Totals and percentiles per service and object, by walking over all rows of a range.

use std::collections::HashMap;
use std::sync::Arc;

use super::super::columns::{Column, HAS_ERROR, Narrow, Text, Wide};
use super::super::segment::TextColumn;
use super::super::view::{Stop, View};
use super::filter::FilterRun;
use super::spread::Spread;
use crate::store::{Bounds, Filter, ServiceSummary, TimeRange};

/// Most pairs of service and object in one answer; further rows are summed under `(other)`.
pub(crate) const MAX_SERVICE_GROUPS: usize = 100_000;

/// Numbers of groups by the keys of the chunks: a table per pair of dictionaries.
#[derive(Debug, Default)]
struct Groups {
    groups: Vec<Spread>,
    names: Vec<(Arc<str>, Arc<str>)>,
    numbers: HashMap<(Arc<str>, Arc<str>), usize>,
    dictionaries: (u64, u64),
    /// By object key and service key: number of the group plus 1.
    table: Vec<u32>,
    service_keys: usize,
}

/// Entries of the table; with more keys every row is looked up by name.
const MAX_TABLE: usize = 4 << 20;

impl Groups {
    fn enter(&mut self, services: TextColumn<'_>, objects: TextColumn<'_>) {
        let dictionaries = (services.dictionary, objects.dictionary);
        // The texts of a generation in memory grow between two chunks.
        let size = services.key_count() * objects.key_count();
        if self.dictionaries != dictionaries || self.table.len() < size.min(MAX_TABLE) {
            self.dictionaries = dictionaries;
            self.service_keys = services.key_count();
            self.table.clear();
            self.table.resize(if size <= MAX_TABLE { size } else { 0 }, 0);
        }
    }

    #[inline]
    fn number(&mut self, services: TextColumn<'_>, objects: TextColumn<'_>, row: usize) -> usize {
        let (service, object) = (services.keys[row], objects.keys[row]);
        let place = object as usize * self.service_keys + service as usize;
        match self.table.get(place) {
            Some(known) if *known != 0 => *known as usize - 1,
            _ => {
                let number = self.find(services.text(service), objects.text(object));
                if let Some(known) = self.table.get_mut(place) {
                    *known = u32::try_from(number + 1).unwrap_or(0);
                }
                number
            }
        }
    }

    fn find(&mut self, service: &str, object: &str) -> usize {
        let mut key: (Arc<str>, Arc<str>) = (service.into(), object.into());
        if let Some(number) = self.numbers.get(&key) {
            return *number;
        }
        if self.groups.len() >= MAX_SERVICE_GROUPS {
            key = ("(other)".into(), "(other)".into());
            if let Some(number) = self.numbers.get(&key) {
                return *number;
            }
        }
        let number = self.groups.len();
        self.groups.push(Spread::default());
        self.names.push(key.clone());
        self.numbers.insert(key, number);
        number
    }
}

/// Totals per service and object, by service, then object.
pub(crate) fn services(
    view: &View,
    range: TimeRange,
    filter: &Filter,
) -> Result<Vec<ServiceSummary>, Stop> {
    let mut run = FilterRun::new(Bounds::time(range), filter);
    let columns = run.columns(&[
        Column::Wide(Wide::Elapsed),
        Column::Narrow(Narrow::Flags),
        Column::Text(Text::Service),
        Column::Text(Text::Object),
    ]);
    let mut groups = Groups::default();
    view.scan(range, &columns, &mut |chunk| {
        let (services, objects) = (chunk.text(Text::Service), chunk.text(Text::Object));
        let elapsed = chunk.wide(Wide::Elapsed);
        let flags = chunk.narrow(Narrow::Flags);
        groups.enter(services, objects);
        run.select(chunk, |row| {
            let number = groups.number(services, objects, row);
            groups.groups[number].add(elapsed[row], flags[row] & HAS_ERROR != 0);
        });
    })?;
    let mut summaries: Vec<ServiceSummary> = groups
        .names
        .into_iter()
        .zip(&groups.groups)
        .map(|((service, object), group)| ServiceSummary {
            service,
            object,
            count: group.count,
            errors: group.errors,
            elapsed_sum_us: group.elapsed_sum_us,
            p50_us: group.percentile(50),
            p95_us: group.percentile(95),
            p99_us: group.percentile(99),
            max_us: group.max_us,
        })
        .collect();
    summaries.sort_unstable_by(|a, b| (&a.service, &a.object).cmp(&(&b.service, &b.object)));
    Ok(summaries)
}
