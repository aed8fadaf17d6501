//! Walks over rows by columns: the same for rows in memory and sealed ones.

use std::ops::Range;

use arrow_array::{Array, RecordBatch, StringArray};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{RowSelection, RowSelector};
use parquet::file::page_index::column_index::ColumnIndexMetaData;

use super::{Segment, SegmentError, Zone, arrays};
use crate::store::TimeRange;
use crate::store::local::columns::{
    Column, END_TIME, NARROW_COUNT, Narrow, TEXT_COUNT, TXID, Text, WIDE_COUNT, Wide,
};
use crate::store::local::hot::{HotData, TextPool};

/// Rows decoded at a time.
const BATCH_ROWS: usize = 65_536;

/// Some rows of one source, by columns. A column that was not asked for is empty.
#[derive(Debug)]
pub(crate) struct Chunk<'a> {
    /// Number of its first row in the source.
    pub(crate) first_row: usize,
    pub(crate) end: &'a [i64],
    /// Whether the END times ascend.
    pub(crate) is_sorted: bool,
    pub(crate) txid: &'a [u64],
    wide: [&'a [u64]; WIDE_COUNT],
    narrow: [&'a [u32]; NARROW_COUNT],
    text: [Option<TextColumn<'a>>; TEXT_COUNT],
}

impl<'a> Chunk<'a> {
    pub(crate) fn wide(&self, column: Wide) -> &'a [u64] {
        self.wide[column as usize]
    }

    pub(crate) fn narrow(&self, column: Narrow) -> &'a [u32] {
        self.narrow[column as usize]
    }

    pub(crate) fn text(&self, column: Text) -> TextColumn<'a> {
        self.text[column as usize].unwrap_or(TextColumn::EMPTY)
    }
}

/// A text column: a key for each row, and the text of each key.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TextColumn<'a> {
    pub(crate) keys: &'a [u32],
    /// Changes whenever the keys mean other texts than in the chunk before; never 0.
    pub(crate) dictionary: u64,
    values: Values<'a>,
}

#[derive(Debug, Clone, Copy)]
enum Values<'a> {
    None,
    Pool(&'a TextPool),
    Array(&'a StringArray),
}

impl<'a> TextColumn<'a> {
    const EMPTY: Self = Self { keys: &[], dictionary: 0, values: Values::None };

    /// Number of keys.
    pub(crate) fn key_count(&self) -> usize {
        match self.values {
            Values::None => 0,
            Values::Pool(pool) => pool.len(),
            Values::Array(array) => array.len(),
        }
    }

    /// The text of a key.
    pub(crate) fn text(&self, key: u32) -> &'a str {
        match self.values {
            Values::None => "",
            Values::Pool(pool) => pool.text(key),
            Values::Array(array) => array.value(key as usize),
        }
    }
}

/// Rows in memory as a chunk.
pub(crate) fn hot_chunk(data: &HotData, rows: Range<usize>, dictionary: u64) -> Chunk<'_> {
    let columns = &data.columns;
    Chunk {
        first_row: rows.start,
        end: &columns.end[rows.clone()],
        is_sorted: false,
        txid: &columns.txid[rows.clone()],
        wide: std::array::from_fn(|column| &columns.wide[column][rows.clone()]),
        narrow: std::array::from_fn(|column| &columns.narrow[column][rows.clone()]),
        text: std::array::from_fn(|column| {
            let keys = &columns.text[column][rows.clone()];
            Some(TextColumn { keys, dictionary, values: Values::Pool(&data.pools[column]) })
        }),
    }
}

