//! A text of bounded length in place: for where nothing may be allocated.

use std::fmt;

/// At most `N` bytes of text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fixed<const N: usize> {
    bytes: [u8; N],
    len: usize,
}

impl<const N: usize> Fixed<N> {
    /// No text.
    pub(crate) const EMPTY: Self = Self { bytes: [0; N], len: 0 };

    /// What fits of a text.
    pub(crate) fn of(text: &str) -> Self {
        let mut fixed = Self::EMPTY;
        fixed.push(text);
        fixed
    }

    /// What `write` puts into the bytes; it answers how many they are.
    pub(crate) fn written(write: impl FnOnce(&mut [u8]) -> usize) -> Self {
        let mut fixed = Self::EMPTY;
        fixed.len = write(&mut fixed.bytes).min(N);
        fixed
    }

    /// Appends what fits; whether all of it did.
    pub(crate) fn push(&mut self, text: &str) -> bool {
        let kept = scouter_wire::text::cut(text, N - self.len);
        self.bytes[self.len..self.len + kept.len()].copy_from_slice(kept.as_bytes());
        self.len += kept.len();
        kept.len() == text.len()
    }

    /// The text up to where it stops being UTF-8.
    pub(crate) fn as_str(&self) -> &str {
        let bytes = &self.bytes[..self.len];
        std::str::from_utf8(bytes).unwrap_or_else(|error| {
            std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default()
        })
    }

    /// All bytes, zeros behind the text.
    pub(crate) const fn bytes(&self) -> &[u8; N] {
        &self.bytes
    }
}

impl<const N: usize> fmt::Write for Fixed<N> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.push(text) { Ok(()) } else { Err(fmt::Error) }
    }
}

/// At most the last `limit` bytes of a path.
pub(crate) fn end_of(path: &str, limit: usize) -> &str {
    let from = path.len().saturating_sub(limit);
    path.get(path.ceil_char_boundary(from)..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_path_is_cut_at_its_front_and_at_a_character() {
        assert_eq!(end_of("src/main.rs", 20), "src/main.rs");
        let long = format!("{}/main.rs", "é".repeat(100));
        let shown = end_of(&long, 20);
        assert!(shown.ends_with("éé/main.rs") && (19..=20).contains(&shown.len()));
    }

    #[test]
    fn what_does_not_fit_is_cut_at_a_character_and_half_a_character_is_not_shown() {
        let mut fixed = Fixed::<5>::of("abc");
        assert!(!fixed.push("éé"));
        assert_eq!(fixed.as_str(), "abcé");
        let torn = Fixed::<4>::written(|bytes| {
            bytes.copy_from_slice(&[b'a', b'b', b'c', 0xc3]);
            4
        });
        assert_eq!(torn.as_str(), "abc");
    }
}
