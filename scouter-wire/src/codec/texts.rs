//! Texts on the wire: the table at the head of a frame, TEXT and TEXT_ID.
//!
//! Records in a frame never name a text directly: they hold an index into the frame's own table,
//! and only the table says which text of which store that is. So a batch is rewritten for another
//! store by replacing its table, and a profile section can be kept as it came for years beside the
//! numbers its table stood for.

use super::bytes::{Reader, put_record, put_text, put_varint};
use super::{DecodeError, MAX_FRAME_TEXTS, MAX_LIST_ITEMS};
use crate::text::MAX_TEXT_BYTES;
use crate::{TextKind, TextRef};

/// Number of text kinds in the layout of a table. A table of a newer sender may have more.
pub(crate) const KINDS: usize = TextKind::ALL.len();

/// Most text kinds in a table, known or not.
const MAX_KINDS: usize = 32;

/// How a frame names a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TextName {
    /// The number the store named in the frame has given it. Never 0.
    Id(u32),
    /// Its hash under the seed of that store; TEXT said or will say which text that is.
    Hash(u64),
}

/// One entry of the text table of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TextEntry {
    /// Number of the kind; [`TextEntry::kind`] names it.
    pub kind_number: u8,
    /// How the text is named.
    pub name: TextName,
}

impl TextEntry {
    /// An entry.
    #[must_use]
    pub const fn new(kind: TextKind, name: TextName) -> Self {
        Self { kind_number: kind as u8, name }
    }

    /// The kind, or `None` for one of a newer sender.
    #[must_use]
    pub fn kind(&self) -> Option<TextKind> {
        TextKind::from_wire(self.kind_number)
    }
}

/// The texts a frame refers to, grouped by kind, in the order of the indexes in the frame.
///
/// Kept and filled again for the next frame, so that decoding does not allocate.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TextTable {
    entries: Vec<TextEntry>,
}

impl TextTable {
    /// The entries in order. Resolve each to the store's number and give the numbers, in this
    /// order, to the decoders as their `texts`.
    #[must_use]
    pub fn entries(&self) -> &[TextEntry] {
        &self.entries
    }

    pub(crate) fn parse(&mut self, reader: &mut Reader<'_>) -> Result<(), DecodeError> {
        self.entries.clear();
        let kinds = reader.length(MAX_KINDS, "text kinds")?;
        for kind_number in 0..kinds {
            let count = reader.length(MAX_FRAME_TEXTS - self.entries.len(), "text table")?;
            // Each entry takes a byte at least, so that a lying count cannot reserve much.
            if count > reader.rest().len() {
                return Err(DecodeError::Truncated("text table"));
            }
            self.entries.reserve(count);
            for _ in 0..count {
                let name = match reader.varint("text id")? {
                    0 => TextName::Hash(reader.u64("text hash")?),
                    id => TextName::Id(
                        u32::try_from(id).map_err(|_| DecodeError::OutOfRange("text id"))?,
                    ),
                };
                // At most MAX_KINDS, so it fits a byte.
                let kind_number = u8::try_from(kind_number).unwrap_or(u8::MAX);
                self.entries.push(TextEntry { kind_number, name });
            }
        }
        Ok(())
    }
}

/// Writes a table. `entries` come grouped by ascending kind, `counts` says how many of each. Kinds
/// after the last one that is used are left out.
pub(crate) fn put_table(
    out: &mut Vec<u8>,
    counts: &[usize],
    entries: impl Iterator<Item = TextName>,
) {
    let kinds = counts.iter().rposition(|count| *count > 0).map_or(0, |last| last + 1);
    put_varint(out, kinds as u64);
    let mut entries = entries;
    for count in &counts[..kinds] {
        put_varint(out, *count as u64);
        for name in entries.by_ref().take(*count) {
            match name {
                TextName::Id(id) if id != 0 => put_varint(out, u64::from(id)),
                // Id 0 means "no text" and cannot stand in a table; it would read as a hash.
                TextName::Id(_) => put_hash(out, 0),
                TextName::Hash(hash) => put_hash(out, hash),
            }
        }
    }
}

fn put_hash(out: &mut Vec<u8>, hash: u64) {
    out.push(0);
    out.extend_from_slice(&hash.to_le_bytes());
}

/// Numbers the texts of one frame as they are met: the encoder's side of a table.
#[derive(Debug, Default)]
pub(crate) struct LocalTexts {
    stamp: u32,
    /// Per kind, by the number in the record: the frame it was last met in, and its index there.
    slots: [Vec<(u32, u32)>; KINDS],
    met: [Vec<TextRef>; KINDS],
}

impl LocalTexts {
    /// Index of a text in its kind's part of the table, plus 1; 0 for no text.
    #[inline]
    pub(crate) fn index(&mut self, kind: TextKind, text: TextRef) -> u64 {
        if text == TextRef::NONE {
            return 0;
        }
        let slots = &mut self.slots[kind as usize];
        let number = text.0 as usize;
        if number >= slots.len() {
            // Numbers are dense and bounded by the recorder's limit of texts (8 bytes for each).
            slots.resize(number + 1, (u32::MAX, 0));
        }
        let slot = &mut slots[number];
        if slot.0 != self.stamp {
            let met = &mut self.met[kind as usize];
            met.push(text);
            // At most one entry for each u32.
            *slot = (self.stamp, u32::try_from(met.len()).unwrap_or(u32::MAX));
        }
        u64::from(slot.1)
    }

