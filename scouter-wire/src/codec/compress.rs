//! zstd contexts that are made once and used for every section.
//!
//! Level 1: levels above save 1 % of the bytes for 40 % more CPU, the fast levels below save no CPU
//! (measured on batches of 500 transactions). Repeats shorter than seven bytes are not looked for:
//! in columns they are chance, and leaving them costs 2 % of the bytes and saves 7 % of the CPU.

use std::fmt;

use super::{DecodeError, EncodeError, MAX_SECTION_BYTES};

const LEVEL: i32 = 1;

/// Shortest repeat that is looked for, in bytes.
const MIN_MATCH: u32 = 7;

/// Compresses sections. One per encoder.
pub(crate) struct Compressor {
    context: zstd::bulk::Compressor<'static>,
    buffer: Vec<u8>,
}

impl fmt::Debug for Compressor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compressor").finish_non_exhaustive()
    }
}

impl Compressor {
    pub(crate) fn new() -> Result<Self, EncodeError> {
        let mut context =
            zstd::bulk::Compressor::new(LEVEL).map_err(|_| EncodeError::Compression)?;
        context
            .set_parameter(zstd::zstd_safe::CParameter::MinMatch(MIN_MATCH))
            .map_err(|_| EncodeError::Compression)?;
        Ok(Self { context, buffer: Vec::new() })
    }

    /// Compresses a section; the answer lies in a buffer that is used again.
    pub(crate) fn compress(&mut self, section: &[u8]) -> Result<&[u8], EncodeError> {
        if section.len() > MAX_SECTION_BYTES {
            return Err(EncodeError::SectionTooLong { length: section.len() });
        }
        self.buffer.clear();
        self.buffer.reserve(zstd::zstd_safe::compress_bound(section.len()));
        self.context
            .compress_to_buffer(section, &mut self.buffer)
            .map_err(|_| EncodeError::Compression)?;
        Ok(&self.buffer)
    }
}

/// Decompresses sections. One per decoder.
pub(crate) struct Decompressor {
    context: zstd::bulk::Decompressor<'static>,
}

impl fmt::Debug for Decompressor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decompressor").finish_non_exhaustive()
    }
}

impl Decompressor {
    pub(crate) fn new() -> Result<Self, DecodeError> {
        let context = zstd::bulk::Decompressor::new()
            .map_err(|_| DecodeError::Compression("decompression context"))?;
        Ok(Self { context })
    }

    /// Decompresses a section into `out`, which is used again. Reserves what the section says it
    /// needs, at most [`MAX_SECTION_BYTES`].
    pub(crate) fn decompress(
        &mut self,
        section: &[u8],
        out: &mut Vec<u8>,
        what: &'static str,
    ) -> Result<(), DecodeError> {
        out.clear();
        let length = match zstd::zstd_safe::get_frame_content_size(section) {
            Ok(Some(length)) => length,
            Ok(None) | Err(_) => return Err(DecodeError::Compression(what)),
        };
        let limit = MAX_SECTION_BYTES as u64;
        let Some(length) = usize::try_from(length).ok().filter(|_| length <= limit) else {
            return Err(DecodeError::TooLong { what, length, limit });
        };
        out.reserve(length);
        self.context
            .decompress_to_buffer(section, out)
            .map_err(|_| DecodeError::Compression(what))?;
        if out.len() == length { Ok(()) } else { Err(DecodeError::Compression(what)) }
    }
}
