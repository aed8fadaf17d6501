//! A file that takes what does not fit the window while the collector is away.
//!
//! It extends the memory of the process and does not outlive it: the file is removed from its folder
//! as soon as it is open, so that a crash leaves nothing behind and nobody else can open it. What is
//! in it is not encrypted; it is what would be sent.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::Path;

use scouter_wire::codec::EncodedBatch;
use scouter_wire::{TextKind, TextRef};

/// Most bytes of the spool unless it is said, 256 MiB: half an hour of 1,000 transactions a second
/// with ten steps each.
pub const DEFAULT_SPOOL_BYTES: u64 = 256 * 1024 * 1024;

/// The file is given out in pieces of this length.
const BLOCK_BYTES: usize = 16 * 1024;

/// A text of a batch: its kind and its number.
const TEXT_BYTES: usize = 1 + size_of::<u32>();

/// An open spool.
#[derive(Debug)]
pub(crate) struct Spool {
    file: File,
    free: BTreeSet<u32>,
    /// Blocks that the file has.
    blocks: u32,
    limit_blocks: u32,
    used_blocks: u32,
}

/// Where a batch is in the spool.
#[derive(Debug)]
pub(crate) struct Away {
    /// How many texts it names; they stand before the XLogs, [`TEXT_BYTES`] each.
    texts: usize,
    xlogs: Extent,
    profiles: Extent,
}

#[derive(Debug, Default)]
struct Extent {
    blocks: Vec<u32>,
    bytes: usize,
}

impl Away {
    /// What comes back to memory with it.
    pub(crate) fn bytes(&self) -> usize {
        self.xlogs.bytes + self.profiles.bytes
    }
}

impl Spool {
    /// Opens a spool in a folder, which is made when it is not there.
    ///
    /// # Errors
    /// If the folder cannot be made or takes no file.
    pub(crate) fn open(folder: &Path, limit_bytes: u64) -> io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let name = format!("scouter-{}-{:016x}.spool", std::process::id(), random());
        let path = folder.join(name);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&path)?;
        std::fs::remove_file(&path)?;
        let limit_blocks = u32::try_from(limit_bytes / BLOCK_BYTES as u64).unwrap_or(u32::MAX);
        Ok(Self { file, free: BTreeSet::new(), blocks: 0, limit_blocks, used_blocks: 0 })
    }

    /// Bytes of the file that are in use.
    pub(crate) fn used_bytes(&self) -> u64 {
        u64::from(self.used_blocks) * BLOCK_BYTES as u64
    }

    /// Takes what is in a batch out of memory.
    ///
    /// # Errors
    /// [`ErrorKind::StorageFull`] when the spool has no room; whatever the disk says. The batch is
    /// then as it was.
    pub(crate) fn put(&mut self, batch: &mut EncodedBatch) -> io::Result<Away> {
        let (section, profiles) = batch.sections();
        let texts = batch.texts.len();
        let mut xlogs = Vec::with_capacity(texts * TEXT_BYTES + section.len());
        for (kind, text) in &batch.texts {
            xlogs.push(*kind as u8);
            xlogs.extend_from_slice(&text.0.to_le_bytes());
        }
        xlogs.extend_from_slice(section);
        let xlogs = self.write(&xlogs)?;
        match self.write(profiles) {
            Ok(profiles) => {
                batch.take_sections();
                batch.texts = Vec::new();
                Ok(Away { texts, xlogs, profiles })
            }
            Err(error) => {
                self.release(&xlogs);
                Err(error)
            }
        }
    }

    /// Gives a batch back what was in it; its place is free again, also if that fails.
    ///
    /// # Errors
    /// Whatever the disk says.
    pub(crate) fn take(&mut self, away: &Away, batch: &mut EncodedBatch) -> io::Result<()> {
        let read = self.read(&away.xlogs).and_then(|xlogs| Ok((xlogs, self.read(&away.profiles)?)));
        self.forget(away);
        let (mut xlogs, profiles) = read?;
        let section = xlogs.split_off(away.texts * TEXT_BYTES);
        batch.texts = xlogs
            .chunks_exact(TEXT_BYTES)
            .map(|text| match *text {
                [kind, a, b, c, d] => TextKind::from_wire(kind)
                    .map(|kind| (kind, TextRef(u32::from_le_bytes([a, b, c, d])))),
                _ => None,
            })
            .collect::<Option<_>>()
            .ok_or_else(|| io::Error::from(ErrorKind::InvalidData))?;
        batch.put_sections(section, profiles);
        Ok(())
    }

    /// Frees the place of a batch that is not needed any more.
    pub(crate) fn forget(&mut self, away: &Away) {
        self.release(&away.xlogs);
        self.release(&away.profiles);
    }

    /// Frees the place of the profiles of a batch.
    pub(crate) fn forget_profiles(&mut self, away: &mut Away) {
        let profiles = std::mem::take(&mut away.profiles);
        self.release(&profiles);
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<Extent> {
        let blocks = self.allocate(bytes.len().div_ceil(BLOCK_BYTES))?;
        let extent = Extent { blocks, bytes: bytes.len() };
        let mut rest = bytes;
        for (first, count) in runs(&extent.blocks) {
            let (head, tail) = rest.split_at(rest.len().min(count * BLOCK_BYTES));
            rest = tail;
            if let Err(error) = self.seek(first).and_then(|()| self.file.write_all(head)) {
                self.release(&extent);
                return Err(error);
            }
        }
        Ok(extent)
    }

    fn read(&mut self, extent: &Extent) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; extent.bytes];
        let mut rest = &mut bytes[..];
        for (first, count) in runs(&extent.blocks) {
            let length = rest.len().min(count * BLOCK_BYTES);
            let (head, tail) = std::mem::take(&mut rest).split_at_mut(length);
            rest = tail;
            self.seek(first)?;
            self.file.read_exact(head)?;
        }
        Ok(bytes)
    }

    fn seek(&mut self, block: u32) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(u64::from(block) * BLOCK_BYTES as u64)).map(|_| ())
    }

    fn allocate(&mut self, count: usize) -> io::Result<Vec<u32>> {
        let fresh = (self.limit_blocks - self.blocks) as usize;
        if count > self.free.len() + fresh {
            return Err(ErrorKind::StorageFull.into());
        }
        let blocks: Vec<u32> = (0..count)
            .map(|_| {
                self.free.pop_first().unwrap_or_else(|| {
                    self.blocks += 1;
                    self.blocks - 1
                })
            })
            .collect();
        self.used_blocks += u32::try_from(count).unwrap_or(u32::MAX);
        Ok(blocks)
    }

    fn release(&mut self, extent: &Extent) {
        self.used_blocks -= u32::try_from(extent.blocks.len()).unwrap_or(u32::MAX);
        self.free.extend(&extent.blocks);
        if self.used_blocks == 0 && self.blocks > 0 {
            self.free.clear();
            self.blocks = 0;
            // Gives the disk back. If it cannot, the next file content goes over the old.
            let _ = self.file.set_len(0);
        }
    }
}

