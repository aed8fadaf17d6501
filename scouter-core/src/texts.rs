//! The texts of one transaction: tenant, login, description, address, user agent, error, tags.
//!
//! They are copied as words into 512 bytes inside the header, and past that into one page of 4 KiB.
//! Setting one again replaces it. What does not fit is not kept and counted
//! (`transaction_texts_dropped`). Readers of the live view copy under a small seqlock of its own.

use crate::pool;
use crate::records::word_at;
use crate::sync::{AtomicU32, AtomicU64, Ordering, StaticRef, fence};

/// Longest text in bytes; longer ones are cut at a character boundary and `texts_cut` grows.
pub const MAX_FIELD_BYTES: usize = scouter_wire::text::MAX_INLINE_BYTES;

/// Words of text inside the header.
const INLINE_WORDS: usize = 56;

/// Words of a text page.
const PAGE_WORDS: usize = 512;

/// Bytes all texts of a transaction may take together, entry heads of eight bytes included.
pub const MAX_TRANSACTION_TEXT_BYTES: usize = (INLINE_WORDS + PAGE_WORDS) * 8;

/// Which text of a transaction it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub(crate) enum Slot {
    Tenant = 1,
    Login = 2,
    Desc = 3,
    Ip = 4,
    UserAgent = 5,
    Error = 6,
    /// With the key's number.
    Tag = 7,
    /// The first error that a step had, with the number of the place it came from.
    Origin = 8,
}

impl Slot {
    const ALL: [Self; 8] = [
        Self::Tenant,
        Self::Login,
        Self::Desc,
        Self::Ip,
        Self::UserAgent,
        Self::Error,
        Self::Tag,
        Self::Origin,
    ];

    pub(crate) fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|slot| *slot as u8 == number)
    }
}

/// A page of words.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct TextPage([AtomicU64; PAGE_WORDS]);

impl TextPage {
    pub(crate) fn blank() -> Self {
        Self(std::array::from_fn(|_| AtomicU64::new(0)))
    }
}

/// See the module.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Texts {
    version: AtomicU32,
    len: AtomicU32,
    page: StaticRef<TextPage>,
    inline: [AtomicU64; INLINE_WORDS],
}

/// One entry as found by a walk.
#[derive(Debug, Clone, Copy)]
struct Entry {
    at: usize,
    slot: u8,
    key: u32,
    bytes: usize,
}

impl Entry {
    fn words(self) -> usize {
        1 + self.bytes.div_ceil(8)
    }
}

fn head(slot: Slot, key: u32, bytes: usize) -> u64 {
    u64::from(slot as u8) | (bytes as u64) << 8 | u64::from(key) << 32
}

impl Texts {
    pub(crate) fn blank() -> Self {
        Self {
            version: AtomicU32::new(0),
            len: AtomicU32::new(0),
            page: StaticRef::empty(),
            inline: std::array::from_fn(|_| AtomicU64::new(0)),
        }
    }

    #[inline]
    pub(crate) fn clear(&self) {
        self.len.store(0, Ordering::Relaxed);
        self.settle();
    }

    /// Says that no write is in progress. Two writers at once, which only misuse can make, may
    /// leave it otherwise, and every later life of the header would hide its texts from readers.
    #[inline]
    fn settle(&self) {
        let version = self.version.load(Ordering::Relaxed);
        if version & 1 == 1 {
            self.version.store(version.wrapping_add(1), Ordering::Release);
        }
    }

    /// Gives the page back.
    pub(crate) fn release(&self) {
        self.clear();
        if let Some(page) = self.page.load() {
            self.page.store(None);
            pool::give_text_page(page);
        }
    }

    /// Number of words in use.
    #[inline]
    pub(crate) fn len_words(&self) -> usize {
        self.len.load(Ordering::Relaxed) as usize
    }

    fn cell(&self, at: usize) -> Option<&AtomicU64> {
        match self.inline.get(at) {
            Some(cell) => Some(cell),
            None => self.page.load()?.0.get(at - INLINE_WORDS),
        }
    }

