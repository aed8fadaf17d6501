//! Reads profiles out of a decompressed profile section, one at a time.

use super::{name_column, name_kind, p};
use crate::codec::bytes::{Reader, unzigzag};
use crate::codec::column::SectionReader;
use crate::codec::strings::StringColumn;
use crate::codec::texts::Texts;
use crate::codec::{
    DecodeError, MAX_BATCH_PROFILES, MAX_BATCH_STEPS, MAX_STEP_TEXT_BYTES, MAX_TAGS,
};
use crate::record::{Detail, Outcome, Step, StepKind, Tag};
use crate::text::MAX_INLINE_BYTES;
use crate::{TextKind, TextRef, Txid};

/// The profiles of one batch or pack frame, decompressed.
///
/// Opening reads only how many steps each profile has. Reading profile `i` steps over the columns
/// of those before it without building their steps.
#[derive(Debug)]
pub struct Profiles<'a> {
    section: SectionReader<'a>,
    texts: Texts<'a>,
    /// Index of the first step of each profile, and the end of the last.
    firsts: Vec<u32>,
    dictionary: StringColumn,
}

impl<'a> Profiles<'a> {
    /// `texts` are the store's numbers of the frame's text table, in its order.
    pub(super) fn open(section: &'a [u8], texts: &'a [TextRef]) -> Result<Self, DecodeError> {
        let section = SectionReader::parse(section)?;
        let texts = Texts::new(&mut section.reader(p::TEXT_COUNTS), texts)?;
        let mut counts = section.reader(p::STEPS);
        let mut firsts = vec![0];
        let mut end = 0;
        while !counts.is_empty() {
            end += counts.length(MAX_BATCH_STEPS - end, "steps of a profile")?;
            // At most MAX_BATCH_STEPS.
            firsts.push(u32::try_from(end).unwrap_or(u32::MAX));
            if firsts.len() > MAX_BATCH_PROFILES + 1 {
                let (length, limit) = (firsts.len() as u64, MAX_BATCH_PROFILES as u64);
                return Err(DecodeError::TooLong { what: "profiles", length, limit });
            }
        }
        for column in [p::KIND, p::STATE] {
            match section.raw(column).len() {
                length if length < end => return Err(DecodeError::Truncated("steps")),
                length if length > end => return Err(DecodeError::Trailing("steps")),
                _ => {}
            }
        }
        let mut dictionary = StringColumn::default();
        dictionary.read_dictionary(
            section.reader(p::DICTIONARY_LENGTH),
            section.raw(p::DICTIONARY_TEXT),
            MAX_INLINE_BYTES,
            "step text",
        )?;
        Ok(Self { section, texts, firsts, dictionary })
    }

    /// Number of profiles.
    #[must_use]
    pub fn len(&self) -> usize {
        self.firsts.len() - 1
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of steps of a profile; `None` when there is no such profile.
    #[must_use]
    pub fn step_count(&self, profile: usize) -> Option<usize> {
        let end = *self.firsts.get(profile + 1)?;
        Some((end - self.firsts[profile]) as usize)
    }

    /// Visits the steps of one profile in order.
    ///
    /// # Errors
    /// [`DecodeError::OutOfRange`] when there is no such profile; any damage of the section. Steps
    /// before the damage have been visited.
    pub fn steps(
        &self,
        profile: usize,
        mut visit: impl FnMut(&Step<'_>),
    ) -> Result<(), DecodeError> {
        let count = self.step_count(profile).ok_or(DecodeError::OutOfRange("profile index"))?;
        let mut cursor = Cursor::new(self);
        cursor.skip(self.firsts[profile] as usize)?;
        let mut attributes = Vec::new();
        for index in 0..count {
            let head = cursor.step(index)?;
            if head.has_attributes {
                cursor.attributes(&mut attributes)?;
                visit(&Step { detail: Detail::Attributes(&attributes), ..head.step });
            } else {
                visit(&head.step);
            }
        }
        Ok(())
    }
}

const BAD_PARENT: DecodeError = DecodeError::OutOfRange("parent of a step");

/// A step whose attributes have not been read yet.
struct Head<'a> {
    step: Step<'a>,
    has_attributes: bool,
}

/// Walks all columns of the section together.
struct Cursor<'p, 'a> {
    profiles: &'p Profiles<'a>,
    last_parent: Option<u32>,
    columns: [Reader<'a>; p::COLUMNS],
    last_start: u64,
    last_end: u64,
}

impl<'p, 'a: 'p> Cursor<'p, 'a> {
    fn new(profiles: &'p Profiles<'a>) -> Self {
        let columns = std::array::from_fn(|number| {
            // Fewer than 64 columns, so it fits.
            profiles.section.reader(u8::try_from(number).unwrap_or(u8::MAX))
        });
        Self { profiles, columns, last_parent: None, last_start: 0, last_end: 0 }
    }

