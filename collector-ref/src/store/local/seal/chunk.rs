//! One column of one row group under construction: pages, dictionary, what the footer says of them.

use std::io;

use bytes::Bytes;
use parquet::basic::Encoding;
use parquet::bloom_filter::Sbbf;
use parquet::column::page::{CompressedPage, Page, PageWriter};
use parquet::column::writer::ColumnCloseResult;
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use parquet::file::page_index::offset_index::{OffsetIndexMetaData, PageLocation};
use parquet::file::statistics::Statistics;
use parquet::file::writer::{SerializedPageWriter, SerializedRowGroupWriter, TrackedWrite};
use parquet::schema::types::ColumnDescPtr;

use super::pages::{index_bits, put_indices};
use super::schema::{PAGE_ROWS, io_error, zstd};

/// Largest number that is looked up by itself, so that a column of small numbers becomes a
/// dictionary without hashing.
pub(super) const SMALL: u32 = 4_096;

/// What is used again from column to column.
pub(super) struct Tools {
    zstd: ::zstd::bulk::Compressor<'static>,
    /// The page being made, and its compressed form.
    pub(super) page: Vec<u8>,
    compressed: Vec<u8>,
    /// By number of a text or small number: in which column it was seen last, and as which entry.
    stamps: Vec<(u32, u32)>,
    column: u32,
    pub(super) indices: Vec<u32>,
}

impl Tools {
    /// For columns whose texts have numbers below `texts`.
    pub(super) fn new(texts: usize) -> io::Result<Self> {
        let mut zstd = ::zstd::bulk::Compressor::new(1)?;
        // Every reader of zstd checks it: what a disk changed in a page is an error and not a row.
        zstd.set_parameter(::zstd::zstd_safe::CParameter::ChecksumFlag(true))?;
        Ok(Self {
            zstd,
            page: Vec::new(),
            compressed: Vec::new(),
            stamps: vec![(0, 0); texts.max(SMALL as usize)],
            column: 0,
            indices: Vec::new(),
        })
    }

    /// Numbers the values of a column in the order they first come, calls `entry` for each new one,
    /// and leaves the indices; answers how many entries there are.
    pub(super) fn number(
        &mut self,
        values: impl Iterator<Item = u32>,
        mut entry: impl FnMut(&mut Vec<u8>, u32),
    ) -> usize {
        let Self { page, stamps, indices, .. } = self;
        self.column += 1;
        page.clear();
        indices.clear();
        let mut entries = 0;
        indices.extend(values.map(|value| {
            let stamp = &mut stamps[value as usize];
            if stamp.0 != self.column {
                *stamp = (self.column, entries);
                entries += 1;
                entry(page, value);
            }
            stamp.1
        }));
        entries as usize
    }
}

/// The column.
pub(super) struct Chunk {
    sink: TrackedWrite<Vec<u8>>,
    descriptor: ColumnDescPtr,
    encodings: Vec<Encoding>,
    uncompressed_bytes: i64,
    rows: i64,
    pages: Vec<PageLocation>,
    dictionary_at: Option<i64>,
    pub(super) statistics: Option<Statistics>,
    pub(super) index: Option<ColumnIndexMetaData>,
    pub(super) bloom: Option<Sbbf>,
}

impl Chunk {
    pub(super) fn new(descriptor: ColumnDescPtr) -> Self {
        Self {
            sink: TrackedWrite::new(Vec::new()),
            descriptor,
            encodings: vec![Encoding::RLE],
            uncompressed_bytes: 0,
            rows: 0,
            pages: Vec::new(),
            dictionary_at: None,
            statistics: None,
            index: None,
            bloom: None,
        }
    }

    /// Adds what stands in the tools' page as the dictionary.
    pub(super) fn dictionary(&mut self, tools: &mut Tools, entries: usize) -> io::Result<()> {
        let (buf, raw) = Self::compress(tools)?;
        let num_values = u32::try_from(entries).unwrap_or(u32::MAX);
        let encoding = Encoding::PLAIN;
        let page = Page::DictionaryPage { buf, num_values, encoding, is_sorted: false };
        self.dictionary_at = Some(self.write(page, raw)?.0);
        self.encodings.extend([Encoding::PLAIN, Encoding::RLE_DICTIONARY]);
        Ok(())
    }