    fn word(&self, at: usize) -> u64 {
        self.cell(at).map_or(0, |cell| cell.load(Ordering::Relaxed))
    }

    fn set_word(&self, at: usize, word: u64) {
        if let Some(cell) = self.cell(at) {
            cell.store(word, Ordering::Relaxed);
        }
    }

    fn entry(&self, at: usize, len: usize) -> Option<Entry> {
        if at >= len {
            return None;
        }
        #[expect(clippy::cast_possible_truncation, reason = "bit fields")]
        let entry = {
            let head = self.word(at);
            let bytes = (head >> 8) as usize & 0xffff;
            Entry { at, slot: head as u8, key: (head >> 32) as u32, bytes }
        };
        Some(entry)
    }

    fn find(&self, slot: Slot, key: u32) -> Option<Entry> {
        let len = self.len_words();
        let mut at = 0;
        while let Some(entry) = self.entry(at, len) {
            if entry.slot == slot as u8 && entry.key == key {
                return Some(entry);
            }
            at += entry.words();
        }
        None
    }

    /// Whether there is such a text.
    pub(crate) fn has(&self, slot: Slot) -> bool {
        self.find(slot, 0).is_some()
    }

    /// Whether a text is being written just now; then the others may not be where they seem.
    #[cfg(all(feature = "native", target_os = "linux", target_arch = "x86_64"))]
    pub(crate) fn is_in_write(&self) -> bool {
        self.version.load(Ordering::Relaxed) & 1 == 1
    }

    /// Copies at most as much of a text as `out` holds, without allocating; answers how many bytes.
    pub(crate) fn copy_text(&self, slot: Slot, out: &mut [u8]) -> usize {
        let Some(entry) = self.find(slot, 0) else { return 0 };
        let len = entry.bytes.min(out.len());
        for (n, bytes) in out[..len].chunks_mut(8).enumerate() {
            let word = self.word(entry.at + 1 + n).to_le_bytes();
            bytes.copy_from_slice(&word[..bytes.len()]);
        }
        len
    }

    /// Copies a text, replacing the one of the same slot and key. Whether there was room.
    pub(crate) fn set(&self, slot: Slot, key: u32, text: &str) -> bool {
        let text = scouter_wire::text::cut(text, MAX_FIELD_BYTES);
        let old = self.find(slot, key);
        // Odd while it writes, even after it, whatever it was.
        let version = self.version.load(Ordering::Relaxed) & !1;
        self.version.store(version.wrapping_add(1), Ordering::Relaxed);
        fence(Ordering::Release);
        let is_kept = match old {
            Some(old) if old.bytes.div_ceil(8) == text.len().div_ceil(8) => {
                self.put(old.at, slot, key, text);
                true
            }
            Some(old) => {
                self.remove(old);
                self.append(slot, key, text)
            }
            None => self.append(slot, key, text),
        };
        self.version.store(version.wrapping_add(2), Ordering::Release);
        is_kept
    }

    fn append(&self, slot: Slot, key: u32, text: &str) -> bool {
        let at = self.len_words();
        let end = at + 1 + text.len().div_ceil(8);
        if end > INLINE_WORDS + PAGE_WORDS {
            return false;
        }
        if end > INLINE_WORDS && self.page.load().is_none() {
            let Some(page) = pool::take_text_page() else { return false };
            self.page.store(Some(page));
        }
        self.put(at, slot, key, text);
        self.len.store(u32::try_from(end).unwrap_or(0), Ordering::Release);
        true
    }

    fn put(&self, at: usize, slot: Slot, key: u32, text: &str) {
        self.set_word(at, head(slot, key, text.len()));
        for n in 0..text.len().div_ceil(8) {
            self.set_word(at + 1 + n, word_at(text.as_bytes(), n * 8));
        }
    }

    fn remove(&self, old: Entry) {
        let (len, gap) = (self.len_words(), old.words());
        for at in old.at + gap..len {
            self.set_word(at - gap, self.word(at));
        }
        self.len.store(u32::try_from(len.saturating_sub(gap)).unwrap_or(0), Ordering::Relaxed);
    }

