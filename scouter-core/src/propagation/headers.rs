//! The trace headers of one request or message, and the context they name.

use crate::options::TRACE_READ_FORMATS;

use super::{
    MAX_ID_HEADER_BYTES, TraceContext, note_ignored_header, parse_b3_multi, parse_b3_single,
    parse_traceparent, parse_x_scouter, parse_x_scouter_callee,
};

/// Asks every service of a trace to keep its profile, whatever the sampling says: `1`. Believed of
/// trusted senders only. `b3: …-d` and `x-b3-flags: 1` ask the same.
pub const KEEP_HEADER: &str = "x-scouter-keep";

/// Stands for a header that came twice, so that it is refused and counted like any malformed one;
/// no header can hold it.
const REPEATED: &[u8] = b"\0repeated";

/// A format of trace headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    W3c,
    Scouter,
    B3,
    B3Multi,
}

const DEFAULT_FORMATS: [Format; 4] = [Format::W3c, Format::Scouter, Format::B3, Format::B3Multi];

impl Format {
    fn of(word: &str) -> Option<Self> {
        match word.trim() {
            "w3c" => Some(Self::W3c),
            "scouter" => Some(Self::Scouter),
            "b3" => Some(Self::B3),
            "b3multi" => Some(Self::B3Multi),
            _ => None,
        }
    }
}

/// The headers that identify a trace, collected name by name.
///
/// A repeated one contradicts itself, so none of its lines is believed: a proxy that *adds* its
/// line leaves that of the visitor in front of it.
#[derive(Debug, Clone, Copy, Default)]
pub struct TraceHeaders<'a> {
    traceparent: Option<&'a [u8]>,
    gxid: Option<&'a [u8]>,
    caller: Option<&'a [u8]>,
    callee: Option<&'a [u8]>,
    keep: Option<&'a [u8]>,
    b3: Option<&'a [u8]>,
    b3_trace: Option<&'a [u8]>,
    b3_span: Option<&'a [u8]>,
    b3_sampled: Option<&'a [u8]>,
    b3_flags: Option<&'a [u8]>,
}

impl<'a> TraceHeaders<'a> {
    /// Keeps a header if it is one of these; the name is written in small letters.
    #[inline]
    pub fn put(&mut self, name: &str, value: &'a [u8]) -> bool {
        let place = match name {
            "traceparent" => &mut self.traceparent,
            "x-scouter-gxid" => &mut self.gxid,
            "x-scouter-caller" => &mut self.caller,
            "x-scouter-callee" => &mut self.callee,
            KEEP_HEADER => &mut self.keep,
            "b3" => &mut self.b3,
            "x-b3-traceid" => &mut self.b3_trace,
            "x-b3-spanid" => &mut self.b3_span,
            "x-b3-sampled" => &mut self.b3_sampled,
            "x-b3-flags" => &mut self.b3_flags,
            _ => return false,
        };
        put_once(place, value);
        true
    }

    /// The trace of the sender: that of the first well-formed format, in the order of the option
    /// `trace_read_formats`. What is malformed, oversized or half is ignored and counted.
    ///
    /// The txid that `X-Scouter-Callee` asks for is that of a trusted sender as well: a stranger
    /// could name one that is taken.
    ///
    /// `tracestate` belongs to `traceparent` and is asked for only when that one counts. The wish
    /// to keep the profiles is that of a trusted sender, in whatever format.
    pub fn context(
        &self,
        is_trusted: bool,
        tracestate: impl FnOnce(TraceContext) -> TraceContext,
    ) -> Option<TraceContext> {
        let (format, mut context) = if TRACE_READ_FORMATS.is_set() {
            let list = TRACE_READ_FORMATS.value();
            self.first(list.split(',').filter_map(Format::of).take(DEFAULT_FORMATS.len()))
        } else {
            self.first(DEFAULT_FORMATS.into_iter())
        }?;
        if format == Format::W3c {
            context = tracestate(context);
        }
        if is_trusted && format == Format::Scouter {
            context.callee = self.callee.and_then(parse_x_scouter_callee);
        }
        context.forced = is_trusted && (context.forced || self.asks_to_keep());
        Some(context)
    }

