//! The distinct texts of one column of one generation.
//!
//! Number 0 is the empty text. Texts lie in one buffer, so that a million of them are two
//! allocations and the encoder can copy them in order.

/// Distinct texts of one column, numbered from 0 (empty) on.
#[derive(Debug, Clone)]
pub(crate) struct TextPool {
    bytes: String,
    /// Where each text ends.
    ends: Vec<u32>,
    /// Open addressing: number of a text, or 0. A power of two, at most half full.
    slots: Vec<u32>,
    /// Texts found lately by where their bytes lie: within a batch the same text is usually the
    /// same bytes, and comparing is cheaper than hashing. Never trusted without comparing.
    recent: Vec<(usize, u32)>,
    /// What is looked at together in [`TextPool::ids`].
    looked_up: Vec<LookUp>,
}

/// One text on its way to its number.
#[derive(Debug, Clone, Copy)]
struct LookUp {
    hash: usize,
    /// What stands in the first slot of its hash: most likely the number.
    hint: u32,
    /// Where the text with that number lies.
    start: u32,
    end: u32,
}

const FIRST_SLOTS: usize = 256;
const RECENT: usize = 256;

impl Default for TextPool {
    fn default() -> Self {
        Self {
            bytes: String::new(),
            ends: vec![0],
            slots: vec![0; FIRST_SLOTS],
            recent: vec![(0, 0); RECENT],
            looked_up: Vec::new(),
        }
    }
}

impl TextPool {
    /// Forgets all texts but keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.ends.truncate(1);
        self.slots.fill(0);
        self.recent.fill((0, 0));
    }

    /// Number of texts, the empty one included.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Bytes of all texts.
    pub(crate) fn text_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// The text with this number; empty for a number that was never given.
    #[inline]
    pub(crate) fn text(&self, id: u32) -> &str {
        let id = id as usize;
        let (Some(before), Some(&end)) = (id.checked_sub(1), self.ends.get(id)) else {
            return "";
        };
        &self.bytes[self.ends[before] as usize..end as usize]
    }

    /// The number of this text, given when it is new.
    #[inline]
    pub(crate) fn id(&mut self, text: &str) -> u32 {
        let place = text.as_ptr() as usize;
        let slot = (place >> 1 ^ place >> 9) % RECENT;
        let (seen, id) = self.recent[slot];
        if seen == place && self.text(id) == text {
            return id;
        }
        let id = self.find_or_insert(text, hash(text.as_bytes()));
        self.recent[slot] = (place, id);
        id
    }

    /// Appends the numbers of many texts.
    ///
    /// Slot, place and bytes of a text each lie somewhere else in megabytes of memory, and each
    /// tells where the next is. Step by step for all texts together, the processor fetches those of
    /// many at once.
    pub(crate) fn ids<'t>(
        &mut self,
        texts: impl Iterator<Item = &'t str> + Clone,
        numbers: &mut Vec<u32>,
    ) {
        let mut looked_up = std::mem::take(&mut self.looked_up);
        let mask = self.slots.len() - 1;
        looked_up.clear();
        looked_up.extend(texts.clone().map(|text| {
            let hash = hash(text.as_bytes());
            LookUp { hash, hint: self.slots[hash & mask], start: 0, end: 0 }
        }));
        for LookUp { hint, start, end, .. } in &mut looked_up {
            let id = *hint as usize;
            (*start, *end) = (self.ends[id.saturating_sub(1)], self.ends[id]);
        }
        numbers.extend(texts.zip(&looked_up).map(|(text, found)| {
            let LookUp { hash, hint, start, end } = *found;
            let is_it = self.bytes.as_bytes()[start as usize..end as usize] == *text.as_bytes();
            if is_it && hint != 0 { hint } else { self.find_or_insert(text, hash) }
        }));
        self.looked_up = looked_up;
    }

    fn find_or_insert(&mut self, text: &str, hash: usize) -> u32 {
        if text.is_empty() {
            return 0;
        }
        if 2 * (self.ends.len() + 1) > self.slots.len() {
            self.grow();
        }
        let mask = self.slots.len() - 1;
        let mut place = hash & mask;
        loop {
            match self.slots[place] {
                0 => break,
                id if self.text(id) == text => return id,
                _ => place = (place + 1) & mask,
            }
        }
        self.bytes.push_str(text);
        // A generation is sealed long before its texts reach 4 GiB.
        let id = u32::try_from(self.ends.len()).unwrap_or(u32::MAX);
        self.ends.push(u32::try_from(self.bytes.len()).unwrap_or(u32::MAX));
        self.slots[place] = id;
        id
    }

    fn grow(&mut self) {
        let slots = 2 * self.slots.len();
        self.slots.clear();
        self.slots.resize(slots, 0);
        for id in 1..self.ends.len() {
            let id = u32::try_from(id).unwrap_or(u32::MAX);
            let mut place = hash(self.text(id).as_bytes()) & (slots - 1);
            while self.slots[place] != 0 {
                place = (place + 1) & (slots - 1);
            }
            self.slots[place] = id;
        }
    }
}

