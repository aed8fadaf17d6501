//! `Forwarded` (RFC 7239): the standard form of `x-forwarded-for`.
//!
//! `for=192.0.2.60;proto=http;by=203.0.113.43, for="[2001:db8::1]:8080"`: each proxy appends an
//! element, so the list is judged from its end by the same rules, see [`Trust`]. An element may
//! hide its address (`for=unknown`, `for=_secret`, or no `for` at all): there the way ends, and
//! nobody's word is taken for what stands before.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::trust::{ForwardedError, MAX_FORWARDED_BYTES, Trust};

/// Longest node with its port that is read; a longer one is malformed, unless it hides.
const MAX_NODE_BYTES: usize = 64;

/// Where the address of the client is read from, of trusted peers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum ForwardedHeader {
    /// `x-forwarded-for`, or `forwarded` where a request has only that.
    #[default]
    Either,
    /// `x-forwarded-for` alone.
    XForwardedFor,
    /// `forwarded` alone: for proxies that write it and hand on the `x-forwarded-for` of a visitor.
    Forwarded,
}

/// The client's address out of the lines of `forwarded`.
pub(crate) fn client_of<'a>(
    trust: &Trust,
    lines: impl DoubleEndedIterator<Item = &'a [u8]>,
) -> Result<IpAddr, ForwardedError> {
    let mut client = Err(ForwardedError::Malformed);
    let mut left_bytes = MAX_FORWARDED_BYTES;
    for line in lines.rev() {
        left_bytes = left_bytes.checked_sub(line.len()).ok_or(ForwardedError::Oversized)?;
        match judge(trust, line) {
            Way::EndsAt(found) => return found,
            Way::GoesOn(first) => client = Ok(first),
        }
        if trust.is_everyone() {
            break;
        }
    }
    client
}

/// Where a line leads to.
enum Way {
    /// To the client, or to where nothing can be believed any more.
    EndsAt(Result<IpAddr, ForwardedError>),
    /// To earlier lines: all of it are trusted peers, the first of them this.
    GoesOn(IpAddr),
}

/// Judges a line. From its end on the first element counts that is no trusted peer, so read from
/// its beginning it is the last one.
fn judge(trust: &Trust, line: &[u8]) -> Way {
    let (mut first, mut end) = (None, None);
    let mut rest = Some(line);
    while let Some(line) = rest.take() {
        let node = match element(line) {
            Ok((node, after)) => {
                rest = after;
                node.unwrap_or(Err(ForwardedError::Hidden))
            }
            Err(Empty { after: Some(after) }) => {
                rest = Some(after);
                continue;
            }
            Err(Empty { after: None }) => break,
        };
        match node {
            Ok(address) if trust.trusts(Some(address)) => {
                first.get_or_insert(address);
            }
            other => {
                first.get_or_insert(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
                end = Some(other);
            }
        }
    }
    match (end, first) {
        (Some(found), _) => Way::EndsAt(found),
        (None, Some(first)) => Way::GoesOn(first),
        (None, None) => Way::EndsAt(Err(ForwardedError::Malformed)),
    }
}

/// An element without anything in it, which a list may have.
struct Empty<'a> {
    after: Option<&'a [u8]>,
}

type Node = Result<IpAddr, ForwardedError>;

/// The node of the `for` of the first element, if it has one, and what follows the comma. What is
/// malformed in a way that hides where elements begin takes the rest of the line with it.
fn element(line: &[u8]) -> Result<(Option<Node>, Option<&[u8]>), Empty<'_>> {
    let malformed = || Ok((Some(Err(ForwardedError::Malformed)), None));
    let mut rest = line.trim_ascii_start();
    match rest.split_first() {
        None => return Err(Empty { after: None }),
        Some((b',', after)) => return Err(Empty { after: Some(after) }),
        Some(_) => {}
    }
    let mut node = None;
    loop {
        let name_len = rest.iter().take_while(|byte| is_token(**byte)).count();
        let (name, after) = rest.split_at(name_len);
        let Some(after) = after.strip_prefix(b"=").filter(|_| !name.is_empty()) else {
            return malformed();
        };
        let mut text = Text::default();
        let Some(after) = value(after, &mut text) else { return malformed() };
        if name.eq_ignore_ascii_case(b"for") && node.replace(node_of(&text)).is_some() {
            return malformed();
        }
        rest = after.trim_ascii_start();
        match rest.split_first() {
            None => return Ok((node, None)),
            Some((b',', after)) => return Ok((node, Some(after))),
            Some((b';', after)) => rest = after.trim_ascii_start(),
            Some(_) => return malformed(),
        }
    }
}

