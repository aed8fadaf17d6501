//! Trace context in the headers of a message: whatever queue it came through, they are names and
//! values.

use crate::options::{TRACE_PROPAGATE_B3_HEADER, TRACE_PROPAGATE_B3_MULTI_HEADER};
use crate::{current, telemetry};

use super::{
    KEEP_HEADER, TraceContext, TraceHeaders, format_b3_multi, format_b3_single, format_traceparent,
    headers,
};

/// Most headers of one message that are looked at; if there are more, the rest is not read and
/// `propagation_oversized` grows.
pub const MAX_MESSAGE_HEADERS: usize = 256;

/// Longest name of a header that is looked at, in bytes: longer than any of those we know.
const MAX_NAME_BYTES: usize = 20;

/// Reads where a message belongs: `traceparent` with `tracestate`, else `X-Scouter-Gxid`, `b3` or
/// `X-B3-*`; names in any case, [`MAX_MESSAGE_HEADERS`] at most.
///
/// Baggage is left behind, since anybody may have written it: see [`extract_trusted`]. A header
/// that is malformed, oversized or given twice is ignored and counted, never an error. Nothing is
/// allocated but a `tracestate`.
///
/// # Examples
/// ```
/// use std::collections::HashMap;
/// use scouter_core::propagation::extract;
///
/// let headers = HashMap::from([(
///     "traceparent".to_owned(),
///     "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".to_owned(),
/// )]);
/// let context = extract(&headers).unwrap();
/// assert_eq!(context.gxid.to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
/// ```
pub fn extract<'a, N, V>(headers: impl IntoIterator<Item = (&'a N, &'a V)>) -> Option<TraceContext>
where
    N: AsRef<str> + ?Sized + 'a,
    V: AsRef<[u8]> + ?Sized + 'a,
{
    Found::of(headers).context(false)
}

/// Like [`extract`], and takes the `baggage` of the sender along, to be sent on to callees.
///
/// For queues that only your own services can write to.
pub fn extract_trusted<'a, N, V>(
    headers: impl IntoIterator<Item = (&'a N, &'a V)>,
) -> Option<TraceContext>
where
    N: AsRef<str> + ?Sized + 'a,
    V: AsRef<[u8]> + ?Sized + 'a,
{
    Found::of(headers).context(true)
}

