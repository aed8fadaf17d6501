//! A BATCH as it came: its head read, its sections still compressed.

use super::profile_reader::Profiles;
use super::xlog_columns::XLogColumns;
use crate::TextRef;
use crate::codec::bytes::Reader;
use crate::codec::compress::Decompressor;
use crate::codec::origin::Origin;
use crate::codec::texts::TextTable;
use crate::codec::totals::Totals;
use crate::codec::{
    DecodeError, MAX_BATCH_PROFILES, MAX_BATCH_STEPS, MAX_BATCH_XLOGS, MAX_FRAME_BYTES,
};

/// How many records a batch has, known without decoding its sections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BatchCounts {
    /// XLogs.
    pub xlogs: usize,
    /// Profiles.
    pub profiles: usize,
    /// Steps in all profiles.
    pub steps: usize,
    /// Whether the sender had to drop the profiles of this batch (B4).
    pub profiles_stripped: bool,
}

/// The parts of a BATCH body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchView<'a> {
    /// Who sent it, and the store whose numbers it uses.
    pub origin: Origin,
    /// How many records it has.
    pub counts: BatchCounts,
    /// What the agent has recorded and dropped so far.
    pub totals: Totals,
    /// The compressed XLog section, for [`SectionDecoder::xlogs`].
    pub xlog_section: &'a [u8],
    /// The compressed profile section, to be stored as it is; for [`SectionDecoder::profiles`].
    /// Empty when there are no profiles.
    pub profile_section: &'a [u8],
}

impl<'a> BatchView<'a> {
    /// Reads the head of a BATCH body; its text table goes into `table`.
    ///
    /// # Errors
    /// Any damage of the head, or counts beyond the `MAX_BATCH_…` limits.
    pub fn parse(body: &'a [u8], table: &mut TextTable) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(body);
        let origin = Origin::read(&mut reader)?;
        table.parse(&mut reader)?;
        let profiles_stripped = reader.u8("batch flags")? & 1 != 0;
        let counts = BatchCounts {
            xlogs: reader.length(MAX_BATCH_XLOGS, "XLogs of a batch")?,
            profiles: reader.length(MAX_BATCH_PROFILES, "profiles of a batch")?,
            steps: reader.length(MAX_BATCH_STEPS, "steps of a batch")?,
            profiles_stripped,
        };
        let xlog_bytes = reader.length(MAX_FRAME_BYTES, "XLog section")?;
        let totals = Totals::read(&mut reader)?;
        // A newer agent adds fields of the head here.
        reader.record("head of a batch")?;
        let xlog_section = reader.take(xlog_bytes, "XLog section")?;
        let profile_section = reader.rest();
        if profile_section.is_empty() != (counts.profiles == 0) {
            return Err(DecodeError::OutOfRange("profiles of a batch"));
        }
        Ok(Self { origin, counts, totals, xlog_section, profile_section })
    }
}

/// Decodes sections. Keeps its zstd context and buffers; one per thread.
#[derive(Debug)]
pub struct SectionDecoder {
    decompressor: Decompressor,
    raw: Vec<u8>,
}

impl SectionDecoder {
    /// A decoder.
    ///
    /// # Errors
    /// [`DecodeError::Compression`] when zstd cannot get memory.
    pub fn new() -> Result<Self, DecodeError> {
        Ok(Self { decompressor: Decompressor::new()?, raw: Vec::new() })
    }

    /// Decodes the XLogs of a batch into `out`. `texts` are the store's numbers of the entries of
    /// the batch's text table, in their order.
    ///
    /// # Errors
    /// Any damage of the section; `out` is then empty.
    pub fn xlogs(
        &mut self,
        batch: &BatchView<'_>,
        texts: &[TextRef],
        out: &mut XLogColumns,
    ) -> Result<(), DecodeError> {
        let result = self
            .decompressor
            .decompress(batch.xlog_section, &mut self.raw, "XLog section")
            .and_then(|()| out.read(&self.raw, &batch.counts, texts));
        if result.is_err() {
            out.clear();
        }
        result
    }

    /// Opens a profile section, of a batch or as it was stored. `texts` are as for
    /// [`SectionDecoder::xlogs`], kept beside the section.
    ///
    /// # Errors
    /// Damage of the frame or of the directory of the section; damage within shows when the
    /// profile it is in is read.
    pub fn profiles<'a>(
        &'a mut self,
        section: &[u8],
        texts: &'a [TextRef],
    ) -> Result<Profiles<'a>, DecodeError> {
        self.decompressor.decompress(section, &mut self.raw, "profile section")?;
        Profiles::open(&self.raw, texts)
    }
}
