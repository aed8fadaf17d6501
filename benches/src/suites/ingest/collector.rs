//! The collector, in a child process.

use std::io::Read;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use scouter_collector::Collector;

/// The "peer" as which a child is the collector; its row is the data folder.
pub(super) const PEER: &str = "collector";

/// Is the collector until standard input ends; afterwards everything is sealed.
pub(super) fn serve(folder: &Path) -> Result<f64, String> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    let any_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let builder = Collector::builder().data(folder).agents(any_port).http(any_port);
    let running = runtime.block_on(builder.start()).map_err(|error| error.to_string())?;
    super::announce(running.agent_addr())?;
    let mut rest = Vec::new();
    std::io::stdin().read_to_end(&mut rest).map_err(|error| error.to_string())?;
    runtime.block_on(running.shutdown()).map_err(|error| error.to_string())?;
    Ok(0.0)
}
