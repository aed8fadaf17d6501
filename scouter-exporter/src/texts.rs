//! The texts of this process by their numbers.

use std::cell::RefCell;
use std::fmt;

use scouter_wire::{TextKind, TextRef};

use crate::source::{NewText, TextSource};

/// The texts that records refer to. A [`Sink`](crate::Sink) looks them up here.
pub struct Texts {
    source: TextSource,
    known: RefCell<Vec<NewText>>,
}

impl fmt::Debug for Texts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Texts").field("known", &self.known.borrow().len()).finish_non_exhaustive()
    }
}

impl Texts {
    pub(crate) fn new(source: TextSource) -> Self {
        Self { source, known: RefCell::default() }
    }

    /// The text of a reference; empty for [`TextRef::NONE`].
    #[must_use]
    pub fn text(&self, text: TextRef) -> &'static str {
        self.entry(text).map_or("", |(_, text)| text)
    }

    pub(crate) fn entry(&self, text: TextRef) -> Option<(TextKind, &'static str)> {
        let index = (text.0 as usize).checked_sub(1)?;
        let mut known = self.known.borrow_mut();
        if index >= known.len() {
            let from = known.len();
            (self.source)(from, &mut known);
        }
        known.get(index).map(|(_, kind, text)| (*kind, *text))
    }
}
