//! How long a request waited in front of the process, by what a proxy wrote when it took it.
//!
//! `x-request-start` or `x-queue-start`, as `t=` or `ts=` and a number or the number alone: seconds
//! with or without a fraction, milliseconds, microseconds or nanoseconds since 1970; which of them,
//! its size tells. The two clocks are those of two hosts, so what cannot be is not shown, but
//! counted: a begin in the future or more than [`MAX_QUEUE_TIME`] ago.

use std::time::Duration;

/// Longest time of waiting that is believed; past it none is shown and `queue_times_refused` grows.
pub const MAX_QUEUE_TIME: Duration = Duration::from_hours(1);

/// Longest value that is read.
const MAX_VALUE_BYTES: usize = 32;

/// The tag that has the time of waiting, in µs.
pub(crate) const QUEUE_TAG: &str = "queue_us";

/// A moment in unix µs; `None` for what is none.
pub(crate) fn parse(value: &[u8]) -> Option<i64> {
    if value.len() > MAX_VALUE_BYTES {
        return None;
    }
    let text = str::from_utf8(value).ok()?.trim();
    let text = text.strip_prefix("t=").or_else(|| text.strip_prefix("ts=")).unwrap_or(text);
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !is_digits(whole) || !is_digits(fraction) {
        return None;
    }
    let whole: i64 = whole.parse().ok()?;
    // Of each unit the moments between 1973 and 5138 are told apart by their size.
    match whole {
        100_000_000..100_000_000_000 => {
            Some(whole.checked_mul(1_000_000)?.checked_add(micros(fraction))?)
        }
        100_000_000_000..100_000_000_000_000 => Some(whole * 1_000 + micros(fraction) / 1_000),
        100_000_000_000_000..100_000_000_000_000_000 => Some(whole),
        100_000_000_000_000_000.. => Some(whole / 1_000),
        _ => None,
    }
}

/// A fraction in millionths.
fn micros(fraction: &str) -> i64 {
    let digits = fraction.bytes().map(|digit| i64::from(digit - b'0'));
    digits.chain(std::iter::repeat(0)).take(6).fold(0, |sum, digit| sum * 10 + digit)
}

/// How long the request waited, in µs; `None` if it cannot be.
pub(crate) fn waited_us(begun_unix_us: i64, now_unix_us: i64) -> Option<u64> {
    let waited = u64::try_from(now_unix_us.checked_sub(begun_unix_us)?).ok()?;
    (Duration::from_micros(waited) <= MAX_QUEUE_TIME).then_some(waited)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_of_a_moment_is_read_by_its_size() {
        let exact = Some(1_700_000_000_123_456);
        for (value, expected) in [
            ("t=1700000000.123456", exact),
            ("ts=1700000000.123456", exact),
            ("1700000000.123456", exact),
            (" t=1700000000.1234567 ", exact),
            ("1700000000.1", Some(1_700_000_000_100_000)),
            ("1700000000", Some(1_700_000_000_000_000)),
            ("t=1700000000123", Some(1_700_000_000_123_000)),
            ("1700000000123.456", exact),
            ("t=1700000000123456", exact),
            ("1700000000123456789", exact),
            ("t=", None),
            ("", None),
            ("t=-1700000000", None),
            ("t=1,700", None),
            ("1700000000.12a", None),
            ("1.7e9", None),
            ("17", None),
            ("99999999999999999999999", None),
            ("t=1700000000 t=1700000000", None),
            ("now", None),
        ] {
            assert_eq!(parse(value.as_bytes()), expected, "{value:?}");
        }
        assert_eq!(parse(&b"0".repeat(10_000)), None);
        assert_eq!(parse(b"t=\xff"), None);
    }

    #[test]
    fn a_wait_is_not_negative_and_not_longer_than_an_hour() {
        let now = 1_700_000_000_000_000;
        let hour = 3_600_000_000;
        assert_eq!(waited_us(now - 5, now), Some(5));
        assert_eq!(waited_us(now, now), Some(0));
        assert_eq!(waited_us(now - hour, now), Some(3_600_000_000));
        assert_eq!(waited_us(now - hour - 1, now), None);
        assert_eq!(waited_us(now + 1, now), None);
        assert_eq!(waited_us(i64::MIN, i64::MAX), None);
    }
}
