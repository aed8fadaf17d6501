//! Verifies a folder that no collector uses, and salvages a damaged one.
//!
//! [`check`] reads everything: the manifest, the state database, every page and frame of every
//! sealed file, every record of the log. [`repair`] then moves what is damaged out of the way and
//! writes the manifest anew, with the sealed files that a damaged one had forgotten. It deletes
//! nothing.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::config::Durability;
use super::layout::Layout;
use super::lock::FolderLock;
use super::manifest::{Inventory, Manifest, SegmentEntry, TooNew};
use super::open::sealed_files;
use super::rollup;
use super::segment::{Segment, SegmentError, SegmentMemory};
use super::state::{Identity, State};
use super::wal::{Mark, WalFile, WalHeader};
use super::{counters, digests, pack};
use crate::store::{CorruptFile, OpenError};

/// What a folder is found to be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CheckReport {
    /// Files that were read.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// What is damaged: it is not served, or not in whole.
    pub damaged: Vec<CorruptFile>,
    /// What is not damage but worth a word: what a crash leaves, and what the next start takes away.
    pub notes: Vec<CorruptFile>,
    /// Whether [`repair`] has changed the folder.
    pub is_repaired: bool,
    /// What [`repair`] has moved, and where to.
    pub moved: Vec<(PathBuf, PathBuf)>,
}

impl CheckReport {
    /// Whether nothing is damaged.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.damaged.is_empty()
    }
}

/// Reads everything in a folder and says what is damaged. Changes nothing of what is kept.
///
/// # Errors
/// A collector uses the folder, it is none of a collector, or it is from a newer version.
pub fn check(folder: &Path) -> Result<CheckReport, OpenError> {
    Ok(Checker::run(folder)?.report)
}

/// Checks a folder, moves what is damaged into a new folder `set-aside-1`, `-2`, … in it, and
/// writes the manifest anew if it is concerned. What can be read is served by the next start.
///
/// Where the manifest or lines of it were lost, sealed files that it no longer names are named again,
/// but counters, which go aside; agents may then send again frames that are stored, since the marks of
/// how far they came stood in those lines. A damaged state database goes aside together with the log, whose
/// texts it numbers.
///
/// # Errors
/// As [`check`], or a file cannot be moved or written.
pub fn repair(folder: &Path) -> Result<CheckReport, OpenError> {
    let mut checker = Checker::run(folder)?;
    if checker.report.is_sound() {
        return Ok(checker.report);
    }
    let failed = |source| OpenError::Io { path: folder.to_owned(), source };
    checker.repair().map_err(failed)?;
    checker.report.is_repaired = true;
    Ok(checker.report)
}

struct Checker {
    layout: Layout,
    inventory: Inventory,
    identity: Option<Identity>,
    report: CheckReport,
    /// Sealed files that are not to be named any more.
    bad: HashSet<String>,
    _lock: FolderLock,
}

impl Checker {
    fn run(folder: &Path) -> Result<Self, OpenError> {
        let layout = Layout::new(folder.to_owned(), Durability::Power);
        let path = layout.manifest();
        let content = match fs::read(&path) {
            // A folder of a collector that has lost it.
            Err(error) if error.kind() == io::ErrorKind::NotFound && layout.state().exists() => {
                None
            }
            read => Some(read.map_err(|source| OpenError::Io { path, source })?),
        };
        let lock = FolderLock::take(folder, &layout.lock())?;
        let inventory = match Manifest::read(content.as_deref().unwrap_or_default()) {
            Ok((inventory, ..)) => inventory,
            Err(TooNew(found)) => {
                return Err(OpenError::TooNew { path: layout.manifest(), found });
            }
        };
        let (report, bad) = (CheckReport::default(), HashSet::new());
        let mut checker = Self { layout, inventory, identity: None, report, bad, _lock: lock };
        match content {
            Some(content) => checker.manifest(content.len()),
            None => checker.damaged(checker.layout.manifest(), "it is missing"),
        }
        checker.state();
        checker.sealed();
        checker.wal();
        Ok(checker)
    }

