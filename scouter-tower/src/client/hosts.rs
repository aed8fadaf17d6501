//! The hosts that may learn the tenant and the baggage.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// Most patterns of one list: every outbound call compares its host with all of them.
pub const MAX_HOSTS: usize = 64;

/// An allow list of hosts: `billing.internal`, `billing.internal:8080`, `*.mesh.local`, `10.1.*`, `*`.
///
/// `*` stands for any characters. A pattern without a port allows every port. Case does not
/// matter; an IPv6 address is written in brackets, in any of its spellings.
///
/// A pattern of digits, dots and stars (`10.1.*`) allows addresses only, never a name that begins
/// like one (`10.1.evil.example`); beware of other patterns that end with a star. A name with
/// letters beyond ASCII is written as DNS knows it, `xn--…`. A name with a dot at its end is
/// another name, as it is for the resolver.
///
/// Default: nobody. Env: `SCOUTER_TRACE_TENANT_HOSTS`.
///
/// # Examples
/// ```
/// use scouter_tower::client::Hosts;
/// let hosts: Hosts = "*.mesh.local, 127.0.0.1:8080".parse()?;
/// assert!(hosts.allow("stock.mesh.local", 80));
/// assert!(!hosts.allow("mesh.local.evil.example", 80));
/// assert!(!hosts.allow("127.0.0.1", 9090));
/// # Ok::<(), scouter_tower::client::HostsError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hosts(String);

impl Hosts {
    /// Allows nobody.
    #[must_use]
    pub const fn none() -> Self {
        Self(String::new())
    }

    /// Allows everybody: for a service that calls nothing but its own mesh.
    #[must_use]
    pub fn all() -> Self {
        Self("*".to_owned())
    }

    /// Whether this host and port are allowed. An IPv6 host is written in brackets.
    #[must_use]
    pub fn allow(&self, host: &str, port: u16) -> bool {
        list_allows(&self.0, host, port)
    }

    /// Whether a pattern `*` allows every host.
    #[must_use]
    pub(crate) fn allow_everybody(&self) -> bool {
        list_allows_everybody(&self.0)
    }
}

pub(crate) fn list_allows_everybody(list: &str) -> bool {
    parts(list).take(MAX_HOSTS).any(|part| part == "*")
}

/// Whether a list allows a host. Parts that are no hosts allow nothing, and neither do those past
/// [`MAX_HOSTS`].
pub(crate) fn list_allows(list: &str, host: &str, port: u16) -> bool {
    parts(list).take(MAX_HOSTS).filter_map(Pattern::of).any(|pattern| pattern.allows(host, port))
}

fn parts(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(str::trim).filter(|part| !part.is_empty())
}

#[derive(Debug, Clone, Copy)]
struct Pattern<'a> {
    host: &'a str,
    port: Option<u16>,
}

impl<'a> Pattern<'a> {
    /// `None` for a text that is no host: a URL, a bad port, an IPv6 address without brackets.
    fn of(text: &'a str) -> Option<Self> {
        // A colon inside brackets belongs to an IPv6 address.
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, Some(port.parse().ok()?)),
            _ => (text, None),
        };
        let is_bracketed = host.starts_with('[') && host.ends_with(']');
        let is_odd = |c: char| is_no_host(c) || (c == ':' && !is_bracketed);
        (!host.is_empty() && !host.contains(is_odd)).then_some(Self { host, port })
    }

    fn allows(self, host: &str, port: u16) -> bool {
        if self.port.is_some_and(|allowed| allowed != port) || host.contains(is_no_host) {
            return false;
        }
        if self.is_of_addresses() && host.parse::<Ipv4Addr>().is_err() {
            return false;
        }
        match (address(self.host), address(host)) {
            (Some(allowed), Some(host)) => allowed == host,
            _ => glob(self.host.as_bytes(), host.as_bytes()),
        }
    }

    /// `10.1.*`: means addresses, so a name with such a beginning must not pass.
    fn is_of_addresses(self) -> bool {
        let is_part = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'*');
        self.host.bytes().all(is_part) && self.host.bytes().any(|byte| byte.is_ascii_digit())
    }
}

/// What no name or address has in it: `user@host` and URLs are not hosts, and clients compare
/// names beyond ASCII in their `xn--` form.
fn is_no_host(c: char) -> bool {
    matches!(c, '/' | '@' | '\\' | '?' | '#' | '%') || c.is_whitespace() || !c.is_ascii()
}