/// Hands over the headers by which a message sent now continues the trace of the current
/// transaction: `traceparent`, `tracestate` if there is one, `b3` or `x-b3-*` if the options
/// `trace_propagete_b3_header` and `trace_propagate_b3_multi_header` are on, and `x-scouter-keep`
/// if its profiles shall be kept. Without a transaction there are none.
///
/// Baggage and tenant stay here, since who may read the queue is not known: see
/// [`inject_trusted`].
///
/// # Examples
/// ```
/// use std::collections::HashMap;
/// let mut headers: HashMap<String, Vec<u8>> = HashMap::new();
/// scouter_core::propagation::inject(|name, value| {
///     headers.insert(name.to_owned(), value.into());
/// });
/// # assert!(headers.is_empty());
/// ```
pub fn inject(mut put: impl FnMut(&'static str, &str)) {
    write(&mut put);
}

/// Like [`inject`], and hands over the `baggage` the transaction came with. For queues that only
/// your own services read.
pub fn inject_trusted(mut put: impl FnMut(&'static str, &str)) {
    if let Some(context) = write(&mut put)
        && let Some(baggage) = context.baggage()
    {
        put("baggage", baggage);
    }
}

fn write(put: &mut dyn FnMut(&'static str, &str)) -> Option<TraceContext> {
    let (context, txid) = (current::context()?, current::txid()?);
    put("traceparent", ascii(&format_traceparent(&context, txid)));
    if let Some(tracestate) = context.tracestate() {
        put("tracestate", tracestate);
    }
    if TRACE_PROPAGATE_B3_HEADER.value() {
        put("b3", ascii(&format_b3_single(&context, txid)));
    }
    if TRACE_PROPAGATE_B3_MULTI_HEADER.value() {
        let (trace, span, sampled) = format_b3_multi(&context, txid);
        put("x-b3-traceid", ascii(&trace));
        put("x-b3-spanid", ascii(&span));
        put("x-b3-sampled", ascii(&sampled));
    }
    if context.forced {
        put(KEEP_HEADER, "1");
    }
    Some(context)
}

fn ascii(digits: &[u8]) -> &str {
    std::str::from_utf8(digits).unwrap_or_default()
}

/// The headers we know.
#[derive(Default)]
struct Found<'a> {
    trace: TraceHeaders<'a>,
    tracestate: Option<&'a [u8]>,
    baggage: Option<&'a [u8]>,
}

impl<'a> Found<'a> {
    fn of<N, V>(headers: impl IntoIterator<Item = (&'a N, &'a V)>) -> Self
    where
        N: AsRef<str> + ?Sized + 'a,
        V: AsRef<[u8]> + ?Sized + 'a,
    {
        let mut found = Self::default();
        let mut headers = headers.into_iter();
        for (name, value) in headers.by_ref().take(MAX_MESSAGE_HEADERS) {
            found.put(name.as_ref(), value.as_ref());
        }
        if headers.next().is_some() {
            telemetry::PROPAGATION_OVERSIZED.add(1);
        }
        found
    }

    fn put(&mut self, name: &str, value: &'a [u8]) {
        let mut small = [0; MAX_NAME_BYTES];
        let Some(small) = small.get_mut(..name.len()) else { return };
        small.copy_from_slice(name.as_bytes());
        small.make_ascii_lowercase();
        match std::str::from_utf8(small).unwrap_or_default() {
            "tracestate" => headers::put_once(&mut self.tracestate, value),
            "baggage" => headers::put_once(&mut self.baggage, value),
            name => {
                self.trace.put(name, value);
            }
        }
    }

    fn context(&self, is_trusted: bool) -> Option<TraceContext> {
        let context = self.trace.context(is_trusted, |context| match self.tracestate {
            Some(tracestate) => context.with_tracestate(tracestate),
            None => context,
        })?;
        Some(match self.baggage {
            Some(baggage) if is_trusted => context.with_baggage(baggage),
            _ => context,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashMap};

    use super::super::MAX_ID_HEADER_BYTES;
    use super::*;

    const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn read(headers: &[(&str, &str)]) -> Option<TraceContext> {
        extract(headers.iter().map(|(name, value)| (*name, *value)))
    }

    #[test]
    fn any_map_of_names_and_values_will_do() {
        let gxid = |context: Option<TraceContext>| context.map(|context| context.gxid.to_string());
        let expected = Some("4bf92f3577b34da6a3ce929d0e0e4736".to_owned());
        let strings = HashMap::from([("Traceparent".to_owned(), TRACEPARENT.to_owned())]);
        assert_eq!(gxid(extract(&strings)), expected);
        let bytes = BTreeMap::from([("TRACEPARENT", TRACEPARENT.as_bytes().to_vec())]);
        assert_eq!(gxid(extract(&bytes)), expected);
        let pairs = [("other".to_owned(), vec![0xff]), ("traceparent".into(), TRACEPARENT.into())];
        assert_eq!(gxid(extract(pairs.iter().map(|(name, value)| (name, value)))), expected);
    }

    #[test]
    fn the_first_good_format_counts_and_baggage_comes_from_trusted_senders_only() {
        let b3 = ("b3", "80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-1");
        let both = [b3, ("traceparent", TRACEPARENT), ("tracestate", "a=1"), ("baggage", "t=x")];
        let context = read(&both).unwrap();
        assert_eq!(context.caller.unwrap().to_string(), "00f067aa0ba902b7");
        assert_eq!((context.tracestate(), context.baggage()), (Some("a=1"), None));
        let trusted = extract_trusted(both.iter().map(|(name, value)| (*name, *value))).unwrap();
        assert_eq!(trusted.baggage(), Some("t=x"));

        let caller = |headers: &[(&str, &str)]| {
            read(headers).and_then(|context| context.caller).map(|caller| caller.to_string())
        };
        let from_b3 = Some("e457b5a2e4d86bd1".to_owned());
        assert_eq!(caller(&[b3, ("traceparent", "nonsense")]), from_b3);
        let multi = [
            ("X-B3-TraceId", "80f198ee56343ba864fe8b2a57d3eff7"),
            ("X-B3-SpanId", "e457b5a2e4d86bd1"),
            ("X-B3-Sampled", "0"),
        ];
        assert_eq!(caller(&multi), from_b3);
        assert!(!read(&multi).unwrap().sampled);
        let scouter = [("X-Scouter-Gxid", "x15lk7"), ("X-Scouter-Caller", "zk7"), b3];
        assert_eq!(read(&scouter).unwrap().gxid.value(), 1_234_567);
    }

    #[test]
    fn what_is_malformed_doubled_lone_or_too_much_is_ignored_and_counted() {
        let long = "0".repeat(MAX_ID_HEADER_BYTES + 1);
        let rows: [&[(&str, &str)]; 6] = [
            &[("traceparent", "")],
            &[("traceparent", TRACEPARENT), ("Traceparent", TRACEPARENT)],
            &[("traceparent", &long)],
            &[("x-b3-traceid", "80f198ee56343ba864fe8b2a57d3eff7")],
            &[("x-scouter-caller", "zk7")],
            &[("x-scouter-gxid", "x15lk7"), ("x-scouter-caller", &long)],
        ];
        for headers in rows {
            let before = lost();
            assert_eq!(read(headers), None, "{headers:?}");
            assert!(lost() > before, "{headers:?}");
        }
        assert_eq!(read(&[("x-b3-sampled", "0")]), None);
        let mut many: Vec<_> = (0..MAX_MESSAGE_HEADERS).map(|_| ("filler", "")).collect();
        many.push(("traceparent", TRACEPARENT));
        let before = lost();
        assert_eq!(read(&many), None);
        assert!(lost() > before);
    }

    /// The counters are the process's: tests beside these may move them too.
    fn lost() -> u64 {
        telemetry::PROPAGATION_MALFORMED.value() + telemetry::PROPAGATION_OVERSIZED.value()
    }
}
