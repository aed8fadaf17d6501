//! Digests: totals per object, key and interval.
//!
//! In memory they lie in one map per generation; what comes twice for one interval is added up. A
//! generation's digests are sealed into two files: one by the ten seconds of the agents, and one by
//! five minutes, which is a thirtieth of it and kept longer. A question reads the finer one of each
//! generation as long as retention has left it. Neither file is ever rewritten.

mod file;
mod query;
mod record;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use scouter_wire::record::{Digest, DigestKey, StepKind};
use scouter_wire::{ObjectId, TextKind, TextRef};

use super::texts::{Dictionary, UNKNOWN};
use super::wal::OBJECT_KIND;
use crate::store::{DigestKind, DigestTotals};

pub(crate) use file::{encode, salvage, verify};
pub(crate) use record::{decode, encode as encode_record};

/// The interval of the agents, µs.
pub(crate) const FINE_STEP_US: i64 = 10_000_000;

/// The interval of what is kept longer, µs.
pub(crate) const COARSE_STEP_US: i64 = 300_000_000;

/// Rows that one digest weighs as much as: its key and its sketch.
pub(crate) const ROWS_A_DIGEST: usize = 4;

/// Where the interval of a time begins.
fn slot(unix_us: i64, step_us: i64) -> i64 {
    unix_us.div_euclid(step_us).saturating_mul(step_us)
}

/// Sums of one key by the begin of their interval.
type Slots = BTreeMap<i64, DigestTotals>;

/// Digests of one generation. The rows' bound of the generation bounds them as well.
#[derive(Debug, Default)]
pub(crate) struct HotDigests {
    keys: HashMap<(ObjectId, DigestKey), Slots>,
    len: usize,
}

impl HotDigests {
    /// Number of sums.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// How much is here, in rows.
    pub(crate) fn weight(&self) -> usize {
        self.len * ROWS_A_DIGEST
    }

    /// Adds the digests of an interval that begins at this time.
    pub(crate) fn push(&mut self, object: ObjectId, from_unix_us: i64, digests: &[Digest]) {
        let begin = slot(from_unix_us, FINE_STEP_US);
        for digest in digests {
            let slots = self.keys.entry((object, digest.key.clone())).or_default();
            let known = slots.len();
            slots.entry(begin).or_default().merge(&digest.into());
            self.len += slots.len() - known;
        }
    }

    /// What is here with its names.
    pub(crate) fn named(&self, dictionary: &Dictionary) -> Vec<DigestSeries> {
        let text = |kind: u8, id: u32| dictionary.text(kind, id).unwrap_or_else(|| UNKNOWN.into());
        let series = self.keys.iter().filter_map(|((object, key), slots)| {
            let key = SplitKey::of(key)?;
            let name = if key.text == TextRef::NONE {
                Arc::from("")
            } else {
                text(text_kind(key.kind) as u8, key.text.0)
            };
            let key = NamedKey {
                object: text(OBJECT_KIND, object.0),
                kind: key.kind,
                name,
                detail: key.detail.into(),
                peer: key.peer.map(|kind| kind as u8),
            };
            Some(DigestSeries { key, slots: slots.clone().into_iter().collect() })
        });
        series.collect()
    }
}

/// A key taken apart.
struct SplitKey<'a> {
    kind: DigestKind,
    text: TextRef,
    detail: &'a str,
    peer: Option<StepKind>,
}

impl<'a> SplitKey<'a> {
    /// `None` for a key that this version cannot name.
    fn of(key: &'a DigestKey) -> Option<Self> {
        let plain = |kind, text: &TextRef| Self { kind, text: *text, detail: "", peer: None };
        Some(match key {
            DigestKey::Service(text) => plain(DigestKind::Service, text),
            DigestKey::Sql(text) => plain(DigestKind::Sql, text),
            DigestKey::Api(text) => plain(DigestKind::Api, text),
            DigestKey::Method(text) => plain(DigestKind::Method, text),
            DigestKey::Error(text, message) => {
                Self { detail: message, ..plain(DigestKind::Error, text) }
            }
            DigestKey::Edge { service, kind, peer } => {
                Self { detail: peer, peer: Some(*kind), ..plain(DigestKind::Edge, service) }
            }
            _ => return None,
        })
    }
}

/// The kind of text that names a digest of this kind.
fn text_kind(kind: DigestKind) -> TextKind {
    match kind {
        DigestKind::Service | DigestKind::Error | DigestKind::Edge => TextKind::Service,
        DigestKind::Sql => TextKind::Sql,
        DigestKind::Api => TextKind::Api,
        DigestKind::Method => TextKind::Method,
    }
}

/// What digests are about, readable without a dictionary.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct NamedKey {
    object: Arc<str>,
    kind: DigestKind,
    name: Arc<str>,
    detail: Arc<str>,
    peer: Option<u8>,
}

/// All sums of one key, ascending by the begin of their interval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DigestSeries {
    key: NamedKey,
    slots: Vec<(i64, DigestTotals)>,
}

/// The begin of the first interval and of the last one; `None` when there is none.
pub(crate) fn range(series: &[DigestSeries]) -> Option<(i64, i64)> {
    let begins = || series.iter().flat_map(|series| &series.slots).map(|(begin, _)| *begin);
    begins().min().zip(begins().max())
}

/// The same sums by longer intervals.
pub(crate) fn coarsen(series: &[DigestSeries]) -> Vec<DigestSeries> {
    let one = |series: &DigestSeries| {
        let mut slots = Slots::new();
        for (begin, totals) in &series.slots {
            slots.entry(slot(*begin, COARSE_STEP_US)).or_default().merge(totals);
        }
        DigestSeries { key: series.key.clone(), slots: slots.into_iter().collect() }
    };
    series.iter().map(one).collect()
}
