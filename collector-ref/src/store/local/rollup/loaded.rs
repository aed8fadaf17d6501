//! The totals of a segment in memory, and the tables that questions are answered from.

use std::sync::Arc;

use super::super::bytes::{Damaged, Reader, unzigzag};
use super::table::{Encoded, Key};
use super::totals::Stored;
use super::{KEY_COUNT, Shape};

/// The texts that a question tells apart, by grouping or by filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Need([bool; KEY_COUNT]);

impl Need {
    /// Adds a column, by its place among [`KEY_COLUMNS`](super::KEY_COLUMNS).
    pub(crate) fn with(mut self, column: usize) -> Self {
        self.0[column] = true;
        self
    }

    /// Whether tables of this shape tell apart all of them.
    pub(crate) fn is_met_by(self, shape: Shape) -> bool {
        let columns = shape.columns();
        (0..KEY_COUNT).all(|column| !self.0[column] || columns.contains(&column))
    }
}

/// The texts of a segment's keys, by column, ascending.
type KeyTexts = Arc<[Vec<Arc<str>>; KEY_COUNT]>;

/// One table, with the texts of its keys.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    pub(crate) shape: Shape,
    texts: KeyTexts,
    bytes: Arc<[u8]>,
    /// Where it begins in the bytes.
    start: usize,
}

impl Table {
    /// The texts of a key column.
    pub(crate) fn texts(&self, column: usize) -> &[Arc<str>] {
        &self.texts[column]
    }

    /// Visits each entry: the places of its texts, and its totals. Places are those of texts that
    /// there are: it was checked when the table was read.
    pub(crate) fn each(&self, visit: impl FnMut(Key, Stored<'_>)) -> Result<(), Damaged> {
        Encoded::read(&mut Reader(&self.bytes[self.start..]))?.each(visit)
    }
}

/// Whether a table can be read to its end and names only texts that there are.
fn check(table: &Encoded<'_>, texts: &KeyTexts) -> Result<(), Damaged> {
    let [a, b] = table.shape.columns().map(|column| texts[column].len());
    let mut is_sound = true;
    table.each(|key, _| is_sound &= (key[0] as usize) < a && (key[1] as usize) < b)?;
    if is_sound { Ok(()) } else { Err(Damaged) }
}

/// A table of one minute, counted from 1970.
pub(crate) type MinuteTable = (i64, Table);

/// The tables of all rows of a segment.
#[derive(Debug)]
pub(crate) struct Rollup {
    texts: KeyTexts,
    /// Those with fewer keys first.
    tables: Vec<Table>,
    bytes: usize,
}

impl Rollup {
    /// Reads texts and totals. What a table by two texts says of one alone is added.
    pub(super) fn parse(texts: &[u8], total: Vec<u8>) -> Result<Self, Damaged> {
        let mut reader = Reader(texts);
        let mut lists: [Vec<Arc<str>>; KEY_COUNT] = Default::default();
        let mut bytes = 0;
        for list in &mut lists {
            for _ in 0..reader.count()? {
                let text = reader.text()?;
                bytes += text.len() + TEXT_OVERHEAD_BYTES;
                list.push(text.into());
            }
        }
        let texts = Arc::new(lists);
        let (mut all, mut starts) = (total, Vec::new());
        let mut singles = Vec::new();
        let mut reader = Reader(&all);
        while !reader.0.is_empty() {
            let start = all.len() - reader.0.len();
            let table = Encoded::read(&mut reader)?;
            // Before it is added up by places.
            check(&table, &texts)?;
            starts.push((table.shape, start));
            let sides = if table.shape.is_pair() { 0..2 } else { 0..0 };
            for side in sides {
                let single = Shape::single(table.shape.columns()[side]);
                // Of services both pairs tell: once is enough.
                if starts.iter().all(|(shape, _)| *shape != single) {
                    starts.push((single, all.len() + singles.len()));
                    table.put_single(&mut singles, side)?;
                }
            }
        }
        all.append(&mut singles);
        starts.sort_by_key(|(shape, _)| Shape::ALL.iter().position(|other| other == shape));
        bytes += all.len();
        let all: Arc<[u8]> = all.into();
        let table = |(shape, start)| Table {
            shape,
            texts: Arc::clone(&texts),
            bytes: Arc::clone(&all),
            start,
        };
        let tables = starts.into_iter().map(table).collect();
        Ok(Self { texts, tables, bytes })
    }

    /// About how much memory it takes.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// The smallest table of all rows that tells apart what is needed.
    pub(crate) fn total(&self, need: Need) -> Option<&Table> {
        self.tables.iter().find(|table| need.is_met_by(table.shape))
    }

    /// The smallest tables of the wanted minutes that tell apart what is needed.
    pub(super) fn minutes(
        &self,
        bytes: &Arc<[u8]>,
        need: Need,
        is_wanted: impl Fn(i64) -> bool,
    ) -> Result<Vec<MinuteTable>, Damaged> {
        let mut reader = Reader(bytes);
        let mut found = Vec::new();
        while !reader.0.is_empty() {
            let minute = unzigzag(reader.varint()?);
            let mut best: Option<Table> = None;
            for _ in 0..reader.count()? {
                let start = bytes.len() - reader.0.len();
                let table = Encoded::read(&mut reader)?;
                let shape = table.shape;
                let is_better = best.as_ref().is_none_or(|best| best.shape.is_pair());
                if is_better && need.is_met_by(shape) && is_wanted(minute) {
                    check(&table, &self.texts)?;
                    let (texts, bytes) = (Arc::clone(&self.texts), Arc::clone(bytes));
                    best = Some(Table { shape, texts, bytes, start });
                }
            }
            if let Some(table) = best {
                found.push((minute, table));
            }
        }
        Ok(found)
    }
}

/// What a text takes in memory beside its bytes: pointer, length and two counts.
const TEXT_OVERHEAD_BYTES: usize = 32;