    /// Appends all words in use to `out`, in the form [`walk`] reads; for the owner.
    pub(crate) fn copy_to(&self, mut out: impl FnMut(u64)) {
        for at in 0..self.len_words() {
            out(self.word(at));
        }
    }

    /// Copies all words as they belong together into `out`; `false` if they changed meanwhile.
    pub(crate) fn copy_for_readers(&self, out: &mut Vec<u64>) -> bool {
        let version = self.version.load(Ordering::Acquire);
        if version & 1 == 1 {
            return false;
        }
        let from = out.len();
        let len = self.len.load(Ordering::Acquire) as usize;
        out.extend((0..len.min(INLINE_WORDS + PAGE_WORDS)).map(|at| self.word(at)));
        fence(Ordering::Acquire);
        let is_whole = self.version.load(Ordering::Relaxed) == version;
        if !is_whole {
            out.truncate(from);
        }
        is_whole
    }
}

/// Calls `each` with slot, key and text of each entry in copied words. Bytes that are not UTF-8
/// (only misuse by two owners at once can make them) are skipped.
pub(crate) fn walk(words: &[u64], scratch: &mut Vec<u8>, mut each: impl FnMut(u8, u32, &str)) {
    let mut rest = words;
    while let Some((head, after)) = rest.split_first() {
        #[expect(clippy::cast_possible_truncation, reason = "bit fields")]
        let (slot, bytes, key) =
            (*head as u8, (*head >> 8) as usize & 0xffff, (*head >> 32) as u32);
        let Some((text, next)) = after.split_at_checked(bytes.div_ceil(8)) else { return };
        scratch.clear();
        scratch.extend(text.iter().flat_map(|word| word.to_le_bytes()));
        scratch.truncate(bytes);
        if let Ok(text) = std::str::from_utf8(scratch) {
            each(slot, key, text);
        }
        rest = next;
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn all(texts: &Texts) -> Vec<(u8, u32, String)> {
        let (mut words, mut found) = (Vec::new(), Vec::new());
        texts.copy_to(|word| words.push(word));
        walk(&words, &mut Vec::new(), |slot, key, text| found.push((slot, key, text.to_owned())));
        found
    }

    #[test]
    fn last_write_wins_whatever_the_lengths() {
        let texts = Texts::blank();
        for tenant in ["acme", "a", "", "a much longer tenant name", "acme2"] {
            assert!(texts.set(Slot::Tenant, 0, tenant));
            assert!(texts.set(Slot::Login, 0, "ann"));
            let found = all(&texts);
            assert_eq!(found.len(), 2);
            assert!(found.contains(&(Slot::Tenant as u8, 0, tenant.to_owned())));
            assert!(found.contains(&(Slot::Login as u8, 0, "ann".to_owned())));
        }
    }

    #[test]
    fn version_that_two_writers_left_odd_is_even_again_in_the_next_life_and_after_a_write() {
        let mends: [fn(&Texts); 3] =
            [Texts::clear, Texts::release, |texts| assert!(texts.set(Slot::Login, 0, "ann"))];
        for mend in mends {
            let texts = Texts::blank();
            texts.version.store(7, Ordering::Relaxed);
            assert!(!texts.copy_for_readers(&mut Vec::new()));
            mend(&texts);
            assert!(texts.copy_for_readers(&mut Vec::new()));
            assert!(texts.version.load(Ordering::Relaxed) >= 8, "it never comes back");
        }
    }

    #[test]
    fn texts_past_the_inline_words_go_to_a_page_and_past_it_are_refused() {
        let texts = Texts::blank();
        let long = "é".repeat(200);
        let kept = (1..100).filter(|key| texts.set(Slot::Tag, *key, &long)).count();
        assert_eq!(kept, (INLINE_WORDS + PAGE_WORDS) / 33);
        assert!(all(&texts).iter().all(|(_, _, text)| text.len() == MAX_FIELD_BYTES));
        assert!(texts.set(Slot::Tag, 1, "short"), "replacing needs no room");
        texts.release();
        assert!(all(&texts).is_empty());
    }
}
