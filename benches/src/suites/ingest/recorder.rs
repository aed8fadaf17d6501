//! The yardstick of durable ingest: a process that receives bytes over TCP, writes them to a file
//! and syncs it. It looks at nothing; no collector that acknowledges what is durable does less.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;

/// The "peer" as which a child is this process; its row is the folder.
pub(super) const PEER: &str = "recorder";

/// Bytes after which the file is synced: what some twenty batches have.
const SYNC_BYTES: usize = 2 << 20;

/// Says that everything sent before is to be made durable and acknowledged. Frames have a length
/// before them, of which this is none.
const FLUSH: u32 = u32::MAX;

/// Receives until the connection is closed.
pub(super) fn serve(folder: &Path) -> Result<f64, String> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(text)?;
    super::announce(listener.local_addr().map_err(text)?)?;
    let (mut stream, _) = listener.accept().map_err(text)?;
    let mut file = File::create(folder.join("frames")).map_err(text)?;
    let (mut length, mut frame) = ([0; 4], Vec::new());
    let mut unsynced = 0;
    while stream.read_exact(&mut length).is_ok() {
        let length = u32::from_le_bytes(length);
        if length == FLUSH {
            file.sync_data().map_err(text)?;
            unsynced = 0;
            stream.write_all(&[1]).map_err(text)?;
            continue;
        }
        frame.resize(length as usize, 0);
        stream.read_exact(&mut frame).map_err(text)?;
        file.write_all(&frame).map_err(text)?;
        unsynced += frame.len();
        if unsynced >= SYNC_BYTES {
            file.sync_data().map_err(text)?;
            unsynced = 0;
        }
    }
    Ok(0.0)
}

/// Sends to it.
pub(super) struct Client(TcpStream);

impl Client {
    /// Connects.
    pub(super) fn connect(address: SocketAddr) -> Result<Self, String> {
        let stream = TcpStream::connect(address).map_err(text)?;
        stream.set_nodelay(true).map_err(text)?;
        Ok(Self(stream))
    }

    /// Sends one frame.
    pub(super) fn send(&mut self, frame: &[u8]) -> Result<(), String> {
        let length = u32::try_from(frame.len()).map_err(text)?;
        self.0.write_all(&length.to_le_bytes()).map_err(text)?;
        self.0.write_all(frame).map_err(text)
    }

    /// Returns when everything sent is durable.
    pub(super) fn wait(&mut self) -> Result<(), String> {
        self.0.write_all(&FLUSH.to_le_bytes()).map_err(text)?;
        self.0.read_exact(&mut [0]).map_err(text)
    }
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