    /// Moves the texts that were met into `out`, grouped by kind, and begins the next frame.
    pub(crate) fn finish(&mut self, out: &mut Vec<(TextKind, TextRef)>) {
        out.clear();
        for (kind, met) in TextKind::ALL.into_iter().zip(&mut self.met) {
            out.extend(met.drain(..).map(|text| (kind, text)));
        }
        self.stamp = self.stamp.wrapping_add(1);
        if self.stamp == u32::MAX {
            self.stamp = 0;
            self.slots.iter_mut().for_each(Vec::clear);
        }
    }

    pub(crate) fn counts(texts: &[(TextKind, TextRef)]) -> [usize; KINDS] {
        let mut counts = [0; KINDS];
        for (kind, _) in texts {
            counts[*kind as usize] += 1;
        }
        counts
    }
}

/// Where each kind begins in the `texts` given to a decoder.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Texts<'a> {
    bases: [usize; KINDS + 1],
    texts: &'a [TextRef],
}

impl<'a> Texts<'a> {
    pub(crate) fn new(counts: &mut Reader<'_>, texts: &'a [TextRef]) -> Result<Self, DecodeError> {
        let mut bases = [0; KINDS + 1];
        for kind in 0..KINDS {
            // A column that was left out or is short means no texts of the remaining kinds.
            let count = if counts.is_empty() {
                0
            } else {
                counts.length(MAX_FRAME_TEXTS, "text counts")?
            };
            bases[kind + 1] = bases[kind] + count;
        }
        if bases[KINDS] > texts.len() {
            return Err(DecodeError::OutOfRange("text table of the section"));
        }
        Ok(Self { bases, texts })
    }

    /// The text with this index of this kind, as written by [`LocalTexts::index`].
    #[inline]
    pub(crate) fn resolve(&self, kind: TextKind, index: u64) -> Result<TextRef, DecodeError> {
        let Some(index) = index.checked_sub(1) else { return Ok(TextRef::NONE) };
        let (base, end) = (self.bases[kind as usize], self.bases[kind as usize + 1]);
        let place = usize::try_from(index).ok().and_then(|index| base.checked_add(index));
        match place {
            Some(place) if place < end => Ok(self.texts[place]),
            _ => Err(DecodeError::OutOfRange("text index")),
        }
    }
}

/// One text in a TEXT frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewText<'a> {
    /// Its kind; `None` for one of a newer sender, which cannot be stored. Leave it out of the
    /// answer: its sender then goes on naming it by its hash.
    pub kind: Option<TextKind>,
    /// Its hash under the store's seed. The collector checks it.
    pub hash: u64,
    /// The text, at most [`MAX_TEXT_BYTES`].
    pub text: &'a str,
}

/// Appends the body of a TEXT frame.
pub fn put_texts<'a>(
    out: &mut Vec<u8>,
    texts: impl ExactSizeIterator<Item = (TextKind, u64, &'a str)>,
) {
    put_varint(out, texts.len() as u64);
    for (kind, hash, text) in texts {
        put_record(out, |out| {
            out.push(kind as u8);
            out.extend_from_slice(&hash.to_le_bytes());
            put_text(out, text, MAX_TEXT_BYTES);
        });
    }
}

/// Reads the body of a TEXT frame. What a newer agent appends is skipped.
///
/// # Errors
/// Any damage; texts before it have been given to `visit`.
pub fn read_texts<'a>(
    body: &'a [u8],
    mut visit: impl FnMut(NewText<'a>),
) -> Result<(), DecodeError> {
    let mut reader = Reader::new(body);
    for _ in 0..reader.length(MAX_LIST_ITEMS, "texts")? {
        let mut new = reader.record("text")?;
        let kind = TextKind::from_wire(new.u8("text kind")?);
        let hash = new.u64("text hash")?;
        let text = new.text(MAX_TEXT_BYTES, "text")?;
        visit(NewText { kind, hash, text });
    }
    Ok(())
}

/// The number the collector has given to a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NumberedText {
    /// Number of the kind, as it came in TEXT.
    pub kind_number: u8,
    /// The hash, as it came in TEXT.
    pub hash: u64,
    /// Its number in the store. Several texts may share one: that of `(other)`, past the limit.
    pub id: u32,
}

/// Appends the body of a TEXT_ID frame.
pub fn put_text_ids(out: &mut Vec<u8>, ids: &[NumberedText]) {
    put_varint(out, ids.len() as u64);
    for id in ids {
        put_record(out, |out| {
            out.push(id.kind_number);
            out.extend_from_slice(&id.hash.to_le_bytes());
            put_varint(out, u64::from(id.id));
        });
    }
}

/// Reads the body of a TEXT_ID frame. What a newer collector appends is skipped.
///
/// # Errors
/// Any damage; numbers before it have been given to `visit`.
pub fn read_text_ids(body: &[u8], mut visit: impl FnMut(NumberedText)) -> Result<(), DecodeError> {
    let mut reader = Reader::new(body);
    for _ in 0..reader.length(MAX_LIST_ITEMS, "text ids")? {
        let mut numbered = reader.record("text id")?;
        let kind_number = numbered.u8("text kind")?;
        let hash = numbered.u64("text hash")?;
        let id = numbered.varint_u32("text id")?;
        if id == 0 {
            return Err(DecodeError::OutOfRange("text id"));
        }
        visit(NumberedText { kind_number, hash, id });
    }
    Ok(())
}
