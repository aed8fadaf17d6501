//! What can be wrong with bytes.

use std::fmt;

/// Why bytes could not be decoded. The sender is broken, hostile or newer than this decoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeError {
    /// The input ends inside the named thing. Likely a cut connection or a torn file.
    Truncated(&'static str),
    /// More bytes follow than the named thing has. Likely a sender with another layout.
    Trailing(&'static str),
    /// The named thing claims to be longer than its limit.
    TooLong {
        /// What is too long.
        what: &'static str,
        /// How long it claims to be, in bytes or items.
        length: u64,
        /// How long it may be.
        limit: u64,
    },
    /// The named text is not UTF-8.
    NotUtf8(&'static str),
    /// A variant this version does not know, in a place that cannot be skipped.
    UnknownVariant {
        /// Of what.
        what: &'static str,
        /// Its number.
        number: u64,
    },
    /// The named number is outside its range, such as a reference past the end of its table or an
    /// id of 0.
    OutOfRange(&'static str),
    /// The checksum does not match: the bytes were damaged on the way or on disk.
    Checksum,
    /// The named section is not a valid zstd frame of known size.
    Compression(&'static str),
    /// The frame has a version this decoder does not speak. Update the older side.
    Version {
        /// Version of the frame.
        found: u8,
        /// Version this decoder speaks.
        supported: u8,
    },
    /// The connection does not begin with the preface: the peer speaks another protocol.
    Preface,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated(what) => write!(f, "the input ends inside {what}"),
            Self::Trailing(what) => write!(f, "bytes follow the end of {what}"),
            Self::TooLong { what, length, limit } => {
                write!(f, "{what} is {length} long, more than the limit of {limit}")
            }
            Self::NotUtf8(what) => write!(f, "{what} is not UTF-8"),
            Self::UnknownVariant { what, number } => {
                write!(f, "unknown {what} {number}; the sender is newer than this decoder")
            }
            Self::OutOfRange(what) => write!(f, "{what} is out of range"),
            Self::Checksum => f.write_str("the checksum does not match; the bytes are damaged"),
            Self::Compression(what) => write!(f, "{what} is not a valid zstd frame"),
            Self::Version { found, supported } => write!(
                f,
                "the frame has version {found} but this decoder speaks {supported}; update the older side"
            ),
            Self::Preface => {
                f.write_str("the connection does not begin with the Scouter preface SCTRRS1")
            }
        }
    }
}

impl std::error::Error for DecodeError {}

/// Why a frame could not be encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum EncodeError {
    /// The body would be longer than [`MAX_FRAME_BYTES`](super::MAX_FRAME_BYTES). Send fewer
    /// records in one frame.
    FrameTooLong {
        /// How long the body is, in bytes.
        length: usize,
    },
    /// A section would be longer than [`MAX_SECTION_BYTES`](super::MAX_SECTION_BYTES) before
    /// compression. Send fewer records in one batch.
    SectionTooLong {
        /// How long the section is, in bytes.
        length: usize,
    },
    /// zstd failed, which means that no memory was left for its buffers.
    Compression,
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FrameTooLong { length } => write!(
                f,
                "the frame body is {length} bytes long, more than the limit of {}; send fewer records",
                super::MAX_FRAME_BYTES
            ),
            Self::SectionTooLong { length } => write!(
                f,
                "the section is {length} bytes long, more than the limit of {}; send fewer records",
                super::MAX_SECTION_BYTES
            ),
            Self::Compression => f.write_str("zstd could not compress a section (out of memory)"),
        }
    }
}

impl std::error::Error for EncodeError {}
