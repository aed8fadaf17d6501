//! Rewriting an encoded frame for another store, without touching its records.

use super::bytes::Reader;
use super::frame::{Frame, FrameType, write_frame};
use super::origin::Origin;
use super::texts::{TextEntry, TextName, TextTable, put_table};
use super::{DecodeError, EncodeError};

/// Why a frame could not be rewritten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RewriteError {
    /// The frame is damaged.
    Decode(DecodeError),
    /// The frame became too long: hashes take more room than numbers.
    Encode(EncodeError),
    /// A text of the frame is not known here, so its new name is not either.
    UnknownText(TextEntry),
}

impl std::fmt::Display for RewriteError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Decode(error) => write!(f, "the frame cannot be read: {error}"),
            Self::Encode(error) => write!(f, "the frame cannot be written: {error}"),
            Self::UnknownText(entry) => write!(f, "text {entry:?} of the frame is not known"),
        }
    }
}

impl std::error::Error for RewriteError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Decode(error) => Some(error),
            Self::Encode(error) => Some(error),
            Self::UnknownText(_) => None,
        }
    }
}

/// Appends a BATCH, COUNTER, AGG or ALERT frame as it is sent to another store: with a new origin,
/// and each text under the name that `rename` gives (usually its hash under the new store's seed).
/// Frames of other types do not name a store and are copied.
///
/// # Errors
/// See [`RewriteError`]; `out` is then as it was.
pub fn rewrite_frame(
    out: &mut Vec<u8>,
    frame: &Frame<'_>,
    origin: &Origin,
    mut rename: impl FnMut(TextEntry) -> Option<TextName>,
) -> Result<(), RewriteError> {
    let seq = frame.header.seq;
    let Some(frame_type) = frame.header.frame_type() else {
        return Err(RewriteError::Decode(DecodeError::UnknownVariant {
            what: "frame type",
            number: u64::from(frame.header.type_number),
        }));
    };
    let mut reader = Reader::new(frame.body);
    let mut names = Vec::new();
    let mut counts = Vec::new();
    match frame_type {
        FrameType::Batch | FrameType::Counter | FrameType::Agg => {
            Origin::read(&mut reader).map_err(RewriteError::Decode)?;
            let mut table = TextTable::default();
            table.parse(&mut reader).map_err(RewriteError::Decode)?;
            for entry in table.entries() {
                let kind = usize::from(entry.kind_number);
                counts.resize(counts.len().max(kind + 1), 0);
                counts[kind] += 1;
                names.push(rename(*entry).ok_or(RewriteError::UnknownText(*entry))?);
            }
        }
        FrameType::Alert => {
            Origin::read(&mut reader).map_err(RewriteError::Decode)?;
        }
        _ => {}
    }
    let names_a_store = reader.rest().len() != frame.body.len();
    let has_table = names_a_store && frame_type != FrameType::Alert;
    write_frame(out, frame_type, seq, |out| {
        if names_a_store {
            origin.put(out);
        }
        if has_table {
            put_table(out, &counts, names.into_iter());
        }
        out.extend_from_slice(reader.rest());
    })
    .map_err(RewriteError::Encode)
}
