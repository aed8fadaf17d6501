//! The dictionary: texts of bounded vocabularies and their numbers.
//!
//! All of it lies in memory; new texts are logged in the WAL and written to the state database
//! when their generation is sealed. Texts are found by a 64-bit hash seeded per store and then
//! compared, so a collision is only counted, never taken for the same text.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::RwLock;
use scouter_wire::codec::HashSeed;
use scouter_wire::{TextKind, TextRef};

use super::wal::OBJECT_KIND;

/// What stands for every text past the limit of its kind.
pub(crate) const OTHER: &str = "(other)";

/// Most objects a store numbers; past it a new one becomes `(other)`.
pub(crate) const MAX_OBJECTS: usize = 65_536;

/// Kinds of [`TextKind`] and, behind them, objects.
const KINDS: usize = TextKind::ALL.len() + 1;

/// Place of a kind number in the list of kinds.
fn slot(kind: u8) -> Option<usize> {
    match kind {
        OBJECT_KIND => Some(KINDS - 1),
        kind if usize::from(kind) < KINDS - 1 => Some(usize::from(kind)),
        _ => None,
    }
}

/// Kind number at a place.
fn kind_number(slot: usize) -> u8 {
    if slot == KINDS - 1 { OBJECT_KIND } else { u8::try_from(slot).unwrap_or(OBJECT_KIND) }
}

/// A text with its number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NumberedText {
    pub(crate) kind: u8,
    pub(crate) id: u32,
    pub(crate) text: Arc<str>,
}

/// Texts and their numbers.
#[derive(Debug)]
pub(crate) struct Dictionary {
    kinds: RwLock<[Kind; KINDS]>,
    seed: HashSeed,
    per_kind: usize,
    max_bytes: usize,
    refused: AtomicU64,
    collisions: AtomicU64,
}

#[derive(Debug, Default)]
struct Kind {
    /// By number, which begins at 1.
    texts: Vec<Arc<str>>,
    by_hash: HashMap<u64, u32, BuildHasherDefault<Ready>>,
    /// Texts whose hash belongs to another one.
    collided: HashMap<Arc<str>, u32>,
    /// Number of `(other)`, once it was needed.
    other: Option<u32>,
    bytes: usize,
    /// How many are in the state database.
    persisted: usize,
}

/// What an intern came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interned {
    /// It has this number already.
    Known(u32),
    /// It is new and may get the next number; log it, then call [`Dictionary::insert`].
    New(u32),
    /// It is refused; `(other)` has to be interned instead.
    Refused,
}

impl Dictionary {
    pub(crate) fn new(seed: HashSeed, per_kind: usize, max_bytes: usize) -> Self {
        Self {
            kinds: RwLock::default(),
            seed,
            per_kind,
            max_bytes,
            refused: AtomicU64::new(0),
            collisions: AtomicU64::new(0),
        }
    }

    /// Looks a text up without changing anything but the counter of refusals. The caller holds the
    /// lock under which texts are numbered.
    pub(crate) fn find(&self, kind: u8, text: &str) -> Interned {
        let Some(slot) = slot(kind) else { return Interned::Refused };
        let hash = self.hash(kind, text);
        let kinds = self.kinds.read();
        let own = &kinds[slot];
        if let Some(id) = own.id(hash, text) {
            return Interned::Known(id);
        }
        let limit = if kind == OBJECT_KIND { MAX_OBJECTS } else { self.per_kind };
        let bytes: usize = kinds.iter().map(|kind| kind.bytes).sum();
        if text != OTHER && (own.texts.len() >= limit || bytes + text.len() > self.max_bytes) {
            self.refused.fetch_add(1, Ordering::Relaxed);
            return own.other.map_or(Interned::Refused, Interned::Known);
        }
        // One more than a length that is limited.
        Interned::New(u32::try_from(own.texts.len() + 1).unwrap_or(u32::MAX))
    }

