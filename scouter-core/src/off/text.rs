//! Without feature `enable`: no text has a number.

use scouter_wire::{TextKind, TextRef};

/// The number of a text; there are none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct TextId;

impl TextId {
    /// No text.
    pub const NONE: Self = Self;

    /// Always 0.
    #[must_use]
    pub const fn number(self) -> u32 {
        0
    }

    /// Never.
    #[must_use]
    pub const fn is_some(self) -> bool {
        false
    }
}

impl From<TextId> for TextRef {
    fn from(_: TextId) -> Self {
        Self::NONE
    }
}

/// Answers [`TextId::NONE`].
#[inline(always)]
#[must_use]
pub fn intern(_: TextKind, _: &str) -> TextId {
    TextId
}

/// Answers [`TextId::NONE`].
#[inline(always)]
#[must_use]
pub fn intern_parts(_: TextKind, _: &[&str]) -> TextId {
    TextId
}

/// The empty text.
#[inline(always)]
#[must_use]
pub fn text(_: TextId) -> &'static str {
    ""
}

/// There are never new texts.
pub fn new_texts(_: usize, _: &mut Vec<(TextId, TextKind, &'static str)>) {}