/// Spreads texts over slots; never leaves the process. A sender who makes all its texts collide
/// slows its own batch down, at most by the number of texts one generation holds.
fn hash(text: &[u8]) -> usize {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let (words, tail) = text.as_chunks::<8>();
    let mut last = [0; 8];
    last[..tail.len()].copy_from_slice(tail);
    let mut hash = (u64::from_le_bytes(last) ^ text.len() as u64).wrapping_mul(FACTOR);
    for word in words {
        hash = (hash.rotate_left(23) ^ u64::from_le_bytes(*word)).wrapping_mul(FACTOR);
    }
    usize::try_from(hash >> 32).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_text_same_number_and_every_text_comes_back() {
        let mut pool = TextPool::default();
        let texts: Vec<String> = (0..10_000).map(|i| format!("text {}", i % 7_000)).collect();
        let ids: Vec<u32> = texts.iter().map(|text| pool.id(text)).collect();
        assert_eq!(pool.len(), 7_001);
        for (text, id) in texts.iter().zip(&ids) {
            assert_eq!(pool.text(*id), text);
            assert_eq!(pool.id(text), *id);
        }
        assert_eq!(pool.id(""), 0);
        assert_eq!(pool.text(0), "");
        assert_eq!(pool.text(70_000), "");
    }

    #[test]
    fn many_texts_together_have_the_numbers_they_have_one_by_one() {
        let (mut together, mut single) = (TextPool::default(), TextPool::default());
        for round in 0..40_u32 {
            let mut texts: Vec<String> =
                (0..500).map(|i| format!("text {}", i * (round % 7 + 1) % 3_000)).collect();
            texts[7].clear();
            let mut numbers = vec![7];
            together.ids(texts.iter().map(|text| &**text), &mut numbers);
            let expected: Vec<u32> = texts.iter().map(|text| single.id(text)).collect();
            assert_eq!((numbers[0], &numbers[1..]), (7, &expected[..]), "{round}");
            if round == 20 {
                together.clear();
                single.clear();
            }
        }
    }

    #[test]
    fn a_cleared_pool_knows_none_of_its_old_texts() {
        let mut pool = TextPool::default();
        let texts: Vec<String> = (0..1_000).map(|i| format!("text {i}")).collect();
        texts.iter().for_each(|text| _ = pool.id(text));
        pool.clear();
        assert_eq!((pool.len(), pool.text_bytes(), pool.text(1)), (1, 0, ""));
        assert_eq!(pool.id(&texts[900]), 1);
        assert_eq!(pool.id(&texts[0]), 2);
        assert_eq!((pool.text(1), pool.text(2)), ("text 900", "text 0"));
    }

    #[test]
    fn a_buffer_used_again_for_another_text_is_not_mistaken_for_the_old_one() {
        let mut pool = TextPool::default();
        let mut buffer = String::from("first");
        let first = pool.id(&buffer);
        buffer.clear();
        buffer.push_str("other");
        let other = pool.id(&buffer);
        assert_ne!(first, other);
        assert_eq!((pool.text(first), pool.text(other)), ("first", "other"));
    }
}
