//! Checks every page that is read against the checksum the footer has of it.
//!
//! A page's zstd frame carries a checksum of its values, but the page's header stands outside of it:
//! one flipped bit in its number of values would move the rows of every page behind it, and no
//! reader would notice. So the checksum here is of the header and the values together. It is checked
//! where the bytes come in, before the parquet crate interprets any of them.

use std::collections::HashMap;
use std::fs::File;
use std::sync::Arc;

use bytes::Bytes;
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::metadata::ParquetMetaData;
use parquet::file::reader::{ChunkReader, Length};

use super::SegmentError;
use crate::store::local::seal::schema::PAGE_SUMS;

/// Length and checksum of each page, by where it begins.
#[derive(Debug)]
pub(super) struct PageSums(HashMap<u64, (usize, u32)>);

impl PageSums {
    /// Those a footer has; `None` if it has none, as in files of the stock writer.
    pub(super) fn read(metadata: &ParquetMetaData) -> Result<Option<Self>, SegmentError> {
        let entries = metadata.file_metadata().key_value_metadata();
        let entry = entries.and_then(|all| all.iter().find(|entry| entry.key == PAGE_SUMS));
        let Some(text) = entry.and_then(|entry| entry.value.as_deref()) else { return Ok(None) };
        let (digits, rest) = text.as_bytes().as_chunks::<8>();
        let pages = pages(metadata).ok_or_else(|| damaged("it lacks the places of its pages"))?;
        if !rest.is_empty() || digits.len() != pages.len() {
            return Err(damaged("it has other pages than checksums"));
        }
        let mut sums = HashMap::with_capacity(pages.len());
        for ((start, length), digits) in pages.into_iter().zip(digits) {
            let sum = str::from_utf8(digits).ok().and_then(|hex| u32::from_str_radix(hex, 16).ok());
            let sum = sum.ok_or_else(|| damaged("a checksum of a page is not a number"))?;
            sums.insert(start, (length, sum));
        }
        Ok(Some(Self(sums)))
    }

    fn check(&self, start: u64, bytes: &[u8]) -> ParquetResult<()> {
        let sum = crc32c::crc32c(bytes);
        match self.0.get(&start) {
            Some(expected) if *expected == (bytes.len(), sum) => Ok(()),
            Some(_) => Err(general("the checksum of a page does not match")),
            None => Err(general("no page begins where one is read")),
        }
    }
}

/// Start and length of each page, in the order of the file.
fn pages(metadata: &ParquetMetaData) -> Option<Vec<(u64, usize)>> {
    let mut pages = Vec::new();
    for (number, group) in metadata.row_groups().iter().enumerate() {
        let index = metadata.page_index_for_row_group(number);
        for (place, column) in group.columns().iter().enumerate() {
            let locations = index.offset_index(place)?.page_locations();
            let first = u64::try_from(locations.first()?.offset).ok()?;
            if let Some(start) = column.dictionary_page_offset() {
                let start = u64::try_from(start).ok()?;
                pages.push((start, usize::try_from(first.checked_sub(start)?).ok()?));
            }
            for page in locations {
                let length = usize::try_from(page.compressed_page_size).ok()?;
                pages.push((u64::try_from(page.offset).ok()?, length));
            }
        }
    }
    Some(pages)
}

/// A segment's file, as the parquet crate reads pages from it.
pub(super) struct CheckedFile {
    file: File,
    sums: Option<Arc<PageSums>>,
}

impl CheckedFile {
    pub(super) fn new(file: File, sums: Option<Arc<PageSums>>) -> Self {
        Self { file, sums }
    }
}

impl Length for CheckedFile {
    fn len(&self) -> u64 {
        Length::len(&self.file)
    }
}

impl ChunkReader for CheckedFile {
    type T = <File as ChunkReader>::T;

    /// Streams without a check, so only where there is nothing to check against: with page places,
    /// which files with checksums always have, the crate asks for whole pages.
    fn get_read(&self, start: u64) -> ParquetResult<Self::T> {
        if self.sums.is_some() {
            return Err(general("a page is read whose place is not known"));
        }
        self.file.get_read(start)
    }

    fn get_bytes(&self, start: u64, length: usize) -> ParquetResult<Bytes> {
        let bytes = self.file.get_bytes(start, length)?;
        if let Some(sums) = &self.sums {
            sums.check(start, &bytes)?;
        }
        Ok(bytes)
    }
}

fn general(why: &str) -> ParquetError {
    ParquetError::General(why.to_owned())
}

fn damaged(why: &str) -> SegmentError {
    SegmentError::Damaged(why.to_owned())
}
