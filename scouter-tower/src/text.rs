//! A text on the stack, for what must be formatted without an allocation.

use std::fmt;

/// Longest text the recorder keeps in one field, in bytes; longer ones are cut here already.
pub(crate) const MAX_KEPT_BYTES: usize = 256;

/// At most `N` bytes of text; what does not fit is cut at a character boundary.
#[derive(Clone, Copy)]
pub(crate) struct StackText<const N: usize> {
    bytes: [u8; N],
    len: usize,
}

impl<const N: usize> StackText<N> {
    pub(crate) fn of(text: &dyn fmt::Display) -> Self {
        let mut own = Self { bytes: [0; N], len: 0 };
        // A full buffer is the only error, and what fitted stays.
        let _ = fmt::write(&mut own, format_args!("{text}"));
        own
    }

    pub(crate) fn as_str(&self) -> &str {
        // Whole characters only were copied in, so this never falls back.
        str::from_utf8(&self.bytes[..self.len]).unwrap_or_default()
    }
}

impl<const N: usize> fmt::Write for StackText<N> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let fitting = &text[..text.floor_char_boundary(N - self.len)];
        self.bytes[self.len..self.len + fitting.len()].copy_from_slice(fitting.as_bytes());
        self.len += fitting.len();
        if fitting.len() == text.len() { Ok(()) } else { Err(fmt::Error) }
    }
}

impl<const N: usize> fmt::Debug for StackText<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_does_not_fit_is_cut_at_a_character() {
        assert_eq!(StackText::<8>::of(&"short").as_str(), "short");
        assert_eq!(StackText::<4>::of(&"longer").as_str(), "long");
        assert_eq!(StackText::<4>::of(&"abcé").as_str(), "abc");
        assert_eq!(StackText::<0>::of(&"x").as_str(), "");
    }
}
