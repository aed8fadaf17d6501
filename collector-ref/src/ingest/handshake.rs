//! How a connection begins: HELLO, AUTH, WELCOME.

use std::io::{Read, Write};
use std::sync::Arc;
use std::time::Duration;

use scouter_wire::ObjectId;
use scouter_wire::codec::{
    Auth, FrameType, HashSeed, Hello, Refusal, RefusalCode, StoreId, Welcome, write_frame,
};
use scouter_wire::record::Object;
use tokio::runtime::Handle;
use tokio::time::timeout;

use super::end::{End, Reason};
use super::frames::Frames;
use crate::app::App;
use crate::auth::Admission;
use crate::store::Origin;

/// Clock differences below this are taken for 0, in µs.
///
/// What is measured holds the delays of the network and of busy machines, on one way (by the
/// collector) or half of both (by the agent). Hosts that keep their time are well within it, and
/// correcting them would only add that noise to every END.
pub(crate) const MIN_CLOCK_OFFSET_US: i64 = 100_000;

/// How long a WELCOME waits for what is on the way to the disk; then it tells nothing, and the agent
/// sends again.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(2);

/// Who is at the other end, after WELCOME was sent.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    /// The run of the agent.
    pub(crate) origin: Origin,
    /// Its number in the store.
    pub(crate) object_id: ObjectId,
    /// What it says of itself.
    pub(crate) object: Object,
    /// Its name, shared.
    pub(crate) name: Arc<str>,
    /// What must be added to its times, µs.
    pub(crate) clock_offset_us: i64,
}

/// Reads HELLO and AUTH and answers WELCOME.
///
/// # Errors
/// A refusal when the frames are wrong or the token is; the store cannot number the object.
pub(crate) fn shake_hands<R: Read>(
    app: &App,
    connection: u64,
    runtime: &Handle,
    frames: &mut Frames<R>,
    output: &mut impl Write,
) -> Result<Peer, End> {
    let header = frames.next()?;
    if header.frame_type() != Some(FrameType::Hello) {
        return Err(End::out_of_order("the first frame of a connection must be HELLO"));
    }
    let received_unix_us = app.clock.unix_us();
    let hello = Hello::read(frames.body())?;
    check_token(app, frames, &hello)?;
    if hello.object.name.is_empty() {
        return Err(End::refuse(Reason::Malformed, "HELLO names no object: set the agent's name"));
    }
    let origin = Origin { instance: hello.instance.0, epoch: hello.epoch };
    app.connections.supersede(origin.instance, connection);
    let (object_id, _) = app.store.object(&hello.object.name)?;
    let welcome = Welcome {
        store: store_id(app),
        hash_seed: hash_seed(app),
        object: object_id.0,
        hello_sent_unix_us: hello.sent_unix_us,
        received_unix_us,
        sent_unix_us: app.clock.unix_us(),
        acked_seq: settled_high_water(app, origin, runtime),
        credit_bytes: app.limits.credit_bytes,
    };
    let mut out = Vec::new();
    // A WELCOME has some 100 bytes, far below the limit of a frame.
    let _ = write_frame(&mut out, FrameType::Welcome, 0, |out| welcome.put(out));
    output.write_all(&out)?;
    Ok(Peer {
        origin,
        object_id,
        name: hello.object.name.as_str().into(),
        object: hello.object,
        clock_offset_us: clock_offset_us(hello.sent_unix_us, received_unix_us),
    })
}

/// Highest sequence of an origin that is durable, 0 when the store has none of it. What an older
/// connection left on the way to the disk is waited for: the agent drops from its books what is not
/// told here.
fn settled_high_water(app: &App, origin: Origin, runtime: &Handle) -> u64 {
    let mut durable = app.store.durable();
    let settled = async {
        loop {
            if let Some(seq) = app.store.high_water(origin) {
                return seq;
            }
            let is_known = app.store.origins().iter().any(|mark| mark.origin == origin);
            if !is_known || durable.changed().await.is_err() {
                return 0;
            }
        }
    };
    // Made inside, where there is a runtime for its timer.
    runtime.block_on(async { timeout(SETTLE_TIMEOUT, settled).await }).unwrap_or(0)
}

fn check_token<R: Read>(app: &App, frames: &mut Frames<R>, hello: &Hello) -> Result<(), End> {
    let token = if hello.has_auth {
        if frames.next()?.frame_type() != Some(FrameType::Auth) {
            return Err(End::out_of_order("HELLO promised AUTH, but another frame follows"));
        }
        let Auth::Token(token) = Auth::read(frames.body())? else {
            return Err(End::refuse(Reason::Token, "this collector takes only tokens in AUTH"));
        };
        token
    } else {
        String::new()
    };
    let settings = app.settings();
    let sentence = match settings.tokens.admit(&token, &hello.object.name) {
        Admission::Granted => return Ok(()),
        Admission::UnknownToken if hello.has_auth => {
            "the token of the agent is wrong: set SCOUTER_TOKEN to the collector's agent token"
                .to_owned()
        }
        Admission::UnknownToken => {
            "this collector needs a token: set SCOUTER_TOKEN to the collector's agent token"
                .to_owned()
        }
        Admission::OtherObject(group) => format!(
            "the token is that of the group {group}, which may not be the object {}: use another \
             token or another name",
            hello.object.name
        ),
    };
    Err(End::refuse(Reason::Token, sentence))
}

/// The identity of the store as it travels.
pub(crate) fn store_id(app: &App) -> StoreId {
    StoreId(app.store.store_id())
}

/// The seed of the store's text hashes as it travels.
pub(crate) fn hash_seed(app: &App) -> HashSeed {
    HashSeed(app.store.text_hash_seed())
}

fn clock_offset_us(sent_unix_us: i64, received_unix_us: i64) -> i64 {
    damped(received_unix_us.saturating_sub(sent_unix_us))
}

/// What an agent has measured over both ways of the exchange, which it says of itself right after
/// WELCOME; `None` from agents that do not.
pub(crate) fn measured_offset_us(object: &Object) -> Option<i64> {
    let tag = object.tags.iter().find(|(key, _)| key == scouter_exporter::CLOCK_OFFSET_TAG);
    tag.and_then(|(_, value)| value.parse().ok()).map(damped)
}

fn damped(offset_us: i64) -> i64 {
    if offset_us.saturating_abs() < MIN_CLOCK_OFFSET_US { 0 } else { offset_us }
}

/// Tells a peer why it is refused. It may be gone already; then nobody is told.
pub(crate) fn tell_refusal(output: &mut impl Write, code: RefusalCode, sentence: &str) {
    let refusal = Refusal { code, sentence: sentence.to_owned() };
    let mut out = Vec::new();
    let _ = write_frame(&mut out, FrameType::Error, 0, |out| refusal.put(out));
    let _ = output.write_all(&out);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_clock_differences_are_taken_for_delay() {
        for (sent, received, offset) in [
            (1_000_000, 1_099_999, 0),
            (1_000_000, 1_100_000, 100_000),
            (1_100_000, 1_000_000, -100_000),
            (i64::MIN, i64::MAX, i64::MAX),
        ] {
            assert_eq!(clock_offset_us(sent, received), offset);
        }
    }
}
