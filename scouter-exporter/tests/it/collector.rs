//! A small collector, built from the codec alone.

use std::collections::{BTreeMap, HashMap};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use scouter_wire::TextRef;
use scouter_wire::codec::{
    Ack, Answer, Auth, BatchView, ClockReading, Command, CommandKind, Encoding, FRAME_HEADER_BYTES,
    FrameHeader, FrameType, HashSeed, Hello, InstanceId, NumberedText, PREFACE, Refusal,
    RefusalCode, Reply, SectionDecoder, SeriesView, StoreId, TextName, TextTable, Totals, Welcome,
    XLogColumns, put_text_ids, read_alerts, read_object_frame, read_texts, write_frame,
};
use scouter_wire::record::{Digest, Object};

/// What the collector does and what it has.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) store: u128,
    pub(crate) token: Option<String>,
    /// Accepts, and says nothing at all.
    pub(crate) is_mute: bool,
    /// Welcomes, and acknowledges nothing.
    pub(crate) never_acks: bool,
    /// Answers HELLO with a frame of this version.
    pub(crate) version: Option<u8>,
    pub(crate) credit: Option<u64>,
    pub(crate) clock_ahead_us: i64,
    /// Closes each connection after this many frames with records.
    pub(crate) frames_per_connection: Option<usize>,
    /// Forgets all texts at the next batch, and refuses it as one that names what it does not know.
    pub(crate) loses_texts: bool,
    /// Refuses batches with this code, for this reason.
    pub(crate) refuses: Option<(RefusalCode, Refused)>,

    pub(crate) hellos: Vec<Hello>,
    pub(crate) objects: Vec<Object>,
    pub(crate) texts: HashMap<(u8, u64), u32>,
    pub(crate) names: Vec<String>,
    pub(crate) hash_named: usize,
    /// Service and tenant of every XLog that was stored, and how often.
    pub(crate) xlogs: BTreeMap<String, usize>,
    pub(crate) stored: usize,
    pub(crate) profiles: Vec<String>,
    pub(crate) fates: BTreeMap<String, usize>,
    pub(crate) duplicates: usize,
    pub(crate) stores_named: Vec<StoreId>,
    pub(crate) high_water: HashMap<InstanceId, u64>,
    pub(crate) totals: Totals,
    pub(crate) points: BTreeMap<String, f64>,
    pub(crate) digests: Vec<Digest>,
    pub(crate) alerts: Vec<String>,
    pub(crate) answers: HashMap<u64, Answer>,
    pub(crate) answered: Vec<u64>,
    pub(crate) streams: Vec<TcpStream>,
    pub(crate) is_dead: bool,
}

/// Which batches are refused.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Refused {
    All,
    /// The one with this seq.
    Seq(u64),
}

/// A collector that listens. Dropped, it is gone as after kill -9.
pub(crate) struct Collector {
    pub(crate) address: String,
    state: Arc<Mutex<State>>,
}

const SEED: HashSeed = HashSeed(0xfeed);

impl Collector {
    pub(crate) fn start(state: State) -> Self {
        Self::start_at("127.0.0.1:0", state)
    }

    pub(crate) fn start_at(address: &str, mut state: State) -> Self {
        if state.store == 0 {
            state.store = 1;
        }
        (state.is_dead, state.streams) = (false, Vec::new());
        let listener = TcpListener::bind(address).unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let state = Arc::new(Mutex::new(state));
        let shared = Arc::clone(&state);
        thread::Builder::new()
            .name("test-collector".into())
            .spawn(move || {
                for stream in listener.incoming() {
                    let Ok(stream) = stream else { break };
                    let mut locked = lock(&shared);
                    if locked.is_dead {
                        break;
                    }
                    locked.streams.push(stream.try_clone().unwrap());
                    drop(locked);
                    let shared = Arc::clone(&shared);
                    let serve = move || drop(Connection::new(stream, shared).serve());
                    thread::Builder::new().name("test-connection".into()).spawn(serve).unwrap();
                }
            })
            .unwrap();
        Self { address, state }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Ends without a word and answers what was stored; the address can be used again.
    pub(crate) fn kill(self) -> State {
        std::mem::take(&mut *self.state_after_death())
    }

    fn state_after_death(&self) -> MutexGuard<'_, State> {
        let mut state = self.state();
        state.is_dead = true;
        for stream in state.streams.drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
        drop(state);
        // Wakes the accepting thread, which then lets go of the address.
        drop(TcpStream::connect(&self.address));
        while TcpStream::connect(&self.address).is_ok() {
            thread::yield_now();
        }
        self.state()
    }

    /// Sends a command on the newest connection.
    pub(crate) fn command(&self, id: u64, kind: CommandKind, payload: &str) {
        let command = Command {
            id,
            kind_number: kind as u16,
            deadline_ms: 2_000,
            encoding: Encoding::Text,
            payload: payload.as_bytes(),
        };
        let mut frame = Vec::new();
        write_frame(&mut frame, FrameType::Command, 0, |out| command.put(out)).unwrap();
        self.send(&frame);
    }

