//! An agent made of the codec and a socket: sends exactly what a test wants, also what is wrong.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};

use scouter_wire::codec::{
    Ack, Auth, BatchEncoder, Command, EncodedBatch, FRAME_HEADER_BYTES, FrameHeader, FrameType,
    Hello, InstanceId, Origin, PREFACE, Refusal, Reply, TextName, Totals, Welcome, put_object,
    put_texts, read_text_ids, write_frame,
};
use scouter_wire::record::{
    Detail, EndReason, Object, Outcome, ProfileFate, Step, StepKind, XLog, XLogFlags, XLogKind,
};
use scouter_wire::{Gxid, TextKind, TextRef, Txid};

use super::collector::PATIENCE;

/// A connected agent.
pub(crate) struct Agent {
    pub(crate) stream: TcpStream,
    pub(crate) hello: Hello,
    pub(crate) welcome: Welcome,
    pub(crate) seq: u64,
    pub(crate) totals: Totals,
    texts: Vec<(TextKind, String)>,
    ids: HashMap<(TextKind, u64), u32>,
    encoder: BatchEncoder,
}

/// HELLO of an agent of this name.
pub(crate) fn hello(name: &str) -> Hello {
    let instance = name.bytes().fold(7, |hash: u128, byte| hash * 31 + u128::from(byte));
    Hello {
        instance: InstanceId(instance),
        epoch: 1,
        sent_unix_us: now_unix_us(),
        has_auth: false,
        object: Object {
            name: name.into(),
            object_type: "rust".into(),
            agent_version: "0.1.0".into(),
            pid: 42,
            started_unix_us: 1_795_000_000_000_000,
            tags: vec![("build".into(), "test".into())],
        },
    }
}

/// Now by the system, unix µs.
#[allow(clippy::disallowed_methods, reason = "an agent of a test needs the true time")]
pub(crate) fn now_unix_us() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(since.as_micros()).unwrap()
}

impl Agent {
    /// Connects and is welcomed.
    pub(crate) fn connect(address: SocketAddr, name: &str) -> Self {
        Self::connect_with(address, hello(name), None).unwrap()
    }

    /// Connects with this HELLO and token; the refusal if it is refused.
    pub(crate) fn connect_with(
        address: SocketAddr,
        mut hello: Hello,
        token: Option<&str>,
    ) -> Result<Self, Refusal> {
        hello.has_auth = token.is_some();
        let mut stream = open(address);
        let mut out = PREFACE.to_vec();
        write_frame(&mut out, FrameType::Hello, 0, |out| hello.put(out)).unwrap();
        if let Some(token) = token {
            let auth = Auth::Token(token.into());
            write_frame(&mut out, FrameType::Auth, 0, |out| auth.put(out)).unwrap();
        }
        stream.write_all(&out).unwrap();
        let (header, body) = read_frame(&mut stream).expect("WELCOME or a refusal");
        if header.frame_type() == Some(FrameType::Error) {
            return Err(Refusal::read(&body).unwrap());
        }
        Ok(Self {
            stream,
            seq: 0,
            welcome: Welcome::read(&body).unwrap(),
            hello,
            totals: Totals::default(),
            texts: Vec::new(),
            ids: HashMap::new(),
            encoder: BatchEncoder::new().unwrap(),
        })
    }

    /// Who this agent says it is in its frames.
    pub(crate) fn origin(&self) -> Origin {
        Origin {
            store: self.welcome.store,
            instance: self.hello.instance,
            epoch: self.hello.epoch,
            object: self.welcome.object,
        }
    }

    /// A text in the agent's own numbers.
    pub(crate) fn text(&mut self, kind: TextKind, text: &str) -> TextRef {
        let known = self.texts.iter().position(|(k, t)| *k == kind && t == text);
        let index = known.unwrap_or_else(|| {
            self.texts.push((kind, text.into()));
            self.texts.len() - 1
        });
        TextRef(u32::try_from(index + 1).unwrap())
    }

    /// Sends the TEXTs that are new and waits for their numbers.
    pub(crate) fn announce_texts(&mut self) {
        let seed = self.welcome.hash_seed;
        let new: Vec<(TextKind, u64, &str)> = self
            .texts
            .iter()
            .map(|(kind, text)| (*kind, seed.hash(*kind, text), text.as_str()))
            .filter(|(kind, hash, _)| !self.ids.contains_key(&(*kind, *hash)))
            .collect();
        if new.is_empty() {
            return;
        }
        let mut out = Vec::new();
        let put = |out: &mut Vec<u8>| put_texts(out, new.iter().copied());
        write_frame(&mut out, FrameType::Text, 0, put).unwrap();
        self.stream.write_all(&out).unwrap();
        let body = self.expect(FrameType::TextId);
        read_text_ids(&body, |id| {
            let kind = TextKind::from_wire(id.kind_number).unwrap();
            self.ids.insert((kind, id.hash), id.id);
        })
        .unwrap();
    }

