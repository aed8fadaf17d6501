//! Where a request may come from.
//!
//! A page of another site must neither open our WebSocket nor post to us (cross-site hijack), nor
//! reach us under a name of its own that it lets point at 127.0.0.1 (DNS rebinding). So the Host
//! must be an IP address, `localhost` or a configured name, and an Origin, when there is one, must
//! be exactly that Host.

use axum::http::HeaderMap;
use axum::http::header::{HOST, ORIGIN};

/// Why a request is refused.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Foreign {
    /// The Host is missing or not one of ours.
    Host(String),
    /// The Origin is another site.
    Origin(String),
}

impl std::fmt::Display for Foreign {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Host(host) => write!(
                f,
                "the collector does not answer to the host name \"{host}\": use its address, or \
                 add the name to public_hosts in its configuration"
            ),
            Self::Origin(origin) => {
                write!(
                    f,
                    "requests from the site \"{origin}\" are refused: open the collector's own page"
                )
            }
        }
    }
}

/// Checks Host, and Origin when there is one.
pub(crate) fn check_origin(headers: &HeaderMap, public_hosts: &[String]) -> Result<(), Foreign> {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or("");
    if !is_own_host(host, public_hosts) {
        return Err(Foreign::Host(host.to_owned()));
    }
    let Some(origin) = headers.get(ORIGIN) else { return Ok(()) };
    let origin = origin.to_str().unwrap_or("");
    let authority = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    match authority {
        Some(authority) if authority.eq_ignore_ascii_case(host) => Ok(()),
        _ => Err(Foreign::Origin(origin.to_owned())),
    }
}

fn is_own_host(host: &str, public_hosts: &[String]) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or(""),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<std::net::IpAddr>().is_ok()
        || public_hosts.iter().any(|known| known.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_own_page_passes() {
        let public = ["apm.example".to_owned()];
        for (host, origin, passes) in [
            ("127.0.0.1:6180", None, true),
            ("[::1]:6180", None, true),
            ("localhost", None, true),
            ("LOCALHOST:6180", Some("http://localhost:6180"), true),
            ("apm.example", Some("https://apm.example"), true),
            ("evil.example:6180", None, false),
            ("", None, false),
            ("127.0.0.1:6180", Some("http://127.0.0.1:6180"), true),
            ("127.0.0.1:6180", Some("http://evil.example"), false),
            ("127.0.0.1:6180", Some("http://127.0.0.1:9999"), false),
            ("127.0.0.1:6180", Some("null"), false),
            ("127.0.0.1:6180", Some("file://"), false),
            ("127.0.0.1.evil.example:6180", None, false),
        ] {
            let mut headers = HeaderMap::new();
            if !host.is_empty() {
                headers.insert(HOST, host.parse().unwrap());
            }
            if let Some(origin) = origin {
                headers.insert(ORIGIN, origin.parse().unwrap());
            }
            let outcome = check_origin(&headers, &public);
            assert_eq!(outcome.is_ok(), passes, "{host} {origin:?} {outcome:?}");
        }
    }
}
