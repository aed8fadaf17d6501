//! Sixty-four agents that have only the wire, and the traffic of the fleet between them.
//!
//! Each transaction goes into the open batch of its object; a batch is closed when it has as many
//! as the exporter sends at once. A text is sent before the first batch of an agent that refers to
//! it, and goes by its hash until the store has numbered it, as in the exporter.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;

use scouter_collector::generate::Traffic;
use scouter_wire::codec::{
    BatchEncoder, BatchView, Frame as WireFrame, FrameType, HashSeed, InstanceId, Origin, TextName,
    TextTable, Totals, put_texts, write_frame,
};
use scouter_wire::{TextKind, TextRef};

use super::connection::Connection;
use crate::clock;
use crate::traffic::{BATCH, Names, PER_SECOND, SEED};

/// Most texts in one TEXT frame, as in the exporter.
const MAX_TEXTS_PER_FRAME: usize = 256;

/// All agents.
pub(super) struct Fleet {
    traffic: Traffic,
    texts: Texts,
    agents: Vec<Agent>,
}

/// A batch with the texts it brings.
pub(super) struct Frame {
    seq: u64,
    bytes: Vec<u8>,
}

impl std::ops::Deref for Frame {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Fleet {
    /// A fleet whose `total` transactions will end just before now.
    pub(super) fn new(total: usize) -> Self {
        let start_us = clock::unix_us() - total as i64 * 1_000_000 / i64::from(PER_SECOND);
        let traffic = Traffic::new(SEED, start_us, f64::from(PER_SECOND));
        let texts = Texts::new(Names::new(&traffic));
        Self { traffic, texts, agents: Vec::new() }
    }

    /// Connects every agent. Frames of agents that are not connected are for measuring only.
    pub(super) fn connect(&mut self, address: SocketAddr) -> Result<(), String> {
        self.make_agents()?;
        for (agent, object) in self.agents.iter_mut().zip(self.traffic.vocabulary().objects()) {
            let (connection, welcome) = Connection::open(address, agent.origin.instance, object)?;
            agent.origin.store = welcome.store;
            agent.origin.object = welcome.object;
            agent.connection = Some(connection);
            self.texts.number_by(welcome.hash_seed, self.traffic.vocabulary().texts());
        }
        Ok(())
    }

    fn make_agents(&mut self) -> Result<(), String> {
        if self.agents.is_empty() {
            let count = self.traffic.vocabulary().objects().len();
            self.agents = (0..count).map(Agent::new).collect::<Result<_, _>>()?;
        }
        Ok(())
    }

    /// The next `count` transactions as frames, each with the index of its agent. At the end also
    /// those of batches that are not full.
    pub(super) fn encode(
        &mut self,
        count: usize,
        is_end: bool,
    ) -> Result<Vec<(usize, Frame)>, String> {
        self.make_agents()?;
        for connection in self.agents.iter_mut().filter_map(|agent| agent.connection.as_mut()) {
            self.texts.take(connection);
        }
        let mut frames = Vec::new();
        for _ in 0..count {
            let object = self.traffic.pick_object();
            let agent = self.agents.get_mut(object).ok_or("an object without an agent")?;
            self.traffic.fill(&mut agent.encoder, object, 1, 1);
            if agent.encoder.xlogs() >= BATCH {
                frames.push((object, agent.frame(&self.texts)?));
            }
        }
        let rest = self.agents.iter_mut().enumerate();
        for (object, agent) in rest.filter(|(_, agent)| is_end && !agent.encoder.is_empty()) {
            frames.push((object, agent.frame(&self.texts)?));
        }
        Ok(frames)
    }

    /// Sends a frame of an agent that is connected.
    pub(super) fn send(&mut self, agent: usize, frame: &Frame) -> Result<(), String> {
        let agent = self.agents.get_mut(agent).and_then(|agent| agent.connection.as_mut());
        agent.ok_or("the agent is not connected")?.send(frame.seq, &frame.bytes)
    }

