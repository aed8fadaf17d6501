//! Columns: how the numbers and texts of many records lie next to each other.
//!
//! A section is a version byte, the columns, and last their directory: `(column number, length)`
//! each, then the length of the directory as u16. A column that holds only zeros is left out, an
//! unknown column is skipped: that is how records grow fields.
//!
//! Numbers that the collector decodes for every batch lie in *planes* (all lowest bytes, then all
//! second ones …), which decode without a branch and compress well because the upper planes are
//! nearly constant.

use super::DecodeError;
use super::bytes::{Reader, put_varint};

/// Version of the column layout of a section.
pub(crate) const SECTION_VERSION: u8 = 1;

/// Columns a reader knows at most; those with higher numbers are skipped.
const MAX_COLUMNS: usize = 64;

/// Collects columns and writes their directory behind them.
#[derive(Debug)]
pub(crate) struct SectionWriter {
    directory: Vec<u8>,
    section: Vec<u8>,
}

impl Default for SectionWriter {
    fn default() -> Self {
        Self { directory: Vec::new(), section: vec![SECTION_VERSION] }
    }
}

impl SectionWriter {
    /// Appends a column; an empty one is left out.
    pub(crate) fn column(&mut self, number: u8, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.section.len();
        write(&mut self.section);
        let length = self.section.len() - start;
        if length > 0 {
            self.directory.push(number);
            put_varint(&mut self.directory, length as u64);
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

    /// Ends the section; [`SectionWriter::clear`] begins the next one.
    pub(crate) fn finish(&mut self) -> &[u8] {
        self.section.extend_from_slice(&self.directory);
        // At most 256 entries of 6 bytes.
        let length = u16::try_from(self.directory.len()).unwrap_or(u16::MAX);
        self.section.extend_from_slice(&length.to_le_bytes());
        &self.section
    }

    pub(crate) fn clear(&mut self) {
        self.section.truncate(1);
        self.directory.clear();
    }
}

/// The columns of a section by their numbers.
#[derive(Debug, Clone)]
pub(crate) struct SectionReader<'a> {
    columns: [&'a [u8]; MAX_COLUMNS],
}

impl<'a> SectionReader<'a> {
    pub(crate) fn parse(section: &'a [u8]) -> Result<Self, DecodeError> {
        let (version, rest) =
            section.split_first().ok_or(DecodeError::Truncated("section version"))?;
        if *version != SECTION_VERSION {
            return Err(DecodeError::Version { found: *version, supported: SECTION_VERSION });
        }
        let (rest, length) =
            rest.split_last_chunk::<2>().ok_or(DecodeError::Truncated("column directory"))?;
        let data = rest.len().checked_sub(usize::from(u16::from_le_bytes(*length)));
        let data = data.ok_or(DecodeError::Truncated("column directory"))?;
        let (data, directory) = rest.split_at(data);
        let (mut data, mut directory) = (Reader::new(data), Reader::new(directory));
        let mut columns = [&[][..]; MAX_COLUMNS];
        while !directory.is_empty() {
            let number = usize::from(directory.u8("column number")?);
            let length = directory.length(super::MAX_SECTION_BYTES, "column")?;
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
        let reader = SectionReader::parse(writer.finish()).unwrap();
        assert_eq!(reader.raw(3), b"known");
        assert_eq!(reader.raw(4), b"");
    }
}
