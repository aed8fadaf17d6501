//! Inline texts of a section: distinct ones once (tenants, logins, addresses, user agents, errors),
//! or one after another where repeats are rare (notes, bound values, tags).

use super::DecodeError;
use super::bytes::{Reader, put_varint};
use crate::text::cut;

/// Distinct texts of one column while it is encoded.
#[derive(Debug, Default)]
pub(crate) struct StringDictionary {
    /// Open addressing: the hash of a text, and its index plus 1, or 0.
    slots: Vec<(u32, u32)>,
    ends: Vec<usize>,
    bytes: Vec<u8>,
}

/// Slots before the first growth; always a power of two and at most half full.
const FIRST_SLOTS: usize = 64;

impl StringDictionary {
    /// Index of a text plus 1; 0 for the empty text. Cuts at `limit` bytes.
    pub(crate) fn index(&mut self, text: &str, limit: usize) -> u64 {
        if text.is_empty() {
            return 0;
        }
        let text = cut(text, limit).as_bytes();
        if 2 * (self.ends.len() + 1) > self.slots.len() {
            self.grow();
        }
        let hash = quick_hash(text);
        let mask = self.slots.len() - 1;
        let mut place = hash as usize & mask;
        loop {
            match self.slots[place] {
                (_, 0) => break,
                (found, index) if found == hash && self.at(index as usize - 1) == text => {
                    return u64::from(index);
                }
                _ => place = (place + 1) & mask,
            }
        }
        self.bytes.extend_from_slice(text);
        self.ends.push(self.bytes.len());
        // A section holds far fewer texts than 2^32: its bytes are limited.
        let index = u32::try_from(self.ends.len()).unwrap_or(u32::MAX);
        self.slots[place] = (hash, index);
        u64::from(index)
    }

    fn at(&self, index: usize) -> &[u8] {
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        &self.bytes[start..self.ends[index]]
    }

    fn grow(&mut self) {
        let mask = (2 * self.slots.len()).max(FIRST_SLOTS) - 1;
        let old = std::mem::replace(&mut self.slots, vec![(0, 0); mask + 1]);
        for (hash, index) in old.into_iter().filter(|(_, index)| *index != 0) {
            let mut place = hash as usize & mask;
            while self.slots[place].1 != 0 {
                place = (place + 1) & mask;
            }
            self.slots[place] = (hash, index);
        }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn put_lengths(&self, out: &mut Vec<u8>) {
        let mut start = 0;
        for end in &self.ends {
            put_varint(out, (end - start) as u64);
            start = *end;
        }
    }

    pub(crate) fn clear(&mut self) {
        self.slots.fill((0, 0));
        self.ends.clear();
        self.bytes.clear();
    }
}

/// Good enough to spread texts over slots; never leaves the process. Reads whole words only, the
/// last ones overlapping: a tail copied byte by byte would cost more than the hash.
fn quick_hash(text: &[u8]) -> u32 {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let mix = |hash: u64, word: u64| (hash.rotate_left(23) ^ word).wrapping_mul(FACTOR);
    let (mut left, mut right) = (text.len() as u64, FACTOR);
    if let (Some(first), Some(last)) = (text.first_chunk::<8>(), text.last_chunk::<8>()) {
        // Two chains side by side: each waits for its own multiplication only.
        let (pairs, _) = text.as_chunks::<16>();
        for pair in pairs {
            let (words, _) = pair.as_chunks::<8>();
            left = mix(left, u64::from_le_bytes(words[0]));
            right = mix(right, u64::from_le_bytes(words[1]));
        }
        // Of the last 16 bytes, those that no pair has covered are in these two.
        let middle = &text[pairs.len() * 16..];
        left = mix(left, u64::from_le_bytes(*middle.first_chunk().unwrap_or(first)));
        right = mix(right, u64::from_le_bytes(*last));
    } else if let (Some(first), Some(last)) = (text.first_chunk::<4>(), text.last_chunk::<4>()) {
        left = mix(left, u64::from(u32::from_le_bytes(*first)));
        right = mix(right, u64::from(u32::from_le_bytes(*last)));
    } else if let (Some(first), Some(last)) = (text.first(), text.last()) {
        let middle = text[text.len() / 2];
        left = mix(left, u64::from_le_bytes([*first, middle, *last, 0, 0, 0, 0, 0]));
    }
    let hash = left ^ right.rotate_left(32);
    (hash.wrapping_mul(FACTOR) >> 32) as u32
}

/// Texts of one column after decoding, all in one buffer that is used again.
#[derive(Debug, Clone, Default)]
pub(crate) struct StringColumn {
    text: String,
    /// Where each text ends.
    ends: Vec<u32>,
    /// Per row the index of its text plus 1, or 0. Empty for a column without repeats.
    rows: Vec<u64>,
}

impl StringColumn {
    /// Decodes the distinct texts of a column.
    pub(crate) fn read_dictionary(
        &mut self,
        lengths: Reader<'_>,
        bytes: &[u8],
        limit: usize,
        what: &'static str,
    ) -> Result<(), DecodeError> {
        self.ends.clear();
        let mut lengths = lengths;
        let mut end = 0usize;
        while !lengths.is_empty() {
            end += lengths.length(limit, what)?;
            self.ends.push(u32::try_from(end).map_err(|_| DecodeError::OutOfRange(what))?);
        }
        self.fill(bytes, end, what)
    }

