//! TLS to the collector, over a socket that does not wait.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::time::Duration;

use rustls::ClientConnection;

use super::transport::{Stream, Transport, connect_tcp};
use crate::tls;

/// How long the collector may be silent in the middle of the TLS handshake.
const TLS_HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);

/// TLS over TCP.
#[derive(Debug)]
pub(crate) struct Tls {
    /// `host:port`; the certificate must be for this host.
    pub(crate) address: String,
    /// Certificates in PEM that are trusted instead of the system's.
    pub(crate) authority: Option<PathBuf>,
}

impl Transport for Tls {
    /// Reads the trusted certificates anew each time, so that one that is replaced on the disk needs
    /// no restart.
    fn connect(&self) -> io::Result<Box<dyn Stream>> {
        let host = self.address.rsplit_once(':').map_or(&*self.address, |(host, _)| host);
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let connection = tls::client(host, self.authority.as_deref())?;
        let socket = connect_tcp(&self.address)?;
        socket.set_read_timeout(Some(TLS_HANDSHAKE_TIMEOUT))?;
        socket.set_write_timeout(Some(TLS_HANDSHAKE_TIMEOUT))?;
        let mut stream = TlsStream { connection, socket };
        stream.shake_hands()?;
        stream.socket.set_nonblocking(true)?;
        Ok(Box::new(stream))
    }

    fn target(&self) -> String {
        format!("tls://{}", self.address)
    }
}

/// A TLS connection whose socket does not wait. Reading and writing do not wait for one another
/// either: a peer that does not read must not keep us from reading, or both wait for ever.
struct TlsStream {
    connection: ClientConnection,
    socket: TcpStream,
}

impl Stream for TlsStream {}

impl TlsStream {
    /// Waits for the whole handshake.
    fn shake_hands(&mut self) -> io::Result<()> {
        while self.connection.is_handshaking() {
            match self.connection.complete_io(&mut self.socket) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    let sentence = "it did not answer the TLS handshake in time";
                    return Err(io::Error::new(ErrorKind::TimedOut, sentence));
                }
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                    let sentence = "it closed the connection in the TLS handshake: does it \
                                    speak TLS on this port?";
                    return Err(io::Error::new(ErrorKind::UnexpectedEof, sentence));
                }
                Err(error) if is_no_tls(&error) => {
                    let sentence = "it does not speak TLS on this port: is it configured there?";
                    return Err(io::Error::new(ErrorKind::InvalidData, sentence));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Gives the socket what it takes of the records that are made.
    fn send_records(&mut self) -> io::Result<()> {
        while self.connection.wants_write() {
            match self.connection.write_tls(&mut self.socket) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// Whether what came is no TLS at all.
fn is_no_tls(error: &io::Error) -> bool {
    let reason = error.get_ref().and_then(|reason| reason.downcast_ref());
    matches!(reason, Some(rustls::Error::InvalidMessage(_)))
}

impl Read for TlsStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.connection.reader().read(buffer) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                // Frames have lengths and checksums: an end without a farewell cuts none unnoticed.
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(0),
                result => return result,
            }
            self.send_records()?;
            self.connection.read_tls(&mut self.socket)?;
            if let Err(error) = self.connection.process_new_packets() {
                // Tells the peer why; if it cannot be told, it sees the connection end.
                let _ = self.send_records();
                return Err(io::Error::new(ErrorKind::InvalidData, error));
            }
        }
    }
}

impl Write for TlsStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.send_records()?;
        match self.connection.writer().write(bytes)? {
            0 if !bytes.is_empty() => Err(ErrorKind::WouldBlock.into()),
            count => {
                self.send_records()?;
                Ok(count)
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.send_records()
    }
}

impl Drop for TlsStream {
    fn drop(&mut self) {
        self.connection.send_close_notify();
        // A courtesy: whoever is gone need not be told.
        let _ = self.send_records();
    }
}
