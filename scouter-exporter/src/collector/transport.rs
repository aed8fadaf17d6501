//! How bytes reach the collector: plain TCP, or TLS over it.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};
use std::thread;
use std::time::Duration;

/// How long one attempt to connect may take, for each address of the name.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// A connection whose reads and writes answer [`io::ErrorKind::WouldBlock`] instead of waiting.
pub(crate) trait Stream: Read + Write + Send {}

impl Stream for TcpStream {}

/// Makes connections. Called on a thread of its own, so it may wait.
pub(crate) trait Transport: Send + Sync {
    fn connect(&self) -> io::Result<Box<dyn Stream>>;

    /// Where it leads, for notices.
    fn target(&self) -> String;

    /// The collector that was reached last does not take what it is sent: try another one first, if
    /// there is any.
    fn turn_away(&self) {}
}

/// Plain TCP.
#[derive(Debug)]
pub(crate) struct Tcp {
    /// `host:port`.
    pub(crate) address: String,
}

impl Transport for Tcp {
    fn connect(&self) -> io::Result<Box<dyn Stream>> {
        let stream = connect_tcp(&self.address)?;
        stream.set_nonblocking(true)?;
        Ok(Box::new(stream))
    }

    fn target(&self) -> String {
        self.address.clone()
    }
}

/// Connects to the first address of a `host:port` that answers.
pub(super) fn connect_tcp(target: &str) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in target.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, CONNECT_TIMEOUT) {
            Ok(stream) => {
                // Frames are written whole; waiting for more would only delay answers.
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// What marks a collector that is reached by TLS.
pub(crate) const TLS_SCHEME: &str = "tls://";

/// The way to the collector, or to the first that answers of several, separated by commas: each
/// `host:port` or `tls://host:port`.
pub(crate) fn transport_to(targets: &str, authority: Option<&Path>) -> Arc<dyn Transport> {
    let mut ways: Vec<_> =
        targets.split(',').map(|target| way_to(target.trim(), authority)).collect();
    match ways.pop() {
        Some(only) if ways.is_empty() => only,
        last => {
            ways.extend(last);
            Arc::new(FailOver { ways, first: AtomicUsize::new(0) })
        }
    }
}

/// Several collectors. A connection stays with the one it has reached; the next begins with the same
/// one, unless that refused us or fell silent.
struct FailOver {
    ways: Vec<Arc<dyn Transport>>,
    /// Which of them is tried first.
    first: AtomicUsize,
}

impl Transport for FailOver {
    fn connect(&self) -> io::Result<Box<dyn Stream>> {
        let first = self.first.load(Ordering::Relaxed);
        let mut last = io::Error::new(io::ErrorKind::NotFound, "no collector is named");
        for at in (0..self.ways.len()).map(|step| (first + step) % self.ways.len()) {
            match self.ways[at].connect() {
                Ok(stream) => {
                    self.first.store(at, Ordering::Relaxed);
                    return Ok(stream);
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    fn target(&self) -> String {
        self.ways.iter().map(|way| way.target()).collect::<Vec<_>>().join(" or ")
    }

    fn turn_away(&self) {
        let first = self.first.load(Ordering::Relaxed);
        self.first.store((first + 1) % self.ways.len(), Ordering::Relaxed);
    }
}

fn way_to(target: &str, authority: Option<&Path>) -> Arc<dyn Transport> {
    match target.strip_prefix(TLS_SCHEME) {
        None => Arc::new(Tcp { address: target.to_owned() }),
        Some(address) => tls_to(address, authority),
    }
}

#[cfg(feature = "tls")]
fn tls_to(address: &str, authority: Option<&Path>) -> Arc<dyn Transport> {
    Arc::new(super::tls::Tls {
        address: address.to_owned(),
        authority: authority.map(Path::to_owned),
    })
}

/// Never plain TCP instead: what was meant to be secret would be sent for all to read.
#[cfg(not(feature = "tls"))]
fn tls_to(address: &str, _authority: Option<&Path>) -> Arc<dyn Transport> {
    Arc::new(NoTls { target: format!("{TLS_SCHEME}{address}") })
}

#[cfg(any(test, not(feature = "tls")))]
struct NoTls {
    target: String,
}

#[cfg(any(test, not(feature = "tls")))]
impl Transport for NoTls {
    fn connect(&self) -> io::Result<Box<dyn Stream>> {
        let sentence = "this application is built without feature `tls` of scouter";
        Err(io::Error::new(io::ErrorKind::Unsupported, sentence))
    }

    fn target(&self) -> String {
        self.target.clone()
    }
}

/// A connection that is being made on a thread of its own: name look-up and connecting may take
/// seconds, in which the worker must go on draining.
pub(crate) struct Connecting(Receiver<io::Result<Box<dyn Stream>>>);

impl fmt::Debug for Connecting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connecting")
    }
}

impl Connecting {
    /// Starts connecting. When it is dropped before the connection stands, that is closed.
    pub(crate) fn start(transport: &Arc<dyn Transport>) -> io::Result<Self> {
        let (sender, receiver) = sync_channel(1);
        let transport = Arc::clone(transport);
        thread::Builder::new().name("scouter-connect".into()).spawn(move || {
            // Nobody waits any more: the worker has ended, and the connection is closed.
            let _ = sender.send(transport.connect());
        })?;
        Ok(Self(receiver))
    }

    /// The connection, once it stands or has failed.
    pub(crate) fn poll(&self) -> Option<io::Result<Box<dyn Stream>>> {
        match self.0.try_recv() {
            Ok(result) => Some(result),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => {
                Some(Err(io::Error::other("the connecting thread ended")))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collector_by_tls_is_never_reached_without_it() {
        let transport = NoTls { target: "tls://127.0.0.1:9".to_owned() };
        let error = transport.connect().map(|_| ()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::Unsupported);
        assert!(error.to_string().contains("feature `tls`"));
        assert_eq!(transport.target(), "tls://127.0.0.1:9");
    }
}
