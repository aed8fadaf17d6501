//! Keeps a connection to the collector and delivers the window over it.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use scouter_wire::codec::{
    Ack, Auth, ClockReading, Command, Frame, FrameType, Hello, InstanceId, NumberedText, Origin,
    PREFACE, Refusal, Reply, Welcome, put_object, read_text_ids, write_frame,
};
use scouter_wire::record::Object;

use super::commands::{Answered, answer};
use super::connection::{Broken, Connection};
use super::names::{Names, text_frames};
use super::skew::Skew;
use super::suspect::{MAX_FRAME_KILLS, Suspect};
use super::transport::{Connecting, Stream, Transport};
use super::window::{Payload, Window};
use crate::backoff::Backoff;
use crate::clock::Moment;
use crate::notice::{Notice, Notices};
use crate::sink::{Progress, Turn};
use crate::telemetry::Telemetry;

/// How long the collector may take to answer HELLO.
pub const GREETING_TIMEOUT: Duration = Duration::from_secs(5);

/// How long the collector may take to acknowledge anything while frames are on their way. After it
/// the connection counts as half-open and is made anew; nothing is lost.
pub const ACK_TIMEOUT: Duration = Duration::from_secs(15);

/// How often the object is sent again, as a sign of life, and the clocks are compared. At least
/// once in the time that an acknowledgement may take.
const HEARTBEAT: Duration = Duration::from_secs(10);

/// How long the answer to HELLO is looked for every few milliseconds, then less often.
const PROMPT_ANSWER: Duration = Duration::from_millis(100);

/// Most frames taken from the collector in one turn.
const MAX_FRAMES_PER_TURN: usize = 1_024;

/// Delivers over one connection at a time.
pub(crate) struct Sender {
    transport: Arc<dyn Transport>,
    token: Option<String>,
    object: Object,
    instance: InstanceId,
    timeouts: Timeouts,
    state: State,
    backoff: Backoff,
    names: Names,
    welcome: Welcome,
    skew: Skew,
    suspect: Suspect,
    /// Last seq sent on this connection.
    sent_seq: u64,
    /// The highest ever sent, on any connection: nothing above it can be stored.
    most_sent: u64,
    /// Seq and length of frames that are sent and not acknowledged.
    in_flight: VecDeque<(u64, usize)>,
    in_flight_bytes: usize,
    credit_bytes: usize,
    /// Since when an acknowledgement is due.
    waiting_since: Moment,
    last_heartbeat: Moment,
    telemetry: Arc<Telemetry>,
    notices: Arc<Notices>,
}

/// How long to wait for the collector.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timeouts {
    pub(crate) greeting: Duration,
    pub(crate) ack: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { greeting: GREETING_TIMEOUT, ack: ACK_TIMEOUT }
    }
}

enum State {
    /// Not before this time.
    Resting(Moment),
    Connecting(Connecting),
    /// HELLO is under way; since when, and what time it names.
    Greeting(Connection, Moment, i64),
    Open(Connection),
}

/// What a frame of the collector is about, taken out of the connection's buffer.
enum Heard {
    Welcome(Welcome),
    Ack(Ack),
    TextIds(Vec<NumberedText>),
    Answered(u64, Answered),
    Refused(Refusal),
    Clock(ClockReading),
    Unknown,
}

impl Sender {
    pub(crate) fn new(
        transport: Arc<dyn Transport>,
        token: Option<String>,
        object: Object,
        instance: InstanceId,
        timeouts: Timeouts,
        telemetry: Arc<Telemetry>,
        notices: Arc<Notices>,
    ) -> Self {
        Self {
            transport,
            token,
            object,
            instance,
            timeouts,
            state: State::Resting(Moment::default()),
            backoff: Backoff::default(),
            names: Names::default(),
            welcome: Welcome::default(),
            skew: Skew::default(),
            suspect: Suspect::default(),
            sent_seq: 0,
            most_sent: 0,
            in_flight: VecDeque::new(),
            in_flight_bytes: 0,
            credit_bytes: 0,
            waiting_since: Moment::default(),
            last_heartbeat: Moment::default(),
            telemetry,
            notices,
        }
    }

    /// Does what can be done now.
    pub(crate) fn turn(&mut self, window: &mut Window, turn: &mut Turn<'_>) -> Progress {
        let state = std::mem::replace(&mut self.state, State::Resting(Moment::default()));
        let result = match state {
            State::Resting(until) if Moment::now() < until => Ok(State::Resting(until)),
            State::Resting(_) => {
                Connecting::start(&self.transport).map(State::Connecting).map_err(Broken::Io)
            }
            State::Connecting(connecting) => self.greet(connecting, turn),
            State::Greeting(connection, since, sent) => {
                self.hear_greeting(connection, since, sent, window, turn)
            }
            State::Open(connection) => self.converse(connection, window, turn),
        };
        match result {
            Ok(state) => self.state = state,
            Err(broken) => self.fail(&broken, window, turn.is_ending),
        }
        self.progress(window)
    }

