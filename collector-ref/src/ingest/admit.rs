//! Texts of one connection: new ones are numbered, named ones are checked.

use std::collections::HashMap;

use scouter_wire::codec::{HashSeed, NewText, NumberedText, TextEntry, TextName};
use scouter_wire::{TextKind, TextRef};

use super::end::{End, Reason};
use crate::store::{Store, WalSeq};

/// Texts one connection may have under way by their hashes; more are refused, since an agent
/// learns the number of each text and then uses that.
pub(crate) const MAX_CONNECTION_TEXTS: usize = 1 << 20;

/// The text that stands for all texts beyond a limit.
const OTHER: &str = "(other)";

/// What a text of an unknown, newer kind is numbered: nothing will ever look it up.
const UNKNOWN_KIND_ID: u32 = 1;

/// Length of the window of the limit on new texts, µs.
const WINDOW_US: u64 = 60_000_000;

/// The texts of one connection.
#[derive(Debug)]
pub(crate) struct Admission {
    seed: HashSeed,
    /// Numbers that this store is known to have given, one bit each, per kind.
    known: [Vec<u64>; TextKind::ALL.len()],
    hashes: HashMap<(u8, u64), TextRef>,
    limit_per_minute: u32,
    window_began_us: u64,
    in_window: u32,
}

impl Admission {
    /// For a connection to a store with this seed.
    pub(crate) fn new(seed: HashSeed, limit_per_minute: u32) -> Self {
        Self {
            seed,
            known: Default::default(),
            hashes: HashMap::new(),
            limit_per_minute,
            window_began_us: 0,
            in_window: 0,
        }
    }

    /// Numbers a new text. Also says when the number may be told, and whether the text was over
    /// the limit and became `(other)`.
    ///
    /// # Errors
    /// A refusal when the hash is not that of the text, or the store cannot keep it.
    pub(crate) fn number(
        &mut self,
        store: &dyn Store,
        new: &NewText<'_>,
        kind_number: u8,
        now_us: u64,
    ) -> Result<(NumberedText, Option<WalSeq>, bool), End> {
        let Some(kind) = new.kind else {
            let id = UNKNOWN_KIND_ID;
            return Ok((NumberedText { kind_number, hash: new.hash, id }, None, false));
        };
        if self.seed.hash(kind, new.text) != new.hash {
            let sentence = "the hash of a text is not that of the text under this store's seed";
            return Err(End::refuse(Reason::Malformed, sentence));
        }
        if self.hashes.len() >= MAX_CONNECTION_TEXTS {
            let sentence = format!("more than {MAX_CONNECTION_TEXTS} texts on one connection");
            return Err(End::refuse(Reason::Oversized, sentence));
        }
        let is_over = !self.hashes.contains_key(&(kind_number, new.hash)) && self.is_over(now_us);
        let (text, seq) = store.intern(kind, if is_over { OTHER } else { new.text })?;
        self.hashes.insert((kind_number, new.hash), text);
        self.remember(kind, text);
        Ok((NumberedText { kind_number, hash: new.hash, id: text.0 }, seq, is_over))
    }

    /// The store's numbers of the texts a frame names, in the order of its table, into `numbers`
    /// (all of them) and `known` (those of known kinds).
    ///
    /// # Errors
    /// A refusal when the frame names a text that this store never numbered.
    pub(crate) fn resolve(
        &mut self,
        store: &dyn Store,
        entries: &[TextEntry],
        numbers: &mut Vec<TextRef>,
        known: &mut Vec<(TextKind, TextRef)>,
    ) -> Result<(), End> {
        numbers.clear();
        known.clear();
        for entry in entries {
            let Some(kind) = entry.kind() else {
                numbers.push(TextRef(UNKNOWN_KIND_ID));
                continue;
            };
            let number = match entry.name {
                TextName::Id(id) if self.is_known(store, kind, TextRef(id)) => Some(TextRef(id)),
                TextName::Hash(hash) => self
                    .hashes
                    .get(&(entry.kind_number, hash))
                    .copied()
                    .or_else(|| store.by_hash(kind, hash)),
                _ => None,
            };
            let number = number.ok_or_else(|| unknown(entry))?;
            numbers.push(number);
            known.push((kind, number));
        }
        Ok(())
    }

    fn is_over(&mut self, now_us: u64) -> bool {
        if now_us.saturating_sub(self.window_began_us) >= WINDOW_US {
            self.window_began_us = now_us;
            self.in_window = 0;
        }
        self.in_window = self.in_window.saturating_add(1);
        self.in_window > self.limit_per_minute
    }

    fn is_known(&mut self, store: &dyn Store, kind: TextKind, text: TextRef) -> bool {
        let (word, bit) = place(text);
        if self.known[kind as usize].get(word).is_some_and(|bits| bits & bit != 0) {
            return true;
        }
        let is_known = store.text(kind, text).is_some();
        if is_known {
            self.remember(kind, text);
        }
        is_known
    }

    fn remember(&mut self, kind: TextKind, text: TextRef) {
        let (word, bit) = place(text);
        let bits = &mut self.known[kind as usize];
        if bits.len() <= word {
            // The store has given this number, so it is within the store's limit of texts.
            bits.resize(word + 1, 0);
        }
        bits[word] |= bit;
    }
}

fn place(text: TextRef) -> (usize, u64) {
    (text.0 as usize / 64, 1 << (text.0 % 64))
}

fn unknown(entry: &TextEntry) -> End {
    let name = match entry.name {
        TextName::Id(id) => format!("number {id}"),
        TextName::Hash(hash) => format!("hash {hash:016x}"),
        _ => "a name of a newer kind".to_owned(),
    };
    let sentence = format!(
        "a frame names a text that this store never numbered (kind {}, {name}): reconnect and \
         send its TEXT again",
        entry.kind_number
    );
    End::refuse(Reason::UnknownText, sentence)
}