    /// Gives a text its number: new ones in order, and again those of a replayed log. A number
    /// that would leave a gap is refused, since it can only come from a damaged log.
    pub(crate) fn insert(&self, kind: u8, id: u32, text: &str) -> bool {
        let Some(slot) = slot(kind) else { return false };
        let hash = self.hash(kind, text);
        let mut kinds = self.kinds.write();
        let kind = &mut kinds[slot];
        let Some(index) = (id as usize).checked_sub(1) else { return false };
        if let Some(known) = kind.texts.get(index) {
            return **known == *text;
        }
        if index != kind.texts.len() {
            return false;
        }
        let shared: Arc<str> = text.into();
        kind.bytes += text.len();
        kind.texts.push(Arc::clone(&shared));
        if text == OTHER {
            kind.other = Some(id);
        }
        if let Entry::Vacant(free) = kind.by_hash.entry(hash) {
            free.insert(id);
        } else {
            kind.collided.insert(shared, id);
            self.collisions.fetch_add(1, Ordering::Relaxed);
        }
        true
    }

    /// As [`Dictionary::insert`], of a text that was numbered before a restart: a gap, which only a
    /// damaged log leaves, is filled with [`UNKNOWN`], so that no number gets a second meaning.
    pub(crate) fn restore(&self, kind: u8, id: u32, text: &str) -> bool {
        let Some(slot) = slot(kind) else { return false };
        let limit = self.per_kind.max(MAX_OBJECTS) + 1;
        let mut known = self.kinds.read()[slot].texts.len();
        while known + 1 < (id as usize).min(limit) {
            let mut kinds = self.kinds.write();
            kinds[slot].texts.push(UNKNOWN.into());
            known += 1;
        }
        self.insert(kind, id, text)
    }

    /// The text with this number.
    pub(crate) fn text(&self, kind: u8, id: u32) -> Option<Arc<str>> {
        let index = (id as usize).checked_sub(1)?;
        self.kinds.read()[slot(kind)?].texts.get(index).cloned()
    }

    /// The text of a wire reference, for printing.
    pub(crate) fn display(&self, kind: TextKind, id: TextRef) -> Arc<str> {
        if id == TextRef::NONE {
            return "".into();
        }
        self.text(kind as u8, id.0).unwrap_or_else(|| UNKNOWN.into())
    }

    /// The number of the text with this hash.
    pub(crate) fn by_hash(&self, kind: TextKind, hash: u64) -> Option<u32> {
        self.kinds.read()[slot(kind as u8)?].by_hash.get(&hash).copied()
    }

    /// All texts of a kind, in the order of their numbers from 1 on.
    pub(crate) fn all(&self, kind: u8) -> Vec<Arc<str>> {
        slot(kind).map(|slot| self.kinds.read()[slot].texts.clone()).unwrap_or_default()
    }

    /// The texts that are not in the state database yet.
    pub(crate) fn unpersisted(&self) -> Vec<NumberedText> {
        let kinds = self.kinds.read();
        let of_kind = |(slot, kind): (usize, &Kind)| {
            let number = kind_number(slot);
            let new = kind.texts.iter().enumerate().skip(kind.persisted);
            let numbered = new.map(move |(index, text)| NumberedText {
                kind: number,
                id: u32::try_from(index + 1).unwrap_or(u32::MAX),
                text: Arc::clone(text),
            });
            numbered.collect::<Vec<_>>()
        };
        kinds.iter().enumerate().flat_map(of_kind).collect()
    }

    /// These texts are in the state database now.
    pub(crate) fn mark_persisted(&self, texts: &[NumberedText]) {
        let mut kinds = self.kinds.write();
        for text in texts {
            if let Some(slot) = slot(text.kind) {
                kinds[slot].persisted = kinds[slot].persisted.max(text.id as usize);
            }
        }
    }

