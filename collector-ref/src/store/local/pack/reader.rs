//! Reads a pack's index and its frames.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use scouter_wire::codec::SectionDecoder;
use scouter_wire::record::Step;
use scouter_wire::{TextKind, TextRef};

use super::{HEADER_BYTES, MAGIC, MAX_INDEX_BYTES, TRAILER_BYTES, TRAILER_MAGIC};
use crate::store::local::bytes::{Damaged, Reader};
use crate::store::local::layout::{HOUR_US, Hour};
use crate::store::local::manifest::PackEntry;
use crate::store::local::texts::UNKNOWN;
use crate::store::{ProfileMissing, Texts};

/// The index of one pack, with its file.
#[derive(Debug)]
pub(crate) struct PackIndex {
    file: File,
    texts: Vec<Arc<str>>,
    frames: Vec<FrameEntry>,
    profiles: u64,
    /// Numbers of all frames' text tables, one after another, as varints: a look-up needs those of
    /// one frame, and all of them decoded take twice the memory.
    frame_texts: Box<[u8]>,
    /// By txid.
    orphans: Vec<(u64, u32, u32)>,
}

#[derive(Debug, Clone, Copy)]
struct FrameEntry {
    offset: u64,
    bytes: u32,
    sum: u32,
    /// Where its text numbers begin.
    texts_at: u32,
    texts: u32,
}

impl PackIndex {
    /// Reads the index. The inner error is damage.
    pub(crate) fn open(path: &Path) -> io::Result<Result<Self, Damaged>> {
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        let Some(trailer_at) = length.checked_sub(TRAILER_BYTES as u64) else {
            return Ok(Err(Damaged));
        };
        let mut header = [0; HEADER_BYTES];
        let mut trailer = [0; TRAILER_BYTES];
        file.read_exact_at(&mut header, 0)?;
        file.read_exact_at(&mut trailer, trailer_at)?;
        let Ok((offset, bytes, raw, sum)) = read_trailer(&header, &trailer) else {
            return Ok(Err(Damaged));
        };
        if raw > MAX_INDEX_BYTES || offset.checked_add(bytes as u64) != Some(trailer_at) {
            return Ok(Err(Damaged));
        }
        let mut compressed = vec![0; bytes];
        file.read_exact_at(&mut compressed, offset)?;
        if crc32c::crc32c(&compressed) != sum {
            return Ok(Err(Damaged));
        }
        let Ok(index) = zstd::bulk::decompress(&compressed, raw) else { return Ok(Err(Damaged)) };
        Ok(Self::parse(file, &index, offset))
    }

    fn parse(file: File, index: &[u8], end: u64) -> Result<Self, Damaged> {
        let mut reader = Reader(index);
        let texts = (0..reader.count()?)
            .map(|_| reader.text().map(Arc::from))
            .collect::<Result<Vec<Arc<str>>, _>>()?;
        let count = reader.count()?;
        let mut frames = Vec::with_capacity(count);
        let mut offset = HEADER_BYTES as u64;
        for _ in 0..count {
            let bytes = reader.varint_u32()?;
            frames.push(FrameEntry { offset, bytes, sum: 0, texts_at: 0, texts: 0 });
            offset += u64::from(bytes);
        }
        if offset != end {
            return Err(Damaged);
        }
        for frame in &mut frames {
            frame.sum = reader.u32()?;
        }
        let mut profiles = 0u64;
        for _ in 0..count {
            profiles = profiles.saturating_add(reader.varint()?);
        }
        for frame in &mut frames {
            frame.texts = reader.varint_u32()?;
        }
        let numbers = reader.0;
        let mut at = 0;
        for frame in &mut frames {
            frame.texts_at = u32::try_from(at).map_err(|_| Damaged)?;
            at += length_of_varints(&numbers[at..], frame.texts)?;
        }
        let frame_texts = reader.take(at)?.into();
        let count = reader.count()?;
        let orphan = |_| Ok((reader.u64()?, reader.varint_u32()?, reader.varint_u32()?));
        let orphans = (0..count).map(orphan).collect::<Result<_, _>>()?;
        Ok(Self { file, texts, frames, profiles, frame_texts, orphans })
    }

    /// Where the profile of a transaction of another generation lies.
    pub(crate) fn orphan(&self, txid: u64) -> Option<(u32, u32)> {
        let at = self.orphans.binary_search_by_key(&txid, |(txid, _, _)| *txid).ok()?;
        let (_, frame, index) = self.orphans[at];
        Some((frame, index))
    }

