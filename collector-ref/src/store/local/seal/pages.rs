//! How values become the bytes of a page: the Parquet encodings a segment uses.
//!
//! Specification: apache/parquet-format, `Encodings.md`.
#![allow(clippy::cast_possible_truncation, reason = "bytes are cut off numbers on purpose")]

/// Values of one block of DELTA_BINARY_PACKED, and of one of its miniblocks.
const DELTA_BLOCK: usize = 128;
const DELTA_MINIBLOCK: usize = 32;

/// Bits of a dictionary index: as few as the format allows up to 4, then whole bytes. Exact widths
/// are no smaller once compressed, and dearer to write.
pub(super) fn index_bits(distinct: usize) -> u32 {
    let bits = usize::BITS - distinct.saturating_sub(1).leading_zeros();
    match bits {
        0 => 1,
        1..=4 => bits,
        _ => bits.next_multiple_of(8),
    }
}

/// RLE_DICTIONARY: the width, then one run, of one repeated index or of all of them packed.
pub(super) fn put_indices(out: &mut Vec<u8>, indices: &[u32], bits: u32) {
    let Some(first) = indices.first() else { return };
    out.push(bits as u8);
    if indices.iter().all(|index| index == first) {
        put_varint(out, (indices.len() as u64) << 1);
        out.extend_from_slice(&first.to_le_bytes()[..bits.div_ceil(8) as usize]);
        return;
    }
    let groups = indices.len().div_ceil(8);
    put_varint(out, (groups as u64) << 1 | 1);
    let end = out.len() + groups * bits as usize;
    match bits {
        8 => out.extend(indices.iter().map(|index| *index as u8)),
        16 => out.extend(indices.iter().flat_map(|index| (*index as u16).to_le_bytes())),
        24 | 32 => {
            let bytes = bits as usize / 8;
            indices.iter().for_each(|index| out.extend_from_slice(&index.to_le_bytes()[..bytes]));
        }
        _ => {
            let mut packer = Packer::default();
            indices.iter().for_each(|index| packer.put(out, u64::from(*index), bits));
            packer.finish(out);
        }
    }
    out.resize(end, 0);
}

/// BYTE_STREAM_SPLIT: the first byte of every value, then the second of every value, and so on.
/// Plane by plane, so that the compiler makes vector instructions of it.
pub(super) fn put_split<const BYTES: usize>(out: &mut Vec<u8>, values: &[u64]) {
    let start = out.len();
    out.resize(start + BYTES * values.len(), 0);
    for (place, plane) in out[start..].chunks_exact_mut(values.len().max(1)).enumerate() {
        for (byte, value) in plane.iter_mut().zip(values) {
            *byte = (value >> (8 * place)) as u8;
        }
    }
}

/// DELTA_BINARY_PACKED of ascending numbers, or any others.
pub(super) fn put_deltas(out: &mut Vec<u8>, values: &[i64]) {
    let Some((first, rest)) = values.split_first() else { return };
    put_varint(out, DELTA_BLOCK as u64);
    put_varint(out, (DELTA_BLOCK / DELTA_MINIBLOCK) as u64);
    put_varint(out, values.len() as u64);
    put_varint(out, zigzag(*first));
    let mut before = *first;
    let mut deltas = [0_i64; DELTA_BLOCK];
    for block in rest.chunks(DELTA_BLOCK) {
        for (delta, value) in deltas.iter_mut().zip(block) {
            *delta = value.wrapping_sub(before);
            before = *value;
        }
        put_delta_block(out, &deltas[..block.len()]);
    }
}

fn put_delta_block(out: &mut Vec<u8>, deltas: &[i64]) {
    let least = deltas.iter().copied().min().unwrap_or_default();
    put_varint(out, zigzag(least));
    let widths = out.len();
    out.resize(widths + DELTA_BLOCK / DELTA_MINIBLOCK, 0);
    for (mini, deltas) in deltas.chunks(DELTA_MINIBLOCK).enumerate() {
        let over = |delta: &i64| delta.wrapping_sub(least).cast_unsigned();
        let bits = u64::BITS - deltas.iter().map(over).max().unwrap_or_default().leading_zeros();
        out[widths + mini] = bits as u8;
        let mut packer = Packer::default();
        deltas.iter().for_each(|delta| packer.put(out, over(delta), bits));
        // A miniblock is always full.
        (deltas.len()..DELTA_MINIBLOCK).for_each(|_| packer.put(out, 0, bits));
        packer.finish(out);
    }
}

/// Packs numbers of a width, least significant bit first.
#[derive(Default)]
struct Packer {
    bits: u128,
    held: u32,
}

impl Packer {
    fn put(&mut self, out: &mut Vec<u8>, value: u64, bits: u32) {
        self.bits |= u128::from(value) << self.held;
        self.held += bits;
        while self.held >= 8 {
            out.push(self.bits as u8);
            self.bits >>= 8;
            self.held -= 8;
        }
    }

    fn finish(self, out: &mut Vec<u8>) {
        if self.held > 0 {
            out.push(self.bits as u8);
        }
    }
}

fn zigzag(value: i64) -> u64 {
    (value.cast_unsigned() << 1) ^ (value >> 63).cast_unsigned()
}

fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
