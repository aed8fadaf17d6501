//! What both sides know of gRPC: how a call is named, and how its status is read.
//!
//! Only headers and trailers are looked at, so that no gRPC library is needed. A call is told by
//! its content type (`application/grpc`, also with `+proto` and the like). Its status is stored as
//! [`STATUS_BASE`] + code. What counts as an error is what OpenTelemetry counts:
//!
//! | side | error |
//! |---|---|
//! | server | UNKNOWN, DEADLINE_EXCEEDED, UNIMPLEMENTED, INTERNAL, UNAVAILABLE, DATA_LOSS |
//! | client | every code but OK |
//!
//! The other codes are answers about the request (NOT_FOUND, PERMISSION_DENIED…), as 4xx is. The
//! trailers of gRPC-Web travel inside the body and are not seen: its status stays that of HTTP.

mod names;

use std::fmt;
use std::time::Duration;

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue};
use scouter_core::propagation::{MAX_ID_HEADER_BYTES, note_ignored_header};

use crate::text::MAX_KEPT_BYTES;

pub use names::{MAX_GRPC_METHODS, MAX_TRIED_GRPC_METHODS};
pub(crate) use names::{Naming, name_of};

/// gRPC codes are stored as a status from here on: 1000 + code.
pub(crate) const STATUS_BASE: u16 = 1000;
/// Highest code gRPC defines; anything above is not a gRPC status: it is ignored and
/// `propagation_malformed` grows.
const MAX_CODE: u16 = 16;
/// Most digits of a `grpc-timeout`, by its definition.
const MAX_TIMEOUT_DIGITS: usize = 8;

pub(crate) const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
const GRPC_TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");

/// Whether a message is one of a gRPC call.
pub(crate) fn is_grpc(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).map(|kind| kind.as_bytes());
    let rest = kind.and_then(|kind| kind.strip_prefix(b"application/grpc"));
    rest.is_some_and(|rest| rest.first().is_none_or(|next| !next.is_ascii_alphanumeric()))
}

/// How a gRPC call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Code(u16);

impl Code {
    pub(crate) const DEADLINE_EXCEEDED: Self = Self(4);
    pub(crate) const UNIMPLEMENTED: Self = Self(12);
    const UNKNOWN: Self = Self(2);
    const UNAVAILABLE: Self = Self(14);

    /// What a client makes of a status of HTTP, by gRPC's own table.
    pub(crate) const fn of_http(status: http::StatusCode) -> Self {
        match status.as_u16() {
            400 => Self(13),
            401 => Self(16),
            403 => Self(7),
            404 => Self::UNIMPLEMENTED,
            429 | 502 | 503 | 504 => Self::UNAVAILABLE,
            _ => Self::UNKNOWN,
        }
    }

    /// Writes it into the headers of a reply that is trailers only. A message that would need an
    /// encoding is left out.
    pub(crate) fn write(self, headers: &mut HeaderMap, message: &str) {
        headers.insert(GRPC_STATUS, HeaderValue::from(self.0));
        let is_plain = message.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'%');
        if is_plain && let Ok(message) = HeaderValue::from_str(message) {
            headers.insert(GRPC_MESSAGE, message);
        }
    }

    /// Reads it out of trailers, or of headers when a reply is trailers only. What is no code is
    /// counted.
    pub(crate) fn read(headers: &HeaderMap) -> Option<Self> {
        let value = headers.get(GRPC_STATUS)?;
        let code = value.to_str().ok().and_then(|code| code.parse().ok());
        let code = code.filter(|code| *code <= MAX_CODE);
        if code.is_none() {
            note_ignored_header(value.len() > MAX_ID_HEADER_BYTES);
        }
        code.map(Self)
    }

    pub(crate) const fn is_ok(self) -> bool {
        self.0 == 0
    }

    /// Whether the server is to blame; see the module.
    pub(crate) const fn is_server_error(self) -> bool {
        matches!(self.0, 2 | 4 | 12 | 13 | 14 | 15)
    }

    pub(crate) const fn status(self) -> u16 {
        STATUS_BASE + self.0
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "grpc status {}", self.0)
    }
}

/// A code with its message out of the same headers.
pub(crate) struct WithMessage<'a>(pub(crate) Code, pub(crate) &'a HeaderMap);

