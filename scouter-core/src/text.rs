//! Texts of bounded vocabularies, kept once per process and named by a small number.
//!
//! A service, a statement, a key is the same few texts over and over. [`intern`] finds the number
//! of a text it has seen through a small cache of its thread (a fast hash, then the content is
//! compared, so that a collision costs time and never truth), without allocation and without a
//! lock. A new text takes a lock once per process.
//!
//! Each kind has a limit of its own, and all texts together one of bytes. Past it every new text of
//! the kind is `(other)` and counter `texts_other` grows: an application that puts ids into its service names pays with names, not
//! with memory. Texts are never freed; the limits bound them.

use std::cell::Cell;
use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::LazyLock;

use parking_lot::RwLock;
use scouter_wire::text::{MAX_TEXT_BYTES, cut};
use scouter_wire::{TextKind, TextRef};

use crate::switch;
use crate::telemetry::{TEXTS_CUT, TEXTS_OTHER, TEXTS_OTHER_MEMORY};

/// Most texts of one kind that a process keeps, unless the kind has its own limit.
///
/// Past it a new text becomes [`OTHER`] and `texts_other` grows.
pub const DEFAULT_TEXTS_PER_KIND: usize = 10_000;

/// Most SQL statements that a process keeps; past it they become [`OTHER`].
pub const MAX_SQL_TEXTS: usize = 20_000;

/// Most bytes that all texts of a process take together: 64 MiB.
///
/// Past it every new text becomes [`OTHER`]; `texts_other` grows, and `texts_other_memory` with it.
pub const MAX_TEXTS_BYTES: usize = 64 << 20;

/// What a text becomes past a limit.
pub const OTHER: &str = "(other)";

/// Entries of a thread's cache; a text that falls on the place of another one replaces it.
const CACHED_TEXTS: usize = 256;

/// Longest concatenation that [`intern_parts`] looks up without an allocation, in bytes.
const JOINED_BYTES: usize = 512;

/// The number of a text in this process. 0 means "no text".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct TextId(u32);

impl TextId {
    /// No text.
    pub const NONE: Self = Self(0);

    /// The bare number, dense from 1 in order of first appearance.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }

    pub(crate) const fn from_number(number: u32) -> Self {
        Self(number)
    }

    /// Whether there is a text.
    #[must_use]
    pub const fn is_some(self) -> bool {
        self.0 != 0
    }
}

impl From<TextId> for TextRef {
    fn from(id: TextId) -> Self {
        Self(id.0)
    }
}

struct Entry {
    hash: u64,
    kind: TextKind,
    id: TextId,
    text: &'static str,
}

#[derive(Default)]
struct Table {
    entries: Vec<&'static Entry>,
    places: HashMap<(TextKind, &'static str), &'static Entry>,
    per_kind: [usize; TextKind::ALL.len()],
    bytes: usize,
}

static TABLE: LazyLock<RwLock<Table>> = LazyLock::new(RwLock::default);

/// Random per process, so that chosen texts cannot fight for one place of the cache.
static SEED: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one(0_u8) | 1);

thread_local! {
    static CACHE: [Cell<Option<&'static Entry>>; CACHED_TEXTS] =
        const { [const { Cell::new(None) }; CACHED_TEXTS] };
}

/// The number of `text` among the texts of `kind`.
///
/// Longer than [`MAX_TEXT_BYTES`] it is cut first (`texts_cut`). No allocation and no lock on a hit in the
/// thread's cache. Past the limit of the kind the answer is the number of [`OTHER`].
#[must_use]
pub fn intern(kind: TextKind, text: &str) -> TextId {
    let text = if text.len() <= MAX_TEXT_BYTES { text } else { cut_long(text) };
    let hash = hash(kind, text.as_bytes());
    let place = usize::try_from(hash >> 32).unwrap_or(0) % CACHED_TEXTS;
    CACHE
        .try_with(|cache| match cache[place].get() {
            Some(entry) if entry.hash == hash && entry.kind == kind && entry.text == text => {
                entry.id
            }
            _ => {
                let Some(entry) = find_or_add(&TABLE, kind, text, hash) else {
                    return TextId::NONE;
                };
                if entry.hash == hash {
                    cache[place].set(Some(entry));
                }
                entry.id
            }
        })
        .unwrap_or_default()
}

#[cold]
fn cut_long(text: &str) -> &str {
    TEXTS_CUT.add(1);
    cut(text, MAX_TEXT_BYTES)
}

/// The number of the concatenation of `parts`, by the rules of [`intern`].
#[must_use]
pub fn intern_parts(kind: TextKind, parts: &[&str]) -> TextId {
    if let [part] = parts {
        return intern(kind, part);
    }
    let mut joined = [0_u8; JOINED_BYTES];
    let mut len = 0;
    for part in parts {
        let Some(space) = joined.get_mut(len..len + part.len()) else {
            return intern(kind, &parts.concat());
        };
        space.copy_from_slice(part.as_bytes());
        len += part.len();
    }
    // Whole strings one after the other are valid UTF-8.
    std::str::from_utf8(&joined[..len]).map_or(TextId::NONE, |text| intern(kind, text))
}

/// The text of a number; empty for [`TextId::NONE`]. Takes a read lock; not for the request path.
#[must_use]
pub fn text(id: TextId) -> &'static str {
    let Some(index) = (id.0 as usize).checked_sub(1) else { return "" };
    TABLE.read().entries.get(index).map_or("", |entry| entry.text)
}

