//! Gathers the steps of profiles into columns and writes the profile section.
//!
//! Varints rather than planes: the collector does not decode this section at ingest, so bytes
//! count for more than decoding time.

use super::{name_column, name_kind, p};
use crate::TextKind;
use crate::codec::bytes::{put_varint, zigzag};
use crate::codec::column::SectionWriter;
use crate::codec::strings::StringDictionary;
use crate::codec::texts::{KINDS, LocalTexts};
use crate::codec::{MAX_STEP_TEXT_BYTES, MAX_TAGS};
use crate::record::{Detail, Step};
use crate::text::{MAX_INLINE_BYTES, cut};

/// Bytes of a step without its texts, roughly.
const STEP_BYTES: usize = 16;

#[derive(Debug)]
pub(super) struct ProfileWriter {
    columns: [Vec<u8>; p::COLUMNS],
    dictionary: StringDictionary,
    profiles: usize,
    steps: usize,
    /// Steps of the profile that is open.
    open_steps: u32,
    last_parent: Option<u32>,
    last_start: u64,
    last_end: u64,
}

impl Default for ProfileWriter {
    fn default() -> Self {
        Self {
            columns: std::array::from_fn(|_| Vec::new()),
            dictionary: StringDictionary::default(),
            profiles: 0,
            steps: 0,
            open_steps: 0,
            last_parent: None,
            last_start: 0,
            last_end: 0,
        }
    }
}

impl ProfileWriter {
    pub(super) fn profiles(&self) -> usize {
        self.profiles
    }

    pub(super) fn steps(&self) -> usize {
        self.steps
    }

    /// Roughly how many bytes the section has before compression.
    pub(super) fn bytes(&self) -> usize {
        STEP_BYTES * self.steps
            + self.columns[usize::from(p::TEXT)].len()
            + self.dictionary.bytes().len()
    }

    pub(super) fn push(&mut self, step: &Step<'_>, texts: &mut LocalTexts) {
        let index = self.open_steps;
        // A step that does not name an earlier one as its parent hangs on the transaction.
        let parent = step.parent.filter(|parent| *parent < index);
        let place = match parent {
            None => p::PARENT_NONE,
            Some(parent) if parent + 1 == index => p::PARENT_LAST,
            same if same == self.last_parent => p::PARENT_SAME,
            Some(parent) => {
                self.put(p::PARENT, u64::from(index - parent));
                p::PARENT_FAR
            }
        };
        // A child starts shortly after its parent, any other step after the end of the last one.
        let expected = if place == p::PARENT_LAST { self.last_start } else { self.last_end };
        let start = zigzag(step.start_us.wrapping_sub(expected).cast_signed());
        self.last_parent = parent;
        self.last_start = step.start_us;
        self.last_end = step.start_us.wrapping_add(step.elapsed_us);
        let kind = name_kind(step.kind);
        self.put(p::START, start);
        self.put(p::ELAPSED, step.elapsed_us);
        self.put(name_column(kind), texts.index(kind, step.name));
        let state = self.push_state(step);
        self.columns[usize::from(p::STATE)].push(state | place);
        let detail = self.push_detail(&step.detail, texts);
        self.columns[usize::from(p::KIND)].push(step.kind as u8 | detail << 4);
        self.open_steps += 1;
        self.steps += 1;
    }

    pub(super) fn end_profile(&mut self) {
        self.put(p::STEPS, u64::from(self.open_steps));
        self.profiles += 1;
        self.open_steps = 0;
        self.last_parent = None;
        self.last_start = 0;
        self.last_end = 0;
    }

    fn push_state(&mut self, step: &Step<'_>) -> u8 {
        let mut state = step.outcome as u8;
        if step.polls != 0 || step.busy_us != step.elapsed_us {
            state |= p::STATE_POLLED;
            self.put(p::BUSY, step.busy_us);
            self.put(p::POLLS, u64::from(step.polls));
        }
        if step.count != 1 || step.max_us != step.elapsed_us {
            state |= p::STATE_FOLDED;
            self.put(p::FOLDED, u64::from(step.count));
            self.put(p::MAX, step.max_us);
        }
        if !step.error.is_empty() {
            state |= p::STATE_ERROR;
            let index = self.dictionary.index(step.error, MAX_INLINE_BYTES);
            self.put(p::ERROR, index);
        }
        state
    }

