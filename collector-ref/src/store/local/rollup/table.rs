//! A table in bytes: `shape | base time | entries | length of what follows | entries`, each entry its
//! key (places of its texts) and its totals, ascending by key.

use super::super::bytes::{Damaged, Reader, put_varint, unzigzag, zigzag};
use super::totals::Stored;
use super::{Shape, Totals};

/// The places of the texts of a key; in tables by one text both are the same.
pub(crate) type Key = [u32; 2];

/// Appends a table.
pub(super) fn put<'a>(
    out: &mut Vec<u8>,
    shape: Shape,
    base_unix_us: i64,
    entries: impl ExactSizeIterator<Item = (Key, &'a Totals)>,
) {
    out.push(shape.number());
    put_varint(out, zigzag(base_unix_us));
    put_varint(out, entries.len() as u64);
    let mut body = Vec::new();
    for ([a, b], totals) in entries {
        put_varint(&mut body, a.into());
        if shape.is_pair() {
            put_varint(&mut body, b.into());
        }
        totals.put(&mut body, base_unix_us);
    }
    put_varint(out, body.len() as u64);
    out.append(&mut body);
}

/// A table as it lies in the bytes of its part.
#[derive(Debug, Clone, Copy)]
pub(super) struct Encoded<'a> {
    pub(super) shape: Shape,
    base_unix_us: i64,
    entries: usize,
    body: &'a [u8],
}

impl<'a> Encoded<'a> {
    /// The next table of a part; its entries are not looked at.
    pub(super) fn read(reader: &mut Reader<'a>) -> Result<Self, Damaged> {
        let shape = Shape::of_number(reader.u8()?).ok_or(Damaged)?;
        let base_unix_us = unzigzag(reader.varint()?);
        let entries = usize::try_from(reader.varint()?).map_err(|_| Damaged)?;
        let length = reader.count()?;
        Ok(Self { shape, base_unix_us, entries, body: reader.take(length)? })
    }

    /// Visits each entry.
    pub(super) fn each(&self, mut visit: impl FnMut(Key, Stored<'a>)) -> Result<(), Damaged> {
        let mut reader = Reader(self.body);
        let is_pair = self.shape.is_pair();
        for _ in 0..self.entries {
            let a = reader.varint_u32()?;
            let b = if is_pair { reader.varint_u32()? } else { a };
            visit([a, b], Stored::read(&mut reader, self.base_unix_us)?);
        }
        if reader.0.is_empty() { Ok(()) } else { Err(Damaged) }
    }

    /// Appends the table by one of its two texts alone.
    pub(super) fn put_single(&self, out: &mut Vec<u8>, side: usize) -> Result<(), Damaged> {
        let mut groups: Vec<Option<Totals>> = Vec::new();
        self.each(|key, stored| {
            let place = key[side] as usize;
            if place >= groups.len() {
                groups.resize(place + 1, None);
            }
            stored.add_to(groups[place].get_or_insert_default());
        })?;
        let entries: Vec<(Key, &Totals)> = (0..)
            .zip(&groups)
            .filter_map(|(place, group)| Some(([place, place], group.as_ref()?)))
            .collect();
        let shape = Shape::single(self.shape.columns()[side]);
        put(out, shape, self.base_unix_us, entries.into_iter());
        Ok(())
    }
}
