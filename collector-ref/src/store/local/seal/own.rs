//! Our own page encoder, spliced into the file by the parquet crate: headers, bloom filters, page
//! indexes and footer are the crate's.
//!
//! It costs about half of what the stock writer does, because the rows in memory already hold
//! numbers of texts: the dictionary of a chunk is a look-up by that number, no text is hashed; small
//! numbers go the same way; statistics are made only where a query prunes by them. The stock writer
//! ([`super::arrow`]) stays as the reference: both write the same schema, and a test compares what
//! comes back.
#![allow(clippy::cast_possible_truncation, reason = "small numbers and parts of hashes")]

use std::fs::File;
use std::hash::{BuildHasher, RandomState};
use std::io::{self, BufWriter};
use std::path::Path;

use parquet::arrow::ArrowSchemaConverter;
use parquet::basic::{BoundaryOrder, Encoding, Type};
use parquet::bloom_filter::Sbbf;
use parquet::file::metadata::ColumnIndexBuilder;
use parquet::file::statistics::Statistics;
use parquet::file::writer::SerializedFileWriter;

use super::chunk::{Chunk, SMALL, Tools};
use super::pages::{index_bits, put_deltas, put_split};
use super::schema::{self, GROUP_ROWS, PAGE_ROWS, io_error};
use crate::store::local::columns::{Column, Narrow, Text, Wide};
use crate::store::local::hot::HotData;

/// Writes rows, in this order, into a segment; answers the open file, to be synced.
pub(crate) fn write(path: &Path, data: &HotData, order: &[u32]) -> io::Result<File> {
    let file = BufWriter::with_capacity(1 << 20, File::create(path)?);
    let schema = ArrowSchemaConverter::new().convert(&schema::arrow()).map_err(io_error)?;
    let properties = schema::properties(order.len());
    let mut writer =
        SerializedFileWriter::new(file, schema.root_schema_ptr(), properties).map_err(io_error)?;
    let descriptors = writer.schema_descr().columns().to_vec();
    let texts = data.pools.iter().map(|pool| pool.len()).max().unwrap_or_default();
    let mut encoder =
        Encoder { data, tools: Tools::new(texts)?, numbers: Vec::new(), ids: IdTable::new() };
    let mut sums = Vec::new();
    for rows in order.chunks(GROUP_ROWS) {
        let mut group = writer.next_row_group().map_err(io_error)?;
        for (column, descriptor) in Column::all().zip(&descriptors) {
            let mut chunk = Chunk::new(descriptor.clone());
            encoder.column(&mut chunk, column, rows)?;
            sums.append(&mut chunk.sums);
            chunk.append(&mut group)?;
        }
        group.close().map_err(io_error)?;
    }
    writer.append_key_value_metadata(schema::page_sums(&sums));
    let file = writer.into_inner().map_err(io_error)?;
    Ok(file.into_inner()?)
}

struct Encoder<'a> {
    data: &'a HotData,
    tools: Tools,
    /// The values of a column in the order of the rows.
    numbers: Vec<u64>,
    ids: IdTable,
}