    /// Adds pages of the tools' indices into the dictionary.
    pub(super) fn indices(&mut self, tools: &mut Tools, entries: usize) -> io::Result<()> {
        let bits = index_bits(entries);
        let indices = std::mem::take(&mut tools.indices);
        for rows in indices.chunks(PAGE_ROWS) {
            tools.page.clear();
            put_indices(&mut tools.page, rows, bits);
            self.data(tools, rows.len(), Encoding::RLE_DICTIONARY)?;
        }
        tools.indices = indices;
        Ok(())
    }

    /// Adds what stands in the tools' page as a page of this many rows.
    pub(super) fn data(
        &mut self,
        tools: &mut Tools,
        rows: usize,
        encoding: Encoding,
    ) -> io::Result<()> {
        let (buf, raw) = Self::compress(tools)?;
        let page = Page::DataPage {
            buf,
            num_values: u32::try_from(rows).unwrap_or(u32::MAX),
            encoding,
            def_level_encoding: Encoding::RLE,
            rep_level_encoding: Encoding::RLE,
            statistics: None,
        };
        let (offset, bytes) = self.write(page, raw)?;
        let compressed_page_size = i32::try_from(bytes).map_err(io::Error::other)?;
        self.pages.push(PageLocation { offset, compressed_page_size, first_row_index: self.rows });
        self.rows += i64::try_from(rows).map_err(io::Error::other)?;
        if !self.encodings.contains(&encoding) {
            self.encodings.push(encoding);
        }
        Ok(())
    }

    fn compress(tools: &mut Tools) -> io::Result<(Bytes, usize)> {
        let raw = tools.page.len();
        tools.compressed.clear();
        tools.compressed.reserve(::zstd::zstd_safe::compress_bound(raw));
        tools.zstd.compress_to_buffer(&tools.page, &mut tools.compressed)?;
        Ok((Bytes::copy_from_slice(&tools.compressed), raw))
    }

    /// Where the page begins and how many bytes it has, header included.
    fn write(&mut self, page: Page, raw: usize) -> io::Result<(i64, usize)> {
        let offset = i64::try_from(self.sink.bytes_written()).map_err(io::Error::other)?;
        let page = CompressedPage::new(page, raw);
        let written =
            SerializedPageWriter::new(&mut self.sink).write_page(page).map_err(io_error)?;
        self.uncompressed_bytes +=
            i64::try_from(written.uncompressed_size).map_err(io::Error::other)?;
        Ok((offset, written.compressed_size))
    }

    /// Splices the column into its row group.
    pub(super) fn append<W: io::Write + Send>(
        self,
        group: &mut SerializedRowGroupWriter<'_, W>,
    ) -> io::Result<()> {
        let bytes = self.sink.into_inner().map_err(io_error)?;
        let mut metadata = ColumnChunkMetaData::builder(self.descriptor)
            .set_compression(zstd())
            .set_encodings(self.encodings)
            .set_total_compressed_size(i64::try_from(bytes.len()).map_err(io::Error::other)?)
            .set_total_uncompressed_size(self.uncompressed_bytes)
            .set_num_values(self.rows)
            .set_data_page_offset(self.pages.first().map_or(0, |page| page.offset))
            .set_dictionary_page_offset(self.dictionary_at);
        if let Some(statistics) = self.statistics {
            metadata = metadata.set_statistics(statistics);
        }
        let close = ColumnCloseResult {
            bytes_written: bytes.len() as u64,
            rows_written: self.rows.cast_unsigned(),
            metadata: metadata.build().map_err(io_error)?,
            bloom_filter: self.bloom,
            column_index: self.index,
            offset_index: Some(OffsetIndexMetaData {
                page_locations: self.pages,
                unencoded_byte_array_data_bytes: None,
            }),
        };
        group.append_column(&Bytes::from(bytes), close).map_err(io_error)
    }
}