/// The beginning of a value without its quotes, and how long it was.
struct Text {
    bytes: [u8; MAX_NODE_BYTES],
    len: usize,
}

impl Default for Text {
    fn default() -> Self {
        Self { bytes: [0; MAX_NODE_BYTES], len: 0 }
    }
}

impl Text {
    fn push(&mut self, byte: u8) {
        if let Some(place) = self.bytes.get_mut(self.len) {
            *place = byte;
        }
        self.len += 1;
    }

    fn kept(&self) -> &[u8] {
        &self.bytes[..self.len.min(MAX_NODE_BYTES)]
    }
}

/// Reads a token or a quoted string; answers what follows it.
fn value<'a>(from: &'a [u8], into: &mut Text) -> Option<&'a [u8]> {
    let Some(mut rest) = from.strip_prefix(b"\"") else {
        // RFC 7239 wants colons quoted; proxies that do not are understood all the same.
        let is_bare = |byte: u8| is_token(byte) || matches!(byte, b':' | b'[' | b']');
        let len = from.iter().take_while(|byte| is_bare(**byte)).count();
        from[..len].iter().for_each(|byte| into.push(*byte));
        return (len > 0).then_some(&from[len..]);
    };
    loop {
        let (byte, after) = rest.split_first()?;
        rest = match byte {
            b'"' => return Some(after),
            b'\\' => {
                let (escaped, after) = after.split_first()?;
                into.push(*escaped);
                after
            }
            other => {
                into.push(*other);
                after
            }
        };
    }
}

fn node_of(text: &Text) -> Node {
    let kept = text.kept();
    if kept.first() == Some(&b'_') || kept.eq_ignore_ascii_case(b"unknown") {
        return Err(ForwardedError::Hidden);
    }
    let whole = str::from_utf8(kept).ok().filter(|_| text.len <= MAX_NODE_BYTES);
    whole.and_then(address_of).ok_or(ForwardedError::Malformed)
}

