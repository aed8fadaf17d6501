//! Profile packs: the profile sections of one generation, copied as the agents compressed them.
//!
//! ```text
//! "SCTRPF01" | pack u32 | 0 u32
//! section | section | …                      each a zstd frame, exactly as received
//! index (zstd): texts, frames, orphans
//! index offset u64 | index bytes u32 | raw bytes u32 | crc32c u32 | "SPF1"
//! ```
//! The index holds the texts the sections refer to, so a pack can be read without the dictionary;
//! per frame its length, checksum, number of profiles and text table; and the txids of *orphans*,
//! profiles whose transactions were sealed in another generation and therefore do not point here.

mod reader;
mod writer;

pub(crate) use reader::{FrameTexts, PackIndex, read_frame, salvage, verify};
pub(crate) use writer::{PackContent, write};

const MAGIC: [u8; 8] = *b"SCTRPF01";
const HEADER_BYTES: usize = 16;
const TRAILER_MAGIC: [u8; 4] = *b"SPF1";
const TRAILER_BYTES: usize = 24;

/// Largest index read into memory; a longer one is damage.
const MAX_INDEX_BYTES: usize = 1 << 30;
