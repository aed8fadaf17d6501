//! The smallest parts: little-endian words, LEB128 varints, zigzag, and length-prefixed texts.

use super::DecodeError;
use crate::text::cut;

/// Appends a LEB128 varint (1 to 10 bytes).
#[inline]
pub(crate) fn put_varint(out: &mut Vec<u8>, value: u64) {
    if value < 0x80 {
        // Each column has its own copy of this branch, and columns are of one mind.
        out.push(value.to_le_bytes()[0]);
    } else if value < 1 << 56 {
        // Without a branch on the length, which is as good as random in most other columns:
        // spreads the bits to seven a byte, writes eight bytes and keeps those that count.
        let length = (70 - (value | 1).leading_zeros() as usize) / 7;
        let halves = value & 0x0fff_ffff | (value & 0x00ff_ffff_f000_0000) << 4;
        let quarters = halves & 0x0000_3fff_0000_3fff | (halves & 0x0fff_c000_0fff_c000) << 2;
        let bytes = quarters & 0x007f_007f_007f_007f | (quarters & 0x3f80_3f80_3f80_3f80) << 1;
        let more = 0x8080_8080_8080_8080 & ((1u64 << (8 * (length - 1))) - 1);
        let end = out.len() + length;
        out.extend_from_slice(&(bytes | more).to_le_bytes());
        out.truncate(end);
    } else {
        put_long_varint(out, value);
    }
}

#[cold]
#[expect(
    clippy::cast_possible_truncation,
    reason = "the low 7 bits of each round are what is meant"
)]
fn put_long_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends a length-prefixed text, cut at `limit` bytes.
pub(crate) fn put_text(out: &mut Vec<u8>, text: &str, limit: usize) {
    let text = cut(text, limit);
    put_varint(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

/// Appends length-prefixed bytes. The caller has checked their limit.
pub(crate) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Appends a record with its length before it, so that a reader that does not know its last fields,
/// or what it is at all, can step over them.
#[inline]
pub(crate) fn put_record(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    write(out);
    insert_varint(out, start, (out.len() - start) as u64);
}

/// Inserts a varint before what was appended since `at`.
pub(crate) fn insert_varint(out: &mut Vec<u8>, at: usize, value: u64) {
    let end = out.len();
    put_varint(out, value);
    let length = out.len() - end;
    out[at..].rotate_right(length);
}

/// Maps small negative and positive numbers to small unsigned ones.
#[inline]
pub(crate) const fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)).cast_unsigned()
}

/// Undoes [`zigzag`].
#[inline]
pub(crate) const fn unzigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -((value & 1).cast_signed())
}