    /// The name under which a text travels: its number once it is known, else its hash.
    pub(crate) fn name(&self, kind: TextKind, text: TextRef) -> TextName {
        let (_, full) = &self.texts[text.0 as usize - 1];
        let hash = self.welcome.hash_seed.hash(kind, full);
        self.ids.get(&(kind, hash)).map_or(TextName::Hash(hash), |id| TextName::Id(*id))
    }

    /// Encodes transactions, each with a small profile.
    pub(crate) fn encode(&mut self, rows: &[Tx]) -> EncodedBatch {
        for row in rows {
            let service = self.text(TextKind::Service, &row.service);
            let method = self.text(TextKind::Method, "load_order @ src/orders.rs:12");
            let sql = self.text(TextKind::Sql, "SELECT * FROM orders WHERE id = ?");
            assert!(self.encoder.push_xlog(&row.xlog(service)));
            if row.profile == ProfileFate::Kept {
                assert!(self.encoder.begin_profile(row.txid(), row.end_unix_us));
                for step in steps(method, sql) {
                    assert!(self.encoder.push_step(&step));
                }
                if let Some((address, callee)) = row.calls {
                    let api = self.text(TextKind::Api, "GET billing/bills/{id}");
                    assert!(self.encoder.push_step(&call(api, address, callee)));
                }
                self.encoder.end_profile();
            }
        }
        self.totals.recorded += rows.len() as u64;
        self.encoder.finish(&self.totals).unwrap()
    }

    /// The whole frame of a batch, as it would be sent with the next sequence number.
    pub(crate) fn batch_frame(&mut self, rows: &[Tx]) -> Vec<u8> {
        let batch = self.encode(rows);
        self.announce_texts();
        self.seq += 1;
        self.frame_of(&batch, self.seq)
    }

    /// The frame of an encoded batch with a sequence number.
    pub(crate) fn frame_of(&self, batch: &EncodedBatch, seq: u64) -> Vec<u8> {
        let mut out = Vec::new();
        let name = |kind, text| self.name(kind, text);
        batch.write_frame(&mut out, seq, &self.origin(), name).unwrap();
        out
    }

    /// Sends transactions and waits until they are acknowledged.
    pub(crate) fn send(&mut self, rows: &[Tx]) {
        let frame = self.batch_frame(rows);
        self.stream.write_all(&frame).unwrap();
        self.wait_acked(self.seq);
    }

    /// Waits until everything up to `seq` is acknowledged.
    pub(crate) fn wait_acked(&mut self, seq: u64) {
        while Ack::read(&self.expect(FrameType::Ack)).unwrap().seq < seq {}
    }

