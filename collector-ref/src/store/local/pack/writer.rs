//! Writes the pack of a generation out of its WAL file.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::{HEADER_BYTES, MAGIC, TRAILER_MAGIC};
use crate::store::local::bytes::{put_text, put_varint};
use crate::store::local::hot::HotFrame;
use crate::store::local::texts::{Dictionary, UNKNOWN};

/// What is written beside the sections.
#[derive(Debug)]
pub(crate) struct PackContent<'a> {
    pub(crate) id: u32,
    pub(crate) wal: &'a File,
    pub(crate) frames: &'a [HotFrame],
    /// Txid, frame, index of profiles whose rows lie elsewhere.
    pub(crate) orphans: Vec<(u64, u32, u32)>,
    pub(crate) dictionary: &'a Dictionary,
}

/// Writes a pack; answers the open file, to be synced, and its length.
pub(crate) fn write(path: &Path, content: PackContent<'_>) -> io::Result<(File, u64)> {
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path)?);
    out.write_all(&MAGIC)?;
    out.write_all(&content.id.to_le_bytes())?;
    out.write_all(&[0; 4])?;
    let mut texts = PackTexts::default();
    let mut frames = Frames::default();
    let mut section = Vec::new();
    let mut offset = HEADER_BYTES as u64;
    for frame in content.frames {
        section.resize(frame.bytes as usize, 0);
        content.wal.read_exact_at(&mut section, frame.offset)?;
        out.write_all(&section)?;
        offset += section.len() as u64;
        frames.push(frame, &section, &mut texts);
    }
    let index = build_index(&texts, &frames, content.orphans, content.dictionary);
    let compressed = zstd::bulk::compress(&index, 1)?;
    out.write_all(&compressed)?;
    out.write_all(&offset.to_le_bytes())?;
    let length = |bytes: usize| u32::try_from(bytes).map_err(|_| io::ErrorKind::FileTooLarge);
    out.write_all(&length(compressed.len())?.to_le_bytes())?;
    out.write_all(&length(index.len())?.to_le_bytes())?;
    out.write_all(&crc32c::crc32c(&compressed).to_le_bytes())?;
    out.write_all(&TRAILER_MAGIC)?;
    let bytes = offset + compressed.len() as u64 + super::TRAILER_BYTES as u64;
    Ok((out.into_inner()?, bytes))
}

/// Texts of a pack, numbered from 1 in the order in which they are met.
#[derive(Debug, Default)]
struct PackTexts {
    numbers: HashMap<(u8, u32), u64>,
    order: Vec<(u8, u32)>,
}

impl PackTexts {
    fn number(&mut self, kind: u8, id: u32) -> u64 {
        if id == 0 {
            return 0;
        }
        let next = self.order.len() as u64 + 1;
        let number = *self.numbers.entry((kind, id)).or_insert(next);
        if number == next {
            self.order.push((kind, id));
        }
        number
    }
}

/// The frames' part of the index, by columns.
#[derive(Debug, Default)]
struct Frames {
    count: u64,
    lengths: Vec<u8>,
    sums: Vec<u8>,
    profiles: Vec<u8>,
    text_counts: Vec<u8>,
    texts: Vec<u8>,
}

impl Frames {
    fn push(&mut self, frame: &HotFrame, section: &[u8], texts: &mut PackTexts) {
        self.count += 1;
        put_varint(&mut self.lengths, section.len() as u64);
        self.sums.extend_from_slice(&crc32c::crc32c(section).to_le_bytes());
        put_varint(&mut self.profiles, u64::from(frame.profiles));
        put_varint(&mut self.text_counts, frame.texts.len() as u64);
        for (kind, id) in &frame.texts {
            put_varint(&mut self.texts, texts.number(*kind, id.0));
        }
    }
}

fn build_index(
    texts: &PackTexts,
    frames: &Frames,
    mut orphans: Vec<(u64, u32, u32)>,
    dictionary: &Dictionary,
) -> Vec<u8> {
    let mut index = Vec::new();
    put_varint(&mut index, texts.order.len() as u64);
    for (kind, id) in &texts.order {
        put_text(&mut index, dictionary.text(*kind, *id).as_deref().unwrap_or(UNKNOWN));
    }
    put_varint(&mut index, frames.count);
    for column in
        [&frames.lengths, &frames.sums, &frames.profiles, &frames.text_counts, &frames.texts]
    {
        index.extend_from_slice(column);
    }
    orphans.sort_unstable();
    put_varint(&mut index, orphans.len() as u64);
    for (txid, frame, place) in orphans {
        index.extend_from_slice(&txid.to_le_bytes());
        put_varint(&mut index, u64::from(frame));
        put_varint(&mut index, u64::from(place));
    }
    index
}
