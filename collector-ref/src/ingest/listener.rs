//! Accepts agents and gives each connection a thread that reads and a task that writes.

use std::collections::HashMap;
use std::io;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use tokio::net::TcpListener;
use tokio::runtime::Handle;

use super::carrier::Carrier;
use super::end::{End, Reason, Refused};
use super::frames::Frames;
use super::handshake::{shake_hands, tell_refusal};
use super::input::Input;
use super::outbox::start_writer;
use super::preface::read_preface;
use super::session::Session;
use crate::app::App;
use crate::control::AgentId;
use crate::tls::{TLS_FIRST_BYTE, Tls};

/// How long a greeting or a refusal may wait for the agent to take it.
const GREETING_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a stopping collector waits for its connections to end.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a new connection of an agent waits for its older one to end.
const SUPERSEDE_TIMEOUT: Duration = Duration::from_secs(2);

/// Pause after a failed accept (no file handle left, most likely).
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The connections that are open.
#[derive(Debug, Default)]
pub(crate) struct Connections {
    open: Mutex<HashMap<u64, Arc<TcpStream>>>,
    /// The newest connection of each run of an agent.
    by_instance: Mutex<HashMap<u128, u64>>,
    /// Signalled when one has ended.
    gone: Condvar,
    next: AtomicU64,
    is_stopping: AtomicBool,
}

impl Connections {
    /// How many are open.
    pub(crate) fn count(&self) -> usize {
        self.open.lock().len()
    }

    /// Whether connections are to end after the frame in hand.
    pub(crate) fn is_stopping(&self) -> bool {
        self.is_stopping.load(Ordering::Relaxed)
    }

    /// Asks all connections to end: what was received is stored and acknowledged, then nothing
    /// more is read.
    pub(crate) fn begin_stop(&self) {
        self.is_stopping.store(true, Ordering::SeqCst);
        self.renew();
    }

    /// Lets all agents connect anew, which they do within a second and lose nothing.
    pub(crate) fn renew(&self) {
        for stream in self.open.lock().values() {
            // Wakes the reader. A connection that is gone already is what we want.
            let _ = stream.shutdown(Shutdown::Read);
        }
    }

    /// Ends all connections and waits for them, for a bounded time.
    pub(crate) fn stop(&self) {
        self.begin_stop();
        let mut open = self.open.lock();
        while !open.is_empty() {
            if self.gone.wait_for(&mut open, STOP_TIMEOUT).timed_out() {
                tracing::warn!(connections = open.len(), "agent connections did not end in time");
                return;
            }
        }
    }

    /// Ends the older connection of a run of an agent, which has given it up: what it had in hand is
    /// stored or not when this returns, so that the agent can be told which. Bounded; a connection
    /// that does not end in time is left alone.
    pub(super) fn supersede(&self, instance: u128, id: u64) {
        let Some(older) = self.by_instance.lock().insert(instance, id) else { return };
        let mut open = self.open.lock();
        if let Some(stream) = open.get(&older) {
            // A connection that is gone already is what we want.
            let _ = stream.shutdown(Shutdown::Both);
        }
        while open.contains_key(&older) {
            if self.gone.wait_for(&mut open, SUPERSEDE_TIMEOUT).timed_out() {
                tracing::warn!("the older connection of an agent did not end in time");
                return;
            }
        }
    }

    fn admit(&self, stream: &Arc<TcpStream>, limit: usize) -> Option<u64> {
        let mut open = self.open.lock();
        if open.len() >= limit || self.is_stopping.load(Ordering::SeqCst) {
            return None;
        }
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        open.insert(id, Arc::clone(stream));
        Some(id)
    }

    fn remove(&self, id: u64) {
        self.by_instance.lock().retain(|_, newest| *newest != id);
        self.open.lock().remove(&id);
        self.gone.notify_all();
    }
}

/// Accepts agents until the task is aborted.
pub(crate) async fn accept_agents(app: Arc<App>, listener: TcpListener) {
    loop {
        let accepted = match listener.accept().await {
            Ok((stream, address)) => prepare(stream).map(|stream| (stream, address)),
            Err(error) => Err(error),
        };
        let result = accepted.and_then(|(stream, address)| start(&app, stream, address));
        if let Err(error) = result {
            tracing::warn!(%error, "an agent could not be accepted");
            tokio::time::sleep(ACCEPT_PAUSE).await;
        }
    }
}

fn prepare(stream: tokio::net::TcpStream) -> io::Result<TcpStream> {
    let stream = stream.into_std()?;
    stream.set_nonblocking(false)?;
    stream.set_nodelay(true)?;
    stream.set_write_timeout(Some(GREETING_TIMEOUT))?;
    Ok(stream)
}

fn start(app: &Arc<App>, stream: TcpStream, address: SocketAddr) -> io::Result<()> {
    let stream = Arc::new(stream);
    let Some(id) = app.connections.admit(&stream, app.settings().max_agents) else {
        app.telemetry.refused_connection_limit.one();
        let sentence = "the collector has as many agents as it takes (`agents` in [limits] of its \
                        configuration), or is stopping: try later";
        tell_refusal(&mut &*stream, Reason::ConnectionLimit.code(), sentence);
        return Ok(());
    };
    let (of_thread, runtime) = (Arc::clone(app), Handle::current());
    let spawned = std::thread::Builder::new().name(format!("agent-{id}")).spawn(move || {
        let connection = Open { app: &of_thread, id };
        connection.serve(Carrier::plain(stream), address, runtime);
    });
    if spawned.is_err() {
        app.connections.remove(id);
    }
    spawned.map(|_| ())
}