    /// The bytes of a frame and its texts.
    pub(crate) fn frame(&self, frame: u32) -> Result<(Vec<u8>, FrameTexts), ProfileMissing> {
        let entry = self.frames.get(frame as usize).ok_or_else(|| damaged("no such frame"))?;
        let mut section = vec![0; entry.bytes as usize];
        self.file.read_exact_at(&mut section, entry.offset).map_err(ProfileMissing::Io)?;
        if crc32c::crc32c(&section) != entry.sum {
            return Err(damaged("the checksum of its frame does not match"));
        }
        let mut numbers = Reader(&self.frame_texts[entry.texts_at as usize..]);
        let text = |_| {
            Ok(match (numbers.varint_u32()? as usize).checked_sub(1) {
                None => Arc::from(""),
                Some(index) => self.texts.get(index).cloned().unwrap_or_else(|| UNKNOWN.into()),
            })
        };
        let texts: Result<Vec<_>, Damaged> = (0..entry.texts).map(text).collect();
        let texts = texts.map_err(|_| damaged("the texts of its frame are damaged"))?;
        Ok((section, FrameTexts(texts)))
    }
}

/// How many bytes so many varints take.
fn length_of_varints(bytes: &[u8], count: u32) -> Result<usize, Damaged> {
    let Some(last) = (count as usize).checked_sub(1) else { return Ok(0) };
    let mut ends = bytes.iter().enumerate().filter(|(_, byte)| **byte < 0x80);
    ends.nth(last).map(|(place, _)| place + 1).ok_or(Damaged)
}

/// Reads the index and every frame of a pack.
pub(crate) fn verify(path: &Path) -> Result<(), String> {
    let index = PackIndex::open(path).map_err(|error| error.to_string())?;
    let index = index.map_err(|damaged| damaged.to_string())?;
    for frame in (0..).take(index.frames.len()) {
        index.frame(frame).map_err(|missing| missing.to_string())?;
    }
    Ok(())
}

/// The entry of a pack as its file tells it; `None` when it is damaged. The time of its newest row
/// is not in it: the end of its folder's hour stands for that.
pub(crate) fn salvage(path: &Path, generation: u64, file: String) -> Option<PackEntry> {
    verify(path).ok()?;
    let index = PackIndex::open(path).ok()?.ok()?;
    let hour = Hour::of_folder(path.parent()?)?;
    Some(PackEntry {
        id: u32::try_from(generation).ok()?,
        file,
        bytes: index.file.metadata().ok()?.len(),
        profiles: index.profiles,
        last_unix_us: (hour.0 + 1).saturating_mul(HOUR_US) - 1,
        orphans: index.orphans.len() as u64,
    })
}

fn damaged(why: &str) -> ProfileMissing {
    ProfileMissing::Corrupt(why.to_owned())
}

fn read_trailer(header: &[u8], trailer: &[u8]) -> Result<(u64, usize, usize, u32), Damaged> {
    let mut reader = Reader(trailer);
    let (offset, bytes, raw) = (reader.u64()?, reader.u32()? as usize, reader.u32()? as usize);
    let sum = reader.u32()?;
    if header[..8] != MAGIC || reader.0 != TRAILER_MAGIC {
        return Err(Damaged);
    }
    Ok((offset, bytes, raw, sum))
}

/// Texts of one frame, by their place in its table.
///
/// The sections are decoded with places (from 1 on) instead of store numbers, so that hot and
/// sealed frames are read alike.
#[derive(Debug)]
pub(crate) struct FrameTexts(pub(crate) Vec<Arc<str>>);

impl Texts for FrameTexts {
    fn text(&self, _kind: TextKind, id: TextRef) -> &str {
        match (id.0 as usize).checked_sub(1) {
            None => "",
            Some(place) => self.0.get(place).map_or(UNKNOWN, |text| text),
        }
    }
}

/// Decodes one profile of a section.
pub(crate) fn read_frame(
    section: &[u8],
    texts: &FrameTexts,
    index: u32,
    visit: &mut dyn FnMut(&Step<'_>, &dyn Texts),
) -> Result<(), ProfileMissing> {
    let corrupt = |error: scouter_wire::codec::DecodeError| damaged(&error.to_string());
    // An entry without a text keeps its place but resolves to "no text".
    let places: Vec<TextRef> = (1..).zip(&texts.0).map(|(place, _)| TextRef(place)).collect();
    let mut decoder = SectionDecoder::new().map_err(corrupt)?;
    let profiles = decoder.profiles(section, &places).map_err(corrupt)?;
    profiles.steps(index as usize, |step| visit(step, texts)).map_err(corrupt)
}