impl Encoder<'_> {
    fn column(&mut self, chunk: &mut Chunk, column: Column, rows: &[u32]) -> io::Result<()> {
        let columns = &self.data.columns;
        self.tools.is_fine =
            matches!(column, Column::Caller | Column::Narrow(Narrow::ArrivalDelay));
        match column {
            Column::EndTime => self.end_time(chunk, rows),
            Column::Text(text) => self.text(chunk, text, rows),
            Column::Gxid => self.gxid(chunk, rows),
            Column::Narrow(narrow) => {
                let values = columns.narrow(narrow);
                self.gather(rows.iter().map(|row| u64::from(values[*row as usize])));
                self.number::<4>(chunk)
            }
            Column::Wide(wide) => {
                let values = columns.wide(wide);
                self.gather(rows.iter().map(|row| values[*row as usize]));
                if wide == Wide::Elapsed {
                    chunk.statistics = self.range();
                }
                self.number::<8>(chunk)
            }
            Column::Caller => {
                self.gather(rows.iter().map(|row| columns.caller[*row as usize]));
                self.number::<8>(chunk)
            }
            Column::Txid => {
                self.gather(rows.iter().map(|row| columns.txid[*row as usize]));
                chunk.statistics = self.range();
                let mut bloom = bloom_for(self.numbers.len());
                self.numbers.iter().for_each(|txid| bloom.insert(txid));
                chunk.bloom = Some(bloom);
                self.split::<8>(chunk)
            }
        }
    }

    fn gather(&mut self, values: impl Iterator<Item = u64>) {
        self.numbers.clear();
        self.numbers.extend(values);
    }

    /// Smallest and largest of the gathered numbers, as unsigned ones.
    fn range(&self) -> Option<Statistics> {
        let (least, most) = (self.numbers.iter().min()?, self.numbers.iter().max()?);
        let signed = |number: &u64| Some(number.cast_signed());
        Some(Statistics::int64(signed(least), signed(most), None, Some(0), false))
    }

    /// A dictionary for small numbers, split bytes for others.
    fn number<const BYTES: usize>(&mut self, chunk: &mut Chunk) -> io::Result<()> {
        if self.numbers.iter().any(|number| *number >= u64::from(SMALL)) {
            return self.split::<BYTES>(chunk);
        }
        let small = self.numbers.iter().map(|number| *number as u32);
        let entries = self.tools.number(small, |page, number| {
            page.extend_from_slice(&u64::from(number).to_le_bytes()[..BYTES]);
        });
        chunk.dictionary(&mut self.tools, entries)?;
        chunk.indices(&mut self.tools, entries)
    }

    fn split<const BYTES: usize>(&mut self, chunk: &mut Chunk) -> io::Result<()> {
        for rows in self.numbers.chunks(PAGE_ROWS) {
            self.tools.page.clear();
            put_split::<BYTES>(&mut self.tools.page, rows);
            chunk.data(&mut self.tools, rows.len(), Encoding::BYTE_STREAM_SPLIT)?;
        }
        Ok(())
    }

    fn end_time(&mut self, chunk: &mut Chunk, rows: &[u32]) -> io::Result<()> {
        let ends: Vec<i64> = rows.iter().map(|row| self.data.columns.end[*row as usize]).collect();
        let mut index = ColumnIndexBuilder::new(Type::INT64);
        index.set_boundary_order(BoundaryOrder::ASCENDING);
        for page in ends.chunks(PAGE_ROWS) {
            self.tools.page.clear();
            put_deltas(&mut self.tools.page, page);
            chunk.data(&mut self.tools, page.len(), Encoding::DELTA_BINARY_PACKED)?;
            if let [least, .., most] | [least @ most] = page {
                let bytes = |end: &i64| end.to_le_bytes().to_vec();
                index.append(false, bytes(least), bytes(most), 0, None);
            }
        }
        chunk.statistics = Some(Statistics::int64(
            ends.first().copied(),
            ends.last().copied(),
            None,
            Some(0),
            false,
        ));
        chunk.index = Some(index.build().map_err(io_error)?);
        Ok(())
    }

    fn text(&mut self, chunk: &mut Chunk, column: Text, rows: &[u32]) -> io::Result<()> {
        let (ids, pool) = (self.data.columns.text(column), &self.data.pools[column as usize]);
        let entries = self.tools.number(rows.iter().map(|row| ids[*row as usize]), |page, id| {
            let text = pool.text(id);
            // A text is cut far below 4 GiB when it comes in.
            page.extend_from_slice(&u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes());
            page.extend_from_slice(text.as_bytes());
        });
        chunk.dictionary(&mut self.tools, entries)?;
        chunk.indices(&mut self.tools, entries)
    }

    /// A dictionary, since the transactions of a trace share their gxid; plain where they do not.
    fn gxid(&mut self, chunk: &mut Chunk, rows: &[u32]) -> io::Result<()> {
        let gxids = || rows.iter().map(|row| self.data.columns.gxid[*row as usize]);
        self.tools.indices.clear();
        self.ids.clear(rows.len());
        self.tools.indices.extend(gxids().map(|gxid| self.ids.number(gxid)));
        let distinct = &self.ids.distinct;
        let mut bloom = bloom_for(distinct.len());
        distinct.iter().for_each(|gxid| bloom.insert(&gxid.to_be_bytes()[..]));
        chunk.bloom = Some(bloom);
        let index_bytes = rows.len() * index_bits(distinct.len()) as usize / 8;
        if distinct.len() * 16 + index_bytes < rows.len() * 16 {
            self.tools.page.clear();
            distinct.iter().for_each(|gxid| self.tools.page.extend_from_slice(&gxid.to_be_bytes()));
            chunk.dictionary(&mut self.tools, distinct.len())?;
            return chunk.indices(&mut self.tools, distinct.len());
        }
        for rows in rows.chunks(PAGE_ROWS) {
            self.tools.page.clear();
            let gxids = rows.iter().map(|row| self.data.columns.gxid[*row as usize]);
            gxids.for_each(|gxid| self.tools.page.extend_from_slice(&gxid.to_be_bytes()));
            chunk.data(&mut self.tools, rows.len(), Encoding::PLAIN)?;
        }
        Ok(())
    }
}

/// A filter with one byte a key: 3 % of wrong yes. Its size is a power of two, of at least one block.
fn bloom_for(keys: usize) -> Sbbf {
    Sbbf::new_with_num_of_bytes(keys.next_power_of_two().max(32))
}

/// Numbers trace ids in the order they first come. Whoever calls us chooses them, so the hash is
/// keyed: nobody outside can make them collide.
struct IdTable {
    key: u64,
    distinct: Vec<u128>,
    /// Open addressing: number of an id plus one, or 0. A power of two, at most half full.
    slots: Vec<u32>,
}

impl IdTable {
    fn new() -> Self {
        let key = RandomState::new().hash_one(0) | 1;
        Self { key, distinct: Vec::new(), slots: Vec::new() }
    }

    /// Forgets all and makes room for so many ids.
    fn clear(&mut self, ids: usize) {
        self.distinct.clear();
        self.slots.clear();
        self.slots.resize((2 * ids).next_power_of_two(), 0);
    }

    fn number(&mut self, id: u128) -> u32 {
        let mask = self.slots.len() - 1;
        let mut place = self.hash(id) & mask;
        loop {
            match self.slots[place] {
                0 => {
                    self.distinct.push(id);
                    self.slots[place] = self.distinct.len() as u32;
                    return self.slots[place] - 1;
                }
                known if self.distinct[known as usize - 1] == id => return known - 1,
                _ => place = (place + 1) & mask,
            }
        }
    }

    fn hash(&self, id: u128) -> usize {
        let (high, low) = ((id >> 64) as u64, id as u64);
        let product = u128::from(low ^ self.key) * u128::from(high ^ self.key.rotate_left(32) | 1);
        ((product >> 64) as u64 ^ product as u64) as usize
    }
}
