//! Appends records to the file of one generation.

use std::fs::{File, OpenOptions};
use std::io::{self, IoSlice, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;

use super::reader::WalHeader;
use super::record::{Mark, RecordHead};

/// The open WAL file of the generation being filled.
#[derive(Debug)]
pub(crate) struct WalWriter {
    file: Arc<File>,
    bytes: u64,
    is_broken: bool,
    /// The last mark that stands in it, and the buffer for the next.
    marked: Mark,
    mark: RecordHead,
}

impl WalWriter {
    /// Makes the file of a generation. An old file of that name is the rest of a failed attempt
    /// and is replaced.
    pub(crate) fn create(path: &Path, header: &WalHeader) -> io::Result<Self> {
        let file =
            OpenOptions::new().read(true).write(true).create(true).truncate(true).open(path)?;
        let header = header.to_bytes();
        (&file).write_all(&header)?;
        let (marked, mark) = (Mark::default(), RecordHead::default());
        let bytes = header.len() as u64;
        Ok(Self { file: Arc::new(file), bytes, is_broken: false, marked, mark })
    }

    /// The file, to be synced and read while it grows.
    pub(crate) fn file(&self) -> &Arc<File> {
        &self.file
    }

    /// Bytes written so far.
    pub(crate) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Whether this file takes further records: not when a failed write could not be undone, nor
    /// when somebody has deleted it.
    pub(crate) fn is_usable(&self) -> bool {
        !self.is_broken && is_linked(&self.file).is_ok()
    }

    /// Appends a finished record, behind a mark of how far the log is on disk when that is news;
    /// answers where its payload begins in the file.
    ///
    /// # Errors
    /// Nothing of the record is in the file.
    pub(crate) fn append(
        &mut self,
        head: &RecordHead,
        payload: &[u8],
        synced: Mark,
    ) -> io::Result<u64> {
        if self.is_broken {
            return Err(io::Error::other("an earlier write could not be undone"));
        }
        let mut mark: &[u8] = &[];
        if synced > self.marked {
            self.mark.mark(synced);
            let _fits = self.mark.finish(&[]);
            mark = self.mark.bytes();
        }
        let [fields, payload_slice] = head.slices(payload);
        let mut slices = [IoSlice::new(mark), fields, payload_slice];
        match write_all_vectored(&self.file, &mut slices) {
            Ok(()) => {
                self.marked = self.marked.max(synced);
                let start = self.bytes + (mark.len() + head.len()) as u64;
                self.bytes = start + payload.len() as u64;
                Ok(start)
            }
            Err(error) => {
                self.undo();
                Err(error)
            }
        }
    }

    /// Cuts off what a failed write left behind.
    fn undo(&mut self) {
        use std::io::Seek;
        let cut = self.file.set_len(self.bytes);
        let mut file = &*self.file;
        let back = file.seek(io::SeekFrom::Start(self.bytes));
        self.is_broken = cut.is_err() || back.is_err();
    }
}

/// Makes sure that an open file can be found by another process.
///
/// # Errors
/// It was deleted.
pub(crate) fn is_linked(file: &File) -> io::Result<()> {
    match file.metadata()?.nlink() {
        0 => Err(io::Error::new(io::ErrorKind::NotFound, "the file was deleted")),
        _ => Ok(()),
    }
}

/// `write_all_vectored` of the standard library is not stable.
fn write_all_vectored(mut file: &File, slices: &mut [IoSlice<'_>]) -> io::Result<()> {
    let mut slices = slices;
    IoSlice::advance_slices(&mut slices, 0);
    while !slices.is_empty() {
        match file.write_vectored(slices) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => IoSlice::advance_slices(&mut slices, written),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
