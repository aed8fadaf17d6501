//! Totals over ten seconds: per service, statement, outbound call, error and edge.
//!
//! Service and error digests are exact: they come from the XLogs. Those of statements, calls and
//! edges come from the profiles that were seen; each names how many transactions of the interval
//! had a profile that was not (`unseen_profiles`), so that it reads as a lower bound.

use std::collections::HashMap;

use scouter_wire::record::{
    Detail, Digest, DigestKey, Outcome, ProfileFate, Sketch, Step, StepKind, XLog,
};
use scouter_wire::{TextRef, Txid};

/// Most digests of one interval. What has no place is counted as `exporter_dropped_digests`.
pub const MAX_DIGESTS: usize = 10_000;

/// Most transactions whose service is remembered until their profile comes.
const MAX_SERVICES_REMEMBERED: usize = 20_000;

/// Peer of statements whose pool is not known.
const UNKNOWN_POOL: &str = "sql";

#[derive(Debug, Default)]
struct Figures {
    count: u64,
    errors: u64,
    elapsed_us: u64,
    sketch: Sketch,
}

impl Figures {
    fn add(&mut self, count: u64, errors: u64, elapsed_us: u64) {
        self.count += count;
        self.errors += errors;
        self.elapsed_us = self.elapsed_us.saturating_add(elapsed_us);
        self.sketch.insert_many(elapsed_us / count.max(1), count);
    }
}

/// Key that can be looked up without owning a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Plain {
    Service(TextRef),
    Sql(TextRef),
    Api(TextRef),
}

/// Gathers the digests of the current interval.
#[derive(Debug, Default)]
pub(crate) struct Digests {
    plain: HashMap<Plain, Figures>,
    errors: HashMap<TextRef, HashMap<String, Figures>>,
    edges: HashMap<(TextRef, StepKind), HashMap<String, Figures>>,
    keys: usize,
    dropped: u64,
    unseen_profiles: u64,
    /// Service of transactions whose profile may still come.
    services: HashMap<Txid, TextRef>,
    /// Service and last pool of the profile that is being read.
    profile: (TextRef, Option<TextRef>),
}

impl Digests {
    pub(crate) fn xlog(&mut self, xlog: &XLog<'_>) {
        let errors = u64::from(!xlog.error.is_empty());
        self.add(Plain::Service(xlog.service), 1, errors, xlog.elapsed_us);
        if !xlog.error.is_empty() {
            let inner = self.errors.entry(xlog.service).or_default();
            let figures = find(inner, xlog.error, &mut self.keys, &mut self.dropped);
            if let Some(figures) = figures {
                figures.add(1, 1, xlog.elapsed_us);
            }
        }
        match xlog.profile {
            ProfileFate::Kept => {
                if self.services.len() >= MAX_SERVICES_REMEMBERED {
                    // Their profiles were lost on the way; their edges would be of no service.
                    self.services.clear();
                }
                self.services.insert(xlog.txid, xlog.service);
            }
            ProfileFate::Empty => {}
            _ => self.unseen_profiles += 1,
        }
    }

    pub(crate) fn profile_begin(&mut self, txid: Txid) {
        self.profile = (self.services.remove(&txid).unwrap_or_default(), None);
    }

    pub(crate) fn step<'t>(&mut self, step: &Step<'_>, text: impl Fn(TextRef) -> &'t str) {
        let errors = if step.outcome == Outcome::Ok { 0 } else { u64::from(step.count) };
        let count = u64::from(step.count);
        let (service, pool) = self.profile;
        match (step.kind, &step.detail) {
            (StepKind::PoolWait, _) => self.profile.1 = Some(step.name),
            (StepKind::Sql, _) => {
                self.add(Plain::Sql(step.name), count, errors, step.elapsed_us);
                let peer = pool.map_or(UNKNOWN_POOL, text);
                self.edge(service, StepKind::Sql, peer, count, errors, step.elapsed_us);
            }
            (StepKind::Api, detail) => {
                self.add(Plain::Api(step.name), count, errors, step.elapsed_us);
                if let Detail::Api { address, .. } = detail {
                    self.edge(service, StepKind::Api, address, count, errors, step.elapsed_us);
                }
            }
            _ => {}
        }
    }

    fn edge(
        &mut self,
        service: TextRef,
        kind: StepKind,
        peer: &str,
        count: u64,
        errors: u64,
        elapsed_us: u64,
    ) {
        let inner = self.edges.entry((service, kind)).or_default();
        if let Some(figures) = find(inner, peer, &mut self.keys, &mut self.dropped) {
            figures.add(count, errors, elapsed_us);
        }
    }

    fn add(&mut self, key: Plain, count: u64, errors: u64, elapsed_us: u64) {
        if !self.plain.contains_key(&key) {
            if self.keys >= MAX_DIGESTS {
                self.dropped += 1;
                return;
            }
            self.keys += 1;
        }
        self.plain.entry(key).or_default().add(count, errors, elapsed_us);
    }

    /// Takes the digests of the interval and begins the next one; also how many records had no
    /// place.
    pub(crate) fn take(&mut self) -> (Vec<Digest>, u64) {
        let unseen_profiles = std::mem::take(&mut self.unseen_profiles);
        let mut digests = Vec::with_capacity(self.keys);
        let mut push = |key: DigestKey, figures: Figures| {
            let is_exact = matches!(key, DigestKey::Service(_) | DigestKey::Error(..));
            let Figures { count, errors, elapsed_us, sketch } = figures;
            let unseen_profiles = if is_exact { 0 } else { unseen_profiles };
            digests.push(Digest { key, count, errors, elapsed_us, sketch, unseen_profiles });
        };
        for (key, figures) in self.plain.drain() {
            let key = match key {
                Plain::Service(text) => DigestKey::Service(text),
                Plain::Sql(text) => DigestKey::Sql(text),
                Plain::Api(text) => DigestKey::Api(text),
            };
            push(key, figures);
        }
        for (service, inner) in self.errors.drain() {
            for (message, figures) in inner {
                push(DigestKey::Error(service, message), figures);
            }
        }
        for ((service, kind), inner) in self.edges.drain() {
            for (peer, figures) in inner {
                push(DigestKey::Edge { service, kind, peer }, figures);
            }
        }
        self.keys = 0;
        (digests, std::mem::take(&mut self.dropped))
    }
}

