//! Whose word is taken for the tenant, the baggage, the login, the client's address and the time a
//! request waited.
//!
//! Anyone may send an `x-tenant-id` header. An agent that believed everyone would let any
//! visitor book their requests on somebody else, so the answer is "nobody" until it is configured.
//! The trace ids are believed from everyone: a forged one can only join the forger's own trace.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// Most networks one [`Trust`] holds; a longer list is refused by [`Trust::from_str`] and cut by
/// [`Trust::and`]. Every request with a known peer is compared with all of them.
pub const MAX_TRUSTED_NETWORKS: usize = 64;

/// Longest part of the `x-forwarded-for` or `forwarded` lines that is read, in bytes; past it they
/// are ignored and `propagation_oversized` grows.
pub(crate) const MAX_FORWARDED_BYTES: usize = 1024;

/// The peers whose `x-tenant-id`, `baggage`, `x-forwarded-for`, `forwarded`, `x-request-start` and
/// `x-queue-start` headers are accepted, and that of [a login](crate::ScouterLayer::login_header).
///
/// The peer is the address of the TCP connection. It is known when the server passes it on: axum's
/// `into_make_service_with_connect_info::<SocketAddr>()`, or a [`PeerAddr`](crate::PeerAddr)
/// extension in plain hyper. A peer that is not known is trusted by [`Trust::all`] only.
///
/// A reverse proxy that hands headers of the outside world through is *not* a trusted peer, even
/// when it runs on the same host; for that reason not even loopback is trusted by default.
///
/// # Which address is the client's
/// Each proxy writes the address of *its* peer at the end of `x-forwarded-for`, into the last line
/// or into a line of its own; what stands before that may be anything the visitor sent. So the
/// lines are read as one list, from its end: the client is the first address found that is not
/// itself trusted, or the very first of the list when all are. An address on the way that is
/// malformed makes the header ignored and counted.
///
/// [`Trust::all`] cannot tell proxies from clients: there the first address of the *last* line
/// counts. A visitor can forge it where a proxy appends to the line it received; name the networks
/// of your proxies where the address matters.
///
/// `forwarded` (RFC 7239) is read by the same rules where a request has no `x-forwarded-for`; which
/// of the two counts, [`ForwardedHeader`](crate::ForwardedHeader) says. An element that hides its
/// address ends the way.
///
/// A tenant header that comes twice is ignored and counted as malformed, whoever sends it.
///
/// Default: [`Trust::none`], or [`Trust::all`] where `SCOUTER_TRACE_TENANT_TRUSTED=true`.
///
/// # Examples
/// ```
/// use scouter_tower::Trust;
/// let mesh: Trust = "10.20.0.0/16, 127.0.0.1".parse()?;
/// assert!(mesh.trusts(Some("10.20.3.4".parse()?)));
/// assert!(!mesh.trusts(Some("192.0.2.1".parse()?)));
/// assert!(!mesh.trusts(None));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trust {
    is_everyone: bool,
    networks: Vec<Network>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Network {
    address: IpAddr,
    prefix_bits: u8,
}

impl Trust {
    /// Trusts nobody: tenant, baggage and forwarded addresses of all callers are ignored.
    #[must_use]
    pub const fn none() -> Self {
        Self { is_everyone: false, networks: Vec::new() }
    }

    /// Trusts everybody, also peers whose address is not known.
    ///
    /// Right for a service that only its own mesh can reach, and for a demo.
    #[must_use]
    pub const fn all() -> Self {
        Self { is_everyone: true, networks: Vec::new() }
    }

    /// Trusts this host: `127.0.0.0/8` and `::1`.
    #[must_use]
    pub fn loopback() -> Self {
        Self::of(&[(Ipv4Addr::new(127, 0, 0, 0).into(), 8), (Ipv6Addr::LOCALHOST.into(), 128)])
    }

