//! How one store names the texts of this process: by number once it has answered, by hash until
//! then.

use std::collections::HashMap;

use scouter_wire::codec::{HashSeed, NumberedText, StoreId, TextName, put_texts};
use scouter_wire::{TextKind, TextRef};

use crate::Texts;

/// Most texts in one TEXT frame; at the longest they fit a frame with room to spare.
const MAX_TEXTS_PER_FRAME: usize = 256;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// This connection has not heard of it.
    Unsent,
    /// Sent on this connection; the answer is on its way.
    Sent(u64),
    /// The store's number, valid as long as the store is.
    Numbered(u32),
}

/// The texts of this process in the names of one store.
#[derive(Debug, Default)]
pub(crate) struct Names {
    store: StoreId,
    seed: HashSeed,
    states: Vec<State>,
    waiting: HashMap<(u8, u64), TextRef>,
}

impl Names {
    /// Begins a connection to a store. Numbers of another store are forgotten; what was sent and
    /// not answered is sent again.
    pub(crate) fn connect(&mut self, store: StoreId, seed: HashSeed) {
        if (store, seed) != (self.store, self.seed) {
            self.states.clear();
            (self.store, self.seed) = (store, seed);
        }
        self.waiting.clear();
        for state in &mut self.states {
            if matches!(state, State::Sent(_)) {
                *state = State::Unsent;
            }
        }
    }

    /// Forgets all numbers: a store that refuses them has lost its dictionary, or part of it. All
    /// texts travel by hash again, and are introduced again.
    pub(crate) fn forget(&mut self) {
        self.states.clear();
        self.waiting.clear();
    }

    /// Of these texts, those to be sent before a frame that refers to them; they count as sent.
    pub(crate) fn introduce(
        &mut self,
        refs: &[(TextKind, TextRef)],
        texts: &Texts,
        out: &mut Vec<(TextKind, u64, &'static str)>,
    ) {
        for (kind, text) in refs {
            let index = text.0 as usize;
            if index >= self.states.len() {
                self.states.resize(index + 1, State::Unsent);
            }
            if self.states[index] == State::Unsent {
                let content = texts.text(*text);
                let hash = self.seed.hash(*kind, content);
                self.states[index] = State::Sent(hash);
                self.waiting.insert((*kind as u8, hash), *text);
                out.push((*kind, hash, content));
            }
        }
    }

    /// Takes the store's answer.
    pub(crate) fn number(&mut self, answer: NumberedText) {
        if let Some(text) = self.waiting.remove(&(answer.kind_number, answer.hash))
            && let Some(state) = self.states.get_mut(text.0 as usize)
        {
            *state = State::Numbered(answer.id);
        }
    }

    /// The name of a text that was introduced.
    pub(crate) fn name(&self, kind: TextKind, text: TextRef, texts: &Texts) -> TextName {
        match self.states.get(text.0 as usize) {
            Some(State::Numbered(id)) => TextName::Id(*id),
            Some(State::Sent(hash)) => TextName::Hash(*hash),
            Some(State::Unsent) | None => TextName::Hash(self.seed.hash(kind, texts.text(text))),
        }
    }
}

/// Appends the bodies of as many TEXT frames as these texts take.
pub(crate) fn text_frames<'a>(
    texts: &'a [(TextKind, u64, &'static str)],
) -> impl Iterator<Item = impl FnOnce(&mut Vec<u8>) + 'a> + 'a {
    texts
        .chunks(MAX_TEXTS_PER_FRAME)
        .map(|chunk| move |out: &mut Vec<u8>| put_texts(out, chunk.iter().copied()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::texts;

    const SEED: HashSeed = HashSeed(7);

    fn introduced(names: &mut Names, numbers: &[u32]) -> usize {
        let refs: Vec<_> = numbers.iter().map(|n| (TextKind::Sql, TextRef(*n))).collect();
        let mut out = Vec::new();
        names.introduce(&refs, &texts(), &mut out);
        out.len()
    }

    #[test]
    fn a_text_is_sent_once_and_named_by_hash_until_its_number_comes() {
        let mut names = Names::default();
        names.connect(StoreId(1), SEED);
        assert_eq!(introduced(&mut names, &[1, 2, 1]), 2);
        assert_eq!(introduced(&mut names, &[2, 3]), 1);
        let hash = SEED.hash(TextKind::Sql, texts().text(TextRef(2)));
        assert_eq!(names.name(TextKind::Sql, TextRef(2), &texts()), TextName::Hash(hash));
        names.number(NumberedText { kind_number: TextKind::Sql as u8, hash, id: 99 });
        assert_eq!(names.name(TextKind::Sql, TextRef(2), &texts()), TextName::Id(99));
    }

    #[test]
    fn numbers_survive_a_reconnect_but_not_another_store() {
        let mut names = Names::default();
        names.connect(StoreId(1), SEED);
        introduced(&mut names, &[1, 2]);
        let hash = SEED.hash(TextKind::Sql, texts().text(TextRef(1)));
        names.number(NumberedText { kind_number: TextKind::Sql as u8, hash, id: 5 });
        names.connect(StoreId(1), SEED);
        assert_eq!(introduced(&mut names, &[1, 2]), 1, "only the unanswered one is sent again");
        names.connect(StoreId(2), SEED);
        assert_eq!(introduced(&mut names, &[1, 2]), 2);
        assert!(matches!(names.name(TextKind::Sql, TextRef(1), &texts()), TextName::Hash(_)));
    }

    #[test]
    fn answers_to_questions_nobody_asked_are_ignored() {
        let mut names = Names::default();
        names.connect(StoreId(1), SEED);
        names.number(NumberedText { kind_number: 200, hash: 1, id: 1 });
        assert_eq!(introduced(&mut names, &[1]), 1);
    }
}
