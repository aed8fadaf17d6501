//! Every bound of the codec. A decoder answers input beyond one with a typed error; an encoder
//! refuses to produce it, so that the caller can count what it could not send.

/// Longest body of a frame in bytes: 8 MiB.
///
/// A frame that would be longer is refused by the encoder ([`EncodeError::FrameTooLong`]) and by
/// [`FrameHeader::parse`], before the body is read.
///
/// [`EncodeError::FrameTooLong`]: super::EncodeError::FrameTooLong
/// [`FrameHeader::parse`]: super::FrameHeader::parse
pub const MAX_FRAME_BYTES: usize = 8 * 1024 * 1024;

/// Longest decompressed section of a batch in bytes: 32 MiB. A section that claims more is refused
/// before memory is reserved for it.
pub const MAX_SECTION_BYTES: usize = 32 * 1024 * 1024;

/// Most XLogs in one batch. The exporter closes a batch at 500.
pub const MAX_BATCH_XLOGS: usize = 8_192;

/// Most profiles in one batch.
pub const MAX_BATCH_PROFILES: usize = 8_192;

/// Most steps in all profiles of one batch: the largest `SCOUTER_PROFILE_STEP_MAX_COUNT`.
pub const MAX_BATCH_STEPS: usize = 1 << 20;

/// Most texts one frame may refer to.
pub const MAX_FRAME_TEXTS: usize = 1 << 20;

/// Most tags on one XLog and most attributes on one step; further ones are cut by the encoder and
/// refused by the decoder.
pub const MAX_TAGS: usize = 64;

/// Longest note, bound-value list or other free text of a step, in bytes; longer ones are cut by
/// the encoder at a character boundary.
pub const MAX_STEP_TEXT_BYTES: usize = 4 * 1024;

/// Longest sentence in an alert or a refusal, in bytes; longer ones are cut by the encoder.
pub const MAX_SENTENCE_BYTES: usize = 4 * 1024;

/// Longest name in HELLO and OBJECT (object name, version, tag), in bytes; cut by the encoder.
pub const MAX_NAME_BYTES: usize = 1024;

/// Longest token in AUTH, in bytes. A longer one cannot be right and is refused.
pub const MAX_TOKEN_BYTES: usize = 4 * 1024;

/// Most items (digests, points, alerts, texts, options, callsites, active services) in one frame
/// that carries a list.
pub const MAX_LIST_ITEMS: usize = 1 << 16;

/// Most buckets of one sketch: 64 octaves of 8.
pub const MAX_SKETCH_BUCKETS: usize = 512;

/// Longest payload of a command in bytes: 1 MiB.
pub const MAX_COMMAND_BYTES: usize = 1024 * 1024;

/// Longest payload of one chunk of a reply in bytes: 64 KiB, so that a large reply never keeps
/// batches or acknowledgements waiting for long.
pub const MAX_REPLY_CHUNK_BYTES: usize = 64 * 1024;

/// Longest reply in all its chunks together, in bytes: 16 MiB.
pub const MAX_REPLY_BYTES: usize = 16 * 1024 * 1024;

/// Most open steps of one transaction in the live view; deeper ones are left out.
pub const MAX_ACTIVE_STACK: usize = 256;
