//! How a connection begins: HELLO, AUTH, WELCOME; and how it is refused: ERROR.
//!
//! Agent: preface, HELLO, AUTH when it has a token. Collector: WELCOME, or ERROR and close.

use super::bytes::{Reader, put_bytes, put_record, put_text, put_varint};
use super::origin::{InstanceId, StoreId};
use super::{DecodeError, HashSeed, MAX_NAME_BYTES, MAX_SENTENCE_BYTES, MAX_TOKEN_BYTES};
use crate::record::Object;

/// Most tags of an object.
const MAX_OBJECT_TAGS: usize = 64;

/// First frame of an agent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Hello {
    /// This run of the agent.
    pub instance: InstanceId,
    /// Its current sequence.
    pub epoch: u64,
    /// When this frame was sent, unix µs by the agent's clock.
    pub sent_unix_us: i64,
    /// Whether AUTH follows.
    pub has_auth: bool,
    /// What the agent says of itself.
    pub object: Object,
}

impl Hello {
    /// Appends the body.
    pub fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.instance.0.to_le_bytes());
        out.extend_from_slice(&self.epoch.to_le_bytes());
        out.extend_from_slice(&self.sent_unix_us.to_le_bytes());
        out.push(u8::from(self.has_auth));
        put_record(out, |out| put_object(out, &self.object));
    }

    /// Reads the body. Fields that a newer agent appends are skipped.
    ///
    /// # Errors
    /// Any damage.
    pub fn read(body: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(body);
        Ok(Self {
            instance: InstanceId(reader.u128("instance id")?),
            epoch: reader.u64("epoch")?,
            sent_unix_us: reader.i64("send time")?,
            has_auth: reader.u8("HELLO flags")? & 1 != 0,
            object: read_object_frame(reader.record("object")?.rest())?,
        })
    }
}

/// Answer of a collector to HELLO (and AUTH).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Welcome {
    /// The store that will keep what is sent.
    pub store: StoreId,
    /// Key under which that store hashes texts.
    pub hash_seed: HashSeed,
    /// Number of the object in that store.
    pub object: u32,
    /// The agent's send time, as it came: lets the agent pair answer and question.
    pub hello_sent_unix_us: i64,
    /// When HELLO arrived, unix µs by the collector's clock.
    pub received_unix_us: i64,
    /// When this frame was sent, unix µs by the collector's clock.
    pub sent_unix_us: i64,
    /// Highest seq of this (instance, epoch) the store has, 0 for none: what the agent need not
    /// send again.
    pub acked_seq: u64,
    /// How many bytes may be on their way unacknowledged.
    pub credit_bytes: u64,
}

impl Welcome {
    /// Appends the body.
    pub fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.store.0.to_le_bytes());
        out.extend_from_slice(&self.hash_seed.0.to_le_bytes());
        out.extend_from_slice(&self.object.to_le_bytes());
        out.extend_from_slice(&self.hello_sent_unix_us.to_le_bytes());
        out.extend_from_slice(&self.received_unix_us.to_le_bytes());
        out.extend_from_slice(&self.sent_unix_us.to_le_bytes());
        out.extend_from_slice(&self.acked_seq.to_le_bytes());
        put_varint(out, self.credit_bytes);
    }

    /// Reads the body. Fields that a newer collector appends are skipped.
    ///
    /// # Errors
    /// Any damage.
    pub fn read(body: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(body);
        Ok(Self {
            store: StoreId(reader.u128("store id")?),
            hash_seed: HashSeed(reader.u128("hash seed")?),
            object: reader.u32("object id")?,
            hello_sent_unix_us: reader.i64("send time")?,
            received_unix_us: reader.i64("receive time")?,
            sent_unix_us: reader.i64("send time")?,
            acked_seq: reader.u64("acknowledged seq")?,
            credit_bytes: reader.varint("credit")?,
        })
    }

    /// How far the collector's clock is ahead of the agent's, in µs, assuming that both ways took
    /// the same time (as NTP does). `arrived_unix_us`: when this frame arrived, by the agent's
    /// clock. The error is at most half of the round trip.
    #[must_use]
    pub const fn clock_offset_us(&self, arrived_unix_us: i64) -> i64 {
        let there = self.received_unix_us.wrapping_sub(self.hello_sent_unix_us);
        let back = self.sent_unix_us.wrapping_sub(arrived_unix_us);
        i64::midpoint(there, back)
    }
}

/// Proof that an agent may send.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Auth {
    /// The token itself. Confidential only on loopback or inside TLS.
    Token(String),
}

impl std::fmt::Debug for Auth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(…)")
    }
}

impl Auth {
    /// Appends the body.
    pub fn put(&self, out: &mut Vec<u8>) {
        let Self::Token(token) = self;
        out.push(0);
        put_bytes(out, token.as_bytes());
    }