impl fmt::Display for WithMessage<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)?;
        let message = self.1.get(GRPC_MESSAGE).map_or(&[][..], |message| message.as_bytes());
        if message.is_empty() {
            return Ok(());
        }
        let mut bytes = [0; MAX_KEPT_BYTES];
        let len = percent_decoded(message, &mut bytes);
        f.write_str(": ")?;
        bytes[..len].utf8_chunks().try_for_each(|chunk| f.write_str(chunk.valid()))
    }
}

/// Undoes the percent encoding of `grpc-message` as far as there is room. What is no escape stays
/// as it is, as the protocol asks.
fn percent_decoded(text: &[u8], out: &mut [u8]) -> usize {
    let mut rest = text;
    for (len, place) in out.iter_mut().enumerate() {
        let Some((&first, after)) = rest.split_first() else { return len };
        let escaped = after.first_chunk::<2>().filter(|_| first == b'%');
        let escaped =
            escaped.and_then(|digits| u8::from_str_radix(str::from_utf8(digits).ok()?, 16).ok());
        (*place, rest) = match escaped {
            Some(byte) => (byte, &after[2..]),
            None => (first, after),
        };
    }
    out.len()
}

/// The deadline the caller set. What is no timeout is counted, and no deadline.
pub(crate) fn timeout(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(GRPC_TIMEOUT)?;
    let timeout = value.to_str().ok().and_then(parse_timeout);
    if timeout.is_none() {
        note_ignored_header(value.len() > MAX_ID_HEADER_BYTES);
    }
    timeout
}

fn parse_timeout(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.is_empty()
        || digits.len() > MAX_TIMEOUT_DIGITS
        || !digits.bytes().all(|b| b.is_ascii_digit())
    {
        return None;
    }
    let number: u64 = digits.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(number * 3_600),
        "M" => Duration::from_secs(number * 60),
        "S" => Duration::from_secs(number),
        "m" => Duration::from_millis(number),
        "u" => Duration::from_micros(number),
        "n" => Duration::from_nanos(number),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: HeaderName, value: &[u8]) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_bytes(value).unwrap())])
    }

    #[test]
    fn a_call_is_told_by_its_content_type() {
        for (kind, expected) in [
            ("application/grpc", true),
            ("application/grpc+proto", true),
            ("application/grpc;charset=utf-8", true),
            ("application/grpc-web", true),
            ("application/grpcx", false),
            ("application/json", false),
            ("", false),
        ] {
            assert_eq!(is_grpc(&headers(CONTENT_TYPE, kind.as_bytes())), expected, "{kind}");
        }
        assert!(!is_grpc(&HeaderMap::new()));
    }

    #[test]
    fn a_message_is_decoded_and_what_is_no_escape_stays() {
        for (encoded, expected) in [
            (&b"not%20yours"[..], "grpc status 5: not yours"),
            (b"100%", "grpc status 5: 100%"),
            (b"%zz%2", "grpc status 5: %zz%2"),
            (b"%C3%A9t%C3%A9", "grpc status 5: \u{e9}t\u{e9}"),
            (b"%ff!", "grpc status 5: !"),
            (b"", "grpc status 5"),
        ] {
            let headers = headers(GRPC_MESSAGE, encoded);
            assert_eq!(WithMessage(Code(5), &headers).to_string(), expected);
        }
        let long = headers(GRPC_MESSAGE, &b"%41".repeat(10_000));
        let shown = WithMessage(Code(5), &long).to_string();
        assert_eq!(shown.matches('A').count(), MAX_KEPT_BYTES);
    }

    #[test]
    fn a_timeout_is_a_number_of_at_most_eight_digits_and_a_unit() {
        for (text, expected) in [
            ("1H", Some(Duration::from_secs(3_600))),
            ("2M", Some(Duration::from_secs(120))),
            ("3S", Some(Duration::from_secs(3))),
            ("40m", Some(Duration::from_millis(40))),
            ("50u", Some(Duration::from_micros(50))),
            ("99999999n", Some(Duration::from_nanos(99_999_999))),
            ("99999999H", Some(Duration::from_secs(99_999_999 * 3_600))),
            ("123456789n", None),
            ("m", None),
            ("", None),
            ("1", None),
            ("1s", None),
            ("-1S", None),
            ("+1S", None),
            ("1é", None),
        ] {
            assert_eq!(parse_timeout(text), expected, "{text:?}");
        }
    }
}
