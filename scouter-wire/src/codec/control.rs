//! COMMAND and REPLY: the only way back. The collector asks, the agent answers, in chunks, so that
//! a large answer never keeps batches waiting.

use super::bytes::{Reader, put_bytes, put_varint};
use super::{DecodeError, MAX_COMMAND_BYTES, MAX_REPLY_BYTES, MAX_REPLY_CHUNK_BYTES};

/// What the agent is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u16)]
#[non_exhaustive]
pub enum CommandKind {
    /// Answers its own payload.
    Ping = 0,
    /// Active services. Payload: text, the most transactions to list (empty: all that fit into
    /// [`MAX_REPLY_BYTES`]).
    /// Answer: [`put_active`](super::put_active).
    Active = 1,
    /// All options. No payload. Answer: [`put_options`](super::put_options).
    Options = 2,
    /// One option. Payload: text, its name. Answer: as for `Options`, with one item.
    OptionValue = 3,
    /// Changes an option. Payload: text, `name=value`. Answer: as for `OptionValue`.
    SetOption = 4,
    /// All callsites. No payload. Answer: [`put_callsites`](super::put_callsites).
    Callsites = 5,
    /// Sets the flags of callsites. Payload: text, `id=flags` in decimal, one per line. Answer: the
    /// callsites that were changed.
    SetCallsites = 6,
    /// All OS threads with their native stacks. No payload. Answer:
    /// [`put_threads`](super::put_threads).
    Threads = 7,
    /// Stack frequencies. Payload: text, `take logical`, `take cpu`, `start cpu HZ SECONDS` or
    /// `stop cpu`. Answer: [`put_profile`](super::put_profile).
    Sfa = 8,
    /// The process: variables, arguments, limits, sockets. No payload. Answer:
    /// [`put_environment`](super::put_environment).
    Environment = 9,
    /// What was allocated where, and what of it lives. No payload. Answer:
    /// [`put_heap`](super::put_heap).
    Heap = 10,
    /// Values at chosen callsites for a while. Payload: text; nothing to ask how it stands, `stop`,
    /// or `start` with one `name=value` a line: `callsites`, `service`, `tenant`, `seconds`,
    /// `values`. Answer: text, how it stands, one `name=value` a line.
    Capture = 11,
}

impl CommandKind {
    /// All kinds, in the order of their numbers.
    pub const ALL: [Self; 12] = [
        Self::Ping,
        Self::Active,
        Self::Options,
        Self::OptionValue,
        Self::SetOption,
        Self::Callsites,
        Self::SetCallsites,
        Self::Threads,
        Self::Sfa,
        Self::Environment,
        Self::Heap,
        Self::Capture,
    ];

    /// The kind with this wire number.
    #[must_use]
    pub fn from_wire(number: u16) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }
}

/// How a payload is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(u8)]
#[non_exhaustive]
pub enum Encoding {
    /// UTF-8 text.
    #[default]
    Text = 0,
    /// JSON.
    Json = 1,
    /// Records of this codec, as the kind of the command says.
    Records = 2,
    /// One that only a newer version knows: the payload cannot be read.
    Other = 255,
}

impl Encoding {
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(match reader.u8("encoding")? {
            0 => Self::Text,
            1 => Self::Json,
            2 => Self::Records,
            _ => Self::Other,
        })
    }
}

/// Body of COMMAND.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command<'a> {
    /// Names the command in its replies; chosen by the collector.
    pub id: u64,
    /// Number of the kind; [`CommandKind::from_wire`] names it. The agent refuses one it does not
    /// know.
    pub kind_number: u16,
    /// After this many milliseconds the answer is of no use any more; the agent may then leave it
    /// out.
    pub deadline_ms: u32,
    /// How to read the payload.
    pub encoding: Encoding,
    /// What the kind of the command needs; at most [`MAX_COMMAND_BYTES`].
    pub payload: &'a [u8],
}