    fn column(&mut self, number: u8) -> &mut Reader<'a> {
        &mut self.columns[usize::from(number)]
    }

    fn varint(&mut self, number: u8) -> Result<u64, DecodeError> {
        self.column(number).varint("step")
    }

    fn narrow<T: TryFrom<u64>>(&mut self, number: u8) -> Result<T, DecodeError> {
        T::try_from(self.varint(number)?).map_err(|_| DecodeError::OutOfRange("step"))
    }

    /// Steps over the first `count` steps of the section: counts what each column holds of them.
    fn skip(&mut self, count: usize) -> Result<(), DecodeError> {
        let kinds = self.column(p::KIND).take(count, "steps")?;
        let states = self.column(p::STATE).take(count, "steps")?;
        let mut names = [0; 32];
        let mut details = [0usize; 16];
        for kind in kinds {
            names[usize::from(name_column(name_kind(step_kind(*kind))))] += 1;
            details[usize::from(kind >> 4)] += 1;
        }
        let with = |flag: u8| states.iter().filter(|state| **state & flag != 0).count();
        let detail = |number: u8| details[usize::from(number)];
        let sql = detail(p::DETAIL_SQL);
        let is_far = |state: &&u8| **state & p::STATE_PARENT == p::PARENT_FAR;
        let far = states.iter().filter(is_far).count();
        let api = detail(p::DETAIL_API);
        let (polled, folded) = (with(p::STATE_POLLED), with(p::STATE_FOLDED));
        for (column, count) in [
            (p::PARENT, far),
            (p::START, count),
            (p::ELAPSED, count),
            (p::NAME_METHOD, names[usize::from(p::NAME_METHOD)]),
            (p::NAME_SQL, names[usize::from(p::NAME_SQL)]),
            (p::NAME_API, names[usize::from(p::NAME_API)]),
            (p::NAME_POOL, names[usize::from(p::NAME_POOL)]),
            (p::BUSY, polled),
            (p::POLLS, polled),
            (p::FOLDED, folded),
            (p::MAX, folded),
            (p::ERROR, with(p::STATE_ERROR)),
            (p::API_STATUS, api),
            (p::API_ADDRESS, api),
            (p::API_TTFB, api),
        ] {
            self.column(column).skip_varints(count, "step")?;
        }
        let present = self.column(p::SQL_PRESENT).take(sql, "step")?;
        let has = |bit: usize| present.iter().filter(|present| **present >> bit & 1 != 0).count();
        for (bit, column) in p::SQL_FIGURES.into_iter().enumerate().take(p::SQL_FIGURES.len() - 1) {
            self.column(column).skip_varints(has(bit), "step")?;
        }
        let values = has(p::SQL_FIGURES.len() - 1);
        self.column(p::API_CALLEE).take(8 * api, "step")?;
        self.column(p::CHILD).take(8 * detail(p::DETAIL_SPAWN), "step")?;
        let mut attributes = 0;
        for _ in 0..detail(p::DETAIL_ATTRIBUTES) {
            attributes += self.column(p::ATTRIBUTE_COUNT).length(MAX_TAGS, "attributes")?;
        }
        self.column(p::ATTRIBUTE_KEY).skip_varints(attributes, "step")?;
        for _ in 0..detail(p::DETAIL_TEXT) + values + attributes {
            let length = self.column(p::TEXT_LENGTH).length(MAX_STEP_TEXT_BYTES, "step text")?;
            self.column(p::TEXT).take(length, "step text")?;
        }
        Ok(())
    }

