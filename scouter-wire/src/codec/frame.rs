//! The frame: what every message on a connection is wrapped in.

use super::bytes::Reader;
use super::{DecodeError, EncodeError, MAX_FRAME_BYTES};

/// First bytes of a connection, sent by the agent before its first frame.
pub const PREFACE: &[u8; 8] = b"SCTRRS1\n";

/// Version of the frames this codec writes, and the newest one it reads.
pub const FRAME_VERSION: u8 = 1;

/// Length of a frame header in bytes.
pub const FRAME_HEADER_BYTES: usize = 20;

/// What a frame is. A type that is not known is skipped: its length is in the header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
#[non_exhaustive]
pub enum FrameType {
    /// Agent: who it is. First frame of a connection.
    Hello = 1,
    /// Agent: proof that it may send, directly after HELLO.
    Auth = 2,
    /// Agent: texts the collector has not numbered yet.
    Text = 3,
    /// Collector: the numbers it gave to texts.
    TextId = 4,
    /// Agent: XLogs and profiles.
    Batch = 5,
    /// Agent: values of counters.
    Counter = 6,
    /// Agent: digests of an interval.
    Agg = 7,
    /// Agent: alerts.
    Alert = 8,
    /// Agent: what it says of itself, whenever it changes, and as heartbeat.
    Object = 9,
    /// Collector: everything up to this sequence number is durable; how much more may be sent.
    Ack = 10,
    /// Collector: asks the agent to do something.
    Command = 11,
    /// Agent: answers a command, in chunks.
    Reply = 12,
    /// Either: a refusal with a sentence; the connection is closed after it.
    Error = 13,
    /// Collector: answers HELLO.
    Welcome = 14,
    /// Agent: asks for the time. Collector: answers it at once.
    Clock = 15,
}

impl FrameType {
    /// All types, in the order of their numbers.
    pub const ALL: [Self; 15] = [
        Self::Hello,
        Self::Auth,
        Self::Text,
        Self::TextId,
        Self::Batch,
        Self::Counter,
        Self::Agg,
        Self::Alert,
        Self::Object,
        Self::Ack,
        Self::Command,
        Self::Reply,
        Self::Error,
        Self::Welcome,
        Self::Clock,
    ];

    /// The type with this wire number.
    #[must_use]
    pub fn from_wire(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number).checked_sub(1)?).copied()
    }
}

/// Header of a frame.
///
/// `len u32 | type u8 | version u8 | flags u16 | seq u64 | crc32c u32`, little endian. The checksum
/// covers type, version, flags, seq and body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameHeader {
    /// Length of the body, in bytes; at most [`MAX_FRAME_BYTES`].
    pub body_bytes: u32,
    /// Number of the frame type; [`FrameHeader::frame_type`] names it.
    pub type_number: u8,
    /// Version of the body's layout.
    pub version: u8,
    /// Reserved, 0.
    pub flags: u16,
    /// Place in the agent's sequence, from 1; 0 for frames that are not acknowledged.
    pub seq: u64,
    /// crc32c of the header fields after the length and of the body.
    pub checksum: u32,
}

impl FrameHeader {
    /// Reads a header.
    ///
    /// # Errors
    /// [`DecodeError::TooLong`] when the body would exceed [`MAX_FRAME_BYTES`];
    /// [`DecodeError::Version`] when the frame is newer than this codec and of a type it knows.
    pub fn parse(bytes: &[u8; FRAME_HEADER_BYTES]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let header = Self {
            body_bytes: reader.u32("frame length")?,
            type_number: reader.u8("frame type")?,
            version: reader.u8("frame version")?,
            flags: reader.u16("frame flags")?,
            seq: reader.u64("frame sequence")?,
            checksum: reader.u32("frame checksum")?,
        };
        if header.body_bytes as usize > MAX_FRAME_BYTES {
            return Err(DecodeError::TooLong {
                what: "frame body",
                length: u64::from(header.body_bytes),
                limit: MAX_FRAME_BYTES as u64,
            });
        }
        if header.frame_type().is_some() && header.version != FRAME_VERSION {
            return Err(DecodeError::Version { found: header.version, supported: FRAME_VERSION });
        }
        Ok(header)
    }

    /// The type, or `None` for one this codec does not know: skip the body.
    #[must_use]
    pub fn frame_type(&self) -> Option<FrameType> {
        FrameType::from_wire(self.type_number)
    }

