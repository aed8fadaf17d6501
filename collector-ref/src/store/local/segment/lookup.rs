//! Finds rows by id: bloom filters, then one column of the row groups that may have it. Its pages are
//! searched as they lie in the file: decoding a column to look for one value in it costs several times
//! as much.

use std::ops::Range;
use std::sync::Arc;

use parquet::basic::Encoding;
use parquet::column::page::{Page, PageReader as _};
use parquet::file::serialized_reader::SerializedPageReader;
use scouter_wire::{Gxid, Txid};

use super::{Segment, SegmentError, Zone};
use crate::store::local::bytes::{Damaged, Reader};
use crate::store::local::columns::Column;

impl Segment {
    /// Numbers of the rows with this txid.
    pub(crate) fn find_txid(&self, txid: Txid) -> Result<Vec<usize>, SegmentError> {
        let txid = txid.value();
        let may_hold = |zone: &Zone| zone.txids.0 <= txid && txid <= zone.txids.1;
        if !self.zones.iter().any(may_hold) {
            return Ok(Vec::new());
        }
        let blooms = self.blooms()?;
        let mut found = Vec::new();
        for (group, zone) in self.zones.iter().enumerate() {
            if may_hold(zone) && blooms[group].0.check(&txid) {
                self.find_in(group, Column::Txid, txid.to_le_bytes(), &mut found)?;
            }
        }
        Ok(found)
    }

    /// Numbers of the rows of this trace.
    pub(crate) fn find_gxid(&self, gxid: Gxid) -> Result<Vec<usize>, SegmentError> {
        let bytes = gxid.value().to_be_bytes();
        let blooms = self.blooms()?;
        let mut found = Vec::new();
        for (group, (_, bloom)) in blooms.iter().enumerate() {
            if bloom.check(&bytes[..]) {
                self.find_in(group, Column::Gxid, bytes, &mut found)?;
            }
        }
        Ok(found)
    }

    /// Rows of a group in which a column without nulls has this value, as Parquet writes it.
    fn find_in<const N: usize>(
        &self,
        group: usize,
        column: Column,
        wanted: [u8; N],
        found: &mut Vec<usize>,
    ) -> Result<(), SegmentError> {
        let metadata = self.metadata.metadata();
        let chunk = metadata.row_group(group).column(column.index());
        let index = metadata.page_index_for_row_group(group);
        let locations = index.offset_index(column.index()).map(|all| all.page_locations().clone());
        let zone = self.zones[group];
        let mut pages =
            SerializedPageReader::new(Arc::new(self.file()?), chunk, zone.rows, locations)?;
        let mut first_row = zone.first_row;
        // Numbers of the value in the dictionary.
        let mut entries = Vec::new();
        while let Some(page) = pages.get_next_page()? {
            let values = page.buffer().as_ref();
            if let Page::DictionaryPage { .. } = page {
                entries = rows_of(values, &wanted);
                continue;
            }
            let count = page.num_values() as usize;
            let rows = match page.encoding() {
                Encoding::PLAIN => rows_of(values, &wanted),
                Encoding::BYTE_STREAM_SPLIT => rows_of_split(values, &wanted),
                Encoding::RLE_DICTIONARY => rows_of_numbers(values, count, &entries)
                    .map_err(|_| SegmentError::Damaged("a page is too short".into()))?,
                other => {
                    return Err(SegmentError::Damaged(format!("its ids are written as {other}")));
                }
            };
            found.extend(rows.iter().map(|row| first_row + row));
            first_row += count;
        }
        if first_row == zone.first_row + zone.rows {
            Ok(())
        } else {
            Err(SegmentError::Damaged("rows are missing".into()))
        }
    }

    /// The row groups with the place of their rows.
    pub(super) fn group_rows(&self) -> impl Iterator<Item = (usize, Range<usize>)> {
        let rows = |zone: &Zone| zone.first_row..zone.first_row + zone.rows;
        self.zones.iter().map(rows).enumerate()
    }
}

/// Places of a value among values that lie one behind the other.
fn rows_of<const N: usize>(values: &[u8], wanted: &[u8; N]) -> Vec<usize> {
    let (values, _) = values.as_chunks::<N>();
    (0..values.len()).filter(|row| values[*row] == *wanted).collect()
}

/// Places of a value among values of which all first bytes come first, then all second ones, and so
/// on. Ids differ in their first bytes, so that few have to be looked at whole.
fn rows_of_split<const N: usize>(values: &[u8], wanted: &[u8; N]) -> Vec<usize> {
    let count = values.len() / N;
    let is_whole = |row: &usize| (1..N).all(|byte| values[byte * count + row] == wanted[byte]);
    let first = values[..count].iter().enumerate();
    first.filter(|(_, byte)| **byte == wanted[0]).map(|(row, _)| row).filter(is_whole).collect()
}

