//! Trace context at the edge: pure functions between header bytes and [`TraceContext`].
//!
//! Inside Scouter a transaction has a txid, a trace has a gxid; the W3C words (span id, trace id)
//! exist only here. Read in this order, unless the option `trace_read_formats` says otherwise:
//! `traceparent`, `X-Scouter-Gxid`, `b3`, `X-B3-*`. A header
//! that is malformed or longer than its limit is never an error of the request: the answer is
//! `None` and a counter grows (`propagation_malformed`, `propagation_oversized`).
//!
//! [`extract`] and [`inject`] do all of it for messages of queues, whose headers are any map.

mod b3;
mod headers;
mod message;
mod w3c;
mod x_scouter;

use std::sync::Arc;

use scouter_wire::{Gxid, Txid};

pub use b3::{format_b3_multi, format_b3_single, parse_b3_multi, parse_b3_single};
pub use headers::{KEEP_HEADER, TraceHeaders};
pub use message::{MAX_MESSAGE_HEADERS, extract, extract_trusted, inject, inject_trusted};
pub use w3c::{format_traceparent, parse_traceparent};
pub use x_scouter::{Hexa32, format_x_scouter, parse_x_scouter, parse_x_scouter_callee};

use crate::telemetry::{PROPAGATION_MALFORMED, PROPAGATION_OVERSIZED, PROPAGATION_WITHHELD};

/// Longest `tracestate` that travels on, in bytes (W3C asks for at least this).
///
/// A longer one is ignored and `propagation_oversized` grows.
pub const MAX_TRACESTATE_BYTES: usize = 512;

/// Longest `baggage` that travels on, in bytes (the limit of W3C baggage).
///
/// A longer one is ignored and `propagation_oversized` grows.
pub const MAX_BAGGAGE_BYTES: usize = 8_192;

/// Longest tenant name, in bytes; a longer one is ignored and `propagation_oversized` grows.
pub const MAX_TENANT_BYTES: usize = 256;

/// Longest header of ids that is looked at, in bytes: longer than any form of any of them.
pub const MAX_ID_HEADER_BYTES: usize = 128;

/// What travels verbatim from caller to callee besides the ids.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Carried {
    tracestate: Option<Box<str>>,
    baggage: Option<Box<str>>,
}

/// Where a request belongs in its distributed trace.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TraceContext {
    /// The trace.
    pub gxid: Gxid,
    /// The transaction that made the call, if it said so.
    pub caller: Option<Txid>,
    /// Whether the caller records it. We record in any case; it travels on.
    pub sampled: bool,
    /// Whether each service of the trace shall keep its profile, whatever its sampling says.
    pub forced: bool,
    /// The txid that the caller asks its callee to use, as SCOUTER's agents do. One transaction can
    /// have it, so a context with it begins one.
    pub callee: Option<Txid>,
    carried: Option<Arc<Carried>>,
}

impl TraceContext {
    /// A context without further baggage.
    #[must_use]
    pub const fn new(gxid: Gxid, caller: Option<Txid>, sampled: bool) -> Self {
        Self { gxid, caller, sampled, forced: false, callee: None, carried: None }
    }

    /// Says whether each service of the trace shall keep its profile.
    #[must_use]
    pub const fn with_forced(mut self, is_forced: bool) -> Self {
        self.forced = is_forced;
        self
    }

    /// Takes a `tracestate` header along, verbatim; ignored when malformed or oversized.
    #[must_use]
    pub fn with_tracestate(mut self, header: &[u8]) -> Self {
        if let Some(text) = visible(header, MAX_TRACESTATE_BYTES) {
            Arc::make_mut(self.carried.get_or_insert_default()).tracestate = Some(text.into());
        }
        self
    }

    /// Takes a `baggage` header along, verbatim; ignored when malformed or oversized.
    ///
    /// The layer decides whom it accepts baggage from and sends it to.
    #[must_use]
    pub fn with_baggage(mut self, header: &[u8]) -> Self {
        if let Some(text) = visible(header, MAX_BAGGAGE_BYTES) {
            Arc::make_mut(self.carried.get_or_insert_default()).baggage = Some(text.into());
        }
        self
    }

    /// The `tracestate` to send on.
    #[must_use]
    pub fn tracestate(&self) -> Option<&str> {
        self.carried.as_ref()?.tracestate.as_deref()
    }

    /// The `baggage` to send on.
    #[must_use]
    pub fn baggage(&self) -> Option<&str> {
        self.carried.as_ref()?.baggage.as_deref()
    }

