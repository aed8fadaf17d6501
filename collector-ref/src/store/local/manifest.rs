//! The manifest: which sealed files count, and what was known when they were sealed.
//!
//! One line per event: checksum, JSON. A seal counts from the moment its line is durable; before
//! that its rows are recovered from the WAL. A torn last line is a seal that did not happen and is
//! cut off. When most lines are out of date the file is written anew beside the old one and renamed
//! over it.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::layout::Layout;
use crate::store::{Origin, OriginMark};
use scouter_wire::ObjectId;

/// Version of the data folder's layout.
const FORMAT: u32 = 1;

/// Lines after which a manifest with few live files is written anew.
const MAX_STALE_LINES: usize = 4_096;

/// One event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(crate) enum Event {
    /// First line of every manifest.
    Format { format: u32 },
    /// A generation has been sealed.
    Sealed(Sealed),
    /// Retention has unlinked files.
    Unlinked { files: Vec<String> },
}

/// What came of one generation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sealed {
    pub(crate) generation: u64,
    /// Arrival number of its last row.
    pub(crate) cursor: u64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) segments: Vec<SegmentEntry>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) pack: Option<PackEntry>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) counters: Option<CounterEntry>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) digests: Vec<DigestEntry>,
    /// Origins that changed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) origins: Vec<OriginEntry>,
}

/// A segment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SegmentEntry {
    pub(crate) file: String,
    pub(crate) bytes: u64,
    pub(crate) rows: u64,
    pub(crate) first_unix_us: i64,
    pub(crate) last_unix_us: i64,
    pub(crate) first_txid: u64,
    pub(crate) last_txid: u64,
    /// Rows of an hour that was over when their generation began.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) is_late: bool,
    /// Length and crc32c of what lies behind the pages.
    pub(crate) tail_bytes: u64,
    pub(crate) tail_sum: u32,
    /// Its file of rollups; older and small segments have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) rollup: Option<RollupEntry>,
}

impl SegmentEntry {
    /// Bytes of its file and of that of its rollups.
    pub(crate) fn disk_bytes(&self) -> u64 {
        self.bytes + self.rollup.map_or(0, |rollup| rollup.bytes)
    }
}

/// The rollups of a segment: the file beside it with the ending `rol`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RollupEntry {
    pub(crate) bytes: u64,
    /// crc32c of its head, which has those of its parts.
    pub(crate) sum: u32,
}

/// A profile pack.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PackEntry {
    pub(crate) id: u32,
    pub(crate) file: String,
    pub(crate) bytes: u64,
    pub(crate) profiles: u64,
    /// Newest row it belongs to.
    pub(crate) last_unix_us: i64,
    /// Profiles whose rows lie in other generations.
    pub(crate) orphans: u64,
}

/// A file of counter values.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CounterEntry {
    pub(crate) file: String,
    pub(crate) bytes: u64,
    pub(crate) points: u64,
    pub(crate) first_unix_us: i64,
    pub(crate) last_unix_us: i64,
}

/// A file of digests.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DigestEntry {
    pub(crate) file: String,
    pub(crate) bytes: u64,
    /// Length of its intervals.
    pub(crate) step_us: i64,
    /// Begin of its first interval.
    pub(crate) first_unix_us: i64,
    /// Begin of its last interval.
    pub(crate) last_unix_us: i64,
}

/// An [`OriginMark`] with its numbers as JSON can hold them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OriginEntry {
    /// 32 hex digits.
    instance: String,
    epoch: u64,
    object: u32,
    high_water: u64,
    xlogs: u64,
    profiles: u64,
}

impl From<OriginMark> for OriginEntry {
    fn from(mark: OriginMark) -> Self {
        Self {
            instance: format!("{:032x}", mark.origin.instance),
            epoch: mark.origin.epoch,
            object: mark.object.0,
            high_water: mark.high_water,
            xlogs: mark.xlogs,
            profiles: mark.profiles,
        }
    }
}

impl OriginEntry {
    pub(crate) fn mark(&self) -> Option<OriginMark> {
        let instance = u128::from_str_radix(&self.instance, 16).ok()?;
        Some(OriginMark {
            origin: Origin { instance, epoch: self.epoch },
            object: ObjectId(self.object),
            high_water: self.high_water,
            xlogs: self.xlogs,
            profiles: self.profiles,
        })
    }
}

/// What the manifest says when it is opened.
#[derive(Debug, Default)]
pub(crate) struct Inventory {
    pub(crate) segments: Vec<SegmentEntry>,
    pub(crate) packs: Vec<PackEntry>,
    pub(crate) counters: Vec<CounterEntry>,
    pub(crate) digests: Vec<DigestEntry>,
    pub(crate) origins: Vec<OriginMark>,
    /// Files that retention has taken away since the manifest was last written anew. Only of these
    /// what is still on the disk may be deleted: whatever else is not named was lost.
    pub(crate) unlinked: HashSet<String>,
    /// Highest generation sealed; the WAL files up to it are out of date.
    pub(crate) generation: u64,
    pub(crate) cursor: u64,
    /// Bytes cut off the end.
    pub(crate) torn_bytes: u64,
    /// Lines in the middle that were damaged.
    pub(crate) damaged_lines: u64,
}

