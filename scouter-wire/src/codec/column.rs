//! Columns: how the numbers and texts of many records lie next to each other.
//!
//! A section is a version byte and a directory of `(column number, length)`, then the columns. A
//! column that holds only zeros is left out, an unknown column is skipped: that is how records
//! grow fields. Numbers that the collector decodes for every batch lie in *planes* (all lowest
//! bytes, then all second ones …), which decode without a branch and compress well because the
//! upper planes are nearly constant.

use super::DecodeError;
use super::bytes::{Reader, put_varint};

/// Version of the column layout of a section.
pub(crate) const SECTION_VERSION: u8 = 1;

/// Most columns in the directory of a section.
const MAX_COLUMNS: usize = 64;

/// Collects columns and writes them behind their directory.
#[derive(Debug, Default)]
pub(crate) struct SectionWriter {
    directory: Vec<u8>,
    data: Vec<u8>,
    columns: u8,
}

impl SectionWriter {
    /// Appends a column; an empty one is left out.
    pub(crate) fn column(&mut self, number: u8, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.data.len();
        write(&mut self.data);
        let length = self.data.len() - start;
        if length > 0 {
            self.directory.push(number);
            put_varint(&mut self.directory, length as u64);
            self.columns += 1;
        }
    }

    /// Appends numbers in planes; left out when all are zero.
    pub(crate) fn planes(&mut self, number: u8, values: &[u64]) {
        self.column(number, |out| put_planes(out, values));
    }

    /// Appends a column as it is.
    pub(crate) fn raw(&mut self, number: u8, bytes: &[u8]) {
        self.column(number, |out| out.extend_from_slice(bytes));
    }

    /// Writes the section and begins a new one.
    pub(crate) fn finish(&mut self, out: &mut Vec<u8>) {
        out.clear();
        out.reserve(2 + self.directory.len() + self.data.len());
        out.push(SECTION_VERSION);
        out.push(self.columns);
        out.extend_from_slice(&self.directory);
        out.extend_from_slice(&self.data);
        self.directory.clear();
        self.data.clear();
        self.columns = 0;
    }
}

/// The columns of a section by their numbers.
#[derive(Debug, Clone)]
pub(crate) struct SectionReader<'a> {
    columns: [&'a [u8]; MAX_COLUMNS],
}

impl<'a> SectionReader<'a> {
    pub(crate) fn parse(section: &'a [u8]) -> Result<Self, DecodeError> {
        let mut directory = Reader::new(section);
        let version = directory.u8("section version")?;
        if version != SECTION_VERSION {
            return Err(DecodeError::Version { found: version, supported: SECTION_VERSION });
        }
        let count = usize::from(directory.u8("number of columns")?);
        let mut entries = directory;
        for _ in 0..count {
            directory.u8("column number")?;
            directory.varint("column length")?;
        }
        let mut data = directory;
        let mut columns = [&[][..]; MAX_COLUMNS];
        for _ in 0..count {
            let number = usize::from(entries.u8("column number")?);
            let length = entries.length(super::MAX_SECTION_BYTES, "column")?;
            let column = data.take(length, "column")?;
            // A column beyond what we know comes from a newer sender and is skipped.
            if let Some(slot) = columns.get_mut(number) {
                *slot = column;
            }
        }
        data.end("section")?;
        Ok(Self { columns })
    }

    pub(crate) fn raw(&self, number: u8) -> &'a [u8] {
        self.columns.get(usize::from(number)).copied().unwrap_or_default()
    }

    pub(crate) fn reader(&self, number: u8) -> Reader<'a> {
        Reader::new(self.raw(number))
    }

    /// Decodes `count` numbers; a column that was left out is all zeros.
    pub(crate) fn planes(
        &self,
        number: u8,
        count: usize,
        out: &mut Vec<u64>,
        what: &'static str,
    ) -> Result<(), DecodeError> {
        read_planes(self.raw(number), count, out, what)
    }
}

/// Writes the width in bytes, then the planes. Width 0: one varint that all values equal.
#[expect(clippy::cast_possible_truncation, reason = "a plane is one byte of the value")]
fn put_planes(out: &mut Vec<u8>, values: &[u64]) {
    let Some(&first) = values.first() else { return };
    let (mut any, mut differs) = (0, 0);
    for value in values {
        any |= value;
        differs |= value ^ first;
    }
    if any == 0 {
        return;
    }
    if differs == 0 {
        out.push(0);
        put_varint(out, first);
        return;
    }
    let width = (u64::BITS - any.leading_zeros()).div_ceil(8);
    out.push(width as u8);
    for plane in 0..width {
        out.extend(values.iter().map(|value| (value >> (8 * plane)) as u8));
    }
}

fn read_planes(
    column: &[u8],
    count: usize,
    out: &mut Vec<u64>,
    what: &'static str,
) -> Result<(), DecodeError> {
    out.clear();
    let Some((&width, planes)) = column.split_first() else {
        out.resize(count, 0);
        return Ok(());
    };
    if width == 0 {
        let mut constant = Reader::new(planes);
        let value = constant.varint(what)?;
        constant.end(what)?;
        out.resize(count, value);
        return Ok(());
    }
    let width = usize::from(width);
    if width > 8 {
        return Err(DecodeError::OutOfRange(what));
    }
    if planes.len() != width * count {
        return Err(if planes.len() < width * count {
            DecodeError::Truncated(what)
        } else {
            DecodeError::Trailing(what)
        });
    }
    if count == 0 {
        return Ok(());
    }
    let mut planes = planes.chunks_exact(count);
    // Each arm is a loop that the compiler turns into vector code; the widths seen most come first.
    if let Some(low) = planes.next() {
        match planes.next() {
            None => out.extend(low.iter().map(|low| u64::from(*low))),
            Some(high) => out.extend(
                low.iter().zip(high).map(|(low, high)| u64::from(*low) | u64::from(*high) << 8),
            ),
        }
    }
    for (plane, bytes) in planes.enumerate() {
        let shift = 8 * (plane + 2);
        for (value, byte) in out.iter_mut().zip(bytes) {
            *value |= u64::from(*byte) << shift;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(values: &[u64]) {
        let mut column = Vec::new();
        put_planes(&mut column, values);
        let mut decoded = Vec::new();
        read_planes(&column, values.len(), &mut decoded, "test").unwrap();
        assert_eq!(decoded, values);
    }

    #[test]
    fn planes_round_trip_at_every_width() {
        check(&[]);
        check(&[0, 0, 0]);
        check(&[7, 7, 7]);
        for width in 0..64 {
            check(&[0, 1, (1 << width) - 1, 1 << width]);
        }
        check(&[u64::MAX, 0, 1]);
    }

    #[test]
    fn zeros_cost_nothing_and_a_constant_two_bytes() {
        let mut column = Vec::new();
        put_planes(&mut column, &[0; 500]);
        assert!(column.is_empty());
        put_planes(&mut column, &[100; 500]);
        assert_eq!(column, [0, 100]);
    }

    #[test]
    fn unknown_columns_are_skipped() {
        let mut writer = SectionWriter::default();
        writer.raw(200, b"from the future");
        writer.raw(3, b"known");
        let mut section = Vec::new();
        writer.finish(&mut section);
        let reader = SectionReader::parse(&section).unwrap();
        assert_eq!(reader.raw(3), b"known");
        assert_eq!(reader.raw(4), b"");
    }
}
