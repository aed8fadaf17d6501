//! One agent's connection to the collector.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use scouter_wire::codec::{
    Ack, Frame, FrameType, Hello, InstanceId, NumberedText, PREFACE, Refusal, Welcome,
    read_text_ids, write_frame,
};
use scouter_wire::record::Object;

use crate::clock;

/// A connection that has been welcomed.
pub(super) struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
    acked: u64,
    credit_bytes: u64,
    /// Seq and bytes of the frames that are not acknowledged.
    on_the_way: VecDeque<(u64, u64)>,
    /// Numbers of texts that came and were not taken yet.
    pub(super) numbered: Vec<NumberedText>,
}

impl Connection {
    /// Connects and says hello.
    pub(super) fn open(
        address: SocketAddr,
        instance: InstanceId,
        object: &str,
    ) -> Result<(Self, Welcome), String> {
        let mut stream = TcpStream::connect(address).map_err(text)?;
        stream.set_nodelay(true).map_err(text)?;
        let hello = Hello {
            instance,
            epoch: 1,
            sent_unix_us: clock::unix_us(),
            has_auth: false,
            object: Object { name: object.into(), object_type: "rust".into(), ..Object::default() },
        };
        let mut out = PREFACE.to_vec();
        write_frame(&mut out, FrameType::Hello, 0, |body| hello.put(body)).map_err(text)?;
        stream.write_all(&out).map_err(text)?;
        let mut connection = Self {
            stream,
            received: Vec::new(),
            acked: 0,
            credit_bytes: 0,
            on_the_way: VecDeque::new(),
            numbered: Vec::new(),
        };
        let welcome = loop {
            if let Some(welcome) = connection.receive()? {
                break welcome;
            }
        };
        connection.credit_bytes = welcome.credit_bytes;
        Ok((connection, welcome))
    }

    /// Sends a frame, waiting for credit where there is none.
    pub(super) fn send(&mut self, seq: u64, frame: &[u8]) -> Result<(), String> {
        while self.on_the_way_bytes() + frame.len() as u64 > self.credit_bytes.max(1) {
            self.receive()?;
        }
        self.stream.write_all(frame).map_err(text)?;
        self.on_the_way.push_back((seq, frame.len() as u64));
        Ok(())
    }

    /// Returns when everything sent is durable.
    pub(super) fn wait_for_acks(&mut self) -> Result<(), String> {
        while !self.on_the_way.is_empty() {
            self.receive()?;
        }
        Ok(())
    }

    fn on_the_way_bytes(&self) -> u64 {
        self.on_the_way.iter().map(|(_, bytes)| bytes).sum()
    }

    /// Reads what has arrived, at least one byte; answers the WELCOME if it was there.
    fn receive(&mut self) -> Result<Option<Welcome>, String> {
        let mut buffer = [0; 64 << 10];
        let read = self.stream.read(&mut buffer).map_err(text)?;
        if read == 0 {
            return Err("the collector closed the connection".into());
        }
        self.received.extend_from_slice(buffer.get(..read).unwrap_or_default());
        let mut welcome = None;
        let mut used = 0;
        while let Some((frame, length)) =
            Frame::parse(self.received.get(used..).unwrap_or_default()).map_err(text)?
        {
            used += length;
            match frame.header.frame_type() {
                Some(FrameType::Welcome) => {
                    welcome = Some(Welcome::read(frame.body).map_err(text)?);
                }
                Some(FrameType::Ack) => {
                    let ack = Ack::read(frame.body).map_err(text)?;
                    self.acked = self.acked.max(ack.seq);
                    self.credit_bytes = ack.credit_bytes;
                }
                Some(FrameType::TextId) => {
                    read_text_ids(frame.body, |number| self.numbered.push(number)).map_err(text)?;
                }
                Some(FrameType::Error) => return Err(refused(frame.body)),
                _ => {}
            }
        }
        self.received.drain(..used);
        let acked = self.acked;
        while self.on_the_way.front().is_some_and(|(seq, _)| *seq <= acked) {
            self.on_the_way.pop_front();
        }
        Ok(welcome)
    }
}

fn refused(body: &[u8]) -> String {
    let read = Refusal::read(body);
    read.map_or_else(text, |refusal| format!("the collector refused: {}", refusal.sentence))
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