    pub(crate) fn send(&self, bytes: &[u8]) {
        let stream = self.state().streams.last().unwrap().try_clone().unwrap();
        (&stream).write_all(bytes).unwrap();
    }

    /// Acknowledges by hand.
    pub(crate) fn acknowledge(&self, ack: Ack) {
        let mut frame = Vec::new();
        write_frame(&mut frame, FrameType::Ack, 0, |out| ack.put(out)).unwrap();
        self.send(&frame);
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        if !self.state().is_dead {
            drop(self.state_after_death());
        }
    }
}

fn lock(state: &Arc<Mutex<State>>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn unix_us() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(now.as_micros()).unwrap()
}

struct Connection {
    stream: TcpStream,
    state: Arc<Mutex<State>>,
    decoder: SectionDecoder,
    columns: XLogColumns,
    instance: InstanceId,
    frames: usize,
}

/// The connection is over.
struct Over;

impl Connection {
    fn new(stream: TcpStream, state: Arc<Mutex<State>>) -> Self {
        Self {
            stream,
            state,
            decoder: SectionDecoder::new().unwrap(),
            columns: XLogColumns::new(),
            instance: InstanceId::default(),
            frames: 0,
        }
    }

    fn serve(mut self) -> Result<(), Over> {
        let mut preface = [0; PREFACE.len()];
        self.stream.read_exact(&mut preface).map_err(|_| Over)?;
        assert_eq!(&preface, PREFACE);
        loop {
            let mut header = [0; FRAME_HEADER_BYTES];
            self.stream.read_exact(&mut header).map_err(|_| Over)?;
            let header = FrameHeader::parse(&header).unwrap();
            let mut body = vec![0; header.body_bytes as usize];
            self.stream.read_exact(&mut body).map_err(|_| Over)?;
            header.check(&body).unwrap();
            let state = Arc::clone(&self.state);
            let mut state = lock(&state);
            if state.is_dead {
                return Err(Over);
            }
            self.frame(&header, &body, &mut state)?;
        }
    }

    fn frame(&mut self, header: &FrameHeader, body: &[u8], state: &mut State) -> Result<(), Over> {
        match header.frame_type().unwrap() {
            FrameType::Hello => {
                let hello = Hello::read(body).unwrap();
                self.instance = hello.instance;
                let has_auth = hello.has_auth;
                state.hellos.push(hello);
                if state.token.is_some() && !has_auth {
                    return self.refuse("a token is needed: set SCOUTER_TOKEN");
                }
                if state.token.is_none() { self.welcome(state) } else { Ok(()) }
            }
            FrameType::Auth => {
                let auth = Auth::read(body).unwrap();
                match &state.token {
                    Some(token) if auth.matches(token) => self.welcome(state),
                    Some(_) => self.refuse("the token is not known"),
                    None => Ok(()),
                }
            }
            FrameType::Text => self.texts(body, state),
            FrameType::Object => {
                state.objects.push(read_object_frame(body).unwrap());
                Ok(())
            }
            FrameType::Clock => {
                let asked = ClockReading::read(body).unwrap();
                let now = unix_us() + state.clock_ahead_us;
                let reading =
                    ClockReading { received_unix_us: now, answered_unix_us: now, ..asked };
                self.send(FrameType::Clock, |out| reading.put(out))
            }
            FrameType::Reply => {
                let reply = Reply::read(body).unwrap();
                let is_last = state.answers.entry(reply.id).or_default().push(&reply).unwrap();
                if is_last {
                    state.answered.push(reply.id);
                }
                Ok(())
            }
            frame_type => self.records(frame_type, header.seq, body, state),
        }
    }

    fn send(
        &mut self,
        frame_type: FrameType,
        write: impl FnOnce(&mut Vec<u8>),
    ) -> Result<(), Over> {
        let mut out = Vec::new();
        write_frame(&mut out, frame_type, 0, write).unwrap();
        self.stream.write_all(&out).map_err(|_| Over)
    }

    fn refuse(&mut self, sentence: &str) -> Result<(), Over> {
        self.refuse_as(RefusalCode::Unauthorized, sentence)
    }

    fn refuse_as(&mut self, code: RefusalCode, sentence: &str) -> Result<(), Over> {
        let refusal = Refusal { code, sentence: sentence.into() };
        let _ = self.send(FrameType::Error, |out| refusal.put(out));
        let _ = self.stream.shutdown(Shutdown::Both);
        Err(Over)
    }

    fn welcome(&mut self, state: &mut State) -> Result<(), Over> {
        if state.is_mute {
            return Ok(());
        }
        let now = unix_us() + state.clock_ahead_us;
        let welcome = Welcome {
            store: StoreId(state.store),
            hash_seed: SEED,
            object: 5,
            hello_sent_unix_us: state.hellos.last().unwrap().sent_unix_us,
            received_unix_us: now,
            sent_unix_us: now,
            acked_seq: state.high_water.get(&self.instance).copied().unwrap_or(0),
            credit_bytes: state.credit.unwrap_or(64 << 20),
        };
        let mut out = Vec::new();
        write_frame(&mut out, FrameType::Welcome, 0, |out| welcome.put(out)).unwrap();
        if let Some(version) = state.version {
            out[5] = version;
        }
        self.stream.write_all(&out).map_err(|_| Over)
    }