    fn progress(&self, window: &Window) -> Progress {
        match &self.state {
            State::Resting(_) if window.is_empty() => Progress::Idle,
            State::Resting(_) => Progress::Waiting,
            // The answer is looked for at once, so that the clock offset is not blurred by a pause.
            State::Greeting(_, since, _) if Moment::now().since(*since) < PROMPT_ANSWER => {
                Progress::Busy
            }
            State::Connecting(_) | State::Greeting(..) if window.is_empty() => Progress::Idle,
            State::Connecting(_) | State::Greeting(..) => Progress::Busy,
            State::Open(connection) if connection.unwritten() > 0 => Progress::Busy,
            State::Open(_) if window.is_empty() => Progress::Idle,
            State::Open(_) => Progress::Waiting,
        }
    }

    fn fail(&mut self, broken: &Broken, window: &mut Window, is_ending: bool) {
        self.telemetry.connection_failures.add(1);
        if matches!(broken, Broken::Refused(_)) {
            self.telemetry.refusals.add(1);
            self.names.forget();
        }
        if matches!(broken, Broken::Refused(_) | Broken::Silent(_)) {
            self.transport.turn_away();
        }
        // Who ends together with a collector that was there need not hear of it.
        if !is_ending || self.telemetry.connections.value() == 0 {
            self.say(broken);
        }
        if let Some((seq, _)) = self.in_flight.front().copied()
            && broken.may_be_of_a_frame()
            && self.suspect.blame(seq)
        {
            self.set_aside(seq, broken, window);
        }
        self.sent_seq = 0;
        self.in_flight.clear();
        self.in_flight_bytes = 0;
        self.state = State::Resting(Moment::now().after(self.backoff.wait()));
    }

    /// Says what is wrong. A collector that is away, stops or has no room is one condition.
    fn say(&self, broken: &Broken) {
        let target = self.transport.target();
        if broken.is_about_us() {
            self.notices.once(Notice::Refused, || {
                format!("the collector at {target} refuses this agent: {broken}")
            });
        } else {
            self.notices.once(Notice::Unreachable, || {
                format!(
                    "the collector at {target} cannot be reached ({broken}); the agent keeps \
                     trying, keeps what fits its window and counts the rest. Set \
                     SCOUTER_COLLECTOR=host:port, or SCOUTER_ENABLED=false to switch it off"
                )
            });
        }
    }

    /// Gives up a frame over which too many connections ended.
    fn set_aside(&mut self, seq: u64, broken: &Broken, window: &mut Window) {
        self.suspect.clear();
        // The window may have dropped it by itself meanwhile.
        if window.discard(seq, &self.telemetry) {
            self.telemetry.frames_set_aside.add(1);
            let target = self.transport.target();
            self.notices.once(Notice::SetAside, || {
                format!(
                    "the connection to the collector at {target} ended {MAX_FRAME_KILLS} times \
                     over the same frame ({broken}); the frame is set aside and counted as \
                     unsendable, like any further one (exporter_frames_set_aside)"
                )
            });
        }
    }

    /// Something was made durable: what went wrong before is over.
    fn got_on(&mut self) {
        self.backoff.reset();
        self.suspect.clear();
    }

    fn greet(&mut self, connecting: Connecting, turn: &Turn<'_>) -> Result<State, Broken> {
        let stream: io::Result<Box<dyn Stream>> = match connecting.poll() {
            None => return Ok(State::Connecting(connecting)),
            Some(result) => result,
        };
        let mut connection = Connection::new(stream.map_err(Broken::Io)?);
        let hello = Hello {
            instance: self.instance,
            epoch: EPOCH,
            sent_unix_us: turn.unix_us,
            has_auth: self.token.is_some(),
            object: self.object.clone(),
        };
        let out = connection.out();
        out.extend_from_slice(PREFACE);
        // Both are far below the limit of a frame: their texts are cut.
        let _ = write_frame(out, FrameType::Hello, 0, |out| hello.put(out));
        if let Some(token) = &self.token {
            let auth = Auth::Token(token.clone());
            let _ = write_frame(out, FrameType::Auth, 0, |out| auth.put(out));
        }
        connection.write()?;
        Ok(State::Greeting(connection, Moment::now(), turn.unix_us))
    }