    /// Trusts this host and the private networks: `10/8`, `172.16/12`, `192.168/16`, `fc00::/7`.
    #[must_use]
    pub fn private() -> Self {
        Self::loopback().and(Self::of(&[
            (Ipv4Addr::new(10, 0, 0, 0).into(), 8),
            (Ipv4Addr::new(172, 16, 0, 0).into(), 12),
            (Ipv4Addr::new(192, 168, 0, 0).into(), 16),
            (Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0).into(), 7),
        ]))
    }

    /// Trusts whom either side trusts; networks past [`MAX_TRUSTED_NETWORKS`] are left out.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.is_everyone |= other.is_everyone;
        self.networks.extend(other.networks);
        self.networks.truncate(MAX_TRUSTED_NETWORKS);
        self
    }

    /// Whether the word of this peer is taken.
    #[must_use]
    pub fn trusts(&self, peer: Option<IpAddr>) -> bool {
        if self.is_everyone {
            return true;
        }
        let Some(peer) = peer.map(|peer| peer.to_canonical()) else { return false };
        self.networks.iter().any(|network| network.contains(peer))
    }

    /// The client's address out of the lines of `x-forwarded-for`, see [`Trust`].
    pub(crate) fn client_of<'a>(
        &self,
        lines: impl DoubleEndedIterator<Item = &'a [u8]>,
    ) -> Result<IpAddr, ForwardedError> {
        let mut client = Err(ForwardedError::Malformed);
        let mut left_bytes = MAX_FORWARDED_BYTES;
        for line in lines.rev() {
            left_bytes = left_bytes.checked_sub(line.len()).ok_or(ForwardedError::Oversized)?;
            let line = str::from_utf8(line).map_err(|_| ForwardedError::Malformed)?;
            for hop in line.rsplit(',') {
                let hop: IpAddr = hop.trim().parse().map_err(|_| ForwardedError::Malformed)?;
                client = Ok(hop);
                if !self.trusts(Some(hop)) {
                    return client;
                }
            }
            if self.is_everyone {
                break;
            }
        }
        client
    }

    pub(crate) const fn is_everyone(&self) -> bool {
        self.is_everyone
    }

    fn of(networks: &[(IpAddr, u8)]) -> Self {
        let networks = networks
            .iter()
            .map(|&(address, prefix_bits)| Network { address, prefix_bits })
            .collect();
        Self { is_everyone: false, networks }
    }
}

impl Network {
    fn contains(self, peer: IpAddr) -> bool {
        match (self.address, peer) {
            (IpAddr::V4(own), IpAddr::V4(peer)) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.prefix_bits)).unwrap_or(0);
                (own.to_bits() ^ peer.to_bits()) & mask == 0
            }
            (IpAddr::V6(own), IpAddr::V6(peer)) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(self.prefix_bits)).unwrap_or(0);
                (own.to_bits() ^ peer.to_bits()) & mask == 0
            }
            _ => false,
        }
    }
}

/// Why no client is read from `x-forwarded-for`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ForwardedError {
    /// What stands where the client should is no address.
    Malformed,
    /// Longer than [`MAX_FORWARDED_BYTES`] up to the client.
    Oversized,
    /// A proxy on the way hides whom it speaks for, as it may.
    Hidden,
}

/// A text does not say whom to trust.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TrustError {
    /// A part is neither a word we know nor an address or network; it carries the part.
    NotANetwork(String),
    /// More than [`MAX_TRUSTED_NETWORKS`] networks.
    TooMany,
}

impl fmt::Display for TrustError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotANetwork(part) => write!(
                f,
                "\"{part}\" names no peers to trust: expected none, all, loopback, private, \
                 an address or a network like 10.0.0.0/8"
            ),
            Self::TooMany => {
                write!(f, "too many trusted networks: at most {MAX_TRUSTED_NETWORKS}; join some")
            }
        }
    }
}

impl std::error::Error for TrustError {}

impl FromStr for Trust {
    type Err = TrustError;

    /// Reads a comma-separated list of `none`, `all`, `loopback`, `private`, addresses and
    /// networks. The empty text is `none`.
    fn from_str(text: &str) -> Result<Self, TrustError> {
        let mut trust = Self::none();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let more = match part {
                "none" => Self::none(),
                "all" => Self::all(),
                "loopback" => Self::loopback(),
                "private" => Self::private(),
                network => Self::of(&[parse_network(network)?]),
            };
            if trust.networks.len() + more.networks.len() > MAX_TRUSTED_NETWORKS {
                return Err(TrustError::TooMany);
            }
            trust = trust.and(more);
        }
        Ok(trust)
    }
}

