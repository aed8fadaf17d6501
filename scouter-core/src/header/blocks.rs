//! Where the records of a header lie: 16 inside of it, more in chunks from a pool.
//!
//! A small transaction touches the header alone. Up to three chunks are referred to by the header,
//! further ones by pages of a directory. All of them keep their type for ever.

use super::{BLOCK_RECORDS, Header};
use crate::pool;
use crate::records::{NO_RECORD, Record};
use crate::sync::{Ordering, StaticRef};

/// Blocks of a chunk: 8 × 16 × 32 bytes are 4 KiB.
const CHUNK_BLOCKS: u32 = 8;

/// Chunks a header refers to without a directory.
pub(super) const INLINE_CHUNKS: usize = 3;

/// Chunks of one directory page.
const DIRECTORY_CHUNKS: usize = 511;

/// 16 records.
#[derive(Debug)]
#[repr(C, align(32))]
pub(crate) struct Block(pub(super) [Record; BLOCK_RECORDS as usize]);

/// 4 KiB of records.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Chunk([Block; CHUNK_BLOCKS as usize]);

/// 4 KiB of references to chunks, and the next page of them.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Directory {
    chunks: [StaticRef<Chunk>; DIRECTORY_CHUNKS],
    next: StaticRef<Directory>,
}

impl Block {
    pub(super) fn blank() -> Self {
        Self(std::array::from_fn(|_| Record::blank()))
    }
}

impl Chunk {
    pub(crate) fn blank() -> Self {
        Self(std::array::from_fn(|_| Block::blank()))
    }
}

impl Directory {
    pub(crate) fn blank() -> Self {
        Self { chunks: std::array::from_fn(|_| StaticRef::empty()), next: StaticRef::empty() }
    }
}

impl Header {
    /// Appends a record; `None` at the limit, which is counted.
    #[inline(always)]
    pub(crate) fn push(&'static self, words: [u64; 4]) -> Option<(&'static Record, u32)> {
        let index = self.len.load(Ordering::Relaxed);
        if index == self.capacity.load(Ordering::Relaxed) && !self.grow(index) {
            return None;
        }
        let record = &self.tail.load()?.0[(index % BLOCK_RECORDS) as usize];
        record.write(words);
        self.len.store(index + 1, Ordering::Release);
        Some((record, index))
    }

    /// Counts a step that was not written after all.
    #[cold]
    pub(crate) fn count_dropped(&self) {
        self.dropped.store(self.dropped().saturating_add(1), Ordering::Relaxed);
    }

    /// Says that the record appended last belongs to a step and is none itself.
    #[inline(always)]
    pub(crate) fn count_extra(&self) {
        self.extras.store(self.extras.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }

    /// How many of the records are steps.
    pub(crate) fn steps(&self) -> u32 {
        self.len().saturating_sub(self.extras.load(Ordering::Relaxed))
    }

    /// Takes back the last record, which is `index`.
    #[inline(always)]
    pub(crate) fn pop(&self, index: u32) {
        self.len.store(index, Ordering::Release);
    }

    /// The record that a run of the same callsite folds into, and the index that must come next.
    #[inline(always)]
    pub(crate) fn fold(&self) -> (Option<&'static Record>, u32) {
        (self.fold.load(), self.fold_next.load(Ordering::Relaxed))
    }

    #[inline(always)]
    pub(crate) fn set_fold(&self, record: &'static Record, next: u32) {
        self.fold.store(Some(record));
        self.fold_next.store(next, Ordering::Relaxed);
    }

    /// Moves on in the fold.
    #[inline(always)]
    pub(crate) fn set_fold_next(&self, next: u32) {
        self.fold_next.store(next, Ordering::Relaxed);
    }

    /// Writes a step that was refused for the limit to the place right past the last record, where
    /// it counts for nothing and the next one replaces it. `None` while it is taken, or when it was
    /// not the limit that refused.
    #[cold]
    pub(crate) fn push_past_limit(
        &'static self,
        words: [u64; 4],
    ) -> Option<(&'static Record, u32)> {
        let index = self.limit.load(Ordering::Relaxed);
        if index != self.len.load(Ordering::Relaxed) || index >= NO_RECORD {
            return None;
        }
        if let Some(beyond) = index.checked_sub(BLOCK_RECORDS) {
            self.chunk_or_new(beyond / BLOCK_RECORDS / CHUNK_BLOCKS)?;
        }
        let record = self.record(index)?;
        if record.is_open(words[2]) {
            return None;
        }
        record.write(words);
        self.dropped.store(self.dropped().saturating_sub(1), Ordering::Relaxed);
        Some((record, index))
    }

    /// The record with this index. `None` past what was ever mapped.
    pub(crate) fn record(&'static self, index: u32) -> Option<&'static Record> {
        let place = (index % BLOCK_RECORDS) as usize;
        let Some(beyond) = index.checked_sub(BLOCK_RECORDS) else {
            return Some(&self.first.0[place]);
        };
        let block = beyond / BLOCK_RECORDS;
        let chunk = self.chunk((block / CHUNK_BLOCKS) as usize)?;
        Some(&chunk.0[(block % CHUNK_BLOCKS) as usize].0[place])
    }

    fn chunk(&self, number: usize) -> Option<&'static Chunk> {
        if let Some(inline) = self.chunks.get(number) {
            return inline.load();
        }
        let mut page = self.directory.load()?;
        let mut number = number - INLINE_CHUNKS;
        while number >= DIRECTORY_CHUNKS {
            number -= DIRECTORY_CHUNKS;
            page = page.next.load()?;
        }
        page.chunks[number].load()
    }

    /// Makes room for the record `index`, which is the first of a block or past the limit.
    #[cold]
    #[inline(never)]
    pub(super) fn grow(&'static self, index: u32) -> bool {
        let limit = self.limit.load(Ordering::Relaxed);
        if index >= limit {
            self.count_dropped();
            return false;
        }
        // The first block never gets here: its capacity is set when the life is prepared.
        let block = (index / BLOCK_RECORDS).saturating_sub(1);
        let number = block / CHUNK_BLOCKS;
        let Some(chunk) = self.chunk_or_new(number) else {
            self.count_dropped();
            pool::count_no_memory();
            return false;
        };
        self.tail.store(Some(&chunk.0[(block % CHUNK_BLOCKS) as usize]));
        let end = (index / BLOCK_RECORDS + 1) * BLOCK_RECORDS;
        self.capacity.store(end.min(limit), Ordering::Relaxed);
        true
    }

    fn chunk_or_new(&self, number: u32) -> Option<&'static Chunk> {
        let count = self.chunk_count.load(Ordering::Relaxed);
        if number < count {
            return self.chunk(number as usize);
        }
        let chunk = pool::take_chunk()?;
        if !self.attach(number as usize, chunk) {
            pool::give_chunk(chunk);
            return None;
        }
        self.chunk_count.store(number + 1, Ordering::Relaxed);
        Some(chunk)
    }