    fn hear_greeting(
        &mut self,
        mut connection: Connection,
        since: Moment,
        sent_unix_us: i64,
        window: &mut Window,
        turn: &mut Turn<'_>,
    ) -> Result<State, Broken> {
        let ended = connection.read();
        let heard = connection.frame(|frame| hear(frame, turn))?.transpose()?;
        match heard {
            Some(Heard::Welcome(welcome)) if welcome.hello_sent_unix_us == sent_unix_us => {
                self.welcomed(&welcome, turn.unix_us, window);
                self.write_object(&mut connection, turn);
                self.converse(connection, window, turn)
            }
            Some(Heard::Refused(refusal)) => Err(Broken::Refused(refusal)),
            Some(_) => Ok(State::Greeting(connection, since, sent_unix_us)),
            None => {
                ended?;
                connection.write()?;
                if Moment::now().since(since) > self.timeouts.greeting {
                    return Err(Broken::Silent("answer HELLO"));
                }
                Ok(State::Greeting(connection, since, sent_unix_us))
            }
        }
    }

    fn welcomed(&mut self, welcome: &Welcome, arrived_unix_us: i64, window: &mut Window) {
        self.welcome = *welcome;
        self.skew.begin(welcome.clock_offset_us(arrived_unix_us));
        self.names.connect(welcome.store, welcome.hash_seed);
        self.credit_bytes = usize::try_from(welcome.credit_bytes).unwrap_or(usize::MAX);
        // What the store has already was delivered on a connection that broke before the answer.
        // A welcome alone ends no back-off: a collector whose disk is full welcomes everyone.
        if window.welcome(welcome.acked_seq.min(self.most_sent), &self.telemetry) {
            self.got_on();
        }
        self.sent_seq = 0;
        self.telemetry.connections.add(1);
    }

    fn converse(
        &mut self,
        mut connection: Connection,
        window: &mut Window,
        turn: &mut Turn<'_>,
    ) -> Result<State, Broken> {
        let ended = connection.read();
        for _ in 0..MAX_FRAMES_PER_TURN {
            let Some(heard) = connection.frame(|frame| hear(frame, turn))?.transpose()? else {
                break;
            };
            match heard {
                Heard::Ack(ack) => self.acknowledged(ack, window),
                Heard::TextIds(ids) => ids.into_iter().for_each(|id| self.names.number(id)),
                Heard::Answered(id, answered) => self.reply(&mut connection, id, &answered),
                Heard::Refused(refusal) => return Err(Broken::Refused(refusal)),
                Heard::Clock(reading) => {
                    // The collector applies it to the records that follow, so it goes before them.
                    if self.skew.hear(&reading, turn.unix_us, Moment::now()) {
                        self.telemetry.clock_changes.add(1);
                        self.write_object(&mut connection, turn);
                    }
                }
                Heard::Welcome(_) | Heard::Unknown => self.telemetry.unknown_frames.add(1),
            }
        }
        ended?;
        if Moment::now().since(self.last_heartbeat) > HEARTBEAT.min(self.timeouts.ack) {
            self.write_object(&mut connection, turn);
        }
        self.fill(&mut connection, window, turn);
        let count = connection.write()?;
        self.telemetry.bytes_sent.add(count as u64);
        if self.in_flight.is_empty() {
            self.waiting_since = Moment::now();
        } else if Moment::now().since(self.waiting_since) > self.timeouts.ack {
            return Err(Broken::Silent("acknowledge anything"));
        }
        Ok(State::Open(connection))
    }

    fn acknowledged(&mut self, ack: Ack, window: &mut Window) {
        // Nothing that was not sent can be durable.
        if window.acknowledge(ack.seq.min(self.sent_seq), &self.telemetry) {
            self.got_on();
        }
        while let Some((seq, length)) = self.in_flight.front().copied()
            && seq <= ack.seq
        {
            self.in_flight.pop_front();
            self.in_flight_bytes -= length;
            self.waiting_since = Moment::now();
        }
        self.credit_bytes = usize::try_from(ack.credit_bytes).unwrap_or(usize::MAX);
    }

    /// Prepares frames while there is credit and the socket takes them.
    fn fill(&mut self, connection: &mut Connection, window: &mut Window, turn: &Turn<'_>) {
        while connection.has_room() {
            connection.take_reply();
            if !self.send_next(connection, window, turn) {
                break;
            }
        }
    }

