//! Totals and percentiles per service and object: from rollups where they answer, else by walking
//! over the rows of a range.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

use super::super::columns::{Column, HAS_ERROR, Narrow, Text, Wide};
use super::super::rollup::{Need, Table};
use super::super::segment::TextColumn;
use super::super::spread::Spread;
use super::super::view::{Stop, View};
use super::filter::FilterRun;
use super::parts::{self, NO_NUMBER, Part, SameTexts};
use crate::store::{Bounds, Filter, ServiceSummary, TimeRange};

/// Most pairs of service and object in one answer; further rows are summed under `(other)`.
pub(crate) const MAX_SERVICE_GROUPS: usize = 100_000;

/// Numbers of the texts of one column, in the order in which they are met.
#[derive(Debug, Default)]
struct Names {
    names: Vec<Arc<str>>,
    numbers: HashMap<Arc<str>, u32>,
    dictionary: u64,
    /// By key of the dictionary: number plus 1, 0 when it is not known yet.
    table: Vec<u32>,
}

impl Names {
    fn enter(&mut self, column: TextColumn<'_>) {
        if self.dictionary != column.dictionary {
            self.dictionary = column.dictionary;
            self.table.clear();
        }
    }

    fn number(&mut self, column: TextColumn<'_>, key: u32) -> u32 {
        let place = key as usize;
        match self.table.get(place) {
            Some(known) if *known != 0 => *known - 1,
            _ => {
                let number = self.find(column.text(key));
                if place >= self.table.len() {
                    self.table.resize(column.key_count().max(place + 1), 0);
                }
                self.table[place] = number + 1;
                number
            }
        }
    }

    fn find(&mut self, text: &str) -> u32 {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        let (name, number): (Arc<str>, _) =
            (text.into(), u32::try_from(self.names.len()).unwrap_or(NO_NUMBER));
        self.names.push(Arc::clone(&name));
        self.numbers.insert(name, number);
        number
    }
}

/// A hash of two of our own numbers. They are given in the order of coming, so nobody can choose them
/// to collide, and there is one for each entry of each table.
#[derive(Debug, Default)]
struct Mixed(u64);

impl Hasher for Mixed {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u32((*byte).into()));
    }

    fn write_u32(&mut self, number: u32) {
        self.0 = (self.0.rotate_left(29) ^ u64::from(number)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 32)
    }
}

/// Numbers of groups by the keys of the chunks: a table per pair of dictionaries.
#[derive(Debug, Default)]
struct Groups {
    groups: Vec<Spread>,
    services: Names,
    objects: Names,
    /// Service and object of each group; `None` of the one for all further ones.
    pairs: Vec<Option<(u32, u32)>>,
    numbers: HashMap<(u32, u32), usize, BuildHasherDefault<Mixed>>,
    other: Option<usize>,
    dictionaries: (u64, u64),
    /// By object key and service key: number of the group plus 1.
    table: Vec<u32>,
    service_keys: usize,
}