    fn texts(&mut self, body: &[u8], state: &mut State) -> Result<(), Over> {
        let mut answers = Vec::new();
        read_texts(body, |text| {
            let kind = text.kind.unwrap();
            assert_eq!(text.hash, SEED.hash(kind, text.text));
            let next = u32::try_from(state.names.len() + 1).unwrap();
            let id = *state.texts.entry((kind as u8, text.hash)).or_insert(next);
            if id == next {
                state.names.push(text.text.to_owned());
            }
            answers.push(NumberedText { kind_number: kind as u8, hash: text.hash, id });
        })
        .unwrap();
        self.send(FrameType::TextId, |out| put_text_ids(out, &answers))
    }

    fn records(
        &mut self,
        frame_type: FrameType,
        seq: u64,
        body: &[u8],
        state: &mut State,
    ) -> Result<(), Over> {
        assert!(seq > 0, "{frame_type:?} has a place in the sequence");
        if frame_type == FrameType::Batch && std::mem::take(&mut state.loses_texts) {
            state.texts.clear();
            state.names.clear();
            return self.refuse("a text that was never numbered here: send its TEXT again");
        }
        if let Some((code, refused)) = state.refuses
            && frame_type == FrameType::Batch
            && [Refused::All, Refused::Seq(seq)].contains(&refused)
        {
            return self.refuse_as(code, "this frame cannot be taken");
        }
        let high_water = state.high_water.entry(self.instance).or_default();
        if seq <= *high_water {
            state.duplicates += 1;
        } else {
            *high_water = seq;
            self.store(frame_type, body, state);
        }
        self.frames += 1;
        if state.frames_per_connection.is_some_and(|limit| self.frames >= limit) {
            // What was stored is stored; the acknowledgement is lost.
            let _ = self.stream.shutdown(Shutdown::Both);
            return Err(Over);
        }
        if state.never_acks {
            return Ok(());
        }
        let ack = Ack {
            seq: state.high_water[&self.instance],
            credit_bytes: state.credit.unwrap_or(64 << 20),
        };
        self.send(FrameType::Ack, |out| ack.put(out))
    }

    fn store(&mut self, frame_type: FrameType, body: &[u8], state: &mut State) {
        let mut table = TextTable::default();
        let name = |state: &State, text: TextRef| {
            match text.0 {
                0 => "",
                number => &*state.names[number as usize - 1],
            }
            .to_owned()
        };
        match frame_type {
            FrameType::Batch => {
                let view = BatchView::parse(body, &mut table).unwrap();
                assert_eq!(view.origin.store, StoreId(state.store), "a frame names its store");
                assert_eq!((view.origin.instance, view.origin.object), (self.instance, 5));
                state.stores_named.push(view.origin.store);
                state.totals = view.totals;
                let texts = resolve(&table, state);
                self.decoder.xlogs(&view, &texts, &mut self.columns).unwrap();
                self.columns.for_each(|xlog| {
                    let line = format!("{} {}", name(state, xlog.service), xlog.tenant);
                    *state.xlogs.entry(line).or_default() += 1;
                    *state.fates.entry(format!("{:?}", xlog.profile)).or_default() += 1;
                });
                state.stored += self.columns.len();
                if view.counts.profiles > 0 {
                    let profiles = self.decoder.profiles(view.profile_section, &texts).unwrap();
                    for index in 0..profiles.len() {
                        let mut lines = String::new();
                        let visit = |step: &scouter_wire::record::Step<'_>| {
                            let function = name(state, step.name);
                            let function = function.split(" @ ").next().unwrap().to_owned();
                            lines.push_str(&format!("{:?}>{function} ", step.parent));
                        };
                        profiles.steps(index, visit).unwrap();
                        state.profiles.push(lines);
                    }
                }
            }
            FrameType::Counter => {
                let view = SeriesView::parse(body, &mut table).unwrap();
                let texts = resolve(&table, state);
                let mut points = Vec::new();
                view.counters(&texts, |_, point| points.push(point)).unwrap();
                for point in points {
                    state.points.insert(name(state, point.name), point.value);
                }
            }
            FrameType::Agg => {
                let view = SeriesView::parse(body, &mut table).unwrap();
                let texts = resolve(&table, state);
                view.digests(&texts, |digest| state.digests.push(digest)).unwrap();
            }
            FrameType::Alert => {
                read_alerts(body, |alert| state.alerts.push(alert.message)).unwrap();
            }
            other => panic!("{other:?} from an agent"),
        }
    }
}

fn resolve(table: &TextTable, state: &mut State) -> Vec<TextRef> {
    let numbers = table.entries().iter().map(|entry| match entry.name {
        TextName::Id(id) => {
            assert!(id as usize <= state.names.len(), "a number this store gave");
            TextRef(id)
        }
        TextName::Hash(hash) => {
            state.hash_named += 1;
            TextRef(state.texts[&(entry.kind_number, hash)])
        }
        _ => panic!("{entry:?}"),
    });
    numbers.collect()
}