    fn first(&self, mut formats: impl Iterator<Item = Format>) -> Option<(Format, TraceContext)> {
        formats.find_map(|format| {
            let context = match format {
                Format::W3c => self.traceparent.and_then(parse_traceparent),
                Format::Scouter => self.x_scouter(),
                Format::B3 => self.b3.and_then(parse_b3_single),
                Format::B3Multi => self.b3_multi(),
            };
            Some((format, context?))
        })
    }

    fn asks_to_keep(&self) -> bool {
        let is_asked =
            |header: Option<&[u8]>| header.is_some_and(|value| value.trim_ascii() == b"1");
        is_asked(self.keep) || is_asked(self.b3_flags)
    }

    fn x_scouter(&self) -> Option<TraceContext> {
        if is_oversized(self.caller) {
            note_ignored_header(true);
            return None;
        }
        match self.gxid {
            Some(gxid) => parse_x_scouter(gxid, self.caller),
            // A trace without a caller is whole, a caller without a trace is not.
            None => half(self.caller),
        }
    }

    fn b3_multi(&self) -> Option<TraceContext> {
        if is_oversized(self.b3_span) || is_oversized(self.b3_sampled) {
            note_ignored_header(true);
            return None;
        }
        // `x-b3-sampled` alone is a decision without a trace, which is well-formed.
        match (self.b3_trace, self.b3_span) {
            (Some(trace), Some(span)) => parse_b3_multi(trace, span, self.b3_sampled),
            (trace, span) => half(trace.or(span)),
        }
    }
}

pub(super) fn put_once<'a>(place: &mut Option<&'a [u8]>, value: &'a [u8]) {
    *place = Some(if place.is_some() { REPEATED } else { value });
}

fn is_oversized(header: Option<&[u8]>) -> bool {
    header.is_some_and(|header| header.len() > MAX_ID_HEADER_BYTES)
}

/// A context of two headers of which only one came, if any, names no trace.
fn half(present: Option<&[u8]>) -> Option<TraceContext> {
    if present.is_some() {
        note_ignored_header(is_oversized(present));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "80f198ee56343ba864fe8b2a57d3eff7";
    const SPAN: &str = "e457b5a2e4d86bd1";

    fn context(headers: &[(&str, &str)], is_trusted: bool) -> TraceContext {
        let mut own = TraceHeaders::default();
        for (name, value) in headers {
            assert!(own.put(name, value.as_bytes()), "{name}");
        }
        own.context(is_trusted, |context| context).unwrap()
    }

    #[test]
    fn a_trusted_sender_can_ask_to_keep_the_profiles_of_a_trace_and_nobody_else() {
        let traceparent = format!("00-{TRACE}-{SPAN}-00");
        let (plain, debug) = (format!("{TRACE}-{SPAN}-1"), format!("{TRACE}-{SPAN}-d"));
        for (headers, asks) in [
            (&[("b3", debug.as_str())][..], true),
            (&[("b3", &plain)], false),
            (&[("b3", &plain), ("x-scouter-keep", "1")], true),
            (&[("b3", &plain), ("x-scouter-keep", "0")], false),
            (&[("traceparent", &traceparent), ("x-scouter-keep", " 1")], true),
            (
                &[("traceparent", &traceparent), ("x-scouter-keep", "1"), ("x-scouter-keep", "1")],
                false,
            ),
            (&[("x-b3-traceid", TRACE), ("x-b3-spanid", SPAN), ("x-b3-flags", "1")], true),
            (&[("x-b3-traceid", TRACE), ("x-b3-spanid", SPAN), ("x-b3-sampled", "d")], true),
            (&[("x-b3-traceid", TRACE), ("x-b3-spanid", SPAN), ("x-b3-flags", "0")], false),
        ] {
            assert_eq!(context(headers, true).forced, asks, "{headers:?}");
            assert!(!context(headers, false).forced, "{headers:?}");
        }
    }
}