    fn step(&mut self, index: usize) -> Result<Head<'p>, DecodeError> {
        let kind_byte = self.column(p::KIND).u8("step")?;
        let state = self.column(p::STATE).u8("step")?;
        let kind = step_kind(kind_byte);
        let outcome = Outcome::from_wire_lossy(state & p::STATE_OUTCOME);
        let place = state & p::STATE_PARENT;
        let index = u32::try_from(index).unwrap_or(u32::MAX);
        let parent = match place {
            p::PARENT_NONE => None,
            p::PARENT_LAST => Some(index.checked_sub(1).ok_or(BAD_PARENT)?),
            p::PARENT_SAME => Some(self.last_parent.ok_or(BAD_PARENT)?),
            _ => {
                let distance: u32 = self.narrow(p::PARENT)?;
                Some(index.checked_sub(distance).filter(|p| *p < index).ok_or(BAD_PARENT)?)
            }
        };
        self.last_parent = parent;
        let expected = if place == p::PARENT_LAST { self.last_start } else { self.last_end };
        let start_us = expected.wrapping_add_signed(unzigzag(self.varint(p::START)?));
        let elapsed_us = self.varint(p::ELAPSED)?;
        self.last_start = start_us;
        self.last_end = start_us.wrapping_add(elapsed_us);
        let text_kind = name_kind(kind);
        let name = self.varint(name_column(text_kind))?;
        let name = self.profiles.texts.resolve(text_kind, name)?;
        let is_polled = state & p::STATE_POLLED != 0;
        let is_folded = state & p::STATE_FOLDED != 0;
        let step = Step {
            kind,
            outcome,
            parent,
            name,
            start_us,
            elapsed_us,
            busy_us: if is_polled { self.varint(p::BUSY)? } else { elapsed_us },
            polls: if is_polled { self.narrow(p::POLLS)? } else { 0 },
            count: if is_folded { self.narrow(p::FOLDED)? } else { 1 },
            max_us: if is_folded { self.varint(p::MAX)? } else { elapsed_us },
            error: if state & p::STATE_ERROR != 0 { self.shared(p::ERROR)? } else { "" },
            detail: self.detail(kind_byte >> 4)?,
        };
        Ok(Head { step, has_attributes: kind_byte >> 4 == p::DETAIL_ATTRIBUTES })
    }

    fn detail(&mut self, number: u8) -> Result<Detail<'p>, DecodeError> {
        Ok(match number {
            p::DETAIL_TEXT => Detail::Text(self.text(MAX_STEP_TEXT_BYTES)?),
            p::DETAIL_SQL => {
                let present = self.column(p::SQL_PRESENT).u8("step")?;
                let mut figure = |bit: usize| match present >> bit & 1 {
                    0 => Ok(0),
                    _ => self.varint(p::SQL_FIGURES[bit]),
                };
                Detail::Sql {
                    pool_wait_us: figure(0)?,
                    first_row_us: figure(1)?.checked_sub(1),
                    rows: figure(2)?,
                    affected: figure(3)?,
                    binds: u32::try_from(figure(4)?)
                        .map_err(|_| DecodeError::OutOfRange("step"))?,
                    bind_values: match present >> 5 & 1 {
                        0 => "",
                        _ => self.text(MAX_STEP_TEXT_BYTES)?,
                    },
                }
            }
            p::DETAIL_API => Detail::Api {
                status: self.narrow(p::API_STATUS)?,
                callee: Txid::new(self.column(p::API_CALLEE).u64("step")?),
                address: self.shared(p::API_ADDRESS)?,
                ttfb_us: self.varint(p::API_TTFB)?,
            },
            p::DETAIL_SPAWN => {
                Detail::Spawn { child: Txid::new(self.column(p::CHILD).u64("step")?) }
            }
            // Attributes are read later; what else a newer sender adds stands in other columns.
            _ => Detail::None,
        })
    }

    fn attributes(&mut self, out: &mut Vec<Tag<'p>>) -> Result<(), DecodeError> {
        out.clear();
        for _ in 0..self.column(p::ATTRIBUTE_COUNT).length(MAX_TAGS, "attributes")? {
            let key = self.varint(p::ATTRIBUTE_KEY)?;
            let key = self.profiles.texts.resolve(TextKind::Key, key)?;
            out.push(Tag { key, value: self.text(MAX_INLINE_BYTES)? });
        }
        Ok(())
    }

    fn text(&mut self, limit: usize) -> Result<&'a str, DecodeError> {
        let length = self.column(p::TEXT_LENGTH).length(limit, "step text")?;
        let bytes = self.column(p::TEXT).take(length, "step text")?;
        std::str::from_utf8(bytes).map_err(|_| DecodeError::NotUtf8("step text"))
    }

    /// A text of the section's dictionary.
    fn shared(&mut self, column: u8) -> Result<&'p str, DecodeError> {
        let index = self.varint(column)?;
        self.profiles.dictionary.get(index).ok_or(DecodeError::OutOfRange("step text"))
    }
}

/// What the lower half of a kind byte names.
fn step_kind(kind_byte: u8) -> StepKind {
    StepKind::from_wire_lossy(kind_byte & 0xf)
}