    fn read(&mut self, bytes: u64) {
        self.report.files += 1;
        self.report.bytes += bytes;
    }

    fn damaged(&mut self, path: PathBuf, reason: impl Into<String>) {
        self.report.damaged.push(CorruptFile { path, reason: reason.into() });
    }

    fn note(&mut self, path: PathBuf, reason: impl Into<String>) {
        self.report.notes.push(CorruptFile { path, reason: reason.into() });
    }

    fn manifest(&mut self, bytes: usize) {
        self.read(bytes as u64);
        let path = self.layout.manifest();
        if self.inventory.damaged_lines > 0 {
            let why = format!("{} lines are damaged", self.inventory.damaged_lines);
            self.damaged(path.clone(), why);
        }
        if self.inventory.torn_bytes > 0 {
            let why = format!("{} bytes at its end are torn", self.inventory.torn_bytes);
            self.note(path, format!("{why}: a seal that did not happen, or damage"));
        }
    }

    fn state(&mut self) {
        let path = self.layout.state();
        let Ok(metadata) = fs::metadata(&path) else {
            return self.damaged(path, "it is missing: identity, texts and alerts are in it");
        };
        self.read(metadata.len());
        let opened = State::open(&path, Durability::Power).and_then(|(state, identity)| {
            let sound = state.texts().and_then(|_| state.verify());
            state.close();
            sound.map(|()| identity)
        });
        match opened {
            Ok(identity) => self.identity = Some(identity),
            Err(why) => self.damaged(path, why),
        }
    }

    fn sealed(&mut self) {
        let memory = SegmentMemory::new(0, 0);
        for entry in self.inventory.segments.clone() {
            let (file, rollup) = (entry.file.clone(), entry.rollup);
            let mut segment = None;
            self.file(&file, entry.bytes, |path| {
                let opened = Segment::open(path, entry, &memory).map_err(told)?;
                opened.verify().map_err(told)?;
                segment = Some(opened);
                Ok(())
            });
            let Some(rollup) = rollup else { continue };
            let rolled = rolled(&file);
            match segment {
                Some(segment) => self.file(&rolled, rollup.bytes, |path| {
                    segment.verify_rollup(path, rollup).map_err(told)
                }),
                // It says nothing without its rows.
                None => _ = self.bad.insert(rolled),
            }
        }
        for entry in self.inventory.packs.clone() {
            self.file(&entry.file, entry.bytes, pack::verify);
        }
        for entry in self.inventory.counters.clone() {
            self.file(&entry.file, entry.bytes, counters::verify);
        }
        for entry in self.inventory.digests.clone() {
            self.file(&entry.file, entry.bytes, digests::verify);
        }
        for Unnamed { path, is_lost, .. } in self.unnamed() {
            if is_lost {
                self.damaged(path, "the manifest does not name it any more");
            } else {
                self.note(path, "a rest of a seal or a purge: the next start takes it away");
            }
        }
    }

    fn file(
        &mut self,
        relative: &str,
        bytes: u64,
        verify: impl FnOnce(&Path) -> Result<(), String>,
    ) {
        let path = self.layout.sealed(relative);
        let found = match fs::metadata(&path) {
            Ok(metadata) if metadata.len() == bytes => {
                self.read(bytes);
                verify(&path)
            }
            Ok(metadata) => Err(format!("it has {} bytes, not {bytes}", metadata.len())),
            Err(error) => Err(error.to_string()),
        };
        if let Err(why) = found {
            self.bad.insert(relative.to_owned());
            self.damaged(path, why);
        }
    }

