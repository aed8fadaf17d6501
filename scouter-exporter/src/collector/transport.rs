//! How bytes reach the collector. TCP today; TLS and other carriers join as further transports.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
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
        let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        for address in self.address.to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, CONNECT_TIMEOUT) {
                Ok(stream) => {
                    // Frames are written whole; waiting for more would only delay answers.
                    stream.set_nodelay(true)?;
                    stream.set_nonblocking(true)?;
                    return Ok(Box::new(stream));
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    fn target(&self) -> String {
        self.address.clone()
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
