//! A child process that serves: this program, started once more.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::clock;

/// Begins the line that says where it listens.
pub(super) const ADDRESS_PREFIX: &str = "listens ";

/// A server in a process of its own.
pub(super) struct Process {
    child: Child,
    /// Where it listens.
    pub(super) address: SocketAddr,
}

impl Process {
    /// Starts it on an empty folder and waits until it listens.
    pub(super) fn start(peer: &str, folder: &Path) -> Result<Self, String> {
        let program = std::env::current_exe().map_err(|error| error.to_string())?;
        let mut child = Command::new(program)
            .args(["--child", "ingest"])
            .arg(folder)
            .args([peer, "0"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("cannot start the {peer}: {error}"))?;
        let mut line = String::new();
        let read = child.stdout.as_mut().map(|out| BufReader::new(out).read_line(&mut line));
        let address = line.trim().strip_prefix(ADDRESS_PREFIX).and_then(|text| text.parse().ok());
        match (read, address) {
            (Some(Ok(_)), Some(address)) => Ok(Self { child, address }),
            _ => {
                _ = child.kill();
                _ = child.wait();
                Err(format!("the {peer} did not say where it listens, but {line:?}"))
            }
        }
    }

    /// CPU time of all its threads, those that ended included, in steps of 10 ms.
    pub(super) fn cpu(&self) -> Result<Duration, String> {
        clock::cpu_of(self.child.id()).ok_or_else(|| "no CPU time in /proc".into())
    }

    /// CPU time of its main thread, to the nanosecond.
    pub(super) fn cpu_of_one_thread(&self) -> Result<Duration, String> {
        clock::cpu_of_main_thread(self.child.id()).ok_or_else(|| "no schedstat in /proc".into())
    }

    /// The most memory it has had, MB of 10^6 bytes.
    pub(super) fn peak_resident_mb(&self) -> Result<f64, String> {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse::<f64>().ok())
            .map(|kilobytes| kilobytes * 1_024.0 / 1e6)
            .ok_or_else(|| "no VmHWM in /proc".into())
    }

    /// Ends it and waits until it has ended well.
    pub(super) fn stop(mut self) -> Result<(), String> {
        drop(self.child.stdin.take());
        let ended = self.child.wait().map_err(|error| error.to_string())?;
        if ended.success() { Ok(()) } else { Err(format!("the server ended with {ended}")) }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // After `stop` it has ended already, and this does nothing.
        _ = self.child.kill();
        _ = self.child.wait();
    }
}
