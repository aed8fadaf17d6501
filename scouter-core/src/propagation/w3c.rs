//! W3C `traceparent`: `00-<32 hex trace id>-<16 hex span id>-<2 hex flags>`.

use scouter_wire::Txid;

use super::{TraceContext, gxid, hex, ids, put_hex, txid};

/// Length of a version 00 `traceparent`.
const LEN: usize = 55;

/// Reads a `traceparent`.
///
/// Version ff, ids of zeros and upper-case digits are refused as W3C demands; a later version is
/// read by its first 55 bytes if what follows is set off by `-`.
#[must_use]
pub fn parse_traceparent(header: &[u8]) -> Option<TraceContext> {
    ids(header, |header| {
        let head = header.get(..LEN)?;
        let rest = &header[LEN..];
        if head.iter().any(u8::is_ascii_uppercase) {
            return None;
        }
        let [version, trace, span, flags] = split(head)?;
        let is_later = !rest.is_empty();
        match hex(version)? {
            0xff => return None,
            0 if is_later => return None,
            _ if is_later && rest.first() != Some(&b'-') => return None,
            _ => {}
        }
        let sampled = hex(flags)? & 1 == 1;
        Some(TraceContext::new(gxid(trace)?, Some(txid(span)?), sampled))
    })
}

fn split(head: &[u8]) -> Option<[&[u8]; 4]> {
    let dashes_stand = [2, 35, 52].iter().all(|at| head[*at] == b'-');
    dashes_stand.then(|| [&head[..2], &head[3..35], &head[36..52], &head[53..55]])
}

/// Writes the `traceparent` that a call made by transaction `txid` carries.
#[must_use]
pub fn format_traceparent(context: &TraceContext, txid: Txid) -> [u8; LEN] {
    let mut out = [b'-'; LEN];
    put_hex(&mut out[..2], 0);
    put_hex(&mut out[3..35], context.gxid.value());
    put_hex(&mut out[36..52], u128::from(txid.value()));
    put_hex(&mut out[53..], u128::from(context.sampled));
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::PROPAGATION_MALFORMED;

    const GOOD: &[u8] = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn what_is_written_reads_back() {
        let context = parse_traceparent(GOOD).unwrap();
        assert_eq!(context.gxid.to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(context.caller.unwrap().to_string(), "00f067aa0ba902b7");
        assert!(context.sampled);
        assert_eq!(format_traceparent(&context, context.caller.unwrap()), *GOOD);
    }

    #[test]
    fn later_version_is_read_by_its_first_fields() {
        assert!(
            parse_traceparent(b"01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x")
                .is_some()
        );
        assert!(
            parse_traceparent(b"01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00").is_some()
        );
    }

    #[test]
    fn malformed_ones_are_ignored_and_counted() {
        let bad: &[&[u8]] = &[
            b"",
            b"00",
            b"ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            b"00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            b"00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            b"00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
            b"01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01x",
            b"00_4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7_01",
            b"00-4bf92f3577b34da6a3ce929d0e0e473g-00f067aa0ba902b7-01",
            b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-\xff1",
            b"+0-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ];
        let before = PROPAGATION_MALFORMED.value();
        for header in bad {
            assert_eq!(parse_traceparent(header), None, "{header:?}");
        }
        assert!(PROPAGATION_MALFORMED.value() >= before + bad.len() as u64);
        assert_eq!(parse_traceparent(&vec![b'0'; 1 << 20]), None);
    }
}