    /// Decodes texts that lie one after another, one per row, by their lengths.
    pub(crate) fn read_rows(
        &mut self,
        lengths: &[u64],
        bytes: &[u8],
        limit: usize,
        what: &'static str,
    ) -> Result<(), DecodeError> {
        self.ends.clear();
        self.rows.clear();
        let mut end = 0u64;
        for length in lengths {
            if *length > limit as u64 {
                return Err(DecodeError::TooLong { what, length: *length, limit: limit as u64 });
            }
            end += length;
            self.ends.push(u32::try_from(end).map_err(|_| DecodeError::OutOfRange(what))?);
        }
        let end = usize::try_from(end).map_err(|_| DecodeError::OutOfRange(what))?;
        self.fill(bytes, end, what)
    }

    fn fill(&mut self, bytes: &[u8], end: usize, what: &'static str) -> Result<(), DecodeError> {
        if bytes.len() != end {
            return Err(if bytes.len() < end {
                DecodeError::Truncated(what)
            } else {
                DecodeError::Trailing(what)
            });
        }
        let text = std::str::from_utf8(bytes).map_err(|_| DecodeError::NotUtf8(what))?;
        if !self.ends.iter().all(|end| text.is_char_boundary(*end as usize)) {
            return Err(DecodeError::NotUtf8(what));
        }
        self.text.clear();
        self.text.push_str(text);
        Ok(())
    }

    /// The indexes of the rows, to be decoded into; then [`StringColumn::check_rows`].
    pub(crate) fn rows_mut(&mut self) -> &mut Vec<u64> {
        &mut self.rows
    }

    pub(crate) fn check_rows(&self, what: &'static str) -> Result<(), DecodeError> {
        let largest = self.rows.iter().fold(0, |largest, row| largest.max(*row));
        if largest > self.ends.len() as u64 {
            return Err(DecodeError::OutOfRange(what));
        }
        Ok(())
    }

    /// The text of a row of a dictionary column.
    pub(crate) fn of_row(&self, row: usize) -> &str {
        match self.rows[row] {
            0 => "",
            index => self.at(usize::try_from(index - 1).unwrap_or(usize::MAX)),
        }
    }

    /// All texts in their order.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &str> + Clone {
        (0..self.ends.len()).map(|index| self.at(index))
    }

    /// Per row of a dictionary column the index of its text plus 1, or 0.
    pub(crate) fn rows(&self) -> &[u64] {
        &self.rows
    }

    /// The text with this index plus 1, `""` for 0, `None` past the end.
    pub(crate) fn get(&self, index: u64) -> Option<&str> {
        let Some(index) = index.checked_sub(1) else { return Some("") };
        let index = usize::try_from(index).ok().filter(|index| *index < self.ends.len())?;
        Some(self.at(index))
    }

    /// The text with this index.
    pub(crate) fn at(&self, index: usize) -> &str {
        let start = if index == 0 { 0 } else { self.ends[index - 1] as usize };
        &self.text[start..self.ends[index] as usize]
    }
}
