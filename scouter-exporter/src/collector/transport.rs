//! How bytes reach the collector: plain TCP, or TLS over it.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::path::Path;
use std::sync::Arc;
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

/// The way to a collector, `host:port` or `tls://host:port`.
pub(crate) fn transport_to(target: &str, authority: Option<&Path>) -> Arc<dyn Transport> {
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
