//! The connection of an agent: plain TCP, or TLS over it, shared by the thread that reads and the
//! task that writes.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rustix::net::{SendFlags, send};
use rustls::{ServerConfig, ServerConnection};
use tokio::time::{Instant, sleep};

/// Most bytes read from the socket at once.
const CHUNK_BYTES: usize = 16 * 1024;

/// How often it is tried again to write to a peer that takes nothing. What goes to agents is small
/// and they read it at once, so a socket is full only when a peer hangs: too rare to have the
/// runtime watch each socket for it.
const FULL_PAUSE: Duration = Duration::from_millis(20);

/// One connection; a clone is the same connection.
#[derive(Debug, Clone)]
pub(crate) struct Carrier {
    socket: Arc<TcpStream>,
    tls: Option<Arc<Mutex<Records>>>,
}

/// The state of TLS, and what was received of records that are not decrypted yet.
#[derive(Debug)]
struct Records {
    connection: ServerConnection,
    received: Vec<u8>,
    taken: usize,
}

impl Carrier {
    /// Plain TCP.
    pub(crate) fn plain(socket: Arc<TcpStream>) -> Self {
        Self { socket, tls: None }
    }

    /// From now on TLS. The handshake happens with the first read.
    ///
    /// # Errors
    /// If the configuration cannot be used.
    pub(crate) fn into_tls(self, configuration: &Arc<ServerConfig>) -> io::Result<Self> {
        let connection =
            ServerConnection::new(Arc::clone(configuration)).map_err(io::Error::other)?;
        let records = Records { connection, received: Vec::new(), taken: 0 };
        Ok(Self { tls: Some(Arc::new(Mutex::new(records))), ..self })
    }

    /// How long a read may wait for the peer.
    ///
    /// # Errors
    /// As [`TcpStream::set_read_timeout`].
    pub(crate) fn set_read_timeout(&self, limit: Duration) -> io::Result<()> {
        self.socket.set_read_timeout(Some(limit))
    }

    /// The first byte that the peer has sent, which stays to be read; `None` when it has closed.
    ///
    /// # Errors
    /// As [`TcpStream::peek`].
    pub(crate) fn peek(&self) -> io::Result<Option<u8>> {
        let mut first = [0];
        Ok((self.socket.peek(&mut first)? == 1).then_some(first[0]))
    }

    /// Whether the peer is on this machine.
    pub(crate) fn is_local(&self) -> bool {
        let (Ok(peer), Ok(own)) = (self.socket.peer_addr(), self.socket.local_addr()) else {
            return false;
        };
        peer.ip().is_loopback() || peer.ip() == own.ip()
    }

    /// Writes all of it from a task, without keeping a thread while the peer is slow. Each time
    /// that the peer takes nothing, it has `patience` to take some.
    ///
    /// # Errors
    /// If the connection broke, or the peer took nothing for too long.
    pub(crate) async fn write_from_task(
        &self,
        mut bytes: &[u8],
        patience: Duration,
    ) -> io::Result<()> {
        let mut since = Instant::now();
        loop {
            let left = bytes.len();
            match self.try_write(&mut bytes) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                result => return result,
            }
            if bytes.len() < left {
                since = Instant::now();
            } else if since.elapsed() >= patience {
                return Err(ErrorKind::TimedOut.into());
            }
            sleep(FULL_PAUSE).await;
        }
    }

    /// Writes until all is written or the socket takes no more.
    fn try_write(&self, bytes: &mut &[u8]) -> io::Result<()> {
        let mut socket = WithoutWaiting(&self.socket);
        let Some(tls) = &self.tls else {
            while !bytes.is_empty() {
                let count = socket.write(bytes)?;
                *bytes = &bytes[count..];
            }
            return Ok(());
        };
        let mut records = tls.lock();
        loop {
            records.send(&mut socket)?;
            if bytes.is_empty() {
                return Ok(());
            }
            let count = records.connection.writer().write(bytes)?;
            *bytes = &bytes[count..];
        }
    }

    /// Says farewell and sends nothing more.
    pub(crate) fn finish(&self) {
        if let Some(tls) = &self.tls {
            let mut records = tls.lock();
            records.connection.send_close_notify();
            // The peer may be gone, and then wants no farewell.
            let _ = records.send(&mut &*self.socket);
        }
        let _ = self.socket.shutdown(Shutdown::Write);
    }
}

/// A socket whose writes fail where they would wait. The socket itself stays a blocking one, for the
/// thread that reads.
struct WithoutWaiting<'a>(&'a TcpStream);

impl Write for WithoutWaiting<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(send(self.0, bytes, SendFlags::DONTWAIT | SendFlags::NOSIGNAL)?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Records {
    fn send(&mut self, socket: &mut impl Write) -> io::Result<()> {
        while self.connection.wants_write() {
            self.connection.write_tls(socket)?;
        }
        Ok(())
    }

    /// Decrypts what was received until something can be read; `None` when more must come.
    fn read(&mut self, socket: &TcpStream, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        loop {
            match self.connection.reader().read(buffer) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                // Frames have lengths and checksums: an end without a farewell cuts none unnoticed.
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(Some(0)),
                result => return result.map(Some),
            }
            if self.taken == self.received.len() {
                self.received.clear();
                self.taken = 0;
                return Ok(None);
            }
            let mut rest = &self.received[self.taken..];
            self.taken += self.connection.read_tls(&mut rest)?;
            let was_greeting = self.connection.is_handshaking();
            let result = self.connection.process_new_packets();
            // Also after a failure: the peer is told why. Once there is a writer it must not wait
            // here for a peer that takes nothing; what does not fit goes with its next bytes.
            if was_greeting {
                self.send(&mut &*socket)?;
            } else {
                let sent = self.send(&mut WithoutWaiting(socket));
                sent.or_else(|error| match error.kind() {
                    ErrorKind::WouldBlock => Ok(()),
                    _ => Err(error),
                })?;
            }
            result.map_err(|error| io::Error::new(ErrorKind::InvalidData, error))?;
        }
    }
}

impl Read for &Carrier {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut socket = &*self.socket;
        let Some(tls) = &self.tls else { return socket.read(buffer) };
        loop {
            if let Some(count) = tls.lock().read(socket, buffer)? {
                return Ok(count);
            }
            // Without the lock: the writer goes on while this waits for the peer.
            let mut chunk = [0; CHUNK_BYTES];
            match socket.read(&mut chunk)? {
                0 => return Ok(0),
                count => tls.lock().received.extend_from_slice(&chunk[..count]),
            }
        }
    }
}

impl Write for &Carrier {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut socket = &*self.socket;
        let Some(tls) = &self.tls else { return socket.write(bytes) };
        let mut records = tls.lock();
        let count = records.connection.writer().write(bytes)?;
        records.send(&mut socket)?;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
