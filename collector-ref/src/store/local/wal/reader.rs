//! Reads a WAL file back after a restart.

use std::fs::{self, OpenOptions};
use std::io;
use std::ops::Range;
use std::path::Path;

use super::record::{self, Mark, RECORD_HEAD_BYTES, Record};

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

/// A WAL file in memory after a restart, split into records.
#[derive(Debug)]
pub(crate) struct WalFile {
    bytes: Vec<u8>,
    pieces: Vec<Piece>,
    /// The furthest mark in it.
    pub(crate) mark: Mark,
}

/// A part of a WAL file.
#[derive(Debug)]
struct Piece {
    at: Range<usize>,
    is_good: bool,
}

/// What reading a WAL file came to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Replay {
    /// Bytes from the begin of the file that are kept.
    pub(crate) good_bytes: u64,
    /// Bytes behind them that were cut off: nothing in them was acknowledged.
    pub(crate) torn_bytes: u64,
    /// Damaged parts in front of that, and records that could not be understood.
    pub(crate) damaged_records: u64,
}

impl WalFile {
    /// Reads a file and finds its records, also behind damage.
    ///
    /// # Errors
    /// It cannot be read, or is not a WAL file of this store (`InvalidData`).
    pub(crate) fn read(path: &Path, expected: &WalHeader) -> io::Result<Self> {
        let bytes = fs::read(path)?;
        let mut at = match WalHeader::parse(&bytes) {
            Some(header) if header == *expected => WAL_HEADER_BYTES,
            // Not even the header was written before the crash.
            None if bytes.len() <= WAL_HEADER_BYTES => bytes.len(),
            _ => {
                let why = "not a write-ahead log of this store and generation";
                return Err(io::Error::new(io::ErrorKind::InvalidData, why));
            }
        };
        let (mut pieces, mut mark) = (Vec::new(), Mark::default());
        while at < bytes.len() {
            let rest = &bytes[at..];
            let (length, is_good) = match record::split(rest) {
                Some((body, length)) => {
                    if let Ok(Some(Record::Mark(found))) = record::parse(body) {
                        mark = mark.max(found);
                    }
                    (length, true)
                }
                None => match record::next_good(rest) {
                    Some(length) => (length, false),
                    None => break,
                },
            };
            pieces.push(Piece { at: at..at + length, is_good });
            at += length;
        }
        if at < bytes.len() {
            pieces.push(Piece { at: at..bytes.len(), is_good: false });
        }
        Ok(Self { bytes, pieces, mark })
    }

    /// Visits the records with the place of their payload's end, in order, and cuts off a torn
    /// tail: all from the first damage on that is not in front of `safe_bytes`.
    ///
    /// # Errors
    /// The file cannot be cut.
    pub(crate) fn replay(
        &self,
        path: &Path,
        safe_bytes: u64,
        visit: &mut dyn FnMut(&Record<'_>, u64),
    ) -> io::Result<Replay> {
        let mut report = Replay { good_bytes: self.whole_header(), ..Replay::default() };
        for Piece { at, is_good } in &self.pieces {
            let (begin, end) = (at.start as u64, at.end as u64);
            if *is_good {
                match record::parse(&self.bytes[at.start + RECORD_HEAD_BYTES..at.end]) {
                    Ok(Some(record)) => visit(&record, end),
                    Ok(None) => {}
                    Err(_) => report.damaged_records += 1,
                }
            } else if begin < safe_bytes {
                report.damaged_records += 1;
            } else {
                break;
            }
            report.good_bytes = end;
        }
        report.torn_bytes = self.bytes.len() as u64 - report.good_bytes;
        if report.torn_bytes > 0 {
            OpenOptions::new().write(true).open(path)?.set_len(report.good_bytes)?;
        }
        Ok(report)
    }

    /// Damaged parts in front of `safe_bytes` and records that cannot be understood, and the bytes
    /// that would be cut off as torn.
    pub(crate) fn inspect(&self, safe_bytes: u64) -> (u64, u64) {
        let mut damaged = 0;
        let mut good_bytes = self.whole_header();
        for Piece { at, is_good } in &self.pieces {
            if *is_good {
                let body = &self.bytes[at.start + RECORD_HEAD_BYTES..at.end];
                damaged += u64::from(record::parse(body).is_err());
            } else if (at.start as u64) < safe_bytes {
                damaged += 1;
            } else {
                break;
            }
            good_bytes = at.end as u64;
        }
        (damaged, self.bytes() - good_bytes)
    }

    /// Whether a file does not even begin as a log does.
    pub(crate) fn has_no_header(path: &Path) -> io::Result<bool> {
        Ok(WalHeader::parse(&fs::read(path)?).is_none())
    }

    /// Length of the file.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// Whether something would be cut off with so much of it being safe.
    pub(crate) fn is_torn(&self, safe_bytes: u64) -> bool {
        let header = self.whole_header() == 0 && !self.bytes.is_empty();
        header
            || self.pieces.iter().any(|piece| !piece.is_good && piece.at.start as u64 >= safe_bytes)
    }

    /// Length of the header, 0 when it is not whole.
    fn whole_header(&self) -> u64 {
        if WalHeader::parse(&self.bytes).is_some() { WAL_HEADER_BYTES as u64 } else { 0 }
    }
}