    /// Returns when everything sent is durable.
    pub(super) fn wait_for_acks(&mut self) -> Result<(), String> {
        let mut connections = self.agents.iter_mut().filter_map(|agent| agent.connection.as_mut());
        connections.try_for_each(Connection::wait_for_acks)
    }
}

struct Agent {
    encoder: BatchEncoder,
    origin: Origin,
    totals: Totals,
    seq: u64,
    introduced: HashSet<(TextKind, TextRef)>,
    connection: Option<Connection>,
}

impl Agent {
    fn new(index: usize) -> Result<Self, String> {
        let instance = (u128::from(std::process::id()) << 16) + index as u128 + 1;
        Ok(Self {
            encoder: BatchEncoder::new().map_err(text)?,
            origin: Origin { instance: InstanceId(instance), epoch: 1, ..Origin::default() },
            totals: Totals::default(),
            seq: 0,
            introduced: HashSet::new(),
            connection: None,
        })
    }

    fn frame(&mut self, texts: &Texts) -> Result<Frame, String> {
        self.totals.recorded += self.encoder.xlogs() as u64;
        self.seq += 1;
        let batch = self.encoder.finish(&self.totals).map_err(text)?;
        let is_new = |entry: &&(TextKind, TextRef)| self.introduced.insert(**entry);
        let new: Vec<_> = batch.texts.iter().filter(is_new).copied().collect();
        let mut bytes = Vec::new();
        for new in new.chunks(MAX_TEXTS_PER_FRAME) {
            let entries = new.iter().map(|(kind, number)| {
                (*kind, texts.hash(*kind, *number), texts.names.text(*kind, *number))
            });
            write_frame(&mut bytes, FrameType::Text, 0, |body| put_texts(body, entries))
                .map_err(text)?;
        }
        let name = |kind, number| texts.name(kind, number);
        batch.write_frame(&mut bytes, self.seq, &self.origin, name).map_err(text)?;
        Ok(Frame { seq: self.seq, bytes })
    }
}

/// The texts of the traffic as the store knows them; before a store is known, as it would.
struct Texts {
    names: Names,
    /// By kind and own number; empty before a store is known.
    hashes: HashMap<(TextKind, TextRef), u64>,
    by_hash: HashMap<(u8, u64), (TextKind, TextRef)>,
    numbers: HashMap<(TextKind, TextRef), u32>,
}

impl Texts {
    fn new(names: Names) -> Self {
        Self { names, hashes: HashMap::new(), by_hash: HashMap::new(), numbers: HashMap::new() }
    }

    /// Hashes everything under the seed of the store, once.
    fn number_by(&mut self, seed: HashSeed, texts: &[(TextKind, TextRef, String)]) {
        if !self.hashes.is_empty() {
            return;
        }
        for (kind, number, text) in texts {
            let hash = seed.hash(*kind, text);
            self.hashes.insert((*kind, *number), hash);
            self.by_hash.insert((*kind as u8, hash), (*kind, *number));
        }
    }

    /// Takes the numbers that have come over a connection.
    fn take(&mut self, connection: &mut Connection) {
        for number in connection.numbered.drain(..) {
            if let Some(text) = self.by_hash.get(&(number.kind_number, number.hash)) {
                self.numbers.insert(*text, number.id);
            }
        }
    }

    fn hash(&self, kind: TextKind, number: TextRef) -> u64 {
        self.hashes.get(&(kind, number)).copied().unwrap_or_default()
    }

    fn name(&self, kind: TextKind, number: TextRef) -> TextName {
        match self.numbers.get(&(kind, number)) {
            Some(id) => TextName::Id(*id),
            None if self.hashes.is_empty() => TextName::Id(number.0),
            None => TextName::Hash(self.hash(kind, number)),
        }
    }
}

/// Bytes of the XLog columns and of the profile columns of a batch, the last frame of `bytes`.
pub(super) fn section_bytes(bytes: &[u8]) -> Result<(u64, u64), String> {
    let mut rest = bytes;
    let mut table = TextTable::default();
    let mut sections = Err("no batch in the frame".to_owned());
    while let Some((frame, length)) = WireFrame::parse(rest).map_err(text)? {
        if frame.header.frame_type() == Some(FrameType::Batch) {
            let batch = BatchView::parse(frame.body, &mut table).map_err(text)?;
            sections = Ok((batch.xlog_section.len() as u64, batch.profile_section.len() as u64));
        }
        rest = rest.get(length..).unwrap_or_default();
    }
    sections
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
