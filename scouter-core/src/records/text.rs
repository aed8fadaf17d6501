//! Texts in records: the first one has room for 16 bytes beside its head, each further one for 24.

use super::Tag;

/// Bytes of text in the first record, and in each further one.
const FIRST_BYTES: usize = 16;
const NEXT_BYTES: usize = 24;

/// Which text a [`Tag::Note`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Note {
    /// Message of the error the step failed with.
    Error = 1,
    /// Address an outbound call went to.
    Address = 2,
    /// Bound values of a statement.
    Binds = 3,
    /// Text of a message or error step.
    Message = 4,
}

impl Note {
    pub(crate) const fn word0(self) -> u64 {
        Tag::Note.bits() | (self as u64) << 48
    }

    pub(crate) fn of(word0: u64) -> Option<Self> {
        match (word0 >> 48) & 0xff {
            1 => Some(Self::Error),
            2 => Some(Self::Address),
            3 => Some(Self::Binds),
            4 => Some(Self::Message),
            _ => None,
        }
    }
}

/// How many records a text of this length takes.
pub(crate) fn records_of_text(len: usize) -> usize {
    1 + len.saturating_sub(FIRST_BYTES).div_ceil(NEXT_BYTES)
}

/// Cuts a text into the words of the records it takes: each call of `put` gets one record.
///
/// `word0` and `word2` are those of the first record. `put` answers whether there was room.
#[inline]
pub(crate) fn write_text(
    text: &[u8],
    word0: u64,
    word2: u64,
    mut put: impl FnMut([u64; 4]) -> bool,
) -> bool {
    let word = |at: usize| word_at(text, at);
    if !put([word0, word(0), word2, word(8)]) {
        return false;
    }
    let mut at = FIRST_BYTES;
    while at < text.len() {
        if !put([Tag::More.bits(), word(at), word(at + 8), word(at + 16)]) {
            return false;
        }
        at += NEXT_BYTES;
    }
    true
}

/// The eight bytes from `at` on, zeros past the end.
#[inline(always)]
pub(crate) fn word_at(text: &[u8], at: usize) -> u64 {
    let rest = text.get(at..).unwrap_or_default();
    match rest.first_chunk::<8>() {
        Some(word) => u64::from_le_bytes(*word),
        None => rest.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte)),
    }
}

/// Appends the bytes of a text record of which `left` are still missing; answers what is missing
/// after it.
pub(crate) fn read_text(words: [u64; 4], is_first: bool, left: usize, out: &mut Vec<u8>) -> usize {
    let mut bytes = [0; NEXT_BYTES];
    let (parts, _) = bytes.as_chunks_mut::<8>();
    let order: &[usize] = if is_first { &[1, 3] } else { &[1, 2, 3] };
    for (part, word) in parts.iter_mut().zip(order) {
        *part = words[*word].to_le_bytes();
    }
    let taken = left.min(order.len() * 8);
    out.extend_from_slice(&bytes[..taken]);
    left - taken
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::records::{meta, meta_word};

    #[test]
    fn texts_of_every_length_come_back_as_they_were() {
        for len in 0..120 {
            let text: String = ('a'..='z').cycle().take(len).collect();
            let mut records = Vec::new();
            assert!(write_text(text.as_bytes(), 0, meta_word(5, 0, len), |words| {
                records.push(words);
                true
            }));
            assert_eq!(records.len(), records_of_text(len), "{len}");
            let mut left = meta(records[0][2]).2;
            let mut back = Vec::new();
            for (n, words) in records.iter().enumerate() {
                left = read_text(*words, n == 0, left, &mut back);
            }
            assert_eq!(String::from_utf8(back).unwrap(), text);
        }
    }
}