    fn push_detail(&mut self, detail: &Detail<'_>, texts: &mut LocalTexts) -> u8 {
        match *detail {
            Detail::None => 0,
            Detail::Text(text) => {
                self.put_text(text, MAX_STEP_TEXT_BYTES);
                p::DETAIL_TEXT
            }
            Detail::Sql { pool_wait_us, first_row_us, rows, affected, binds, bind_values } => {
                let values = cut(bind_values, MAX_STEP_TEXT_BYTES);
                let figures = [
                    pool_wait_us,
                    // One longer than 584,000 years is shown as that.
                    first_row_us.map_or(0, |us| us.saturating_add(1)),
                    rows,
                    affected,
                    u64::from(binds),
                    values.len() as u64,
                ];
                let mut present = 0;
                for ((bit, column), figure) in (0..).zip(p::SQL_FIGURES).zip(figures) {
                    if figure != 0 {
                        present |= 1 << bit;
                        self.put(column, figure);
                    }
                }
                self.columns[usize::from(p::SQL_PRESENT)].push(present);
                self.columns[usize::from(p::TEXT)].extend_from_slice(values.as_bytes());
                p::DETAIL_SQL
            }
            Detail::Api { status, callee, address, ttfb_us } => {
                self.put(p::API_STATUS, u64::from(status));
                let callee = callee.map_or(0, crate::Txid::value);
                self.columns[usize::from(p::API_CALLEE)].extend_from_slice(&callee.to_le_bytes());
                let address = self.dictionary.index(address, MAX_INLINE_BYTES);
                self.put(p::API_ADDRESS, address);
                self.put(p::API_TTFB, ttfb_us);
                p::DETAIL_API
            }
            Detail::Attributes(attributes) => {
                let attributes = &attributes[..attributes.len().min(MAX_TAGS)];
                self.put(p::ATTRIBUTE_COUNT, attributes.len() as u64);
                for attribute in attributes {
                    let key = texts.index(TextKind::Key, attribute.key);
                    self.put(p::ATTRIBUTE_KEY, key);
                    self.put_text(attribute.value, MAX_INLINE_BYTES);
                }
                p::DETAIL_ATTRIBUTES
            }
            Detail::Spawn { child } => {
                let child = child.map_or(0, crate::Txid::value);
                self.columns[usize::from(p::CHILD)].extend_from_slice(&child.to_le_bytes());
                p::DETAIL_SPAWN
            }
        }
    }

    #[inline]
    fn put(&mut self, column: u8, value: u64) {
        put_varint(&mut self.columns[usize::from(column)], value);
    }

    fn put_text(&mut self, text: &str, limit: usize) {
        let text = cut(text, limit);
        self.put(p::TEXT_LENGTH, text.len() as u64);
        self.columns[usize::from(p::TEXT)].extend_from_slice(text.as_bytes());
    }

    /// Writes the columns into `section` and begins the next batch.
    pub(super) fn finish(&mut self, section: &mut SectionWriter, counts: &[usize; KINDS]) {
        section.column(p::TEXT_COUNTS, |out| {
            counts.iter().for_each(|count| put_varint(out, *count as u64));
        });
        for (number, column) in (0..).zip(&self.columns) {
            section.raw(number, column);
        }
        section.column(p::DICTIONARY_LENGTH, |out| self.dictionary.put_lengths(out));
        section.raw(p::DICTIONARY_TEXT, self.dictionary.bytes());
        self.columns.iter_mut().for_each(Vec::clear);
        self.dictionary.clear();
        self.profiles = 0;
        self.steps = 0;
    }
}
