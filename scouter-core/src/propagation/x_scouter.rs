//! SCOUTER's own headers: `X-Scouter-Gxid`, `X-Scouter-Caller` and `X-Scouter-Callee`, numbers in
//! its Hexa32 form.
//!
//! `X-Scouter-Caller-Obj` and `-Callee-Obj` are neither sent nor read: they number objects of
//! SCOUTER's collector, which ours does not have.
//!
//! Hexa32: one decimal digit for 0 to 9, else `x` and base-32 digits, or `z` and base-32 digits for
//! a negative number. SCOUTER's ids have 64 bits; its gxid becomes the low half of ours.

use std::fmt;

use scouter_wire::{Gxid, Txid};

use super::{TraceContext, ids};

/// A number that prints in SCOUTER's Hexa32 form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hexa32(pub i64);

impl fmt::Display for Hexa32 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if (0..10).contains(&self.0) {
            return write!(f, "{}", self.0);
        }
        let mut digits = [0_u8; 13];
        let mut rest = self.0.unsigned_abs();
        let mut at = digits.len();
        while rest > 0 {
            at -= 1;
            digits[at] = b"0123456789abcdefghijklmnopqrstuv"[(rest & 31) as usize];
            rest >>= 5;
        }
        f.write_str(if self.0 < 0 { "z" } else { "x" })?;
        f.write_str(std::str::from_utf8(&digits[at..]).unwrap_or_default())
    }
}

fn parse(text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?;
    let digits = |digits: &str| {
        let is_plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_alphanumeric());
        is_plain.then(|| i128::from_str_radix(digits, 32).ok())?
    };
    let number = match text.as_bytes().first()? {
        b'x' => digits(&text[1..])?,
        b'z' => -digits(&text[1..])?,
        b'0'..=b'9' => text.parse::<i64>().ok()?.into(),
        _ => return None,
    };
    i64::try_from(number).ok()
}

/// Reads the values of `X-Scouter-Gxid` and, if there is one, `X-Scouter-Caller`.
#[must_use]
pub fn parse_x_scouter(gxid: &[u8], caller: Option<&[u8]>) -> Option<TraceContext> {
    ids(gxid, |gxid| {
        let gxid = Gxid::new(parse(gxid)?.cast_unsigned().into())?;
        let caller = match caller {
            Some(caller) => Txid::new(parse(caller.trim_ascii())?.cast_unsigned()),
            None => None,
        };
        Some(TraceContext::new(gxid, caller, true))
    })
}

/// Reads the value of `X-Scouter-Callee`: the txid that the caller gave the callee.
#[must_use]
pub fn parse_x_scouter_callee(callee: &[u8]) -> Option<Txid> {
    ids(callee, |callee| Txid::new(parse(callee)?.cast_unsigned()))
}

/// The values of `X-Scouter-Gxid` and `X-Scouter-Caller` that a call made by `txid` carries.
///
/// Only the low half of the gxid fits.
#[must_use]
pub fn format_x_scouter(context: &TraceContext, txid: Txid) -> (Hexa32, Hexa32) {
    #[expect(clippy::cast_possible_truncation, reason = "SCOUTER's gxid is the low half")]
    let low = context.gxid.value() as u64;
    (Hexa32(low.cast_signed()), Hexa32(txid.value().cast_signed()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_print_and_read_as_scouter_does() {
        for (number, text) in [
            (0, "0"),
            (9, "9"),
            (10, "xa"),
            (1_234_567, "x15lk7"),
            (-1, "z1"),
            (i64::MIN, "z8000000000000"),
            (i64::MAX, "x7vvvvvvvvvvvv"),
        ] {
            assert_eq!(Hexa32(number).to_string(), text);
            assert_eq!(parse(text.as_bytes()), Some(number));
        }
    }

    #[test]
    fn context_reads_back_what_was_written() {
        let context = parse_x_scouter(b"x15lk7", Some(b"zk7")).unwrap();
        let (gxid, caller) = format_x_scouter(&context, context.caller.unwrap());
        assert_eq!((gxid.to_string(), caller.to_string()), ("x15lk7".into(), "zk7".into()));
    }

    #[test]
    fn malformed_ones_are_ignored() {
        for bad in
            [&b""[..], b"x", b"z", b"y1", b"x!", b"x-1", b"zz", b"0", b"x7vvvvvvvvvvvvv", b"\xff"]
        {
            assert_eq!(parse_x_scouter(bad, None), None, "{bad:?}");
        }
        assert_eq!(parse_x_scouter(b"5", Some(b"q")), None);
    }
}
