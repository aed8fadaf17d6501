//! Builds batches out of records.

use super::profile_writer::ProfileWriter;
use super::xlog_writer::XLogWriter;
use crate::codec::bytes::put_varint;
use crate::codec::column::SectionWriter;
use crate::codec::compress::Compressor;
use crate::codec::frame::{FrameType, write_frame};
use crate::codec::origin::Origin;
use crate::codec::texts::{LocalTexts, TextName, put_table};
use crate::codec::totals::Totals;
use crate::codec::{EncodeError, MAX_BATCH_PROFILES, MAX_BATCH_STEPS, MAX_BATCH_XLOGS};
use crate::record::{Step, XLog};
use crate::{TextKind, TextRef, Txid};

/// Builds one batch after another; all buffers are used again.
///
/// Not for sharing: one thread fills it. It never grows beyond the `MAX_BATCH_…` limits: what
/// would not fit is refused, and the caller finishes the batch first.
#[derive(Debug)]
pub struct BatchEncoder {
    xlogs: XLogWriter,
    profiles: ProfileWriter,
    texts: LocalTexts,
    section: SectionWriter,
    compressor: Compressor,
    open_profile: Option<(Txid, i64)>,
}

/// A batch that is encoded but for its head: kept until it is acknowledged, sent with the head of
/// whichever store the connection leads to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EncodedBatch {
    /// The texts it refers to, in the sender's own numbers and in the order of its table.
    pub texts: Vec<(TextKind, TextRef)>,
    /// Number of XLogs.
    pub xlogs: usize,
    /// Number of profiles, 0 after [`EncodedBatch::strip_profiles`].
    pub profiles: usize,
    steps: usize,
    is_stripped: bool,
    totals: Totals,
    xlog_section: Vec<u8>,
    profile_section: Vec<u8>,
}

impl BatchEncoder {
    /// An empty batch.
    ///
    /// # Errors
    /// [`EncodeError::Compression`] when zstd cannot get memory.
    pub fn new() -> Result<Self, EncodeError> {
        Ok(Self {
            xlogs: XLogWriter::default(),
            profiles: ProfileWriter::default(),
            texts: LocalTexts::default(),
            section: SectionWriter::default(),
            compressor: Compressor::new()?,
            open_profile: None,
        })
    }

    /// Number of XLogs in the batch.
    #[must_use]
    pub fn xlogs(&self) -> usize {
        self.xlogs.len()
    }

    /// Number of profiles in the batch.
    #[must_use]
    pub fn profiles(&self) -> usize {
        self.profiles.profiles()
    }

    /// Number of steps in the batch.
    #[must_use]
    pub fn steps(&self) -> usize {
        self.profiles.steps()
    }

    /// Roughly how many bytes the batch has before compression (a third to a fifth of that after
    /// it).
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.xlogs.bytes() + self.profiles.bytes()
    }

    /// Whether nothing is in the batch.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.xlogs() == 0 && self.profiles() == 0
    }

    /// Adds an XLog. Its texts are in the caller's own, dense numbers. Inline texts beyond their
    /// limit are cut.
    ///
    /// Answers false, and adds nothing, when the batch has [`MAX_BATCH_XLOGS`].
    pub fn push_xlog(&mut self, xlog: &XLog<'_>) -> bool {
        if self.xlogs.len() >= MAX_BATCH_XLOGS {
            return false;
        }
        self.xlogs.push(xlog, &mut self.texts);
        true
    }

    /// Begins a profile. Push the XLog of the same transaction before, when both are at hand.
    ///
    /// Answers false, and begins none, when the batch has [`MAX_BATCH_PROFILES`].
    pub fn begin_profile(&mut self, txid: Txid, end_unix_us: i64) -> bool {
        if self.profiles.profiles() >= MAX_BATCH_PROFILES {
            return false;
        }
        self.open_profile = Some((txid, end_unix_us));
        true
    }

    /// Adds the next step of the open profile.
    ///
    /// Answers false, and adds nothing, when no profile is open or the batch has
    /// [`MAX_BATCH_STEPS`].
    pub fn push_step(&mut self, step: &Step<'_>) -> bool {
        if self.open_profile.is_none() || self.profiles.steps() >= MAX_BATCH_STEPS {
            return false;
        }
        self.profiles.push(step, &mut self.texts);
        true
    }

    /// Ends the open profile, if any.
    pub fn end_profile(&mut self) {
        if let Some((txid, end_unix_us)) = self.open_profile.take() {
            self.xlogs.push_profile(txid, end_unix_us);
            self.profiles.end_profile();
        }
    }

    /// Encodes the batch and begins the next one. A profile that is still open is ended.
    ///
    /// # Errors
    /// [`EncodeError::SectionTooLong`]: the records are gone, count them. The exporter keeps far
    /// below it by closing batches early.
    pub fn finish(&mut self, totals: &Totals) -> Result<EncodedBatch, EncodeError> {
        self.end_profile();
        let mut batch = EncodedBatch {
            xlogs: self.xlogs.len(),
            profiles: self.profiles.profiles(),
            steps: self.profiles.steps(),
            totals: *totals,
            ..EncodedBatch::default()
        };
        self.texts.finish(&mut batch.texts);
        let counts = LocalTexts::counts(&batch.texts);
        // Both sections are taken out before either can fail, so that nothing stays behind.
        self.xlogs.finish(&mut self.section, &counts);
        let xlog_section = self.compress();
        self.profiles.finish(&mut self.section, &counts);
        let profile_section = self.compress();
        batch.xlog_section = xlog_section?;
        if batch.profiles > 0 {
            batch.profile_section = profile_section?;
        }
        Ok(batch)
    }

    fn compress(&mut self) -> Result<Vec<u8>, EncodeError> {
        let compressed = self.compressor.compress(self.section.finish()).map(<[u8]>::to_vec);
        self.section.clear();
        compressed
    }
}

