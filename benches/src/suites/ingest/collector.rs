//! The collector as a process of its own: this program, started once more.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use scouter_collector::Collector;

/// The "peer" as which a child is the collector; its row is the data folder.
pub(super) const PEER: &str = "collector";

/// Begins the line that says where agents connect.
const ADDRESS_PREFIX: &str = "agents ";

/// A collector that runs in another process.
pub(super) struct Process {
    child: Child,
    /// Where agents connect.
    pub(super) address: SocketAddr,
}

impl Process {
    /// Starts it on an empty folder and waits until it listens.
    pub(super) fn start(folder: &Path) -> Result<Self, String> {
        let program = std::env::current_exe().map_err(|error| error.to_string())?;
        let mut child = Command::new(program)
            .args(["--child", "ingest"])
            .arg(folder)
            .args([PEER, "0"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("cannot start the collector: {error}"))?;
        let mut line = String::new();
        let read = child.stdout.as_mut().map(|out| BufReader::new(out).read_line(&mut line));
        let address = line.trim().strip_prefix(ADDRESS_PREFIX).and_then(|text| text.parse().ok());
        match (read, address) {
            (Some(Ok(_)), Some(address)) => Ok(Self { child, address }),
            _ => {
                _ = child.kill();
                Err(format!("the collector did not say where it listens, but {line:?}"))
            }
        }
    }

    /// Its process id.
    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The most memory it has had, MB of 10^6 bytes.
    pub(super) fn peak_resident_mb(&self) -> Result<f64, String> {
        let path = format!("/proc/{}/status", self.pid());
        let status = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse::<f64>().ok())
            .map(|kilobytes| kilobytes * 1_024.0 / 1e6)
            .ok_or_else(|| "no VmHWM in /proc".into())
    }

    /// Ends it; afterwards everything is sealed.
    pub(super) fn stop(mut self) -> Result<(), String> {
        drop(self.child.stdin.take());
        let ended = self.child.wait().map_err(|error| error.to_string())?;
        if ended.success() { Ok(()) } else { Err(format!("the collector ended with {ended}")) }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // After `stop` it has ended already, and this does nothing.
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// Is the collector until standard input ends.
pub(super) fn serve(folder: &Path) -> Result<f64, String> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    let any_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let builder = Collector::builder().data(folder).agents(any_port).http(any_port);
    let running = runtime.block_on(builder.start()).map_err(|error| error.to_string())?;
    println!("{ADDRESS_PREFIX}{}", running.agent_addr());
    std::io::stdout().flush().map_err(|error| error.to_string())?;
    let mut rest = Vec::new();
    std::io::stdin().read_to_end(&mut rest).map_err(|error| error.to_string())?;
    runtime.block_on(running.shutdown()).map_err(|error| error.to_string())?;
    Ok(0.0)
}
