//! Text formatted into a buffer on the stack, cut at its limit.

use std::fmt::{self, Write};

use crate::panics;
use crate::telemetry::TEXTS_CUT;
use crate::texts::MAX_FIELD_BYTES;

/// What a message becomes when formatting it panicked.
pub(crate) const PANICKED: &str = "(formatting this text panicked)";

/// At most [`MAX_FIELD_BYTES`] of text.
#[derive(Debug)]
pub(crate) struct Bounded {
    bytes: [u8; MAX_FIELD_BYTES],
    len: usize,
}

impl Bounded {
    /// Formats; what does not fit is cut at a character boundary and counted. A panic of the
    /// application's formatting stays here.
    #[inline(never)]
    pub(crate) fn of(text: &dyn fmt::Display) -> Self {
        Self::format(format_args!("{text}"))
    }

    /// Formats arguments by the same rules.
    #[inline(never)]
    pub(crate) fn format(text: fmt::Arguments<'_>) -> Self {
        let mut bounded = Self { bytes: [0; MAX_FIELD_BYTES], len: 0 };
        let written = panics::caught(|| bounded.write_fmt(text));
        match written {
            Ok(Ok(())) => {}
            Ok(Err(_)) => TEXTS_CUT.add(1),
            Err(_) => {
                bounded.len = 0;
                // It fits: the limit is far above its length.
                let _ = bounded.write_str(PANICKED);
            }
        }
        bounded
    }

    pub(crate) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.len]).unwrap_or_default()
    }
}

/// Formats a value and cuts it at the limit of texts, for bridges.
pub fn bounded(text: fmt::Arguments<'_>) -> String {
    Bounded::format(text).as_str().to_owned()
}

/// At most [`MAX_FIELD_BYTES`] of a text; a cut is counted.
#[inline]
pub(crate) fn field(text: &str) -> &str {
    if text.len() <= MAX_FIELD_BYTES { text } else { cut_field(text) }
}

#[cold]
fn cut_field(text: &str) -> &str {
    TEXTS_CUT.add(1);
    scouter_wire::text::cut(text, MAX_FIELD_BYTES)
}

impl Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = MAX_FIELD_BYTES - self.len;
        let kept = scouter_wire::text::cut(text, room);
        self.bytes[self.len..self.len + kept.len()].copy_from_slice(kept.as_bytes());
        self.len += kept.len();
        // An error ends the formatting, so that a huge Debug costs no more than what is kept.
        if kept.len() == text.len() { Ok(()) } else { Err(fmt::Error) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Panics;

    impl fmt::Display for Panics {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            panic!("in Display")
        }
    }

    #[test]
    fn long_text_is_cut_at_a_character_boundary_and_counted() {
        let before = TEXTS_CUT.value();
        assert_eq!(Bounded::of(&"short").as_str(), "short");
        let cut = Bounded::of(&format!("x{}", "é".repeat(300)));
        assert_eq!(cut.as_str().len(), 255);
        assert!(TEXTS_CUT.value() > before);
    }

    #[test]
    fn panicking_display_becomes_a_note_and_not_a_panic() {
        assert_eq!(Bounded::of(&Panics).as_str(), PANICKED);
    }
}
