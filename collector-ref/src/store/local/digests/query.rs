//! Summing digests over a time range, from memory and files.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use scouter_wire::record::StepKind;

use super::{COARSE_STEP_US, DigestSeries, FINE_STEP_US, NamedKey, file};
use crate::store::local::Inner;
use crate::store::local::manifest::DigestEntry;
use crate::store::{
    DigestGroup, DigestQuery, DigestTotals, Digests, MAX_DIGEST_GROUPS, OTHER, QueryError,
};

impl Inner {
    /// Sums of what a query asks for.
    pub(crate) fn digests(&self, query: &DigestQuery<'_>) -> Result<Digests, QueryError> {
        let (hot, files) = {
            let tables = self.tables.read();
            let mut hot = vec![Arc::clone(&tables.active)];
            hot.extend(tables.frozen.iter().map(|frozen| Arc::clone(&frozen.generation)));
            (hot, Arc::clone(&tables.digests))
        };
        let mut sums = Sums::new(query);
        let mut answered: HashSet<PathBuf> = HashSet::new();
        // The finer file of a generation first: the coarser one holds the same sums.
        for step_us in [FINE_STEP_US, COARSE_STEP_US] {
            for entry in files.iter().filter(|entry| entry.step_us == step_us) {
                let generation = Path::new(&entry.file).with_extension("");
                if answered.contains(&generation) {
                    continue;
                }
                if self.sum_file(entry, &mut sums)? {
                    answered.insert(generation);
                }
            }
        }
        for generation in hot {
            let series = generation.data.read().digests.named(&self.dictionary);
            sums.add(&series, FINE_STEP_US);
        }
        Ok(sums.finish())
    }

    /// Adds what a file holds; answers whether it could be read. A damaged one is named.
    fn sum_file(&self, entry: &DigestEntry, sums: &mut Sums<'_>) -> Result<bool, QueryError> {
        let range = sums.query.range;
        let end = entry.last_unix_us.saturating_add(entry.step_us);
        if entry.first_unix_us > range.to_unix_us || end <= range.from_unix_us {
            return Ok(true);
        }
        let path = self.layout.sealed(&entry.file);
        match file::read(&path, |key| wants(sums.query, key)) {
            Ok(Ok(series)) => {
                sums.add(&series, entry.step_us);
                Ok(true)
            }
            Ok(Err(damaged)) => {
                self.report_corrupt(path, damaged.to_string());
                Ok(false)
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                // Retention takes files away from questions first, so one that began before it may
                // still look for them.
                if self.tables.read().digests.iter().any(|listed| listed.file == entry.file) {
                    self.report_corrupt(path, error.to_string());
                }
                Ok(false)
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// Whether a query asks for what this is about.
fn wants(query: &DigestQuery<'_>, key: &NamedKey) -> bool {
    key.kind == query.kind && query.object.matches(&key.object)
}

/// Sums by key.
struct Sums<'a> {
    query: &'a DigestQuery<'a>,
    groups: HashMap<NamedKey, DigestTotals>,
    step_us: i64,
}

impl<'a> Sums<'a> {
    fn new(query: &'a DigestQuery<'a>) -> Self {
        Self { query, groups: HashMap::new(), step_us: 0 }
    }

    fn add(&mut self, series: &[DigestSeries], step_us: i64) {
        let query = self.query;
        let range = query.range;
        for series in series.iter().filter(|series| wants(query, &series.key)) {
            let within = series.slots.iter().filter(|(begin, _)| {
                *begin <= range.to_unix_us && begin.saturating_add(step_us) > range.from_unix_us
            });
            let mut sum = DigestTotals::default();
            let mut is_any = false;
            for (_, totals) in within {
                sum.merge(totals);
                is_any = true;
            }
            if is_any {
                self.step_us = self.step_us.max(step_us);
                let key = self.group(&series.key);
                self.groups.entry(key).or_default().merge(&sum);
            }
        }
    }

    /// The group a key belongs to.
    fn group(&self, key: &NamedKey) -> NamedKey {
        let mut group = key.clone();
        if !self.query.is_by_object {
            group.object = Arc::from("");
        }
        if self.groups.len() < MAX_DIGEST_GROUPS || self.groups.contains_key(&group) {
            return group;
        }
        let other: Arc<str> = OTHER.into();
        NamedKey {
            object: group.object,
            kind: key.kind,
            name: other,
            detail: "".into(),
            peer: None,
        }
    }

    fn finish(self) -> Digests {
        let groups = self.groups.into_iter().map(|(key, totals)| DigestGroup {
            object: key.object,
            name: key.name,
            detail: key.detail,
            peer: key.peer.and_then(StepKind::from_wire),
            totals,
        });
        Digests { groups: groups.collect(), step_us: self.step_us }
    }
}