impl EncodedBatch {
    /// Bytes it takes to keep it, head not included.
    #[must_use]
    pub fn kept_bytes(&self) -> usize {
        size_of::<Self>()
            + self.xlog_section.len()
            + self.profile_section.len()
            + self.texts.len() * size_of::<(TextKind, TextRef)>()
    }

    /// Its two parts of any size, XLogs and profiles, for whoever keeps them elsewhere.
    #[must_use]
    pub fn sections(&self) -> (&[u8], &[u8]) {
        (&self.xlog_section, &self.profile_section)
    }

    /// Takes both sections out of memory. It must not be written before
    /// [`EncodedBatch::put_sections`] has brought them back.
    pub fn take_sections(&mut self) -> (Vec<u8>, Vec<u8>) {
        (std::mem::take(&mut self.xlog_section), std::mem::take(&mut self.profile_section))
    }

    /// Brings back what [`EncodedBatch::sections`] had; profiles that were stripped meanwhile must
    /// be left empty.
    pub fn put_sections(&mut self, xlogs: Vec<u8>, profiles: Vec<u8>) {
        (self.xlog_section, self.profile_section) = (xlogs, profiles);
    }

    /// Drops the profiles and answers how many there were; count them. Decoded, the XLogs say that
    /// their profiles were dropped.
    pub fn strip_profiles(&mut self) -> usize {
        self.is_stripped |= self.profiles > 0;
        self.profile_section = Vec::new();
        self.steps = 0;
        std::mem::take(&mut self.profiles)
    }

    /// Replaces the totals, so that a frame sent again says what is true now.
    pub fn set_totals(&mut self, totals: &Totals) {
        self.totals = *totals;
    }

    /// Appends the BATCH frame as it is sent to one store: `name` says how that store knows a
    /// text.
    ///
    /// # Errors
    /// [`EncodeError::FrameTooLong`]; `out` is then as it was.
    pub fn write_frame(
        &self,
        out: &mut Vec<u8>,
        seq: u64,
        origin: &Origin,
        mut name: impl FnMut(TextKind, TextRef) -> TextName,
    ) -> Result<(), EncodeError> {
        write_frame(out, FrameType::Batch, seq, |out| {
            origin.put(out);
            let counts = LocalTexts::counts(&self.texts);
            put_table(out, &counts, self.texts.iter().map(|(kind, text)| name(*kind, *text)));
            out.push(u8::from(self.is_stripped));
            for count in [self.xlogs, self.profiles, self.steps, self.xlog_section.len()] {
                put_varint(out, count as u64);
            }
            self.totals.put(out);
            // What later versions add to the head; see `BatchView::parse`.
            put_varint(out, 0);
            out.extend_from_slice(&self.xlog_section);
            out.extend_from_slice(&self.profile_section);
        })
    }
}