    /// Sealed files that the manifest does not name.
    fn unnamed(&self) -> Vec<Unnamed> {
        let inventory = &self.inventory;
        let segments = inventory.segments.iter().map(|entry| &entry.file);
        let packs = inventory.packs.iter().map(|entry| &entry.file);
        let counters = inventory.counters.iter().map(|entry| &entry.file);
        let digests = inventory.digests.iter().map(|entry| &entry.file);
        let named = segments.chain(packs).chain(counters).chain(digests);
        let mut named: HashSet<PathBuf> = named.map(|file| self.layout.sealed(file)).collect();
        let with_rollup = inventory.segments.iter().filter(|entry| entry.rollup.is_some());
        named.extend(with_rollup.map(|entry| rollup::path_of(&self.layout.sealed(&entry.file))));
        let unlinked = |file: &String| self.layout.sealed(file);
        let unlinked: HashSet<PathBuf> = inventory.unlinked.iter().map(unlinked).collect();
        let in_the_log: HashSet<u64> = self.wal_files().into_iter().map(|(n, _)| n).collect();
        let unnamed = sealed_files(&self.layout).filter(|(_, path)| !named.contains(path));
        unnamed
            .map(|(generation, path)| {
                let is_left_over = unlinked.contains(&path) || rollup::is_left_over(&path, &named);
                let is_lost = !in_the_log.contains(&generation) && !is_left_over;
                Unnamed { generation, path, is_lost }
            })
            .collect()
    }

    /// WAL files with the numbers of their generations, in order.
    fn wal_files(&self) -> Vec<(u64, PathBuf)> {
        let entries = fs::read_dir(self.layout.wal_folder()).into_iter().flatten().flatten();
        let numbered = entries.filter_map(|entry| {
            let path = entry.path();
            let number = path.file_stem()?.to_str()?.parse().ok()?;
            (path.extension() == Some(OsStr::new("wal"))).then_some((number, path))
        });
        let mut files: Vec<_> = numbered.collect();
        files.sort_unstable();
        files
    }

    fn wal(&mut self) {
        let Some(Identity { store_id, .. }) = self.identity else { return };
        let mut read = Vec::new();
        for (generation, path) in self.wal_files() {
            match WalFile::read(&path, &WalHeader { store_id, generation }) {
                Ok(file) => read.push((generation, path, file)),
                Err(error) => self.damaged(path, error.to_string()),
            }
        }
        let mark = read.iter().map(|(_, _, file)| file.mark).max().unwrap_or_default();
        for (generation, path, file) in read {
            self.read(file.bytes());
            let safe_bytes = safe_bytes(mark, generation);
            let (damaged, torn_bytes) = file.inspect(safe_bytes);
            if damaged > 0 {
                self.damaged(path.clone(), format!("{damaged} records are damaged"));
            }
            if torn_bytes > 0 {
                let why = format!("{torn_bytes} bytes at its end are torn: not acknowledged");
                self.note(path, why);
            }
        }
    }

    fn repair(&mut self) -> io::Result<()> {
        let aside = free_folder(self.layout.folder());
        let is_state_bad = self.identity.is_none();
        let manifest = self.layout.manifest();
        let mut moves: Vec<PathBuf> =
            self.bad.iter().map(|file| self.layout.sealed(file)).collect();
        for CorruptFile { path, .. } in &self.report.damaged {
            let header = path.starts_with(self.layout.wal_folder());
            if header && WalFile::has_no_header(path)? {
                moves.push(path.clone());
            }
        }
        if is_state_bad {
            let state = self.layout.state();
            let beside = ["-wal", "-shm"].map(|ending| {
                let mut name = state.clone().into_os_string();
                name.push(ending);
                PathBuf::from(name)
            });
            moves.push(state);
            moves.extend(beside);
            moves.extend(self.wal_files().into_iter().map(|(_, path)| path));
        }
        fs::create_dir_all(&aside)?;
        // The manifest as it was, before anything is changed.
        if manifest.exists() {
            fs::copy(&manifest, aside.join("manifest"))?;
        }
        let bad = std::mem::take(&mut self.bad);
        let inventory = &mut self.inventory;
        inventory.segments.retain(|entry| !bad.contains(&entry.file));
        for entry in &mut inventory.segments {
            entry.rollup = entry.rollup.filter(|_| !bad.contains(&rolled(&entry.file)));
        }
        inventory.packs.retain(|entry| !bad.contains(&entry.file));
        inventory.counters.retain(|entry| !bad.contains(&entry.file));
        inventory.digests.retain(|entry| !bad.contains(&entry.file));
        moves.extend(self.name_again(&bad));
        Manifest::rewrite(&self.layout, &self.inventory)?;
        moves.sort_unstable();
        moves.dedup();
        for from in moves {
            self.set_aside(&aside, from)?;
        }
        self.layout.sync_folder(self.layout.folder())
    }