    fn attach(&self, number: usize, chunk: &'static Chunk) -> bool {
        if let Some(inline) = self.chunks.get(number) {
            inline.store(Some(chunk));
            return true;
        }
        let mut number = number - INLINE_CHUNKS;
        let mut place = &self.directory;
        loop {
            let page = match place.load() {
                Some(page) => page,
                None => {
                    let Some(page) = pool::take_directory() else { return false };
                    place.store(Some(page));
                    page
                }
            };
            if let Some(slot) = page.chunks.get(number) {
                slot.store(Some(chunk));
                return true;
            }
            number -= DIRECTORY_CHUNKS;
            place = &page.next;
        }
    }

    /// Gives chunks, directories and text pages back; after [`Header::retire`], by whoever owns
    /// the finished header.
    pub(crate) fn release_memory(&self) {
        self.texts.release();
        let count = self.chunk_count.load(Ordering::Relaxed);
        if count == 0 {
            return;
        }
        for number in 0..count {
            if let Some(chunk) = self.chunk(number as usize) {
                pool::give_chunk(chunk);
            }
        }
        self.chunk_count.store(0, Ordering::Relaxed);
        for inline in &self.chunks {
            inline.store(None);
        }
        let mut next = self.directory.load();
        self.directory.store(None);
        while let Some(page) = next {
            next = page.next.load();
            page.next.store(None);
            for chunk in &page.chunks {
                chunk.store(None);
            }
            pool::give_directory(page);
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn header() -> &'static Header {
        Box::leak(Box::new(Header::blank(1)))
    }

    #[test]
    fn every_record_is_found_by_its_index_up_to_the_highest_limit() {
        let header = header();
        header.prepare(NO_RECORD);
        header.publish();
        for index in 0..NO_RECORD {
            let (_, at) = header.push([1, u64::from(index) + 1, 0, 0]).expect("below the limit");
            assert_eq!(at, index);
        }
        assert!(header.push([1, 1, 0, 0]).is_none());
        assert_eq!(header.dropped(), 1);
        for index in [0, 15, 16, 143, 144, 400, 401, 66_000, NO_RECORD - 1] {
            let record = header.record(index).expect("mapped");
            assert_eq!(record.start(), u64::from(index) + 1);
        }
        assert!(header.record(NO_RECORD + 1_000_000).is_none());
        header.retire();
        header.release_memory();
        assert!(header.record(16).is_none());
    }

    #[test]
    fn limit_inside_a_block_is_exact() {
        for limit in [0, 1, 15, 16, 17, 100, 144, 145] {
            let header = header();
            header.prepare(limit);
            header.publish();
            let kept = (0..200).filter(|_| header.push([1, 1, 0, 0]).is_some()).count();
            assert_eq!(kept, limit as usize);
            assert_eq!(header.dropped() as usize, 200 - kept);
        }
    }
}