/// Blocks that lie behind one another, as the first and how many.
fn runs(blocks: &[u32]) -> impl Iterator<Item = (u32, usize)> {
    blocks.chunk_by(|a, b| a + 1 == *b).map(|run| (run[0], run.len()))
}

/// Random by the seeds that the standard library draws from the operating system.
fn random() -> u64 {
    use std::hash::BuildHasher;
    std::hash::RandomState::new().hash_one(std::process::id())
}

#[cfg(test)]
impl Spool {
    /// As a disk that has lost everything.
    pub(crate) fn cut(&self) {
        self.file.set_len(0).unwrap();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spool(limit_bytes: u64) -> (Spool, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        (Spool::open(folder.path(), limit_bytes).unwrap(), folder)
    }

    fn bytes(seed: u8, count: usize) -> Vec<u8> {
        (0..=250).cycle().map(|at: u8| seed.wrapping_add(at)).take(count).collect()
    }

    #[test]
    fn what_is_written_comes_back_whatever_was_freed_between() {
        let (mut spool, _folder) = spool(1 << 20);
        let lengths = [0, 1, BLOCK_BYTES - 1, BLOCK_BYTES, BLOCK_BYTES + 1, 5 * BLOCK_BYTES + 3];
        let mut kept: Vec<(u8, Extent)> = Vec::new();
        for round in 0..60_u8 {
            let length = lengths[usize::from(round) % lengths.len()];
            kept.push((round, spool.write(&bytes(round, length)).unwrap()));
            if round % 3 == 2 {
                let (_, freed) = kept.remove(usize::from(round) % kept.len());
                spool.release(&freed);
            }
            for (seed, extent) in &kept {
                assert_eq!(spool.read(extent).unwrap(), bytes(*seed, extent.bytes), "{round}");
            }
            while kept.len() > 12 {
                spool.release(&kept.remove(0).1);
            }
        }
    }

    #[test]
    fn past_its_limit_it_refuses_and_freed_room_is_room_again() {
        let (mut spool, _folder) = spool(3 * BLOCK_BYTES as u64);
        let first = spool.write(&bytes(1, 2 * BLOCK_BYTES)).unwrap();
        let refused = spool.write(&bytes(2, 2 * BLOCK_BYTES)).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::StorageFull);
        assert_eq!(spool.used_bytes(), 2 * BLOCK_BYTES as u64);
        spool.release(&first);
        assert_eq!(spool.used_bytes(), 0);
        assert!(spool.write(&bytes(2, 3 * BLOCK_BYTES)).is_ok());
    }

    #[test]
    fn nobody_finds_it_in_its_folder_and_an_empty_one_takes_no_disk() {
        let (mut spool, folder) = spool(1 << 20);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        let extent = spool.write(&bytes(1, 100_000)).unwrap();
        assert!(spool.file.metadata().unwrap().len() >= 100_000);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = spool.file.metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        spool.release(&extent);
        assert_eq!(spool.file.metadata().unwrap().len(), 0);
    }

    #[test]
    fn a_folder_that_takes_no_file_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert!(Spool::open(&file.join("below"), 1 << 20).is_err());
    }
}
