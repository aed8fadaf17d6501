//! A section of a batch taken apart into its columns, so that tests can write what no encoder of
//! this version writes.

use std::collections::BTreeMap;

/// Columns by their numbers.
pub(crate) struct Section(pub(crate) BTreeMap<u8, Vec<u8>>);

impl Section {
    /// Takes a compressed section apart.
    pub(crate) fn open(compressed: &[u8]) -> Self {
        let raw = zstd::bulk::decompress(compressed, 1 << 25).unwrap();
        assert_eq!(raw[0], 1, "version");
        let (rest, length) = raw[1..].split_last_chunk::<2>().unwrap();
        let (mut data, mut directory) =
            rest.split_at(rest.len() - usize::from(u16::from_le_bytes(*length)));
        let mut columns = BTreeMap::new();
        while let Some((number, rest)) = directory.split_first() {
            directory = rest;
            let length = take_varint(&mut directory) as usize;
            let (column, rest) = data.split_at(length);
            columns.insert(*number, column.to_vec());
            data = rest;
        }
        assert!(data.is_empty());
        Self(columns)
    }

    /// Replaces a column.
    pub(crate) fn set(&mut self, number: u8, column: &[u8]) {
        self.0.insert(number, column.to_vec());
    }

    /// Puts the section together and compresses it.
    pub(crate) fn close(&self) -> Vec<u8> {
        let (mut raw, mut directory) = (vec![1], Vec::new());
        for (number, column) in &self.0 {
            raw.extend_from_slice(column);
            directory.push(*number);
            directory.extend(varint(column.len() as u64));
        }
        raw.extend_from_slice(&directory);
        raw.extend_from_slice(&u16::try_from(directory.len()).unwrap().to_le_bytes());
        zstd::bulk::compress(&raw, 1).unwrap()
    }
}

/// Numbers as a column of planes of this width.
pub(crate) fn planes(width: u8, values: &[u64]) -> Vec<u8> {
    let bytes = (0..width).flat_map(|plane| values.iter().map(move |v| (v >> (8 * plane)) as u8));
    std::iter::once(width).chain(bytes).collect()
}

/// A LEB128 varint, the plain way.
pub(crate) fn varint(mut value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
    out
}

/// Reads a varint off the front.
pub(crate) fn take_varint(bytes: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first().unwrap();
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if *byte < 0x80 {
            break;
        }
    }
    value
}

/// Length and bytes: a text, or a record.
pub(crate) fn record(bytes: impl AsRef<[u8]>) -> Vec<u8> {
    let bytes = bytes.as_ref();
    [varint(bytes.len() as u64), bytes.to_vec()].concat()
}
