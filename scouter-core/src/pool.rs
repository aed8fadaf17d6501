//! Where headers, chunks, directories and text pages come from and go back to.
//!
//! Nothing is ever freed to the system: what is handed back is reused, so memory stays at its high
//! water mark, which the limits here bound. A page keeps its type for ever (see `header`). The
//! locks are taken when a transaction grows past 16 records, and once per batch of headers.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::header::{Chunk, Directory, Header};
use crate::propagation::Carried;
use crate::switch;
use crate::sync::{AtomicU32, Ordering};
use crate::telemetry::STEPS_DROPPED_MEMORY;
use crate::texts::TextPage;

/// Most transactions that may be in flight or wait for the drain at once, 1.25 KiB each.
///
/// Past it a transaction is not recorded and `dropped_header_limit` grows.
pub const MAX_TRANSACTIONS: usize = 65_536;

/// Most 4 KiB pages all profiles together may use: 128 MiB.
///
/// Past it new steps are dropped, `steps_dropped_memory` grows and the profile is marked.
pub const MAX_PAGES: u32 = 32_768;

/// Headers a thread takes at once when its own list is empty.
pub(crate) const HEADER_BATCH: usize = 32;

static PAGES: AtomicU32 = AtomicU32::new(0);
static CHUNKS: Mutex<Vec<&'static Chunk>> = Mutex::new(Vec::new());
static DIRECTORIES: Mutex<Vec<&'static Directory>> = Mutex::new(Vec::new());
static TEXT_PAGES: Mutex<Vec<&'static TextPage>> = Mutex::new(Vec::new());
static FREE: Mutex<Vec<&'static Header>> = Mutex::new(Vec::new());
static ALL: Mutex<Vec<&'static Header>> = Mutex::new(Vec::new());

/// What travels on to callees besides the ids, if anything; touched only when there is something.
#[derive(Debug, Default)]
pub(crate) struct CarriedCell(Mutex<Option<Arc<Carried>>>);

impl CarriedCell {
    pub(crate) fn set(&self, carried: Option<Arc<Carried>>) {
        *self.0.lock() = carried;
    }

    pub(crate) fn value(&self) -> Option<Arc<Carried>> {
        self.0.lock().clone()
    }
}

fn page<T>(pool: &Mutex<Vec<&'static T>>, blank: impl FnOnce() -> T) -> Option<&'static T> {
    // The lock may be held by a thread that does not exist in the child of a fork.
    if switch::is_forked() {
        return None;
    }
    if let Some(page) = pool.lock().pop() {
        return Some(page);
    }
    if PAGES.fetch_add(1, Ordering::Relaxed) >= MAX_PAGES {
        PAGES.fetch_sub(1, Ordering::Relaxed);
        return None;
    }
    Some(Box::leak(Box::new(blank())))
}

pub(crate) fn take_chunk() -> Option<&'static Chunk> {
    page(&CHUNKS, Chunk::blank)
}

pub(crate) fn give_chunk(chunk: &'static Chunk) {
    CHUNKS.lock().push(chunk);
}

pub(crate) fn take_directory() -> Option<&'static Directory> {
    page(&DIRECTORIES, Directory::blank)
}

pub(crate) fn give_directory(page: &'static Directory) {
    DIRECTORIES.lock().push(page);
}

pub(crate) fn take_text_page() -> Option<&'static TextPage> {
    page(&TEXT_PAGES, TextPage::blank)
}

pub(crate) fn give_text_page(page: &'static TextPage) {
    TEXT_PAGES.lock().push(page);
}

pub(crate) fn count_no_memory() {
    STEPS_DROPPED_MEMORY.add(1);
}

/// Takes up to [`HEADER_BATCH`] headers, linked through their `next_free`, and how many they are.
///
/// New ones are made one at a time: a thread that serves one request at once needs one.
#[cold]
pub(crate) fn take_headers() -> Option<(&'static Header, u32)> {
    {
        let mut free = FREE.lock();
        let from = free.len().saturating_sub(HEADER_BATCH);
        let mut head = None;
        let mut count = 0;
        for header in free.drain(from..) {
            header.set_next_free(head);
            head = Some(header);
            count += 1;
        }
        if let Some(head) = head {
            return Some((head, count));
        }
    }
    let mut all = ALL.lock();
    if all.len() >= MAX_TRANSACTIONS {
        return None;
    }
    let number = u32::try_from(all.len()).unwrap_or(0);
    let header: &'static Header = Box::leak(Box::new(Header::blank(number)));
    all.push(header);
    Some((header, 1))
}

/// Takes headers back.
pub(crate) fn give_headers(headers: impl IntoIterator<Item = &'static Header>) {
    FREE.lock().extend(headers);
}

/// All headers there are, living or not.
pub(crate) fn headers(out: &mut Vec<&'static Header>) {
    out.clear();
    out.extend_from_slice(&ALL.lock());
}

/// Holds every lock of the pools, as a thread may at the moment of a fork.
#[cfg(test)]
pub(crate) fn hold() -> impl Drop {
    struct Held<T>(T);
    impl<T> Drop for Held<T> {
        fn drop(&mut self) {}
    }
    Held((CHUNKS.lock(), DIRECTORIES.lock(), TEXT_PAGES.lock(), FREE.lock(), ALL.lock()))
}