fn parse_network(text: &str) -> Result<(IpAddr, u8), TrustError> {
    let refused = || TrustError::NotANetwork(text.to_owned());
    let (address, prefix_bits) = match text.split_once('/') {
        Some((address, bits)) => (address, Some(bits)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().map_err(|_| refused())?;
    let widest = if address.is_ipv4() { 32 } else { 128 };
    let prefix_bits = match prefix_bits {
        Some(bits) => bits.parse().ok().filter(|bits| *bits <= widest).ok_or_else(refused)?,
        None => widest,
    };
    Ok((address, prefix_bits))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(trust: &str, peer: &str, is_trusted: bool) {
        let trust: Trust = trust.parse().unwrap();
        assert_eq!(trust.trusts(Some(peer.parse().unwrap())), is_trusted, "{trust:?} {peer}");
    }

    #[test]
    fn a_peer_is_trusted_by_word_address_or_network() {
        for (trust, peer, is_trusted) in [
            ("", "127.0.0.1", false),
            ("none", "127.0.0.1", false),
            ("all", "203.0.113.9", true),
            ("loopback", "127.8.8.8", true),
            ("loopback", "::1", true),
            ("loopback", "10.0.0.1", false),
            ("loopback", "::ffff:127.0.0.1", true),
            ("private", "172.31.255.255", true),
            ("private", "172.32.0.0", false),
            ("private", "fd12::1", true),
            ("10.1.0.0/16", "10.1.200.3", true),
            ("10.1.0.0/16", "10.2.0.0", false),
            ("10.1.2.3", "10.1.2.4", false),
            ("0.0.0.0/0", "203.0.113.9", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("2001:db8::/32, 192.0.2.7", "2001:db8:1::", true),
            ("2001:db8::/32, 192.0.2.7", "192.0.2.7", true),
            ("::/0", "2001:db8::1", true),
        ] {
            check(trust, peer, is_trusted);
        }
    }

    #[test]
    fn a_text_that_names_no_network_is_refused_with_the_part() {
        for bad in ["everybody", "10.0.0.0/33", "::1/129", "10.0.0.0/", "10.0.0.0/-1", "1.2.3"] {
            assert_eq!(bad.parse::<Trust>(), Err(TrustError::NotANetwork(bad.to_owned())));
        }
        let many = vec!["10.0.0.1"; MAX_TRUSTED_NETWORKS + 1].join(",");
        assert_eq!(many.parse::<Trust>(), Err(TrustError::TooMany));
    }

    #[test]
    fn the_client_is_the_last_address_that_is_not_a_trusted_peer() {
        let mesh: Trust = "10.0.0.0/8".parse().unwrap();
        let everyone = Trust::all();
        let malformed = Err(ForwardedError::Malformed);
        let long = "6.6.6.6,".repeat(MAX_FORWARDED_BYTES / 8);
        for (trust, lines, client) in [
            (&mesh, &["203.0.113.9"][..], Ok("203.0.113.9")),
            (&mesh, &["6.6.6.6, 203.0.113.9, 10.0.0.2"], Ok("203.0.113.9")),
            (&mesh, &["6.6.6.6", "203.0.113.9, 10.0.0.2"], Ok("203.0.113.9")),
            (&mesh, &["6.6.6.6", "203.0.113.9", "10.0.0.2"], Ok("203.0.113.9")),
            (&mesh, &["spoof", "203.0.113.9"], Ok("203.0.113.9")),
            (&mesh, &["10.0.0.1, 10.0.0.2"], Ok("10.0.0.1")),
            (&mesh, &["10.0.0.1", "10.0.0.2"], Ok("10.0.0.1")),
            (&mesh, &["spoof, 10.0.0.2"], malformed),
            (&mesh, &["spoof", "10.0.0.2"], malformed),
            (&mesh, &["203.0.113.9", ""], malformed),
            (&mesh, &[""], malformed),
            (&mesh, &[], malformed),
            (&mesh, &["2001:db8::1"], Ok("2001:db8::1")),
            (&mesh, &[&long, "203.0.113.9"], Ok("203.0.113.9")),
            (&mesh, &[&long, "10.0.0.2"], Err(ForwardedError::Oversized)),
            (&everyone, &["6.6.6.6", "203.0.113.9, 10.0.0.2"], Ok("203.0.113.9")),
        ] {
            let client = client.map(|client| client.parse().unwrap());
            let bytes = lines.iter().map(|line| line.as_bytes());
            assert_eq!(trust.client_of(bytes), client, "{trust:?} {lines:?}");
        }
    }
}
