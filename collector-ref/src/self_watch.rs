//! The collector watches itself with its own agent.
//!
//! Only requests to the HTTP port become transactions. The agent reports to the agent port like
//! any other; the threads behind that port are in no transaction and hold nothing that is
//! instrumented, so that what they store about us makes no further records: an idle collector's
//! own transaction rate is 0.
//!
//! The recorder belongs to the process, so an embedded collector does not do this: there it is the
//! application's.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use scouter_exporter::{Agent, Guard};

/// Last part of the name of the collector's own object.
pub(crate) const OWN_OBJECT: &str = "scouter-collector";

/// Whether an object is a collector that watches itself.
pub(crate) fn is_own(object: &str) -> bool {
    object.rsplit('/').next() == Some(OWN_OBJECT)
}

/// How long the end of the collector waits for its own last records.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);

/// Starts the agent of this process. Without it the collector works as well, so a failure is only
/// said.
pub(crate) fn start(agents: SocketAddr, token: Option<&str>) -> Option<Guard> {
    let mut agent = Agent::builder(OWN_OBJECT)
        .without_environment()
        .collector(reachable(agents).to_string())
        .flush_timeout(FLUSH_TIMEOUT)
        .on_notice(|notice| tracing::info!(notice, "own agent"));
    if let Some(token) = token {
        agent = agent.token(token);
    }
    match agent.start() {
        Ok(guard) => Some(guard),
        Err(error) => {
            tracing::warn!(%error, "the collector does not watch itself");
            None
        }
    }
}

/// The address under which this machine reaches what listens on `address`.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_own_object_is_known_on_any_host() {
        assert!(is_own("/host/scouter-collector") && is_own("/other/scouter-collector"));
        assert!(!is_own("/host/orders") && !is_own("/scouter-collector/orders"));
    }

    #[test]
    fn an_address_that_means_all_is_reached_over_loopback() {
        for (listened, reached) in [
            ("0.0.0.0:6100", "127.0.0.1:6100"),
            ("[::]:6100", "[::1]:6100"),
            ("10.0.0.7:6100", "10.0.0.7:6100"),
        ] {
            assert_eq!(reachable(listened.parse().unwrap()), reached.parse().unwrap());
        }
    }
}