impl Segment {
    /// Visits the rows of a time range, with these columns. Rows outside may be among them: pages
    /// and groups are left out as a whole, single rows are not. `dictionary` is advanced for every
    /// change of a text column's keys.
    pub(crate) fn scan(
        &self,
        range: TimeRange,
        columns: &[Column],
        dictionary: &mut u64,
        visit: &mut dyn FnMut(&Chunk<'_>),
    ) -> Result<(), SegmentError> {
        for (group, zone) in self.zones.iter().enumerate() {
            let (first, last) = zone.ends;
            if first > range.to_unix_us || last < range.from_unix_us {
                continue;
            }
            let rows = self.rows_of_pages(group, zone, range);
            self.scan_group(group, rows, columns, dictionary, visit)?;
        }
        Ok(())
    }

    /// The rows of a group whose pages overlap a time range.
    fn rows_of_pages(&self, group: usize, zone: &Zone, range: TimeRange) -> Range<usize> {
        let all = 0..zone.rows;
        if range.from_unix_us <= zone.ends.0 && zone.ends.1 <= range.to_unix_us {
            return all;
        }
        let index = self.metadata.metadata().page_index_for_row_group(group);
        let column = Column::EndTime.index();
        let (Some(ColumnIndexMetaData::INT64(bounds)), Some(offsets)) =
            (index.column_index(column), index.offset_index(column))
        else {
            return all;
        };
        let (low, high) = (bounds.min_values(), bounds.max_values());
        // END ascends, so the pages that overlap lie next to each other.
        let first_page = high.partition_point(|high| *high < range.from_unix_us);
        let end_page = low.partition_point(|low| *low <= range.to_unix_us);
        let row_of = |page: usize| {
            let location = offsets.page_locations().get(page);
            location.map_or(zone.rows, |at| usize::try_from(at.first_row_index).unwrap_or(0))
        };
        row_of(first_page)..row_of(end_page.max(first_page))
    }

    fn scan_group(
        &self,
        group: usize,
        rows: Range<usize>,
        columns: &[Column],
        dictionary: &mut u64,
        visit: &mut dyn FnMut(&Chunk<'_>),
    ) -> Result<(), SegmentError> {
        if rows.is_empty() {
            return Ok(());
        }
        let zone = &self.zones[group];
        let reader = self.reader()?;
        let leaves = columns.iter().map(|column| column.index());
        let mask = ProjectionMask::leaves(reader.parquet_schema(), leaves);
        let mut reader =
            reader.with_row_groups(vec![group]).with_projection(mask).with_batch_size(BATCH_ROWS);
        if rows.len() < zone.rows {
            reader = reader.with_row_selection(RowSelection::from(vec![
                RowSelector::skip(rows.start),
                RowSelector::select(rows.len()),
            ]));
        }
        let mut first_row = zone.first_row + rows.start;
        let mut known = KnownTexts::default();
        for batch in reader.build()? {
            let batch = batch?;
            visit(&chunk(&batch, first_row, columns, &mut known, dictionary)?);
            first_row += batch.num_rows();
        }
        Ok(())
    }
}

/// The texts of the chunk before, by column: alive, so that an address never comes to mean
/// something else between two comparisons.
#[derive(Default)]
struct KnownTexts {
    values: [Option<StringArray>; TEXT_COUNT],
    dictionaries: [u64; TEXT_COUNT],
}

fn chunk<'a>(
    batch: &'a RecordBatch,
    first_row: usize,
    columns: &[Column],
    known: &mut KnownTexts,
    dictionary: &mut u64,
) -> Result<Chunk<'a>, SegmentError> {
    let mut chunk = Chunk {
        first_row,
        end: arrays::times(batch, END_TIME)?,
        is_sorted: true,
        txid: &[],
        wide: [&[]; WIDE_COUNT],
        narrow: [&[]; NARROW_COUNT],
        text: [None; TEXT_COUNT],
    };
    for column in columns {
        match *column {
            Column::Wide(wide) => {
                chunk.wide[wide as usize] = arrays::u64s(batch, wide.name())?;
            }
            Column::Narrow(narrow) => {
                chunk.narrow[narrow as usize] = arrays::u32s(batch, narrow.name())?;
            }
            Column::Text(text) => {
                let place = text as usize;
                let (keys, values) = arrays::texts(batch, text.name())?;
                if !known.values[place].as_ref().is_some_and(|last| is_same(last, values)) {
                    *dictionary += 1;
                    known.dictionaries[place] = *dictionary;
                    known.values[place] = Some(values.clone());
                }
                let dictionary = known.dictionaries[place];
                let values = Values::Array(values);
                chunk.text[place] = Some(TextColumn { keys, dictionary, values });
            }
            Column::Txid => chunk.txid = arrays::u64s(batch, TXID)?,
            Column::EndTime | Column::Gxid | Column::Caller => {}
        }
    }
    Ok(chunk)
}

/// Whether two arrays are views of the same texts.
fn is_same(a: &StringArray, b: &StringArray) -> bool {
    a.len() == b.len()
        && std::ptr::eq(a.value_data().as_ptr(), b.value_data().as_ptr())
        && std::ptr::eq(a.value_offsets().as_ptr(), b.value_offsets().as_ptr())
}