    fn set_aside(&mut self, aside: &Path, from: PathBuf) -> io::Result<()> {
        let to = aside.join(from.strip_prefix(self.layout.folder()).unwrap_or(&from));
        if let Some(folder) = to.parent() {
            fs::create_dir_all(folder)?;
        }
        match fs::rename(&from, &to) {
            Ok(()) => self.report.moved.push((from, to)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Names sealed files again that a manifest has lost and that can be read. The others, and those
    /// of counters, are answered: they go aside.
    fn name_again(&mut self, bad: &HashSet<String>) -> Vec<PathBuf> {
        let mut others = Vec::new();
        for Unnamed { generation, path, is_lost } in self.unnamed() {
            let Ok(relative) = path.strip_prefix(self.layout.folder()) else { continue };
            let file = relative.to_string_lossy().into_owned();
            if !is_lost || bad.contains(&file) {
                continue;
            }
            let inventory = &mut self.inventory;
            let ending = path.extension().and_then(OsStr::to_str).unwrap_or_default();
            let is_named = match ending {
                "parquet" => add(&mut inventory.segments, salvage_segment(&path, file)),
                "pf" => add(&mut inventory.packs, pack::salvage(&path, generation, file)),
                "dig" | "di5" => {
                    add(&mut inventory.digests, digests::salvage(&path, ending == "dig", file))
                }
                // Named with its segment.
                "rol" => true,
                _ => false,
            };
            if !is_named {
                others.push(path);
            }
        }
        others
    }
}

/// A sealed file that the manifest does not name.
struct Unnamed {
    generation: u64,
    path: PathBuf,
    /// Whether the manifest has lost it; else it is sealed anew from the log, or retention took it.
    is_lost: bool,
}

/// Adds what there is, and says whether there was anything.
fn add<T>(entries: &mut Vec<T>, entry: Option<T>) -> bool {
    let is_there = entry.is_some();
    entries.extend(entry);
    is_there
}

/// The file of a segment's rollups as the manifest would name it.
fn rolled(segment: &str) -> String {
    rollup::path_of(Path::new(segment)).to_string_lossy().into_owned()
}

fn told(error: SegmentError) -> String {
    match error {
        SegmentError::Damaged(why) => why,
        SegmentError::Io(error) => error.to_string(),
    }
}

/// The entry of a segment as its file tells it, with its rollups if they are sound; `None` when it is
/// damaged.
fn salvage_segment(path: &Path, file: String) -> Option<SegmentEntry> {
    let mut entry = SegmentEntry { file, ..Segment::describe(path).ok()? };
    let segment = Segment::open(path, entry.clone(), &SegmentMemory::new(0, 0)).ok()?;
    segment.verify().ok()?;
    let rolled = rollup::path_of(path);
    entry.rollup =
        rollup::read_sum(&rolled).filter(|rollup| segment.verify_rollup(&rolled, *rollup).is_ok());
    Some(entry)
}

/// How much of a file of the log was on disk for certain.
fn safe_bytes(mark: Mark, generation: u64) -> u64 {
    match mark.generation.cmp(&generation) {
        std::cmp::Ordering::Greater => u64::MAX,
        std::cmp::Ordering::Equal => mark.bytes,
        std::cmp::Ordering::Less => 0,
    }
}

/// A folder that is not there yet.
fn free_folder(folder: &Path) -> PathBuf {
    let candidates = (1u32..).map(|number| folder.join(format!("set-aside-{number}")));
    let mut free = candidates.filter(|path| !path.exists());
    free.next().unwrap_or_else(|| folder.join("set-aside"))
}