    #[cfg(feature = "enable")]
    pub(crate) fn carried(&self) -> Option<&Arc<Carried>> {
        self.carried.as_ref()
    }

    #[cfg(feature = "enable")]
    pub(crate) fn with_carried(mut self, carried: Option<Arc<Carried>>) -> Self {
        self.carried = carried;
        self
    }
}

/// Reads the tenant a trusted caller names: trimmed, UTF-8 without control characters, not empty,
/// at most [`MAX_TENANT_BYTES`].
#[must_use]
pub fn parse_tenant(header: &[u8]) -> Option<&str> {
    visible(header, MAX_TENANT_BYTES)
}

/// Counts a header that a layer looked at and ignored: as oversized, or else as malformed.
pub fn note_ignored_header(is_oversized: bool) {
    if is_oversized {
        PROPAGATION_OVERSIZED.add(1);
    } else {
        PROPAGATION_MALFORMED.add(1);
    }
}

/// Counts a call to a listed host that went without tenant and baggage, since nobody said that its
/// client cannot carry them off by a redirect.
pub fn note_withheld() {
    PROPAGATION_WITHHELD.add(1);
}

/// Non-empty text without control characters within a limit; anything else is counted.
fn visible(header: &[u8], limit: usize) -> Option<&str> {
    let header = header.trim_ascii();
    if header.is_empty() {
        return None;
    }
    if header.len() > limit {
        PROPAGATION_OVERSIZED.add(1);
        return None;
    }
    match std::str::from_utf8(header) {
        Ok(text) if !text.chars().any(char::is_control) => Some(text),
        _ => malformed(),
    }
}

/// Runs `parse` over a header of ids; too long or not parsable is counted.
fn ids<'a, T>(header: &'a [u8], parse: impl FnOnce(&'a [u8]) -> Option<T>) -> Option<T> {
    let header = header.trim_ascii();
    if header.len() > MAX_ID_HEADER_BYTES {
        PROPAGATION_OVERSIZED.add(1);
        return None;
    }
    parse(header).or_else(malformed)
}

fn malformed<T>() -> Option<T> {
    PROPAGATION_MALFORMED.add(1);
    None
}

/// A number from exactly these hex digits, upper or lower case.
fn hex(digits: &[u8]) -> Option<u128> {
    if digits.is_empty() || digits.len() > 32 {
        return None;
    }
    digits.iter().try_fold(0_u128, |number, digit| {
        let value = char::from(*digit).to_digit(16)?;
        Some(number << 4 | u128::from(value))
    })
}

fn gxid(digits: &[u8]) -> Option<Gxid> {
    Gxid::new(hex(digits)?)
}

fn txid(digits: &[u8]) -> Option<Txid> {
    Txid::new(u64::try_from(hex(digits)?).ok()?)
}

/// Writes the lower-case hex digits of a number, as many as there is place for.
fn put_hex(place: &mut [u8], number: u128) {
    let mut rest = number;
    for byte in place.iter_mut().rev() {
        *byte = b"0123456789abcdef"[(rest & 0xf) as usize];
        rest >>= 4;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tenant_is_visible_text_of_at_most_256_bytes() {
        assert_eq!(parse_tenant(b" acme "), Some("acme"));
        assert_eq!(parse_tenant("Zürich".as_bytes()), Some("Zürich"));
        assert_eq!(parse_tenant(&[b'x'; 256]).map(str::len), Some(256));
        for bad in [&b""[..], b"  ", &[b'x'; 257], b"a\nb", b"a\x00", b"\xff\xfe", b"\x7f!"] {
            assert_eq!(parse_tenant(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn carried_headers_travel_verbatim_and_oversized_ones_are_ignored_and_counted() {
        let context = TraceContext::new(Gxid::new(1).unwrap(), None, true)
            .with_tracestate(b"a=1,b=2")
            .with_baggage(b"tenant=acme;p");
        assert_eq!(context.tracestate(), Some("a=1,b=2"));
        assert_eq!(context.baggage(), Some("tenant=acme;p"));
        let before = PROPAGATION_OVERSIZED.value();
        let unchanged = context.clone().with_baggage(&[b'x'; MAX_BAGGAGE_BYTES + 1]);
        assert_eq!(unchanged, context);
        let megabyte = vec![b'y'; 1 << 20];
        assert_eq!(context.clone().with_tracestate(&megabyte), context);
        // The counter is the process's: tests beside this one may move it too.
        assert!(PROPAGATION_OVERSIZED.value() >= before + 2);
    }
}
