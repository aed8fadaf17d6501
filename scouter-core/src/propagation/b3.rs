//! Zipkin's B3 in both forms: one `b3` header, or `X-B3-TraceId`, `-SpanId`, `-Sampled`.

use scouter_wire::Txid;

use super::{TraceContext, gxid, ids, put_hex, txid};

/// Length of the single header as we write it.
const SINGLE: usize = 51;

/// Reads a `b3` header: `<16 or 32 hex>-<16 hex>[-<sampling>[-<parent>]]`.
///
/// A header that only carries a sampling decision (`0`) names no trace: `None`, and not counted as
/// malformed.
#[must_use]
pub fn parse_b3_single(header: &[u8]) -> Option<TraceContext> {
    if matches!(header.trim_ascii(), b"0" | b"1" | b"d") {
        return None;
    }
    ids(header, |header| {
        let mut fields = header.split(|byte| *byte == b'-');
        let (trace, span) = (fields.next()?, fields.next()?);
        let decision = fields.next();
        let sampled = decision.map_or(Some(true), sampling)?;
        let has_good_parent = fields.next().is_none_or(|parent| txid(parent).is_some());
        if !has_good_parent || fields.next().is_some() {
            return None;
        }
        Some(context(trace, span, sampled)?.with_forced(decision == Some(b"d")))
    })
}

/// Reads the values of `X-B3-TraceId`, `X-B3-SpanId` and, if there is one, `X-B3-Sampled`.
#[must_use]
pub fn parse_b3_multi(trace: &[u8], span: &[u8], sampled: Option<&[u8]>) -> Option<TraceContext> {
    ids(trace, |trace| {
        let decision = sampled.map(<[u8]>::trim_ascii);
        let sampled = decision.map_or(Some(true), sampling)?;
        Some(context(trace, span.trim_ascii(), sampled)?.with_forced(decision == Some(b"d")))
    })
}

fn sampling(value: &[u8]) -> Option<bool> {
    match value {
        b"1" | b"d" | b"true" => Some(true),
        b"0" | b"false" => Some(false),
        _ => None,
    }
}

fn context(trace: &[u8], span: &[u8], sampled: bool) -> Option<TraceContext> {
    if !matches!(trace.len(), 16 | 32) || span.len() != 16 {
        return None;
    }
    Some(TraceContext::new(gxid(trace)?, Some(txid(span)?), sampled))
}

/// Writes the `b3` header that a call made by transaction `txid` carries.
#[must_use]
pub fn format_b3_single(context: &TraceContext, txid: Txid) -> [u8; SINGLE] {
    let mut out = [b'-'; SINGLE];
    put_hex(&mut out[..32], context.gxid.value());
    put_hex(&mut out[33..49], u128::from(txid.value()));
    out[50] = match (context.forced, context.sampled) {
        (true, _) => b'd',
        (false, true) => b'1',
        (false, false) => b'0',
    };
    out
}

/// The values of `X-B3-TraceId`, `X-B3-SpanId` and `X-B3-Sampled` that a call made by transaction
/// `txid` carries. A forced trace also carries `X-B3-Flags: 1`.
#[must_use]
pub fn format_b3_multi(context: &TraceContext, txid: Txid) -> ([u8; 32], [u8; 16], [u8; 1]) {
    let (mut trace, mut span) = ([0; 32], [0; 16]);
    put_hex(&mut trace, context.gxid.value());
    put_hex(&mut span, u128::from(txid.value()));
    let is_sampled = context.forced || context.sampled;
    (trace, span, if is_sampled { *b"1" } else { *b"0" })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &[u8] = b"80f198ee56343ba864fe8b2a57d3eff7";
    const SPAN: &[u8] = b"e457b5a2e4d86bd1";

    #[test]
    fn single_header_reads_with_and_without_its_optional_fields() {
        for (header, sampled) in [
            (&b"80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1"[..], true),
            (b"80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-0", false),
            (b"80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-d", true),
            (b"80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-1-05e3ac9a4f6e3b90", true),
            (b"64fe8b2a57d3eff7-e457b5a2e4d86bd1-1", true),
        ] {
            let context = parse_b3_single(header).unwrap();
            assert_eq!(context.sampled, sampled);
            assert_eq!(context.caller.unwrap().to_string().as_bytes(), SPAN);
        }
    }

    #[test]
    fn what_is_written_reads_back() {
        let context = parse_b3_multi(TRACE, SPAN, Some(b"1")).unwrap();
        let header = format_b3_single(&context, context.caller.unwrap());
        assert_eq!(parse_b3_single(&header), Some(context.clone()));
        let (trace, span, sampled) = format_b3_multi(&context, context.caller.unwrap());
        assert_eq!(parse_b3_multi(&trace, &span, Some(&sampled)), Some(context.clone()));
        let forced = context.with_forced(true);
        let header = format_b3_single(&forced, forced.caller.unwrap());
        assert_eq!(parse_b3_single(&header), Some(forced));
    }

    #[test]
    fn malformed_ones_are_ignored() {
        for bad in [
            &b""[..],
            b"0",
            b"-",
            b"80f198ee56343ba864fe8b2a57d3eff7",
            b"80f198ee56343ba864fe8b2a57d3eff-e457b5a2e4d86bd1",
            b"80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd",
            b"80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-2",
            b"80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-1-x",
            b"80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-1-05e3ac9a4f6e3b90-1",
            b"00000000000000000000000000000000-e457b5a2e4d86bd1-1",
        ] {
            assert_eq!(parse_b3_single(bad), None, "{bad:?}");
        }
        assert_eq!(parse_b3_multi(TRACE, b"", None), None);
        assert_eq!(parse_b3_multi(TRACE, SPAN, Some(b"maybe")), None);
    }
}