    /// Sends bytes as they are.
    pub(crate) fn send_raw(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    /// Sends a frame.
    pub(crate) fn send_frame(&mut self, kind: FrameType, seq: u64, put: impl FnOnce(&mut Vec<u8>)) {
        let mut out = Vec::new();
        write_frame(&mut out, kind, seq, put).unwrap();
        self.send_raw(&out);
    }

    /// Sends OBJECT, the heartbeat, and waits for its acknowledgement.
    pub(crate) fn heartbeat(&mut self) {
        self.seq += 1;
        let object = self.hello.object.clone();
        self.send_frame(FrameType::Object, self.seq, |out| put_object(out, &object));
        self.wait_acked(self.seq);
    }

    /// The body of the next frame, which must be of this type.
    pub(crate) fn expect(&mut self, kind: FrameType) -> Vec<u8> {
        let (header, body) = read_frame(&mut self.stream).expect("a frame");
        if header.frame_type() == Some(FrameType::Error) && kind != FrameType::Error {
            panic!("refused: {}", Refusal::read(&body).unwrap().sentence);
        }
        assert_eq!(header.frame_type(), Some(kind));
        body
    }

    /// The refusal that must come now, after which the connection is closed.
    pub(crate) fn expect_refusal(&mut self) -> Refusal {
        let refusal = loop {
            let (header, body) = read_frame(&mut self.stream).expect("a refusal");
            if header.frame_type() == Some(FrameType::Error) {
                break Refusal::read(&body).unwrap();
            }
        };
        assert!(read_frame(&mut self.stream).is_none(), "the connection is closed after it");
        refusal
    }

    /// Answers the next command with what `answer` makes of it.
    pub(crate) fn answer(&mut self, answer: impl FnOnce(&Command<'_>) -> (bool, Vec<u8>)) {
        let body = loop {
            let (header, body) = read_frame(&mut self.stream).expect("a command");
            match header.frame_type() {
                Some(FrameType::Command) => break body,
                // What was sent before may be acknowledged at any time.
                other => assert_eq!(other, Some(FrameType::Ack)),
            }
        };
        let command = Command::read(&body).unwrap();
        let (is_error, payload) = answer(&command);
        for reply in Reply::chunks(command.id, is_error, command.encoding, &payload) {
            self.send_frame(FrameType::Reply, 0, |out| reply.put(out));
        }
    }

    /// Closes the connection and waits until the collector has closed it too.
    pub(crate) fn close(mut self) {
        self.stream.shutdown(Shutdown::Write).unwrap();
        while read_frame(&mut self.stream).is_some() {}
    }
}

/// A bare connection to the agent port.
pub(crate) fn open(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// The next frame; `None` when the connection is closed.
pub(crate) fn read_frame(stream: &mut TcpStream) -> Option<(FrameHeader, Vec<u8>)> {
    let mut header = [0; FRAME_HEADER_BYTES];
    match stream.read_exact(&mut header) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return None,
        Err(error) => panic!("no frame and no end: {error}"),
    }
    let header = FrameHeader::parse(&header).unwrap();
    let mut body = vec![0; header.body_bytes as usize];
    stream.read_exact(&mut body).unwrap();
    header.check(&body).unwrap();
    Some((header, body))
}

/// One transaction of a test.
#[derive(Debug, Clone)]
pub(crate) struct Tx {
    pub(crate) id: u64,
    pub(crate) gxid: u128,
    pub(crate) caller: Option<u64>,
    pub(crate) end_unix_us: i64,
    pub(crate) elapsed_us: u64,
    pub(crate) service: String,
    pub(crate) status: u16,
    pub(crate) error: &'static str,
    pub(crate) tenant: &'static str,
    pub(crate) profile: ProfileFate,
    /// Whom it calls: an address, and the txid of whoever answers.
    pub(crate) calls: Option<(&'static str, u64)>,
}

/// A transaction that has just ended.
pub(crate) fn tx(id: u64) -> Tx {
    Tx {
        id,
        gxid: u128::from(id) << 64 | 1,
        caller: None,
        end_unix_us: now_unix_us(),
        elapsed_us: 1_000 + id,
        service: "GET /orders/{id}".into(),
        status: 200,
        error: "",
        tenant: "acme",
        profile: ProfileFate::Kept,
        calls: None,
    }
}

/// Transactions with ids from `first` on.
pub(crate) fn txs(first: u64, count: u64) -> Vec<Tx> {
    (first..first + count).map(tx).collect()
}

impl Tx {
    pub(crate) fn txid(&self) -> Txid {
        Txid::new(self.id).unwrap()
    }

    fn xlog(&self, service: TextRef) -> XLog<'_> {
        XLog {
            end_unix_us: self.end_unix_us,
            elapsed_us: self.elapsed_us,
            txid: self.txid(),
            gxid: Gxid::new(self.gxid).unwrap(),
            caller: self.caller.and_then(Txid::new),
            kind: XLogKind::Web,
            end: EndReason::Complete,
            profile: self.profile,
            flags: XLogFlags::default(),
            service,
            status: self.status,
            error: self.error,
            busy_us: self.elapsed_us / 2,
            polls: 3,
            ttfb_us: self.elapsed_us,
            sql_count: 1,
            sql_us: self.elapsed_us / 4,
            sql_rows: 1,
            pool_wait_us: 10,
            api_count: u32::from(self.calls.is_some()),
            api_us: if self.calls.is_some() { 300 } else { 0 },
            bytes_out: 512,
            alloc_bytes: 0,
            steps: 2,
            steps_dropped: 0,
            tenant: self.tenant,
            login: "kim",
            desc: "",
            ip: "127.0.0.1",
            user_agent: "test/1",
            tags: &[],
        }
    }
}

fn call(api: TextRef, address: &str, callee: u64) -> Step<'_> {
    let callee = Txid::new(callee);
    Step {
        kind: StepKind::Api,
        name: api,
        parent: Some(0),
        start_us: 10,
        elapsed_us: 300,
        count: 1,
        max_us: 300,
        detail: Detail::Api { status: 200, callee, address, ttfb_us: 200 },
        ..Step::default()
    }
}

fn steps(method: TextRef, sql: TextRef) -> [Step<'static>; 2] {
    let step = |kind, name, parent, detail| Step {
        kind,
        outcome: Outcome::Ok,
        parent,
        name,
        start_us: 5,
        elapsed_us: 700,
        busy_us: 700,
        polls: 0,
        count: 1,
        max_us: 700,
        error: "",
        detail,
    };
    let detail = Detail::Sql {
        pool_wait_us: 10,
        first_row_us: Some(300),
        rows: 1,
        affected: 0,
        binds: 1,
        bind_values: "42",
    };
    [step(StepKind::Method, method, None, Detail::None), step(StepKind::Sql, sql, Some(0), detail)]
}