/// Like [`text`], without waiting: empty also while somebody adds a text. For a panic hook.
pub(crate) fn text_at_once(id: TextId) -> &'static str {
    let Some(index) = (id.0 as usize).checked_sub(1) else { return "" };
    let entry = TABLE.try_read().and_then(|table| table.entries.get(index).copied());
    entry.map_or("", |entry| entry.text)
}

/// Appends all texts with a number above `from` to `out`, in the order of their numbers.
///
/// The exporter keeps the highest number it has sent and asks for what is new.
pub fn new_texts(from: usize, out: &mut Vec<(TextId, TextKind, &'static str)>) {
    let table = TABLE.read();
    let fresh = table.entries.get(from..).unwrap_or_default();
    out.extend(fresh.iter().map(|entry| (entry.id, entry.kind, entry.text)));
}

/// Looks up or adds a text. A text past a limit takes the shared lock only, so that a flood of
/// them does not make requests wait for each other.
#[cold]
fn find_or_add(
    table: &RwLock<Table>,
    kind: TextKind,
    text: &str,
    hash: u64,
) -> Option<&'static Entry> {
    // In the child of a fork the lock may be held by a thread that does not exist there.
    if switch::is_forked() {
        return None;
    }
    if let Some(entry) = table.read().known(kind, text) {
        return Some(entry);
    }
    let mut table = table.write();
    if let Some(entry) = table.known(kind, text) {
        return Some(entry);
    }
    if let Some(full) = table.fullness(kind, text) {
        full.count();
        return Some(table.add(kind, OTHER, self::hash(kind, OTHER.as_bytes())));
    }
    Some(table.add(kind, text, hash))
}

fn limit(kind: TextKind) -> usize {
    if kind == TextKind::Sql { MAX_SQL_TEXTS } else { DEFAULT_TEXTS_PER_KIND }
}

/// Which limit a new text is past.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Full {
    Kind,
    Bytes,
}

impl Full {
    fn count(self) {
        TEXTS_OTHER.add(1);
        if self == Self::Bytes {
            TEXTS_OTHER_MEMORY.add(1);
        }
    }
}

impl Table {
    /// The text, or what stands for it past a limit, which is counted.
    fn known(&self, kind: TextKind, text: &str) -> Option<&'static Entry> {
        if let Some(entry) = self.places.get(&(kind, text)) {
            return Some(entry);
        }
        let full = self.fullness(kind, text)?;
        let other = self.places.get(&(kind, OTHER))?;
        full.count();
        Some(other)
    }

    fn fullness(&self, kind: TextKind, text: &str) -> Option<Full> {
        if self.per_kind[kind as usize] >= limit(kind) {
            return Some(Full::Kind);
        }
        (self.bytes + text.len() > MAX_TEXTS_BYTES).then_some(Full::Bytes)
    }

    fn add(&mut self, kind: TextKind, text: &str, hash: u64) -> &'static Entry {
        let number = u32::try_from(self.entries.len() + 1).unwrap_or(0);
        let text: &'static str = Box::leak(text.into());
        let entry: &'static Entry =
            Box::leak(Box::new(Entry { hash, kind, id: TextId(number), text }));
        self.entries.push(entry);
        self.places.insert((kind, text), entry);
        self.per_kind[kind as usize] += 1;
        self.bytes += text.len();
        entry
    }
}