impl<'a> Command<'a> {
    /// Appends the body. A payload beyond [`MAX_COMMAND_BYTES`] is refused by the other side.
    pub fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.id.to_le_bytes());
        out.extend_from_slice(&self.kind_number.to_le_bytes());
        out.extend_from_slice(&self.deadline_ms.to_le_bytes());
        out.push(self.encoding as u8);
        put_bytes(out, self.payload);
    }

    /// Reads the body. Fields that a newer collector appends are skipped.
    ///
    /// # Errors
    /// Any damage, or a payload beyond its limit.
    pub fn read(body: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(body);
        Ok(Self {
            id: reader.u64("command id")?,
            kind_number: reader.u16("command kind")?,
            deadline_ms: reader.u32("command deadline")?,
            encoding: Encoding::read(&mut reader)?,
            payload: reader.bytes(MAX_COMMAND_BYTES, "command payload")?,
        })
    }
}

/// Body of REPLY: one chunk of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reply<'a> {
    /// The command it answers.
    pub id: u64,
    /// Place of this chunk, from 0.
    pub chunk: u32,
    /// Whether it is the last one.
    pub is_last: bool,
    /// Whether the command failed; the payload is then a sentence.
    pub is_error: bool,
    /// How to read the payload of all chunks together.
    pub encoding: Encoding,
    /// Its part of the answer; at most [`MAX_REPLY_CHUNK_BYTES`].
    pub payload: &'a [u8],
}

impl<'a> Reply<'a> {
    /// Appends the body.
    pub fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.id.to_le_bytes());
        put_varint(out, u64::from(self.chunk));
        out.push(u8::from(self.is_last) | u8::from(self.is_error) << 1);
        out.push(self.encoding as u8);
        put_bytes(out, self.payload);
    }

    /// Reads the body. Fields that a newer agent appends are skipped.
    ///
    /// # Errors
    /// Any damage, or a payload beyond its limit.
    pub fn read(body: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(body);
        let id = reader.u64("command id")?;
        let chunk = reader.varint_u32("chunk")?;
        let flags = reader.u8("reply flags")?;
        Ok(Self {
            id,
            chunk,
            is_last: flags & 1 != 0,
            is_error: flags & 2 != 0,
            encoding: Encoding::read(&mut reader)?,
            payload: reader.bytes(MAX_REPLY_CHUNK_BYTES, "reply payload")?,
        })
    }

    /// Splits an answer into its replies.
    pub fn chunks(
        id: u64,
        is_error: bool,
        encoding: Encoding,
        payload: &'a [u8],
    ) -> impl Iterator<Item = Self> {
        let count = payload.len().div_ceil(MAX_REPLY_CHUNK_BYTES).max(1);
        (0..count).map(move |at| {
            let start = at * MAX_REPLY_CHUNK_BYTES;
            let end = payload.len().min(start + MAX_REPLY_CHUNK_BYTES);
            Self {
                id,
                // An answer within MAX_REPLY_BYTES has 256 chunks.
                chunk: u32::try_from(at).unwrap_or(u32::MAX),
                is_last: at + 1 == count,
                is_error,
                encoding,
                payload: &payload[start..end],
            }
        })
    }
}

/// An answer put together again.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Answer {
    /// Whether the command failed; the payload is then a sentence.
    pub is_error: bool,
    /// How to read the payload.
    pub encoding: Encoding,
    /// The answer.
    pub payload: Vec<u8>,
    chunks: u32,
}

impl Answer {
    /// Adds the next chunk and answers whether it was the last.
    ///
    /// # Errors
    /// [`DecodeError::OutOfRange`] for a chunk that is not the next one;
    /// [`DecodeError::TooLong`] past [`MAX_REPLY_BYTES`].
    pub fn push(&mut self, reply: &Reply<'_>) -> Result<bool, DecodeError> {
        if reply.chunk != self.chunks {
            return Err(DecodeError::OutOfRange("chunk of a reply"));
        }
        let length = self.payload.len() + reply.payload.len();
        if length > MAX_REPLY_BYTES {
            let (length, limit) = (length as u64, MAX_REPLY_BYTES as u64);
            return Err(DecodeError::TooLong { what: "reply", length, limit });
        }
        self.is_error = reply.is_error;
        self.encoding = reply.encoding;
        self.payload.extend_from_slice(reply.payload);
        self.chunks += 1;
        Ok(reply.is_last)
    }
}
