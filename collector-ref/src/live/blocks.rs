//! Binary frames to the page: blocks of points, gaps, pulses.
//!
//! All numbers are little endian. A frame is `u8 type | u8 version | u16 0 | u32 payload length |
//! u64 cursor`, then the payload. A block of points holds columns: milliseconds since its base,
//! quantised elapsed time, attributes.

use crate::store::Point;
use crate::store::quantise::time_ms;

/// Frame type: a block of points.
pub(crate) const POINTS: u8 = 1;
/// Frame type: points are missing, fetch them again.
pub(crate) const GAP: u8 = 2;
/// Frame type: figures of the last second, as JSON.
pub(crate) const PULSE: u8 = 3;
/// Frame type: where the live view stands, as JSON.
pub(crate) const HELLO: u8 = 4;

/// Version of the frames.
const VERSION: u8 = 1;

/// Longest time one block spans, in milliseconds: it must fit 16 bits.
const MAX_BLOCK_MS: i64 = 60_000;

/// Most points of one block.
const MAX_BLOCK_POINTS: usize = 65_536;

/// Appends a frame whose payload `write` appends.
pub(crate) fn put_frame(
    out: &mut Vec<u8>,
    kind: u8,
    cursor: u64,
    write: impl FnOnce(&mut Vec<u8>),
) {
    out.extend_from_slice(&[kind, VERSION, 0, 0]);
    let length_at = out.len();
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&cursor.to_le_bytes());
    let start = out.len();
    write(out);
    // A payload is one block of points or a short JSON text, far below 4 GiB.
    let length = u32::try_from(out.len() - start).unwrap_or(u32::MAX);
    out[length_at..length_at + 4].copy_from_slice(&length.to_le_bytes());
}

/// Appends blocks that hold all points, which come in ascending order of their times. Each block
/// carries `cursor`.
pub(crate) fn put_blocks(out: &mut Vec<u8>, points: &[Point], cursor: u64) {
    let mut rest = points;
    while let Some(first) = rest.first() {
        let base_ms = time_ms(first.end_unix_us);
        let length = rest
            .iter()
            .take(MAX_BLOCK_POINTS)
            .take_while(|point| time_ms(point.end_unix_us) - base_ms <= MAX_BLOCK_MS)
            .count();
        let (block, after) = rest.split_at(length);
        put_frame(out, POINTS, cursor, |out| put_block(out, block, base_ms));
        rest = after;
    }
}

fn put_block(out: &mut Vec<u8>, block: &[Point], base_ms: i64) {
    out.extend_from_slice(&base_ms.saturating_mul(1_000).to_le_bytes());
    // At most MAX_BLOCK_POINTS.
    out.extend_from_slice(&u32::try_from(block.len()).unwrap_or(u32::MAX).to_le_bytes());
    let start = out.len();
    for point in block {
        let ms = u16::try_from(time_ms(point.end_unix_us) - base_ms).unwrap_or(u16::MAX);
        out.extend_from_slice(&ms.to_le_bytes());
    }
    pad(out, start);
    for point in block {
        out.extend_from_slice(&point.height.to_le_bytes());
    }
    pad(out, start);
    for point in block {
        out.extend_from_slice(&point.attributes.to_le_bytes());
    }
}

/// Pads to a multiple of four bytes since `start`, so that columns can be read in place.
fn pad(out: &mut Vec<u8>, start: usize) {
    let odd = (out.len() - start) % 4;
    out.resize(out.len() + (4 - odd) % 4, 0);
}

/// A frame that says that the points between two cursors were not sent.
pub(crate) fn gap(from: u64, to: u64) -> Vec<u8> {
    let mut out = Vec::with_capacity(32);
    put_frame(&mut out, GAP, to, |out| {
        out.extend_from_slice(&from.to_le_bytes());
        out.extend_from_slice(&to.to_le_bytes());
    });
    out
}

/// A frame with a JSON payload.
pub(crate) fn json(kind: u8, cursor: u64, value: &serde_json::Value) -> Vec<u8> {
    let mut out = Vec::new();
    put_frame(&mut out, kind, cursor, |out| out.extend_from_slice(value.to_string().as_bytes()));
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Reads blocks back: cursor and points (whole milliseconds).
    fn read(mut bytes: &[u8]) -> Vec<(u64, i64, u16, u16)> {
        let mut points = Vec::new();
        while !bytes.is_empty() {
            assert_eq!(bytes[..2], [POINTS, VERSION]);
            let length = u32::from_le_bytes(bytes[4..8].try_into().unwrap()) as usize;
            let cursor = u64::from_le_bytes(bytes[8..16].try_into().unwrap());
            let payload = &bytes[16..16 + length];
            let base = i64::from_le_bytes(payload[..8].try_into().unwrap());
            let count = u32::from_le_bytes(payload[8..12].try_into().unwrap()) as usize;
            let word = |at: usize| u16::from_le_bytes(payload[at..at + 2].try_into().unwrap());
            let column = (2 * count).next_multiple_of(4);
            assert_eq!(length, 12 + 2 * column + 2 * count);
            for i in 0..count {
                let ms = base / 1_000 + i64::from(word(12 + 2 * i));
                let y = word(12 + column + 2 * i);
                points.push((cursor, ms, y, word(12 + 2 * column + 2 * i)));
            }
            bytes = &bytes[16 + length..];
        }
        points
    }

    proptest! {
        #[test]
        fn blocks_hold_every_point_to_the_millisecond(
            mut times in prop::collection::vec(0_i64..200_000_000, 0..200),
            height: u16,
        ) {
            times.sort_unstable();
            let points: Vec<Point> = times
                .iter()
                .map(|t| Point { end_unix_us: 1_795_343_597_123_456 + t, height, attributes: 5 })
                .collect();
            let mut out = Vec::new();
            put_blocks(&mut out, &points, 77);
            let expected: Vec<_> =
                points.iter().map(|p| (77, time_ms(p.end_unix_us), height, 5)).collect();
            prop_assert_eq!(read(&out), expected);
        }
    }

    #[test]
    fn a_gap_names_both_cursors() {
        let frame = gap(5, 9);
        assert_eq!(frame[0], GAP);
        assert_eq!(frame.len(), 32);
        assert_eq!(frame[16..24], 5_u64.to_le_bytes());
        assert_eq!(frame[24..32], 9_u64.to_le_bytes());
    }
}
