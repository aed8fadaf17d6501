//! One connection: bytes out, frames in, never waiting.

use std::collections::VecDeque;
use std::fmt;
use std::io::{self, ErrorKind};

use scouter_wire::codec::{DecodeError, Frame, Refusal, RefusalCode};

use super::transport::Stream;

/// Bytes waiting to be written before no further frame is prepared. One frame may go beyond it.
const OUT_TARGET_BYTES: usize = 256 * 1024;

/// Most bytes of answers that wait to be sent; further answers are dropped and counted
/// (`exporter_dropped_replies`).
const MAX_WAITING_REPLY_BYTES: usize = 32 * 1024 * 1024;

/// Most bytes read at once, so that a talkative collector does not keep the worker.
const MAX_READ_BYTES: usize = 1024 * 1024;

/// Why a connection is over.
#[derive(Debug)]
pub(crate) enum Broken {
    /// The collector closed it.
    Closed,
    Io(io::Error),
    Decode(DecodeError),
    /// The collector did not answer within the named time.
    Silent(&'static str),
    /// The collector refused us, with a sentence.
    Refused(Refusal),
}

impl Broken {
    /// Whether a frame that was under way may be what ended the connection.
    pub(crate) fn may_be_of_a_frame(&self) -> bool {
        match self {
            Self::Closed | Self::Io(_) => true,
            Self::Refused(refusal) => !matches!(
                refusal.code,
                RefusalCode::Busy | RefusalCode::Unavailable | RefusalCode::Unauthorized
            ),
            Self::Decode(_) | Self::Silent(_) => false,
        }
    }

    /// Whether it is this agent that the collector does not want, rather than all of them now.
    pub(crate) fn is_about_us(&self) -> bool {
        matches!(self, Self::Refused(refusal)
            if !matches!(refusal.code, RefusalCode::Busy | RefusalCode::Unavailable))
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("it closed the connection"),
            Self::Io(error) => write!(f, "{error}"),
            Self::Decode(error) => write!(f, "it sent something else than our protocol: {error}"),
            Self::Silent(what) => write!(f, "it did not {what} in time"),
            Self::Refused(refusal) => write!(f, "it says: {}", refusal.sentence),
        }
    }
}

/// Buffers of a connection.
pub(crate) struct Connection {
    stream: Box<dyn Stream>,
    out: Vec<u8>,
    written: usize,
    input: Vec<u8>,
    consumed: usize,
    replies: VecDeque<Vec<u8>>,
    reply_bytes: usize,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("unwritten", &self.unwritten()).finish_non_exhaustive()
    }
}

impl Connection {
    pub(crate) fn new(stream: Box<dyn Stream>) -> Self {
        Self {
            stream,
            out: Vec::new(),
            written: 0,
            input: Vec::new(),
            consumed: 0,
            replies: VecDeque::new(),
            reply_bytes: 0,
        }
    }

    /// Bytes that are prepared and not written.
    pub(crate) fn unwritten(&self) -> usize {
        self.out.len() - self.written + self.reply_bytes
    }

    /// Where frames are appended.
    pub(crate) fn out(&mut self) -> &mut Vec<u8> {
        &mut self.out
    }

    /// Whether another frame should be prepared.
    pub(crate) fn has_room(&self) -> bool {
        self.out.len() - self.written < OUT_TARGET_BYTES
    }

    /// Queues the frames of an answer; false when too much is waiting already.
    pub(crate) fn push_reply(&mut self, frames: impl Iterator<Item = Vec<u8>>) -> bool {
        if self.reply_bytes >= MAX_WAITING_REPLY_BYTES {
            return false;
        }
        for frame in frames {
            self.reply_bytes += frame.len();
            self.replies.push_back(frame);
        }
        true
    }

    /// Prepares the next chunk of an answer, if any: one between two other frames.
    pub(crate) fn take_reply(&mut self) {
        if let Some(reply) = self.replies.pop_front() {
            self.reply_bytes -= reply.len();
            self.out.extend_from_slice(&reply);
        }
    }

    /// Writes what the socket takes; answers how many bytes.
    pub(crate) fn write(&mut self) -> Result<usize, Broken> {
        let start = self.written;
        while self.written < self.out.len() {
            match self.stream.write(&self.out[self.written..]) {
                Ok(0) => return Err(Broken::Closed),
                Ok(count) => self.written += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(Broken::Io(error)),
            }
        }
        let count = self.written - start;
        if self.written == self.out.len() {
            self.out.clear();
            self.written = 0;
        } else if self.written >= OUT_TARGET_BYTES {
            self.out.drain(..self.written);
            self.written = 0;
        }
        Ok(count)
    }

    /// Reads what has arrived. What came before the end of the connection can still be taken with
    /// [`Connection::frame`].
    pub(crate) fn read(&mut self) -> Result<(), Broken> {
        let mut chunk = [0; 16 * 1024];
        let mut total = 0;
        while total < MAX_READ_BYTES {
            match self.stream.read(&mut chunk) {
                Ok(0) => return Err(Broken::Closed),
                Ok(count) => {
                    self.input.extend_from_slice(&chunk[..count]);
                    total += count;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(Broken::Io(error)),
            }
        }
        Ok(())
    }

    /// Gives the next whole frame to `take`; `None` when there is none.
    pub(crate) fn frame<T>(
        &mut self,
        take: impl FnOnce(&Frame<'_>) -> T,
    ) -> Result<Option<T>, Broken> {
        match Frame::parse(&self.input[self.consumed..]) {
            Ok(Some((frame, length))) => {
                let taken = take(&frame);
                self.consumed += length;
                Ok(Some(taken))
            }
            Ok(None) => {
                self.input.drain(..self.consumed);
                self.consumed = 0;
                Ok(None)
            }
            Err(error) => Err(Broken::Decode(error)),
        }
    }
}
