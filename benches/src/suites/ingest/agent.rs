//! An agent that has only the wire: it makes batches as fast as the collector takes them.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use scouter_wire::TextRef;
use scouter_wire::codec::{
    Ack, BatchEncoder, DecodeError, Frame, FrameType, Hello, InstanceId, Origin, PREFACE, Refusal,
    TextName, Totals, Welcome, put_texts, write_frame,
};
use scouter_wire::record::Object;

use crate::clock;
use crate::sample::{self, AVERAGE_GAP_US, Feed};

/// Transactions in one batch.
const BATCH: usize = 1_000;

/// A connection to a collector.
pub(super) struct Agent {
    stream: TcpStream,
    received: Vec<u8>,
    encoder: BatchEncoder,
    feed: Feed,
    origin: Origin,
    /// Hashes of the texts, by number.
    hashes: Vec<u64>,
    totals: Totals,
    seq: u64,
    acked: u64,
    credit_bytes: u64,
    /// Bytes of the frames that are not acknowledged, with their seq.
    on_the_way: std::collections::VecDeque<(u64, u64)>,
}

impl Agent {
    /// Connects and says hello. `total` transactions will end just before now.
    pub(super) fn connect(address: SocketAddr, total: usize) -> Result<Self, String> {
        let stream = TcpStream::connect(address).map_err(text)?;
        stream.set_nodelay(true).map_err(text)?;
        let first_end = clock::unix_us() - total as i64 * i64::from(AVERAGE_GAP_US);
        let instance = InstanceId(0x00be_0000 + u128::from(std::process::id()));
        let mut agent = Self {
            stream,
            received: Vec::new(),
            encoder: BatchEncoder::new().map_err(text)?,
            feed: Feed::new(first_end),
            origin: Origin { instance, epoch: 1, ..Origin::default() },
            hashes: vec![0],
            totals: Totals::default(),
            seq: 0,
            acked: 0,
            credit_bytes: 0,
            on_the_way: std::collections::VecDeque::new(),
        };
        agent.say_hello()?;
        agent.send_texts()?;
        Ok(agent)
    }

    fn say_hello(&mut self) -> Result<(), String> {
        let hello = Hello {
            instance: self.origin.instance,
            epoch: self.origin.epoch,
            sent_unix_us: clock::unix_us(),
            has_auth: false,
            object: Object {
                name: "/bench/shop".into(),
                object_type: "rust".into(),
                ..Object::default()
            },
        };
        let mut out = PREFACE.to_vec();
        write_frame(&mut out, FrameType::Hello, 0, |body| hello.put(body)).map_err(text)?;
        self.stream.write_all(&out).map_err(text)?;
        let welcome = loop {
            if let Some(welcome) = self.receive()? {
                break welcome;
            }
        };
        self.origin.store = welcome.store;
        self.origin.object = welcome.object;
        self.credit_bytes = welcome.credit_bytes;
        let hash = |kind, text: &str| welcome.hash_seed.hash(kind, text);
        self.hashes.extend(sample::texts().iter().map(|(kind, _, text)| hash(*kind, text)));
        Ok(())
    }

    fn send_texts(&mut self) -> Result<(), String> {
        let texts = sample::texts();
        let hashes = &self.hashes;
        let named = texts.iter().map(|(kind, number, text)| {
            (*kind, hashes.get(number.0 as usize).copied().unwrap_or_default(), text.as_str())
        });
        let mut out = Vec::new();
        write_frame(&mut out, FrameType::Text, 0, |body| put_texts(body, named)).map_err(text)?;
        self.stream.write_all(&out).map_err(text)
    }

    /// Sends `count` transactions, waiting for credit where there is none.
    pub(super) fn send(&mut self, count: usize) -> Result<(), String> {
        let mut frame = Vec::new();
        let mut left = count;
        while left > 0 {
            let transactions = self.feed.next_chunk(left.min(BATCH));
            left -= transactions.len();
            for transaction in &transactions {
                self.encoder.push_xlog(&transaction.xlog);
                self.encoder.begin_profile(transaction.xlog.txid, transaction.xlog.end_unix_us);
                for step in &transaction.steps {
                    self.encoder.push_step(step);
                }
                self.encoder.end_profile();
            }
            self.totals.recorded += transactions.len() as u64;
            self.seq += 1;
            let batch = self.encoder.finish(&self.totals).map_err(text)?;
            frame.clear();
            let hash = |number: TextRef| self.hashes.get(number.0 as usize).copied();
            let name = |_, number| TextName::Hash(hash(number).unwrap_or_default());
            batch.write_frame(&mut frame, self.seq, &self.origin, name).map_err(text)?;
            while self.on_the_way_bytes() + frame.len() as u64 > self.credit_bytes.max(1) {
                self.receive()?;
            }
            self.stream.write_all(&frame).map_err(text)?;
            self.on_the_way.push_back((self.seq, frame.len() as u64));
        }
        Ok(())
    }

    /// Returns when everything sent is durable.
    pub(super) fn wait_for_acks(&mut self) -> Result<(), String> {
        while self.acked < self.seq {
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
                    welcome = Some(Welcome::read(frame.body).map_err(text)?)
                }
                Some(FrameType::Ack) => {
                    let ack = Ack::read(frame.body).map_err(text)?;
                    self.acked = self.acked.max(ack.seq);
                    self.credit_bytes = ack.credit_bytes;
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
    let sentence: Result<Refusal, DecodeError> = Refusal::read(body);
    sentence.map_or_else(text, |refusal| format!("the collector refused: {}", refusal.sentence))
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