/// The figures of a text, made when there is still a place; without allocation when they exist.
fn find<'m>(
    figures: &'m mut HashMap<String, Figures>,
    text: &str,
    keys: &mut usize,
    dropped: &mut u64,
) -> Option<&'m mut Figures> {
    if !figures.contains_key(text) {
        if *keys >= MAX_DIGESTS {
            *dropped += 1;
            return None;
        }
        *keys += 1;
        figures.insert(text.to_owned(), Figures::default());
    }
    figures.get_mut(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::xlog;

    fn text(number: TextRef) -> &'static str {
        if number == TextRef(7) { "orders-db" } else { "?" }
    }

    fn take(digests: &mut Digests) -> Vec<Digest> {
        let mut taken = digests.take().0;
        taken.sort_by_key(|digest| format!("{:?}", digest.key));
        taken
    }

    #[test]
    fn services_and_errors_are_counted_from_xlogs_alone() {
        let mut digests = Digests::default();
        for id in 1..=9 {
            let error = if id % 3 == 0 { "refused" } else { "" };
            let base = xlog(id, "acme");
            digests.xlog(&XLog { error, elapsed_us: 10, service: TextRef(1), ..base });
        }
        let taken = take(&mut digests);
        assert_eq!(taken.len(), 2);
        assert_eq!(taken[0].key, DigestKey::Error(TextRef(1), "refused".into()));
        assert_eq!((taken[0].count, taken[0].elapsed_us), (3, 30));
        assert_eq!(taken[1].key, DigestKey::Service(TextRef(1)));
        assert_eq!((taken[1].count, taken[1].errors), (9, 3));
        assert_eq!(taken[1].sketch.count(), 9);
        assert!(take(&mut digests).is_empty(), "the next interval begins empty");
    }

    #[test]
    fn steps_make_digests_and_edges_of_their_service() {
        let mut digests = Digests::default();
        digests.xlog(&XLog { service: TextRef(1), ..xlog(5, "acme") });
        digests.profile_begin(Txid::new(5).unwrap());
        let sql = Step {
            kind: StepKind::Sql,
            name: TextRef(20),
            count: 4,
            elapsed_us: 40,
            ..Step::default()
        };
        digests.step(&Step { kind: StepKind::PoolWait, name: TextRef(7), ..sql }, text);
        digests.step(&Step { outcome: Outcome::Error, ..sql }, text);
        let detail = Detail::Api { status: 200, callee: None, address: "billing:80", ttfb_us: 1 };
        let api = Step {
            kind: StepKind::Api,
            name: TextRef(30),
            count: 1,
            elapsed_us: 5,
            detail,
            ..Step::default()
        };
        digests.step(&api, text);
        let taken = take(&mut digests);
        let edge =
            |kind, peer: &str| DigestKey::Edge { service: TextRef(1), kind, peer: peer.into() };
        let keys: Vec<_> = taken.iter().map(|digest| digest.key.clone()).collect();
        assert_eq!(
            keys,
            [
                DigestKey::Api(TextRef(30)),
                edge(StepKind::Api, "billing:80"),
                edge(StepKind::Sql, "orders-db"),
                DigestKey::Service(TextRef(1)),
                DigestKey::Sql(TextRef(20)),
            ]
        );
        assert_eq!((taken[4].count, taken[4].errors, taken[4].elapsed_us), (4, 4, 40));
        assert_eq!(taken[4].sketch.quantile(0.5), Some(10), "a fold counts its runs");
    }

    #[test]
    fn profiles_that_were_not_seen_are_named_by_digests_that_need_them() {
        let mut digests = Digests::default();
        digests.xlog(&XLog { profile: ProfileFate::SampledOut, ..xlog(1, "acme") });
        digests.xlog(&XLog { profile: ProfileFate::Dropped, ..xlog(2, "acme") });
        digests.step(
            &Step { kind: StepKind::Sql, name: TextRef(2), count: 1, ..Step::default() },
            text,
        );
        for digest in take(&mut digests) {
            let is_exact = matches!(digest.key, DigestKey::Service(_));
            assert_eq!(digest.unseen_profiles, if is_exact { 0 } else { 2 });
        }
    }

    #[test]
    fn keys_past_the_limit_are_dropped_and_counted() {
        let mut digests = Digests::default();
        for id in 0..MAX_DIGESTS + 5 {
            let error = format!("order {id} not found");
            digests.xlog(&XLog { error: &error, ..xlog(1, "acme") });
        }
        let (taken, dropped) = digests.take();
        assert_eq!((taken.len(), dropped), (MAX_DIGESTS, 6));
    }
}
