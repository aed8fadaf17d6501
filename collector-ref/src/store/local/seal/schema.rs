//! The schema of a segment and the settings it is written with.
//!
//! Measured choices: groups of 131,072 rows and pages of 16,384 were the best of sizes from 4,096
//! to a million; zstd 1 everywhere but for ids that do not compress; byte-stream-split for numbers
//! instead of a dictionary trial; statistics only where a query prunes by them (on all columns they
//! cost two thirds more CPU); bloom filters at the end of the file with one byte a transaction,
//! since the usual 1 % error rate would round up to twice the size.

use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{
    BloomFilterPosition, EnabledStatistics, WriterProperties, WriterPropertiesPtr,
};
use parquet::schema::types::ColumnPath;

use crate::store::local::columns::{CALLER, Column, END_TIME, GXID, Narrow, TXID, Text, Wide};

/// Rows of one row group.
pub(crate) const GROUP_ROWS: usize = 131_072;

/// Rows of one page.
pub(crate) const PAGE_ROWS: usize = 16_384;

/// Largest dictionary page before the stock writer falls back to plain texts.
const DICTIONARY_PAGE_BYTES: usize = 4 << 20;

/// Share of wrong yes of a bloom filter.
const BLOOM_FALSE_POSITIVES: f64 = 0.03;

/// Name and version of the writer, in every file.
pub(crate) const CREATED_BY: &str =
    concat!("scouter-collector version ", env!("CARGO_PKG_VERSION"));

/// What the numbers in the files mean, for whoever reads them without us.
pub(crate) fn metadata() -> Vec<KeyValue> {
    let entry = |key: &str, value: &str| KeyValue::new(key.to_owned(), value.to_owned());
    vec![
        entry("scouter.format", "1"),
        entry("scouter.kind", "0 web, 1 service, 2 background, 3 spawned"),
        entry(
            "scouter.end_reason",
            "0 complete, 1 cancelled before response, 2 aborted in body, 3 body error, \
             4 service error, 5 panic, 6 upgraded, 7 forced end",
        ),
        entry("scouter.profile", "0 kept, 1 empty, 2 sampled out, 3 dropped"),
        entry(
            "scouter.flags",
            "bit 0 slow, 1 truncated, 2 clock changed, 3 continued trace, 4 profile kept on \
             request, 16 has an error, 17 has a profile",
        ),
        entry("scouter.gxid", "16 bytes, big endian: hex(gxid) is the W3C trace id"),
    ]
}

/// Key of the footer under which the checksums of the pages stand.
pub(crate) const PAGE_SUMS: &str = "scouter.page_crc32c";

/// CRC32C of each page with its header, eight hexadecimal digits each: row group by row group,
/// column by column, the dictionary before the data pages. The `crc` of Parquet itself would cover
/// a page without its header, where one flipped bit moves the rows of every page behind it.
pub(super) fn page_sums(sums: &[u32]) -> KeyValue {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(8 * sums.len());
    for sum in sums {
        // Writing into a string cannot fail.
        let _ = write!(text, "{sum:08x}");
    }
    KeyValue::new(PAGE_SUMS.to_owned(), text)
}

/// The schema as Arrow sees it. Texts are dictionaries, so that a reader never materialises them.
pub(crate) fn arrow() -> SchemaRef {
    let text = DataType::Dictionary(Box::new(DataType::UInt32), Box::new(DataType::Utf8));
    let fields: Vec<Field> = Column::all()
        .map(|column| {
            let data_type = match column {
                Column::EndTime => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
                Column::Wide(_) | Column::Txid | Column::Caller => DataType::UInt64,
                Column::Narrow(Narrow::ArrivalDelay) => DataType::Int32,
                Column::Narrow(_) => DataType::UInt32,
                Column::Text(_) => text.clone(),
                Column::Gxid => DataType::FixedSizeBinary(16),
            };
            Field::new(column.name(), data_type, false)
        })
        .collect();
    Arc::new(Schema::new(fields))
}

/// Numbers that are dictionary-encoded by the stock writer: few distinct values.
const SMALL: [Narrow; 11] = [
    Narrow::Status,
    Narrow::Kind,
    Narrow::End,
    Narrow::Profile,
    Narrow::Flags,
    Narrow::SqlCount,
    Narrow::ApiCount,
    Narrow::Steps,
    Narrow::StepsDropped,
    Narrow::Pack,
    Narrow::PackIndex,
];

/// zstd at its first level: higher ones save less than 1 % for 10 % more CPU.
pub(crate) fn zstd() -> Compression {
    Compression::ZSTD(ZstdLevel::default())
}

/// Settings for the stock writer, for a segment of this many rows.
pub(crate) fn properties(rows: usize) -> WriterPropertiesPtr {
    let path = |name: &str| ColumnPath::from(name);
    let group = rows.clamp(1, GROUP_ROWS) as u64;
    let mut properties = WriterProperties::builder()
        .set_created_by(CREATED_BY.to_owned())
        .set_key_value_metadata(Some(metadata()))
        .set_compression(zstd())
        .set_max_row_group_row_count(Some(GROUP_ROWS))
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_write_batch_size(PAGE_ROWS)
        .set_dictionary_enabled(false)
        .set_dictionary_page_size_limit(DICTIONARY_PAGE_BYTES)
        .set_statistics_enabled(EnabledStatistics::None)
        .set_bloom_filter_position(BloomFilterPosition::End)
        .set_column_encoding(path(END_TIME), Encoding::DELTA_BINARY_PACKED)
        .set_column_statistics_enabled(path(END_TIME), EnabledStatistics::Page)
        .set_column_statistics_enabled(path(Wide::Elapsed.name()), EnabledStatistics::Chunk)
        .set_column_statistics_enabled(path(TXID), EnabledStatistics::Chunk)
        .set_column_compression(path(GXID), Compression::UNCOMPRESSED)
        .set_column_encoding(path(TXID), Encoding::BYTE_STREAM_SPLIT)
        .set_column_encoding(path(CALLER), Encoding::BYTE_STREAM_SPLIT);
    for (name, distinct) in [(TXID, group), (GXID, group.div_ceil(3))] {
        properties = properties
            .set_column_bloom_filter_enabled(path(name), true)
            .set_column_bloom_filter_max_ndv(path(name), distinct.max(1))
            .set_column_bloom_filter_fpp(path(name), BLOOM_FALSE_POSITIVES);
    }
    for text in Text::ALL {
        properties = properties.set_column_dictionary_enabled(path(text.name()), true);
    }
    for narrow in Narrow::ALL {
        properties = if SMALL.contains(&narrow) {
            properties.set_column_dictionary_enabled(path(narrow.name()), true)
        } else {
            properties.set_column_encoding(path(narrow.name()), Encoding::BYTE_STREAM_SPLIT)
        };
    }
    for wide in Wide::ALL {
        properties = properties.set_column_encoding(path(wide.name()), Encoding::BYTE_STREAM_SPLIT);
    }
    Arc::new(properties.build())
}

/// An error of the parquet crate as one of the file it happened in.
pub(crate) fn io_error(error: ParquetError) -> std::io::Error {
    match error {
        ParquetError::External(inner) => match inner.downcast::<std::io::Error>() {
            Ok(io) => *io,
            Err(other) => std::io::Error::other(other),
        },
        other => std::io::Error::other(other),
    }
}
