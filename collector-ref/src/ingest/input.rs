//! The socket of an agent, with one deadline for the whole handshake.

use std::io::{self, Read, Write};
use std::time::Duration;

use super::carrier::Carrier;
use crate::clock::Clock;

/// Reads from a socket. Until [`Input::lift_deadline`] all reads together may take only so long: a
/// limit for each read alone would let a peer that sends a byte now and then keep the connection
/// for ever.
#[derive(Debug)]
pub(crate) struct Input<'a> {
    stream: &'a Carrier,
    clock: Clock,
    deadline_us: Option<u64>,
}

impl<'a> Input<'a> {
    /// Reads for at most `patience`, from now on.
    pub(crate) fn new(stream: &'a Carrier, clock: Clock, patience: Duration) -> Self {
        let patience_us = u64::try_from(patience.as_micros()).unwrap_or(u64::MAX);
        let deadline_us = Some(clock.monotonic_us().saturating_add(patience_us));
        Self { stream, clock, deadline_us }
    }

    /// From now on each read may take this long.
    ///
    /// # Errors
    /// As [`std::net::TcpStream::set_read_timeout`].
    pub(crate) fn lift_deadline(&mut self, idle: Duration) -> io::Result<()> {
        self.deadline_us = None;
        self.stream.set_read_timeout(idle)
    }
}

impl Read for Input<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(deadline_us) = self.deadline_us {
            let left_us = deadline_us.saturating_sub(self.clock.monotonic_us());
            if left_us == 0 {
                return Err(io::ErrorKind::TimedOut.into());
            }
            self.stream.set_read_timeout(Duration::from_micros(left_us))?;
        }
        self.stream.read(buffer)
    }
}

impl Write for Input<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}
