//! Reads a WAL file back after a restart.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::Path;

use super::record::{self, Record};

const MAGIC: [u8; 8] = *b"SCTRWAL1";

/// First bytes of a WAL file: magic, store, generation, checksum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct WalHeader {
    pub(crate) store_id: u128,
    pub(crate) generation: u64,
}

pub(crate) const WAL_HEADER_BYTES: usize = 36;

impl WalHeader {
    pub(crate) fn to_bytes(self) -> [u8; WAL_HEADER_BYTES] {
        let mut bytes = [0; WAL_HEADER_BYTES];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..24].copy_from_slice(&self.store_id.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.generation.to_le_bytes());
        let sum = crc32c::crc32c(&bytes[..32]);
        bytes[32..].copy_from_slice(&sum.to_le_bytes());
        bytes
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let head = bytes.first_chunk::<WAL_HEADER_BYTES>()?;
        let store_id = u128::from_le_bytes(*head[8..24].first_chunk()?);
        let generation = u64::from_le_bytes(*head[24..32].first_chunk()?);
        let header = Self { store_id, generation };
        (header.to_bytes() == *head).then_some(header)
    }
}

/// What reading a WAL file came to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Replay {
    /// Bytes of the whole records, from the begin of the file.
    pub(crate) good_bytes: u64,
    /// Bytes behind them that were cut off.
    pub(crate) torn_bytes: u64,
    /// Places where one or more damaged records were left out, good ones behind them.
    pub(crate) damaged_records: u64,
    /// Bytes of those whose checksum was wrong.
    pub(crate) skipped_bytes: u64,
}

/// Visits the records of a WAL file with the place of their payload's end, in order, and cuts off
/// a torn tail.
///
/// A crash leaves at most one torn region, at the end, and nothing in it can have been
/// acknowledged. What is damaged in the middle (a rotten block) is skipped and counted, up to the
/// next good record: where the damaged one's length says, or, when the length itself is damaged,
/// wherever one is found. Only when none follows is it a torn tail.
///
/// # Errors
/// The file cannot be read or cut; or it is not a WAL file of this store (`InvalidData`).
pub(crate) fn replay(
    path: &Path,
    expected: &WalHeader,
    visit: &mut dyn FnMut(&Record<'_>, u64),
) -> io::Result<Replay> {
    let bytes = fs::read(path)?;
    let mut report = Replay::default();
    match WalHeader::parse(&bytes) {
        Some(header) if header == *expected => report.good_bytes = WAL_HEADER_BYTES as u64,
        // Not even the header was written before the crash.
        None if bytes.len() <= WAL_HEADER_BYTES => {}
        _ => {
            let why = "not a write-ahead log of this store and generation";
            return Err(io::Error::new(io::ErrorKind::InvalidData, why));
        }
    }
    let mut rest = bytes.get(WAL_HEADER_BYTES..).unwrap_or_default();
    loop {
        let length = if let Some((body, length)) = record::split(rest) {
            match record::parse(body) {
                Ok(Some(record)) => visit(&record, report.good_bytes + length as u64),
                Ok(None) => {}
                Err(_) => report.damaged_records += 1,
            }
            length
        } else if let Some(length) =
            record::damaged_length(rest).or_else(|| record::next_good(rest))
        {
            report.damaged_records += 1;
            report.skipped_bytes += length as u64;
            length
        } else {
            break;
        };
        report.good_bytes += length as u64;
        rest = &rest[length..];
    }
    report.torn_bytes = bytes.len() as u64 - report.good_bytes;
    if report.torn_bytes > 0 {
        OpenOptions::new().write(true).open(path)?.set_len(report.good_bytes)?;
    }
    Ok(report)
}