/// A cursor over input that is not trusted. Every read is checked; nothing is reserved for a
/// length before the bytes are there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    pub(crate) const fn rest(&self) -> &'a [u8] {
        self.bytes
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Errors unless everything was read.
    pub(crate) const fn end(&self, what: &'static str) -> Result<(), DecodeError> {
        if self.bytes.is_empty() { Ok(()) } else { Err(DecodeError::Trailing(what)) }
    }

    pub(crate) fn take(
        &mut self,
        length: usize,
        what: &'static str,
    ) -> Result<&'a [u8], DecodeError> {
        let (head, rest) =
            self.bytes.split_at_checked(length).ok_or(DecodeError::Truncated(what))?;
        self.bytes = rest;
        Ok(head)
    }

    fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], DecodeError> {
        let (head, rest) =
            self.bytes.split_first_chunk::<N>().ok_or(DecodeError::Truncated(what))?;
        self.bytes = rest;
        Ok(*head)
    }

    pub(crate) fn u8(&mut self, what: &'static str) -> Result<u8, DecodeError> {
        self.array::<1>(what).map(|[byte]| byte)
    }

    pub(crate) fn u16(&mut self, what: &'static str) -> Result<u16, DecodeError> {
        self.array(what).map(u16::from_le_bytes)
    }

    pub(crate) fn u32(&mut self, what: &'static str) -> Result<u32, DecodeError> {
        self.array(what).map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self, what: &'static str) -> Result<u64, DecodeError> {
        self.array(what).map(u64::from_le_bytes)
    }

    pub(crate) fn i64(&mut self, what: &'static str) -> Result<i64, DecodeError> {
        self.array(what).map(i64::from_le_bytes)
    }

    pub(crate) fn u128(&mut self, what: &'static str) -> Result<u128, DecodeError> {
        self.array(what).map(u128::from_le_bytes)
    }

    pub(crate) fn f64(&mut self, what: &'static str) -> Result<f64, DecodeError> {
        self.array(what).map(f64::from_le_bytes)
    }

    #[inline]
    pub(crate) fn varint(&mut self, what: &'static str) -> Result<u64, DecodeError> {
        if let Some((&byte, rest)) = self.bytes.split_first()
            && byte < 0x80
        {
            self.bytes = rest;
            return Ok(u64::from(byte));
        }
        self.long_varint(what)
    }

    fn long_varint(&mut self, what: &'static str) -> Result<u64, DecodeError> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.u8(what)?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                // The tenth byte carries one bit; more would be lost without a word.
                return if shift == 63 && byte > 1 {
                    Err(DecodeError::OutOfRange(what))
                } else {
                    Ok(value)
                };
            }
        }
        Err(DecodeError::OutOfRange(what))
    }

    pub(crate) fn varint_u32(&mut self, what: &'static str) -> Result<u32, DecodeError> {
        u32::try_from(self.varint(what)?).map_err(|_| DecodeError::OutOfRange(what))
    }

    /// Skips `count` varints without looking at their values.
    pub(crate) fn skip_varints(
        &mut self,
        count: usize,
        what: &'static str,
    ) -> Result<(), DecodeError> {
        if count == 0 {
            return Ok(());
        }
        let mut ends = self.bytes.iter().enumerate().filter(|(_, byte)| **byte < 0x80);
        let (last, _) = ends.nth(count - 1).ok_or(DecodeError::Truncated(what))?;
        self.bytes = &self.bytes[last + 1..];
        Ok(())
    }

    /// A number of items or bytes, bounded.
    pub(crate) fn length(
        &mut self,
        limit: usize,
        what: &'static str,
    ) -> Result<usize, DecodeError> {
        let length = self.varint(what)?;
        match usize::try_from(length) {
            Ok(length) if length <= limit => Ok(length),
            _ => Err(DecodeError::TooLong { what, length, limit: limit as u64 }),
        }
    }

    pub(crate) fn bytes(
        &mut self,
        limit: usize,
        what: &'static str,
    ) -> Result<&'a [u8], DecodeError> {
        let length = self.length(limit, what)?;
        self.take(length, what)
    }

    /// The next record, by the length before it. Whatever is left of it when its known fields are
    /// read comes from a newer sender.
    pub(crate) fn record(&mut self, what: &'static str) -> Result<Self, DecodeError> {
        self.bytes(super::MAX_REPLY_BYTES, what).map(Self::new)
    }

    pub(crate) fn text(
        &mut self,
        limit: usize,
        what: &'static str,
    ) -> Result<&'a str, DecodeError> {
        let bytes = self.bytes(limit, what)?;
        std::str::from_utf8(bytes).map_err(|_| DecodeError::NotUtf8(what))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn varints_of_every_length_round_trip() {
        for bits in 0..=64 {
            for value in [(1u128 << bits) - 1, 1u128 << bits, (1u128 << bits) + 1] {
                let Ok(value) = u64::try_from(value) else { continue };
                let (mut quick, mut slow) = (vec![9], vec![9]);
                put_varint(&mut quick, value);
                put_long_varint(&mut slow, value);
                assert_eq!(quick, slow, "{value}");
                let mut reader = Reader::new(&quick[1..]);
                assert_eq!(reader.varint("test"), Ok(value));
                assert!(reader.is_empty());
            }
        }
    }

    #[test]
    fn a_varint_of_more_than_64_bits_is_refused() {
        let mut reader = Reader::new(&[0xff; 11]);
        assert_eq!(reader.varint("test"), Err(DecodeError::OutOfRange("test")));
        let mut reader = Reader::new(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2]);
        assert_eq!(reader.varint("test"), Err(DecodeError::OutOfRange("test")));
    }

    #[test]
    fn a_record_is_read_by_its_length_whatever_is_left_of_it() {
        for length in [0, 1, 127, 128, 70_000] {
            let mut out = vec![9];
            put_record(&mut out, |out| out.resize(out.len() + length, 7));
            out.push(8);
            let mut reader = Reader::new(&out[1..]);
            let record = reader.record("test").unwrap();
            assert_eq!(record.rest(), vec![7; length]);
            assert_eq!(reader.rest(), [8]);
        }
        let cut = Reader::new(&[5, 1, 2]).record("test").map(drop);
        assert_eq!(cut, Err(DecodeError::Truncated("test")));
    }

    #[test]
    fn zigzag_keeps_small_numbers_small() {
        for (value, mapped) in [(0, 0), (-1, 1), (1, 2), (i64::MIN, u64::MAX)] {
            assert_eq!(zigzag(value), mapped);
            assert_eq!(unzigzag(mapped), value);
        }
    }
}