/// The open manifest.
#[derive(Debug)]
pub(crate) struct Manifest {
    file: File,
    bytes: u64,
    lines: usize,
}

/// The format is newer than this version knows.
#[derive(Debug)]
pub(crate) struct TooNew(pub(crate) u32);

impl Manifest {
    /// Opens or makes the manifest and says what it holds.
    pub(crate) fn open(layout: &Layout) -> io::Result<Result<(Self, Inventory), TooNew>> {
        let path = layout.manifest();
        let content = match fs::read(&path) {
            Ok(content) => content,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error),
        };
        let (inventory, good, lines) = match Self::read(&content) {
            Ok(read) => read,
            Err(too_new) => return Ok(Err(too_new)),
        };
        let file = OpenOptions::new().create(true).append(true).read(true).open(&path)?;
        if inventory.torn_bytes > 0 {
            file.set_len(good as u64)?;
        }
        let mut manifest = Self { file, bytes: good as u64, lines };
        if good == 0 {
            manifest.append(layout, &Event::Format { format: FORMAT })?;
            layout.sync_folder(layout.folder())?;
        } else if lines > MAX_STALE_LINES && lines > 2 * inventory.segments.len() {
            manifest = Self::rewrite(layout, &inventory)?;
        }
        Ok(Ok((manifest, inventory)))
    }

    /// What the content of a manifest says, where its last good line ends, and its number of lines.
    pub(crate) fn read(content: &[u8]) -> Result<(Inventory, usize, usize), TooNew> {
        let mut inventory = Inventory::default();
        let mut origins = super::origins::Origins::default();
        let (mut good, mut at, mut lines, mut bad) = (0, 0, 0, 0);
        while let Some(length) = content[at..].iter().position(|byte| *byte == b'\n') {
            match parse_line(&content[at..at + length]) {
                Some(Event::Format { format }) if format > FORMAT => {
                    return Err(TooNew(format));
                }
                Some(event) => {
                    inventory.apply(event, &mut origins);
                    good = at + length + 1;
                    // Bad lines in front of a good one have rotted; at the end they are torn.
                    inventory.damaged_lines += std::mem::take(&mut bad);
                }
                None => bad += 1,
            }
            lines += 1;
            at += length + 1;
        }
        inventory.origins = origins.all();
        inventory.torn_bytes = (content.len() - good) as u64;
        Ok((inventory, good, lines))
    }

    /// Appends an event and makes it durable.
    ///
    /// # Errors
    /// The event does not count: what was written of it has been cut off, or is cut off as torn
    /// when the manifest is opened again.
    pub(crate) fn append(&mut self, layout: &Layout, event: &Event) -> io::Result<()> {
        let line = format_line(event)?;
        let written = self.file.write_all(&line).and_then(|()| layout.sync_file(&self.file));
        if let Err(error) = written {
            // If this fails too, the torn line is cut off at the next start.
            let _uncut = self.file.set_len(self.bytes);
            return Err(error);
        }
        self.bytes += line.len() as u64;
        self.lines += 1;
        Ok(())
    }

    /// Writes a manifest that says the same in few lines.
    pub(crate) fn rewrite(layout: &Layout, inventory: &Inventory) -> io::Result<Self> {
        let path = layout.manifest();
        let new: PathBuf = path.with_extension("new");
        let mut content = format_line(&Event::Format { format: FORMAT })?;
        let mut lines = 1;
        let mut put = |sealed: Sealed| -> io::Result<()> {
            content.extend(format_line(&Event::Sealed(sealed))?);
            lines += 1;
            Ok(())
        };
        for segment in &inventory.segments {
            put(Sealed { segments: vec![segment.clone()], ..Sealed::default() })?;
        }
        for pack in &inventory.packs {
            put(Sealed { pack: Some(pack.clone()), ..Sealed::default() })?;
        }
        for counters in &inventory.counters {
            put(Sealed { counters: Some(counters.clone()), ..Sealed::default() })?;
        }
        for digests in &inventory.digests {
            put(Sealed { digests: vec![digests.clone()], ..Sealed::default() })?;
        }
        put(Sealed {
            generation: inventory.generation,
            cursor: inventory.cursor,
            origins: inventory.origins.iter().copied().map(OriginEntry::from).collect(),
            ..Sealed::default()
        })?;
        let bytes = content.len() as u64;
        let mut file = OpenOptions::new().create(true).write(true).truncate(true).open(&new)?;
        file.write_all(&content)?;
        layout.sync_file(&file)?;
        fs::rename(&new, &path)?;
        layout.sync_folder(layout.folder())?;
        let file = OpenOptions::new().append(true).read(true).open(&path)?;
        Ok(Self { file, bytes, lines })
    }
}