/// Entries of the table; with more keys every row is looked up by its names.
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
        self.services.enter(services);
        self.objects.enter(objects);
    }

    #[inline]
    fn number(&mut self, services: TextColumn<'_>, objects: TextColumn<'_>, row: usize) -> usize {
        let (service, object) = (services.keys[row], objects.keys[row]);
        let place = object as usize * self.service_keys + service as usize;
        match self.table.get(place) {
            Some(known) if *known != 0 => *known as usize - 1,
            _ => self.learn(services, objects, row),
        }
    }

    #[cold]
    fn learn(&mut self, services: TextColumn<'_>, objects: TextColumn<'_>, row: usize) -> usize {
        let (service, object) = (services.keys[row], objects.keys[row]);
        let pair = (self.services.number(services, service), self.objects.number(objects, object));
        let number = self.find(pair);
        let place = object as usize * self.service_keys + service as usize;
        if let Some(known) = self.table.get_mut(place) {
            *known = u32::try_from(number + 1).unwrap_or(0);
        }
        number
    }

    fn find(&mut self, pair: (u32, u32)) -> usize {
        if let Some(number) = self.numbers.get(&pair) {
            return *number;
        }
        let is_full = self.pairs.len() >= MAX_SERVICE_GROUPS;
        if let Some(other) = self.other.filter(|_| is_full) {
            return other;
        }
        let number = self.groups.len();
        self.groups.push(Spread::default());
        self.pairs.push((!is_full).then_some(pair));
        if is_full {
            self.other = Some(number);
        } else {
            self.numbers.insert(pair, number);
        }
        number
    }

    fn add_table(&mut self, table: &Table, filter: &Filter, last: &mut [SameTexts; 2]) -> bool {
        let [services, objects, _] = parts::passing(table, filter);
        let [last_services, last_objects] = last;
        let services = last_services
            .numbers(table.texts(0), &services, |text| self.services.find(text) as usize);
        let objects =
            last_objects.numbers(table.texts(1), &objects, |text| self.objects.find(text) as usize);
        let added = table.each(|[service, object], stored| {
            let pair = (services[service as usize], objects[object as usize]);
            if pair.0 != NO_NUMBER && pair.1 != NO_NUMBER {
                let number = self.find(pair);
                stored.add_to_spread(&mut self.groups[number]);
            }
        });
        added.is_ok()
    }

    /// By service, then object.
    fn summaries(self) -> Vec<ServiceSummary> {
        let (services, objects) = (&self.services.names, &self.objects.names);
        let other: Arc<str> = "(other)".into();
        let name = |names: &[Arc<str>], number: u32| Arc::clone(&names[number as usize]);
        let mut summaries: Vec<ServiceSummary> = self
            .pairs
            .iter()
            .zip(&self.groups)
            .map(|(pair, group)| ServiceSummary {
                service: pair.map_or_else(|| Arc::clone(&other), |pair| name(services, pair.0)),
                object: pair.map_or_else(|| Arc::clone(&other), |pair| name(objects, pair.1)),
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
        summaries
    }
}

/// Totals per service and object, by service, then object.
pub(crate) fn services(
    view: &View,
    range: TimeRange,
    filter: &Filter,
) -> Result<Vec<ServiceSummary>, Stop> {
    let need = parts::need(&Bounds::time(range), filter, &[Text::Service, Text::Object]);
    let groups = grouped(view, range, filter, need)?;
    // Which groups the last place goes to depends on the order in which they are met.
    let groups = match groups.other {
        Some(_) if need.is_some() => grouped(view, range, filter, None)?,
        _ => groups,
    };
    Ok(groups.summaries())
}

fn grouped(
    view: &View,
    range: TimeRange,
    filter: &Filter,
    need: Option<Need>,
) -> Result<Groups, Stop> {
    let mut run = FilterRun::new(Bounds::time(range), filter);
    let columns = run.columns(&[
        Column::Wide(Wide::Elapsed),
        Column::Narrow(Narrow::Flags),
        Column::Text(Text::Service),
        Column::Text(Text::Object),
    ]);
    let mut groups = Groups::default();
    let mut last: [SameTexts; 2] = Default::default();
    for part in parts::parts(view, range, need)? {
        let (source, range) = match part {
            Part::Rows(source, range) => (source, range),
            Part::Table(table) if groups.add_table(&table, filter, &mut last) => continue,
            Part::Table(_) => return Err(parts::unsound()),
        };
        run.narrow_to(range);
        view.scan_source(source, range, &columns, &mut |chunk| {
            let (services, objects) = (chunk.text(Text::Service), chunk.text(Text::Object));
            let elapsed = chunk.wide(Wide::Elapsed);
            let flags = chunk.narrow(Narrow::Flags);
            groups.enter(services, objects);
            run.select(chunk, |row| {
                let number = groups.number(services, objects, row);
                groups.groups[number].add(elapsed[row], flags[row] & HAS_ERROR != 0);
            });
        })?;
    }
    Ok(groups)
}