    /// Reads the body. What a newer agent appends is skipped.
    ///
    /// # Errors
    /// [`DecodeError::UnknownVariant`] for a scheme this collector does not know; any damage; a
    /// token longer than [`MAX_TOKEN_BYTES`].
    pub fn read(body: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(body);
        match reader.u8("AUTH scheme")? {
            0 => {
                let token = reader.text(MAX_TOKEN_BYTES, "token")?.to_owned();
                Ok(Self::Token(token))
            }
            number => {
                let number = u64::from(number);
                Err(DecodeError::UnknownVariant { what: "AUTH scheme", number })
            }
        }
    }

    /// Whether the token is the expected one, in a time that does not tell where they differ.
    #[must_use]
    pub fn matches(&self, expected: &str) -> bool {
        let Self::Token(token) = self;
        let (token, expected) = (token.as_bytes(), expected.as_bytes());
        let differs = token.iter().enumerate().fold(0, |differs, (at, byte)| {
            differs | (byte ^ expected.get(at).copied().unwrap_or(!byte))
        });
        std::hint::black_box(differs) == 0 && token.len() == expected.len()
    }
}

/// Why a peer is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u16)]
#[non_exhaustive]
pub enum RefusalCode {
    /// Anything else; read the sentence.
    Other = 0,
    /// It does not speak this protocol or version.
    Protocol = 1,
    /// It has no token, or a wrong one.
    Unauthorized = 2,
    /// The collector has too many connections.
    Busy = 3,
    /// The collector is shutting down or cannot write; try again later.
    Unavailable = 4,
}

impl RefusalCode {
    /// The code with this wire number; `Other` for one that is not known.
    #[must_use]
    pub const fn from_wire(number: u16) -> Self {
        match number {
            1 => Self::Protocol,
            2 => Self::Unauthorized,
            3 => Self::Busy,
            4 => Self::Unavailable,
            _ => Self::Other,
        }
    }
}

/// Body of ERROR: the sender closes the connection after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Kind of trouble.
    pub code: RefusalCode,
    /// One sentence for a person: what happened, to what, and what to do.
    pub sentence: String,
}

impl Refusal {
    /// Appends the body.
    pub fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&(self.code as u16).to_le_bytes());
        put_text(out, &self.sentence, MAX_SENTENCE_BYTES);
    }

    /// Reads the body. Fields that a newer peer appends are skipped.
    ///
    /// # Errors
    /// Any damage.
    pub fn read(body: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(body);
        Ok(Self {
            code: RefusalCode::from_wire(reader.u16("refusal code")?),
            sentence: reader.text(MAX_SENTENCE_BYTES, "refusal")?.to_owned(),
        })
    }
}

/// Body of ACK.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ack {
    /// Every frame of the agent's epoch up to this seq is durable.
    pub seq: u64,
    /// How many bytes may be on their way unacknowledged from now on.
    pub credit_bytes: u64,
}

impl Ack {
    /// Appends the body.
    pub fn put(&self, out: &mut Vec<u8>) {
        put_varint(out, self.seq);
        put_varint(out, self.credit_bytes);
    }

    /// Reads the body. Fields that a newer collector appends are skipped.
    ///
    /// # Errors
    /// Any damage.
    pub fn read(body: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(body);
        Ok(Self { seq: reader.varint("seq")?, credit_bytes: reader.varint("credit")? })
    }
}

/// Appends an object: the body of OBJECT, and a record of HELLO.
pub fn put_object(out: &mut Vec<u8>, object: &Object) {
    put_text(out, &object.name, MAX_NAME_BYTES);
    put_text(out, &object.object_type, MAX_NAME_BYTES);
    put_text(out, &object.agent_version, MAX_NAME_BYTES);
    put_varint(out, u64::from(object.pid));
    out.extend_from_slice(&object.started_unix_us.to_le_bytes());
    let tags = &object.tags[..object.tags.len().min(MAX_OBJECT_TAGS)];
    put_varint(out, tags.len() as u64);
    for (key, value) in tags {
        put_text(out, key, MAX_NAME_BYTES);
        put_text(out, value, MAX_NAME_BYTES);
    }
}

/// Reads the body of OBJECT. Fields that a newer agent appends are skipped.
///
/// # Errors
/// Any damage.
pub fn read_object_frame(body: &[u8]) -> Result<Object, DecodeError> {
    let mut reader = Reader::new(body);
    let mut object = Object {
        name: reader.text(MAX_NAME_BYTES, "object name")?.to_owned(),
        object_type: reader.text(MAX_NAME_BYTES, "object type")?.to_owned(),
        agent_version: reader.text(MAX_NAME_BYTES, "agent version")?.to_owned(),
        pid: reader.varint_u32("pid")?,
        started_unix_us: reader.i64("start time")?,
        tags: Vec::new(),
    };
    for _ in 0..reader.length(MAX_OBJECT_TAGS, "object tags")? {
        let key = reader.text(MAX_NAME_BYTES, "object tag")?.to_owned();
        object.tags.push((key, reader.text(MAX_NAME_BYTES, "object tag")?.to_owned()));
    }
    Ok(object)
}