impl Inventory {
    fn apply(&mut self, event: Event, origins: &mut super::origins::Origins) {
        match event {
            Event::Format { .. } => {}
            Event::Sealed(sealed) => {
                self.generation = self.generation.max(sealed.generation);
                self.cursor = self.cursor.max(sealed.cursor);
                self.segments.extend(sealed.segments);
                self.packs.extend(sealed.pack);
                self.counters.extend(sealed.counters);
                self.digests.extend(sealed.digests);
                sealed.origins.iter().filter_map(OriginEntry::mark).for_each(|mark| {
                    origins.restore(mark);
                });
            }
            Event::Unlinked { files } => {
                self.segments.retain(|segment| !files.contains(&segment.file));
                self.packs.retain(|pack| !files.contains(&pack.file));
                self.counters.retain(|counters| !files.contains(&counters.file));
                self.digests.retain(|digests| !files.contains(&digests.file));
                self.unlinked.extend(files);
            }
        }
    }
}

fn format_line(event: &Event) -> io::Result<Vec<u8>> {
    let json = serde_json::to_string(event)?;
    Ok(format!("{:08x} {json}\n", crc32c::crc32c(json.as_bytes())).into_bytes())
}

fn parse_line(line: &[u8]) -> Option<Event> {
    let (sum, json) = line.split_at_checked(9)?;
    let sum = u32::from_str_radix(std::str::from_utf8(sum).ok()?.trim_end(), 16).ok()?;
    if crc32c::crc32c(json) != sum {
        return None;
    }
    serde_json::from_slice(json).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::local::config::Durability;

    fn sealed(generation: u64) -> Event {
        let file = format!("data/x/seg-{generation}.parquet");
        let segment = SegmentEntry { file, rows: generation, ..SegmentEntry::default() };
        let mark = OriginMark {
            origin: Origin { instance: u128::MAX, epoch: 1 },
            object: ObjectId(1),
            high_water: generation,
            xlogs: generation,
            profiles: 0,
        };
        Event::Sealed(Sealed {
            generation,
            cursor: 10 * generation,
            segments: vec![segment],
            origins: vec![mark.into()],
            ..Sealed::default()
        })
    }

    fn open(layout: &Layout) -> (Manifest, Inventory) {
        Manifest::open(layout).unwrap().unwrap()
    }

    #[test]
    fn events_come_back_and_a_torn_line_is_cut_at_every_byte() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::new(folder.path().to_owned(), Durability::Power);
        let (mut manifest, inventory) = open(&layout);
        assert_eq!(inventory.generation, 0);
        manifest.append(&layout, &sealed(1)).unwrap();
        let first = fs::read(layout.manifest()).unwrap().len();
        manifest.append(&layout, &sealed(2)).unwrap();
        let whole = fs::read(layout.manifest()).unwrap();
        for cut in first..whole.len() {
            fs::write(layout.manifest(), &whole[..cut]).unwrap();
            let (mut manifest, inventory) = open(&layout);
            assert_eq!(inventory.generation, 1, "cut at {cut}");
            assert_eq!(inventory.origins[0].high_water, 1);
            manifest.append(&layout, &sealed(3)).unwrap();
            assert_eq!(open(&layout).1.generation, 3, "cut at {cut}");
        }
    }

    #[test]
    fn unlinked_files_do_not_count_and_a_damaged_line_costs_only_itself() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::new(folder.path().to_owned(), Durability::None);
        let (mut manifest, _) = open(&layout);
        for generation in 1..=3 {
            manifest.append(&layout, &sealed(generation)).unwrap();
        }
        let files = vec!["data/x/seg-1.parquet".to_owned()];
        manifest.append(&layout, &Event::Unlinked { files }).unwrap();
        assert_eq!(open(&layout).1.segments.len(), 2);
        let mut content = fs::read(layout.manifest()).unwrap();
        let second = content.windows(13).position(|w| w == b"seg-2.parquet").unwrap();
        content[second] ^= 1;
        fs::write(layout.manifest(), content).unwrap();
        let (_, inventory) = open(&layout);
        assert_eq!((inventory.segments.len(), inventory.damaged_lines), (1, 1));
        assert_eq!(inventory.generation, 3);
    }

    #[test]
    fn many_stale_lines_are_written_anew_and_say_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::new(folder.path().to_owned(), Durability::None);
        let (mut manifest, _) = open(&layout);
        manifest.append(&layout, &sealed(7)).unwrap();
        manifest.append(&layout, &sealed(9)).unwrap();
        for _ in 0..MAX_STALE_LINES {
            manifest.append(&layout, &Event::Unlinked { files: vec![] }).unwrap();
        }
        let before = open(&layout).1;
        let after = open(&layout).1;
        assert_eq!(before.segments, after.segments);
        assert_eq!(before.origins, after.origins);
        assert_eq!((after.generation, after.cursor), (9, 90));
        assert!(fs::read(layout.manifest()).unwrap().len() < 4_096);
    }

    #[test]
    fn a_newer_format_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::new(folder.path().to_owned(), Durability::None);
        let line = format_line(&Event::Format { format: 99 }).unwrap();
        fs::write(layout.manifest(), line).unwrap();
        assert!(matches!(Manifest::open(&layout).unwrap(), Err(TooNew(99))));
    }
}