/// Places of numbers among `count` of them: one byte of width, then runs, packed by bits or of one
/// number again and again, as Parquet writes numbers of a dictionary. Damaged if
/// they end too early.
fn rows_of_numbers(bytes: &[u8], count: usize, wanted: &[usize]) -> Result<Vec<usize>, Damaged> {
    let mut rows = Vec::new();
    if wanted.is_empty() {
        return Ok(rows);
    }
    let mut bytes = Reader(bytes);
    let width = usize::from(bytes.u8()?).min(32);
    let mut row = 0;
    while row < count {
        let header = usize::try_from(bytes.varint()?).map_err(|_| Damaged)?;
        let is_packed = header & 1 == 1;
        let (run, length) = if is_packed {
            let groups = header >> 1;
            (groups.checked_mul(8).ok_or(Damaged)?, groups.checked_mul(width).ok_or(Damaged)?)
        } else {
            (header >> 1, width.div_ceil(8))
        };
        let packed = bytes.take(length)?;
        // The last group is filled up.
        let run = run.min(count - row);
        let is_wanted = |at: usize| wanted.contains(&number_at(packed, at * width, width));
        if is_packed {
            rows.extend((0..run).filter(|at| is_wanted(*at)).map(|at| row + at));
        } else if is_wanted(0) {
            rows.extend(row..row + run);
        }
        row += run;
    }
    Ok(rows)
}

/// The number of this width at a bit.
fn number_at(packed: &[u8], bit: usize, width: usize) -> usize {
    let mut word = [0; 8];
    let bytes = packed.get(bit / 8..).unwrap_or_default();
    let length = bytes.len().min(8);
    word[..length].copy_from_slice(&bytes[..length]);
    let number = u64::from_le_bytes(word) >> (bit % 8) & ((1 << width) - 1);
    usize::try_from(number).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_found_wherever_it_lies_in_both_orders() {
        let ids: Vec<u64> = (0..1_000_u64).map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15)).collect();
        let plain: Vec<u8> = ids.iter().flat_map(|id| id.to_le_bytes()).collect();
        let split: Vec<u8> =
            (0..8).flat_map(|byte| ids.iter().map(move |id| id.to_le_bytes()[byte])).collect();
        for (row, id) in ids.iter().enumerate() {
            assert_eq!(rows_of(&plain, &id.to_le_bytes()), [row]);
            assert_eq!(rows_of_split(&split, &id.to_le_bytes()), [row]);
        }
        for other in [1_u64, ids[5] ^ (1 << 63), ids[5] ^ 1] {
            assert_eq!(rows_of(&plain, &other.to_le_bytes()), [0; 0]);
            assert_eq!(rows_of_split(&split, &other.to_le_bytes()), [0; 0]);
        }
        let same = [7_u64.to_le_bytes(), 8_u64.to_le_bytes(), 7_u64.to_le_bytes()].concat();
        assert_eq!(rows_of(&same, &7_u64.to_le_bytes()), [0, 2]);
        assert!(rows_of_split::<8>(&[], &[0; 8]).is_empty());
    }

    #[test]
    fn numbers_of_a_dictionary_are_found_in_packed_and_in_repeated_runs() {
        // Width 3: eight packed numbers, five times 6, then eight packed ones of which two are filled up.
        let pack = |numbers: [u32; 8]| {
            let word = numbers.iter().rev().fold(0, |word, number| word << 3 | number);
            word.to_le_bytes()[..3].to_vec()
        };
        let mut bytes = vec![3, 3];
        bytes.extend(pack([1, 2, 3, 4, 5, 6, 7, 0]));
        bytes.extend([5 << 1, 6, 3]);
        bytes.extend(pack([6, 1, 1, 1, 1, 2, 6, 6]));
        let found = |wanted: &[usize]| rows_of_numbers(&bytes, 19, wanted).unwrap();
        assert_eq!(found(&[6]), [5, 8, 9, 10, 11, 12, 13]);
        assert_eq!(found(&[2, 7]), [1, 6, 18]);
        assert_eq!(found(&[]), [0; 0]);
        for length in 0..bytes.len() {
            assert_eq!(rows_of_numbers(&bytes[..length], 19, &[6]).ok(), None, "cut to {length}");
        }
        assert_eq!(rows_of_numbers(&[0, 8, 8], 4, &[0]).unwrap(), [0, 1, 2, 3], "no bits at all");
        assert_eq!(rows_of_numbers(&[3, 0xff, 0xff, 0xff, 0xff, 0xff], 9, &[1]).ok(), None);
    }
}
