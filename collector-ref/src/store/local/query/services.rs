//! Totals and percentiles per service and object, by walking over all rows of a range.

use std::collections::HashMap;
use std::sync::Arc;

use super::super::columns::{Column, HAS_ERROR, Narrow, Text, Wide};
use super::super::segment::TextColumn;
use super::super::view::{Stop, View};
use super::filter::FilterRun;
use crate::store::{Bounds, Filter, ServiceSummary, TimeRange};

/// Most pairs of service and object in one answer; further rows are summed under `(other)`.
pub(crate) const MAX_SERVICE_GROUPS: usize = 100_000;

/// Buckets per doubling: the middle of a bucket is at most 4.5 % off.
const SUB_BITS: u32 = 3;
const SUBS: u64 = 1 << SUB_BITS;

/// Bucket of an elapsed time: exact below 16 µs, then 8 an octave.
fn bucket(elapsed_us: u64) -> usize {
    let octave = elapsed_us.checked_ilog2().unwrap_or(0);
    let bucket = if octave <= SUB_BITS {
        elapsed_us
    } else {
        let shift = octave - SUB_BITS;
        u64::from(shift) * SUBS + (elapsed_us >> shift)
    };
    usize::try_from(bucket).unwrap_or(usize::MAX)
}

/// Middle of a bucket, µs.
fn middle(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    if bucket < 2 * SUBS {
        return bucket;
    }
    let shift = bucket / SUBS - 1;
    let low = (SUBS + bucket % SUBS) << shift;
    low + (1 << shift) / 2
}

#[derive(Debug, Default)]
struct Group {
    count: u64,
    errors: u64,
    elapsed_sum_us: u64,
    max_us: u64,
    /// First bucket that `counts` holds.
    first: usize,
    counts: Vec<u32>,
}

impl Group {
    #[inline]
    fn add(&mut self, elapsed_us: u64, is_error: bool) {
        self.count += 1;
        self.errors += u64::from(is_error);
        self.elapsed_sum_us = self.elapsed_sum_us.saturating_add(elapsed_us);
        self.max_us = self.max_us.max(elapsed_us);
        let bucket = bucket(elapsed_us);
        match bucket.checked_sub(self.first).and_then(|place| self.counts.get_mut(place)) {
            Some(count) => *count = count.saturating_add(1),
            None => self.add_outside(bucket),
        }
    }

    /// Widens the buckets, with some room so that this is rare.
    #[cold]
    fn add_outside(&mut self, bucket: usize) {
        const ROOM: usize = 8;
        if self.counts.is_empty() {
            self.first = bucket.saturating_sub(ROOM);
            self.counts.resize(bucket - self.first + ROOM, 0);
        } else if bucket < self.first {
            let first = bucket.saturating_sub(ROOM);
            let mut counts = vec![0; self.first - first];
            counts.append(&mut self.counts);
            self.counts = counts;
            self.first = first;
        } else {
            self.counts.resize(bucket - self.first + ROOM, 0);
        }
        self.counts[bucket - self.first] += 1;
    }

    /// The value below which `percent` of all values lie.
    fn percentile(&self, percent: u64) -> u64 {
        let rank = (self.count * percent).div_ceil(100).max(1);
        let mut seen = 0;
        for (place, count) in self.counts.iter().enumerate() {
            seen += u64::from(*count);
            if seen >= rank {
                return middle(self.first + place).min(self.max_us);
            }
        }
        self.max_us
    }
}

/// Numbers of groups by the keys of the chunks: a table per pair of dictionaries.
#[derive(Debug, Default)]
struct Groups {
    groups: Vec<Group>,
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
        self.groups.push(Group::default());
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_ascend_and_their_middles_are_within_five_percent() {
        assert!((0..100_000).map(bucket).is_sorted());
        for us in (0..100_000u64).chain((0..64).map(|bit| 1 << bit)).chain([u64::MAX]) {
            let error = middle(bucket(us)).abs_diff(us);
            assert!(error <= us / 16 + 1, "{us} becomes {}", middle(bucket(us)));
        }
    }

    #[test]
    fn percentiles_are_found_in_any_order_of_values() {
        let mut group = Group::default();
        for us in (1..=1000u64).rev() {
            group.add(us * 100, us % 10 == 0);
        }
        assert_eq!((group.count, group.errors, group.max_us), (1000, 100, 100_000));
        for (percent, exact) in [(50, 50_000u64), (95, 95_000), (99, 99_000), (100, 100_000)] {
            let found = group.percentile(percent);
            assert!(found.abs_diff(exact) * 20 <= exact, "p{percent}: {found}");
        }
    }
}