/// An IPv6 address in brackets.
fn address(host: &str) -> Option<Ipv6Addr> {
    host.strip_prefix('[')?.strip_suffix(']')?.parse().ok()
}

/// Whether a pattern with stars fits a text; at most one step back per star, so it is linear in
/// the product of both lengths at worst.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at, mut read) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while read < text.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, read));
                at += 1;
            }
            Some(wanted) if wanted.eq_ignore_ascii_case(&text[read]) => {
                at += 1;
                read += 1;
            }
            _ => {
                let Some((star_at, eaten)) = star else { return false };
                star = Some((star_at, eaten + 1));
                at = star_at + 1;
                read = eaten + 1;
            }
        }
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}

/// A text is not a list of hosts.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum HostsError {
    /// A part is no host pattern (a URL, a bad port); it carries the part.
    NotAHost(String),
    /// More than [`MAX_HOSTS`] patterns.
    TooMany,
}

impl fmt::Display for HostsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAHost(part) => {
                write!(f, "\"{part}\" is no host: expected host, host:port or a pattern with *")
            }
            Self::TooMany => write!(f, "too many hosts: at most {MAX_HOSTS}; use *.suffix"),
        }
    }
}

impl std::error::Error for HostsError {}

impl FromStr for Hosts {
    type Err = HostsError;

    /// Reads a comma-separated list of patterns. The empty text allows nobody.
    fn from_str(text: &str) -> Result<Self, HostsError> {
        if parts(text).count() > MAX_HOSTS {
            return Err(HostsError::TooMany);
        }
        match parts(text).find(|part| Pattern::of(part).is_none()) {
            Some(part) => Err(HostsError::NotAHost(part.to_owned())),
            None => Ok(Self(text.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_allowed_by_name_port_suffix_or_star() {
        for (list, host, port, is_allowed) in [
            ("", "a", 80, false),
            ("*", "a", 80, true),
            ("*:80", "a", 81, false),
            ("billing", "billing", 80, true),
            ("billing", "BILLING", 80, true),
            ("billing", "billing.evil", 80, false),
            ("billing:8080", "billing", 80, false),
            ("billing:8080", "billing", 8080, true),
            ("*.mesh", "a.mesh", 1, true),
            ("*.mesh", "a.b.MESH", 1, true),
            ("*.mesh", "mesh", 1, false),
            ("*.mesh", "amesh", 1, false),
            ("*.mesh", "a.mesh.evil", 1, false),
            ("10.1.*", "10.1.2.3", 1, true),
            ("10.1.*", "10.10.2.3", 1, false),
            ("a*b*c", "aXbXbc", 1, true),
            ("a*b*c", "aXbXb", 1, false),
            ("[::1]:80, other", "[::1]", 80, true),
            ("[::1]", "[::1]", 9, true),
            ("[::1]", "[0:0:0:0:0:0:0:1]", 9, true),
            ("[2001:DB8::1]:80", "[2001:db8:0::1]", 80, true),
            ("[::1]", "[::2]", 9, false),
            ("10.1.*", "10.1.evil.example", 1, false),
            ("10.1.2.3", "10.1.2.3.evil", 1, false),
            ("*.example", "a.example.", 1, false),
            ("billing", "billing.", 1, false),
            ("billing.", "billing.", 1, true),
            ("*billing", "evil@billing", 1, false),
            ("billing*", "billing@evil", 1, false),
            ("xn--bcher-kva.example", "XN--Bcher-kva.Example", 1, true),
            ("*", "b%C3%BCcher", 1, false),
        ] {
            let hosts: Hosts = list.parse().unwrap();
            assert_eq!(hosts.allow(host, port), is_allowed, "{list:?} {host}:{port}");
        }
        assert!(!Hosts::none().allow("a", 1));
        assert!(Hosts::all().allow("a", 1));
    }

    #[test]
    fn a_text_that_is_no_host_is_refused_with_the_part() {
        for bad in
            ["http://a", "a:b", "a:70000", "a/b", ":80", "a b", "::1", "a@b", "bücher.example"]
        {
            let refused = bad.parse::<Hosts>();
            assert_eq!(refused, Err(HostsError::NotAHost(bad.to_owned())), "{bad}");
        }
        let many = vec!["a"; MAX_HOSTS + 1].join(",");
        assert_eq!(many.parse::<Hosts>(), Err(HostsError::TooMany));
    }
}