    /// Number of texts, how many were refused, and how many hashes collided.
    pub(crate) fn counts(&self) -> (u64, u64, u64) {
        let texts: usize = self.kinds.read().iter().map(|kind| kind.texts.len()).sum();
        (
            texts as u64,
            self.refused.load(Ordering::Relaxed),
            self.collisions.load(Ordering::Relaxed),
        )
    }

    fn hash(&self, kind: u8, text: &str) -> u64 {
        // Objects are never named by hash; any kind serves them.
        self.seed.hash(TextKind::from_wire(kind).unwrap_or(TextKind::Service), text)
    }
}

/// What is shown for a number whose text was lost with a damaged file.
pub(crate) const UNKNOWN: &str = "(unknown text)";

impl Kind {
    fn id(&self, hash: u64, text: &str) -> Option<u32> {
        let id = *self.by_hash.get(&hash)?;
        if self.texts.get(id as usize - 1).is_some_and(|known| **known == *text) {
            return Some(id);
        }
        self.collided.get(text).copied()
    }
}

/// Hashes that are spread already.
#[derive(Default)]
struct Ready(u64);

impl Hasher for Ready {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SQL: u8 = TextKind::Sql as u8;

    fn intern(dictionary: &Dictionary, kind: u8, text: &str) -> u32 {
        match dictionary.find(kind, text) {
            Interned::Known(id) => id,
            Interned::New(id) => {
                assert!(dictionary.insert(kind, id, text));
                id
            }
            Interned::Refused => intern(dictionary, kind, OTHER),
        }
    }

    #[test]
    fn past_the_limit_of_its_kind_a_text_becomes_other_and_is_counted() {
        let dictionary = Dictionary::new(HashSeed(1), 2, 1 << 20);
        let ids = ["a", "b", "c", "d", "a"].map(|text| intern(&dictionary, SQL, text));
        assert_eq!(ids, [1, 2, 3, 3, 1]);
        assert_eq!(dictionary.text(SQL, 3).as_deref(), Some(OTHER));
        assert_eq!(dictionary.counts(), (3, 2, 0));
        assert_eq!(intern(&dictionary, TextKind::Api as u8, "c"), 1, "each kind has its own limit");
    }

    #[test]
    fn past_the_limit_of_bytes_a_text_becomes_other_too() {
        let dictionary = Dictionary::new(HashSeed(1), 100, 10);
        assert_eq!(intern(&dictionary, SQL, "12345678"), 1);
        assert_eq!(intern(&dictionary, SQL, "123"), 2);
        assert_eq!(dictionary.text(SQL, 2).as_deref(), Some(OTHER));
    }

    #[test]
    fn numbers_with_a_gap_or_another_text_are_refused() {
        let dictionary = Dictionary::new(HashSeed(1), 100, 100);
        assert!(!dictionary.insert(SQL, 2, "gap"));
        assert!(dictionary.insert(SQL, 1, "a"));
        assert!(dictionary.insert(SQL, 1, "a"), "a replayed log says it again");
        assert!(!dictionary.insert(SQL, 1, "b"));
        assert!(!dictionary.insert(SQL, 0, "zero"));
        assert!(!dictionary.insert(99, 1, "kind"));
    }

    #[test]
    fn texts_are_unpersisted_until_marked() {
        let dictionary = Dictionary::new(HashSeed(1), 100, 100);
        intern(&dictionary, SQL, "a");
        intern(&dictionary, OBJECT_KIND, "/o");
        let new = dictionary.unpersisted();
        assert_eq!(new.iter().map(|t| (t.kind, t.id)).collect::<Vec<_>>(), [(SQL, 1), (255, 1)]);
        dictionary.mark_persisted(&new);
        intern(&dictionary, SQL, "b");
        let new = dictionary.unpersisted();
        assert_eq!(new.iter().map(|t| (t.kind, t.id)).collect::<Vec<_>>(), [(SQL, 2)]);
    }
}