    /// Prepares the next frame of the window with the texts it needs; false when there is none or
    /// no credit for it.
    fn send_next(
        &mut self,
        connection: &mut Connection,
        window: &mut Window,
        turn: &Turn<'_>,
    ) -> bool {
        // Without credit nothing is sent; with too little for one frame, one at a time is.
        if self.credit_bytes <= self.in_flight_bytes
            || self.suspect.is_some() && !self.in_flight.is_empty()
        {
            return false;
        }
        let is_under_way = !self.in_flight.is_empty();
        let Some(pending) = window.next_to_send(self.sent_seq, is_under_way, &self.telemetry)
        else {
            return false;
        };
        let mut new_texts = Vec::new();
        self.names.introduce(pending.texts(), turn.texts, &mut new_texts);
        for write in text_frames(&new_texts) {
            // Cut into frames that fit.
            let _ = write_frame(connection.out(), FrameType::Text, 0, write);
        }
        self.telemetry.texts_sent.add(new_texts.len() as u64);
        let origin = Origin {
            store: self.welcome.store,
            instance: self.instance,
            epoch: EPOCH,
            object: self.welcome.object,
        };
        let start = connection.out().len();
        let names = &self.names;
        let written = pending.write(connection.out(), &origin, &turn.totals, |kind, text| {
            names.name(kind, text, turn.texts)
        });
        let seq = pending.seq;
        if written.is_err() {
            match &mut pending.payload {
                // Its profiles are what makes it too long; the XLogs can still go.
                Payload::Batch(batch) if batch.profiles > 0 => {
                    let count = batch.strip_profiles();
                    let reason = scouter_wire::codec::DropReason::UnsendableProfile;
                    self.telemetry.drop_records(reason, count);
                }
                _ => {
                    self.telemetry.encode_failures.add(1);
                    window.discard(seq, &self.telemetry);
                }
            }
            return true;
        }
        let length = connection.out().len() - start;
        self.telemetry.frames_sent.add(1);
        if pending.sends > 0 {
            self.telemetry.frames_resent.add(1);
        }
        pending.sends = pending.sends.saturating_add(1);
        if self.in_flight.is_empty() {
            self.waiting_since = Moment::now();
        }
        self.sent_seq = seq;
        self.most_sent = self.most_sent.max(seq);
        window.note_sent(seq);
        self.in_flight.push_back((seq, length));
        self.in_flight_bytes += length;
        true
    }

    /// Says who we are and how the clocks differ, and asks for the collector's time again.
    fn write_object(&mut self, connection: &mut Connection, turn: &Turn<'_>) {
        let now = Moment::now();
        self.last_heartbeat = now;
        let mut object = self.object.clone();
        object.tags.push((CLOCK_OFFSET_TAG.into(), self.skew.offset_us().to_string()));
        // Its texts are cut, so it fits.
        let _ = write_frame(connection.out(), FrameType::Object, 0, |out| put_object(out, &object));
        let question = self.skew.ask(turn.unix_us, now);
        let _ = write_frame(connection.out(), FrameType::Clock, 0, |out| question.put(out));
    }

    fn reply(&self, connection: &mut Connection, id: u64, answered: &Answered) {
        self.telemetry.commands.add(1);
        let Answered { is_error, encoding, payload } = answered;
        let frames = Reply::chunks(id, *is_error, *encoding, payload).map(|reply| {
            let mut frame = Vec::new();
            // A chunk is far below the limit of a frame.
            let _ = write_frame(&mut frame, FrameType::Reply, 0, |out| reply.put(out));
            frame
        });
        if !connection.push_reply(frames) {
            self.telemetry.dropped_replies.add(1);
        }
    }
}

/// The sequence begins once in the life of an agent: every start makes a new instance.
const EPOCH: u64 = 1;

/// Tag of the object that says how far the collector's clock is ahead of the agent's, in µs.
pub const CLOCK_OFFSET_TAG: &str = "clock_offset_us";

fn hear(frame: &Frame<'_>, turn: &mut Turn<'_>) -> Result<Heard, Broken> {
    let body = frame.body;
    let heard = match frame.header.frame_type() {
        Some(FrameType::Welcome) => Welcome::read(body).map(Heard::Welcome),
        Some(FrameType::Ack) => Ack::read(body).map(Heard::Ack),
        Some(FrameType::TextId) => {
            let mut ids = Vec::new();
            read_text_ids(body, |id| ids.push(id)).map(|()| Heard::TextIds(ids))
        }
        Some(FrameType::Command) => Command::read(body)
            .map(|command| Heard::Answered(command.id, answer(&command, turn.control))),
        Some(FrameType::Clock) => ClockReading::read(body).map(Heard::Clock),
        Some(FrameType::Error) => Refusal::read(body).map(Heard::Refused),
        _ => Ok(Heard::Unknown),
    };
    heard.map_err(Broken::Decode)
}