/// An admitted connection; forgotten when its thread ends, however it ends.
struct Open<'a> {
    app: &'a Arc<App>,
    id: u64,
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.app.connections.remove(self.id);
    }
}

impl Open<'_> {
    fn serve(&self, mut carrier: Carrier, address: SocketAddr, runtime: Handle) {
        let end = match self.converse(&mut carrier, address, runtime) {
            Ok(never) => match never {},
            Err(end) => end,
        };
        let mut output = &carrier;
        let telemetry = &self.app.telemetry;
        // What a reader that was woken makes of half a frame is not the peer's fault.
        let end = if self.app.connections.is_stopping() {
            End::refuse(Reason::Stopping, "the collector is stopping: reconnect later")
        } else {
            end
        };
        match end {
            End::Closed => {}
            End::Broken(error) => {
                if error.kind() == io::ErrorKind::InvalidData {
                    telemetry.tls_failed.one();
                }
                tracing::debug!(%address, %error, "agent connection broke");
            }
            End::Idle => {
                telemetry.closed_idle.one();
                let sentence = "nothing was received for too long: reconnect";
                tell_refusal(&mut output, Reason::Stopping.code(), sentence);
            }
            End::Refused(Refused { reason, sentence }) => {
                if let Some(counter) = reason.counter(telemetry) {
                    counter.one();
                }
                if reason != Reason::Stopping
                    && let Some(more) = self.app.refusal_log.permit(self.app.clock.monotonic_us())
                {
                    tracing::warn!(%address, ?reason, sentence, more, "agent refused");
                }
                tell_refusal(&mut output, reason.code(), &sentence);
            }
        }
        // Closing at once would let the system discard the refusal together with what the peer
        // still sends; it gets a moment to read it.
        carrier.finish();
        drain(&carrier);
    }

    fn converse(
        &self,
        carrier: &mut Carrier,
        address: SocketAddr,
        runtime: Handle,
    ) -> Result<std::convert::Infallible, End> {
        let app = self.app;
        app.telemetry.agent_connections.one();
        self.secure(carrier)?;
        let (stream, mut output) = (&*carrier, &*carrier);
        let mut input = Input::new(stream, app.clock.clone(), app.limits.handshake_timeout);
        read_preface(&mut input, &app.http_url())?;
        let mut frames = Frames::new(input);
        let peer = shake_hands(app, self.id, &runtime, &mut frames, &mut output)?;
        frames.input().lift_deadline(app.limits.idle_timeout)?;
        let durable = app.store.durable();
        let (outbox, writer) = start_writer(stream, durable, app.limits.credit_bytes, &runtime);
        let agent = AgentId { name: Arc::clone(&peer.name), instance: peer.origin.instance };
        let handle = app.agents.connected(&agent, self.id, outbox.clone());
        app.objects.connected(&peer, address, &app.plugins, app.clock.unix_us());
        let end = match Session::new(app, peer, outbox, handle) {
            Ok(mut session) => session.run(&mut frames),
            Err(end) => end,
        };
        app.agents.gone(&agent, self.id);
        app.objects.gone(&agent.name, agent.instance, &app.plugins, app.clock.unix_us());
        // The session and the handle are gone, so the writer sends what is left and ends. A writer
        // that panicked, or whose runtime ends, has nothing more to say.
        let _ = runtime.block_on(writer);
        Err(end)
    }
}

impl Open<'_> {
    /// Goes over to TLS if that is what the peer speaks. Where agents must speak it, those of this
    /// machine need not, and everybody else is refused before it could show a token.
    fn secure(&self, carrier: &mut Carrier) -> Result<(), End> {
        let Some(configuration) = self.app.tls.as_deref().and_then(Tls::for_agents) else {
            return Ok(());
        };
        carrier.set_read_timeout(self.app.limits.handshake_timeout)?;
        let Some(first) = carrier.peek()? else { return Ok(()) };
        match way(first, carrier.is_local()) {
            Way::Tls => *carrier = carrier.clone().into_tls(configuration)?,
            Way::Plain => {}
            Way::Refused => {
                let sentence = "this collector takes agents of other machines by TLS only: set \
                                SCOUTER_COLLECTOR to tls://host:port";
                return Err(End::refuse(Reason::Plain, sentence));
            }
        }
        Ok(())
    }
}

/// How a connection goes on where agents must use TLS.
#[derive(Debug, PartialEq, Eq)]
enum Way {
    Tls,
    Plain,
    Refused,
}

fn way(first: u8, is_local: bool) -> Way {
    match (first, is_local) {
        (TLS_FIRST_BYTE, _) => Way::Tls,
        (_, true) => Way::Plain,
        (_, false) => Way::Refused,
    }
}

/// How long a refused peer may be silent, and how many reads its rest may take, before it is cut
/// off.
const DRAIN_TIMEOUT: Duration = Duration::from_millis(500);
const MAX_DRAIN_READS: usize = 64;

fn drain(carrier: &Carrier) {
    let mut input = carrier;
    let mut buffer = [0; 16 * 1024];
    if carrier.set_read_timeout(DRAIN_TIMEOUT).is_err() {
        return;
    }
    for _ in 0..MAX_DRAIN_READS {
        if !matches!(io::Read::read(&mut input, &mut buffer), Ok(1..)) {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_may_do_without_tls() {
        for (first, is_local, expected) in [
            (TLS_FIRST_BYTE, true, Way::Tls),
            (TLS_FIRST_BYTE, false, Way::Tls),
            (b'S', true, Way::Plain),
            (b'S', false, Way::Refused),
            (b'G', false, Way::Refused),
        ] {
            assert_eq!(way(first, is_local), expected, "{first} {is_local}");
        }
    }
}