    /// Checks a body that was read against the header.
    ///
    /// # Errors
    /// [`DecodeError::Checksum`] when it is damaged; [`DecodeError::Truncated`] or
    /// [`DecodeError::Trailing`] when its length is not the header's.
    pub fn check(&self, body: &[u8]) -> Result<(), DecodeError> {
        match body.len().cmp(&(self.body_bytes as usize)) {
            std::cmp::Ordering::Less => return Err(DecodeError::Truncated("frame body")),
            std::cmp::Ordering::Greater => return Err(DecodeError::Trailing("frame body")),
            std::cmp::Ordering::Equal => {}
        }
        if self.sum(body) == self.checksum { Ok(()) } else { Err(DecodeError::Checksum) }
    }

    fn sum(&self, body: &[u8]) -> u32 {
        let mut covered = [0; 12];
        covered[0] = self.type_number;
        covered[1] = self.version;
        covered[2..4].copy_from_slice(&self.flags.to_le_bytes());
        covered[4..12].copy_from_slice(&self.seq.to_le_bytes());
        crc32c::crc32c_append(crc32c::crc32c(&covered), body)
    }

    fn to_bytes(self) -> [u8; FRAME_HEADER_BYTES] {
        let mut bytes = [0; FRAME_HEADER_BYTES];
        bytes[0..4].copy_from_slice(&self.body_bytes.to_le_bytes());
        bytes[4] = self.type_number;
        bytes[5] = self.version;
        bytes[6..8].copy_from_slice(&self.flags.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.seq.to_le_bytes());
        bytes[16..20].copy_from_slice(&self.checksum.to_le_bytes());
        bytes
    }
}

/// A frame as it lies in a buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Its header.
    pub header: FrameHeader,
    /// Its body, checked.
    pub body: &'a [u8],
}

impl<'a> Frame<'a> {
    /// Takes the first frame of a buffer and says how many bytes it covers; `Ok(None)` when the
    /// buffer does not hold a whole frame yet.
    ///
    /// # Errors
    /// As [`FrameHeader::parse`] and [`FrameHeader::check`]. After an error the connection has
    /// lost its frame borders and must be closed.
    pub fn parse(buffer: &'a [u8]) -> Result<Option<(Self, usize)>, DecodeError> {
        let Some((header, rest)) = buffer.split_first_chunk::<FRAME_HEADER_BYTES>() else {
            return Ok(None);
        };
        let header = FrameHeader::parse(header)?;
        let Some(body) = rest.get(..header.body_bytes as usize) else {
            return Ok(None);
        };
        header.check(body)?;
        Ok(Some((Self { header, body }, FRAME_HEADER_BYTES + body.len())))
    }
}

/// Appends a frame whose body `write` appends.
///
/// # Errors
/// [`EncodeError::FrameTooLong`]; `out` is then as it was before.
pub fn write_frame(
    out: &mut Vec<u8>,
    frame_type: FrameType,
    seq: u64,
    write: impl FnOnce(&mut Vec<u8>),
) -> Result<(), EncodeError> {
    let start = out.len();
    out.extend_from_slice(&[0; FRAME_HEADER_BYTES]);
    let body_start = out.len();
    write(out);
    let length = out.len() - body_start;
    let body_bytes = match u32::try_from(length) {
        Ok(body_bytes) if length <= MAX_FRAME_BYTES => body_bytes,
        _ => {
            out.truncate(start);
            return Err(EncodeError::FrameTooLong { length });
        }
    };
    let mut header = FrameHeader {
        body_bytes,
        type_number: frame_type as u8,
        version: FRAME_VERSION,
        flags: 0,
        seq,
        checksum: 0,
    };
    header.checksum = header.sum(&out[body_start..]);
    out[start..body_start].copy_from_slice(&header.to_bytes());
    Ok(())
}

/// Checks the first bytes of a connection: `Ok(false)` when more are needed.
///
/// # Errors
/// [`DecodeError::Preface`] as soon as the bytes cannot become the preface, so that a peer that
/// speaks HTTP or TLS is refused after its first byte.
pub fn check_preface(received: &[u8]) -> Result<bool, DecodeError> {
    let length = received.len().min(PREFACE.len());
    if received[..length] != PREFACE[..length] {
        return Err(DecodeError::Preface);
    }
    Ok(length == PREFACE.len())
}