/// Folded multiplication over words of eight bytes (the idea of wyhash): ~13 ns for a statement.
fn hash(kind: TextKind, bytes: &[u8]) -> u64 {
    const STIR: u64 = 0x9E37_79B9_7F4A_7C15;
    let fold = |a: u64, b: u64| {
        let wide = u128::from(a) * u128::from(b);
        #[expect(clippy::cast_possible_truncation, reason = "folds the halves of the product")]
        let folded = (wide as u64) ^ ((wide >> 64) as u64);
        folded
    };
    let mut state = *SEED ^ (kind as u64).wrapping_mul(STIR) ^ bytes.len() as u64;
    let (words, rest) = bytes.as_chunks::<8>();
    for word in words {
        state = fold(state ^ u64::from_le_bytes(*word), STIR);
    }
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    fold(state ^ u64::from_le_bytes(last), STIR ^ *SEED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_text_of_one_kind_has_one_number_and_of_another_kind_another() {
        let first = intern(TextKind::Service, "text.rs same");
        assert_eq!(intern(TextKind::Service, "text.rs same"), first);
        assert_ne!(intern(TextKind::Sql, "text.rs same"), first);
        assert_eq!(text(first), "text.rs same");
        assert_eq!(text(TextId::NONE), "");
    }

    #[test]
    fn parts_are_the_concatenation_whatever_their_length() {
        let long = "x".repeat(JOINED_BYTES);
        assert_eq!(
            intern_parts(TextKind::Api, &["GET ", "host", "/a"]),
            intern(TextKind::Api, "GET host/a")
        );
        assert_eq!(
            intern_parts(TextKind::Api, &["GET ", &long]),
            intern(TextKind::Api, &format!("GET {long}"))
        );
        assert_eq!(intern_parts(TextKind::Api, &[]), intern(TextKind::Api, ""));
    }

    #[test]
    fn other_threads_find_the_same_number() {
        let here = intern(TextKind::Service, "text.rs threads");
        let there = std::thread::scope(|scope| {
            scope.spawn(|| intern(TextKind::Service, "text.rs threads")).join().unwrap()
        });
        assert_eq!(here, there);
    }

    #[test]
    fn texts_past_the_limit_of_their_kind_become_other_and_are_counted() {
        let before = TEXTS_OTHER.value();
        let ids: Vec<TextId> = (0..DEFAULT_TEXTS_PER_KIND + 10)
            .map(|n| intern(TextKind::Pool, &format!("pool {n}")))
            .collect();
        assert_eq!(text(ids[0]), "pool 0");
        assert_eq!(text(ids[DEFAULT_TEXTS_PER_KIND + 9]), OTHER);
        assert!(TEXTS_OTHER.value() >= before + 10);
        assert_eq!(intern(TextKind::Pool, "pool 7"), ids[7], "known texts keep their number");
    }

    fn find(table: &RwLock<Table>, kind: TextKind, text: &str) -> &'static Entry {
        find_or_add(table, kind, text, hash(kind, text.as_bytes())).expect("not forked")
    }

    #[test]
    fn text_past_a_limit_waits_for_no_reader() {
        let table = RwLock::new(Table::default());
        table.write().per_kind[TextKind::Api as usize] = DEFAULT_TEXTS_PER_KIND;
        assert_eq!(find(&table, TextKind::Api, "first").text, OTHER);
        let reader = table.read();
        std::thread::scope(|scope| {
            // With the exclusive lock it would wait for us, and we for it.
            let other = scope.spawn(|| find(&table, TextKind::Api, "second").text);
            assert_eq!(other.join().unwrap(), OTHER);
        });
        drop(reader);
    }

    #[test]
    fn texts_of_all_kinds_together_keep_to_their_bytes() {
        let before = TEXTS_OTHER_MEMORY.value();
        let table = RwLock::new(Table::default());
        assert_eq!(find(&table, TextKind::Sql, "SELECT 1").text, "SELECT 1");
        let used = table.read().bytes;
        table.write().bytes = MAX_TEXTS_BYTES - 4;
        assert_eq!((find(&table, TextKind::Key, "fits").text, used), ("fits", 8));
        assert_eq!(find(&table, TextKind::Key, "a").text, OTHER);
        assert_eq!(find(&table, TextKind::Key, "b").text, OTHER);
        assert_eq!(find(&table, TextKind::Sql, "SELECT 1").text, "SELECT 1");
        assert!(TEXTS_OTHER_MEMORY.value() > before);
    }

    #[test]
    fn overlong_text_is_cut_at_a_character_boundary() {
        let id = intern(TextKind::Sql, &"é".repeat(MAX_TEXT_BYTES));
        assert_eq!(text(id).len(), MAX_TEXT_BYTES);
    }

    #[test]
    fn new_texts_come_in_order_from_a_mark() {
        let mut all = Vec::new();
        new_texts(0, &mut all);
        let mark = all.len();
        let id = intern(TextKind::Key, "text.rs new");
        all.clear();
        new_texts(mark, &mut all);
        assert!(all.contains(&(id, TextKind::Key, "text.rs new")));
        assert!(all.is_sorted());
    }
}