/// `192.0.2.1`, `192.0.2.1:80`, `[2001:db8::1]`, `[2001:db8::1]:80`.
fn address_of(node: &str) -> Option<IpAddr> {
    let (address, port): (IpAddr, _) = match node.strip_prefix('[') {
        Some(rest) => {
            let (address, port) = rest.split_once(']')?;
            (address.parse::<Ipv6Addr>().ok()?.into(), port)
        }
        None => {
            let (address, port) = node.split_at(node.find(':').unwrap_or(node.len()));
            (address.parse::<Ipv4Addr>().ok()?.into(), port)
        }
    };
    let is_port = port.is_empty()
        || port.strip_prefix(':').is_some_and(|port| {
            // A port may be hidden too.
            port.parse::<u16>().is_ok() || port.starts_with('_')
        });
    is_port.then_some(address)
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MALFORMED: Result<&str, ForwardedError> = Err(ForwardedError::Malformed);
    const HIDDEN: Result<&str, ForwardedError> = Err(ForwardedError::Hidden);

    fn check(trust: &Trust, lines: &[&str], client: Result<&str, ForwardedError>) {
        let client = client.map(|client| client.parse().unwrap());
        let bytes = lines.iter().map(|line| line.as_bytes());
        assert_eq!(client_of(trust, bytes), client, "{trust:?} {lines:?}");
    }

    #[test]
    fn the_client_is_the_last_node_that_is_not_a_trusted_peer() {
        let mesh: Trust = "10.0.0.0/8".parse().unwrap();
        for (lines, client) in [
            (&["for=203.0.113.9"][..], Ok("203.0.113.9")),
            (&["For=203.0.113.9:4711;proto=https;by=10.0.0.1"], Ok("203.0.113.9")),
            (&["proto=https;for=203.0.113.9"], Ok("203.0.113.9")),
            (&["for=\"[2001:db8::1]:8080\""], Ok("2001:db8::1")),
            (&["for=\"[2001:db8::1]\""], Ok("2001:db8::1")),
            (&["for=[2001:db8::1]:80"], Ok("2001:db8::1")),
            (&["for=\"203.0.113.\\9\""], Ok("203.0.113.9")),
            (&["for=\"203.0.113.9:_port\""], Ok("203.0.113.9")),
            (&["for=6.6.6.6, for=203.0.113.9, for=10.0.0.2"], Ok("203.0.113.9")),
            (&["for=6.6.6.6,for=203.0.113.9", "for=10.0.0.2"], Ok("203.0.113.9")),
            (&["for=10.0.0.1, for=10.0.0.2"], Ok("10.0.0.1")),
            (&["for=10.0.0.1", "for=10.0.0.2"], Ok("10.0.0.1")),
            (&[", for=203.0.113.9 , ,"], Ok("203.0.113.9")),
            (&["spoof", "for=203.0.113.9"], Ok("203.0.113.9")),
            (&["for=spoof, for=203.0.113.9"], Ok("203.0.113.9")),
            // A comma within quotes divides nothing.
            (&["for=203.0.113.9;secret=\"a, for=6.6.6.6\""], Ok("203.0.113.9")),
            (&["for=203.0.113.9;x=\"\\\", for=6.6.6.6\""], Ok("203.0.113.9")),
        ] {
            check(&mesh, lines, client);
        }
        let everyone = Trust::all();
        check(&everyone, &["for=6.6.6.6", "for=203.0.113.9, for=10.0.0.2"], Ok("203.0.113.9"));
    }

    #[test]
    fn what_hides_or_is_malformed_on_the_way_ends_it() {
        let mesh: Trust = "10.0.0.0/8".parse().unwrap();
        for (lines, client) in [
            (&["for=unknown"][..], HIDDEN),
            (&["for=UNKNOWN, for=10.0.0.2"], HIDDEN),
            (&["for=_gazonk"], HIDDEN),
            (&["for=203.0.113.9, for=_x, for=10.0.0.2"], HIDDEN),
            (&["for=203.0.113.9, proto=https"], HIDDEN),
            (&["for=203.0.113.9", "for=_x"], HIDDEN),
            (&["for=spoof, for=10.0.0.2"], MALFORMED),
            (&["for=2001:db8::1"], MALFORMED),
            (&["for=\"2001:db8::1\""], MALFORMED),
            (&["for=[2001:db8::1"], MALFORMED),
            (&["for=203.0.113.9:"], MALFORMED),
            (&["for=203.0.113.9:70000"], MALFORMED),
            (&["for=\"203.0.113.9"], MALFORMED),
            (&["for=\"203.0.113.9\\"], MALFORMED),
            (&["for="], MALFORMED),
            (&["for"], MALFORMED),
            (&["=203.0.113.9"], MALFORMED),
            (&["for =203.0.113.9"], MALFORMED),
            (&["for=203.0.113.9;for=6.6.6.6"], MALFORMED),
            (&["for=203.0.113.9;"], MALFORMED),
            (&["for=203.0.113.9 for=6.6.6.6"], MALFORMED),
            (&["203.0.113.9"], MALFORMED),
            (&[""], MALFORMED),
            (&[", ,"], MALFORMED),
            (&["for=203.0.113.9", ""], MALFORMED),
            (&[], MALFORMED),
        ] {
            check(&mesh, lines, client);
        }
        let long_hidden = format!("for=_{}", "x".repeat(200));
        check(&mesh, &[&long_hidden], HIDDEN);
        let long_node = format!("for={}", "1".repeat(200));
        check(&mesh, &[&long_node], MALFORMED);
        let long = "for=6.6.6.6,".repeat(MAX_FORWARDED_BYTES / 12 + 1);
        check(&mesh, &[&long, "for=203.0.113.9"], Ok("203.0.113.9"));
        check(&mesh, &[&long, "for=10.0.0.2"], Err(ForwardedError::Oversized));
    }

    proptest! {
        #[test]
        fn no_line_panics_it_and_what_a_proxy_appends_decides(
            visitor in proptest::collection::vec(any::<u8>(), 0..80),
        ) {
            let mesh: Trust = "10.0.0.0/8".parse().unwrap();
            let _ = client_of(&mesh, [&visitor[..]].into_iter());
            // On a line of its own a proxy cannot be out-shouted by what stands before it.
            let lines = [&visitor[..], b"for=203.0.113.9"];
            let client = client_of(&mesh, lines.into_iter());
            prop_assert_eq!(client, Ok("203.0.113.9".parse().unwrap()));
        }
    }
}
