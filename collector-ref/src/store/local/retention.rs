//! Retention: unlinks whole files, by age and by total size, profiles before transactions.
//!
//! The manifest is told first. If the process ends before a file is unlinked, it is no longer named
//! and goes at the next start. Only on a disk too full for that line the files go first; if the
//! process ends before the line is written, they are told as missing.

use std::fs;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::digests::FINE_STEP_US;
use super::manifest::Event;
use super::rollup;
use super::{Inner, Tables, count};
use crate::store::{Retention, RetentionPreview};

/// What one purge takes away.
#[derive(Debug, Default)]
struct Purge {
    files: Vec<String>,
    bytes: u64,
    xlogs: u64,
    profiles: u64,
}

impl Purge {
    fn take(&mut self, file: &str, bytes: u64) {
        self.files.push(file.to_owned());
        self.bytes += bytes;
    }
}

impl Inner {
    /// Unlinks what is too old or too much.
    pub(super) fn purge(&self) {
        let purge = self.choose(&{ *self.retention.read() });
        if purge.files.is_empty() {
            return;
        }
        let mut manifest = self.manifest.lock();
        let event = Event::Unlinked { files: purge.files.clone() };
        match manifest.append(&self.layout, &event) {
            Ok(()) => self.unlink(&purge.files),
            Err(error) if error.kind() == io::ErrorKind::StorageFull => {
                self.unlink(&purge.files);
                if manifest.append(&self.layout, &event).is_err() {
                    // They are gone and stay so; a manifest that still names them is a damaged one.
                    count(&self.tallies.seal_errors, 1);
                }
            }
            // Tried again in the next round.
            Err(_) => return count(&self.tallies.seal_errors, 1),
        }
        drop(manifest);
        count(&self.tallies.retention_files, purge.files.len() as u64);
        count(&self.tallies.retention_xlogs, purge.xlogs);
        count(&self.tallies.retention_profiles, purge.profiles);
    }

    /// Takes files away, first from queries.
    fn unlink(&self, files: &[String]) {
        {
            let mut tables = self.tables.write();
            let is_gone = |file: &String| files.contains(file);
            Arc::make_mut(&mut tables.segments).retain(|segment| !is_gone(&segment.entry.file));
            Arc::make_mut(&mut tables.packs).retain(|pack| !is_gone(&pack.file));
            Arc::make_mut(&mut tables.counters).retain(|counters| !is_gone(&counters.file));
            Arc::make_mut(&mut tables.digests).retain(|digests| !is_gone(&digests.file));
        }
        for file in files {
            let path = self.layout.sealed(file);
            // What stays behind goes at the next start.
            let _left = fs::remove_file(&path);
            if path.extension().is_some_and(|ending| ending == "parquet") {
                rollup::unlink(&path);
            }
            for folder in path.ancestors().skip(1).take(2) {
                // Fails, as it should, while other files are in it.
                let _not_empty = fs::remove_dir(folder);
            }
        }
    }

    /// What retention would take away now if this much were kept.
    pub(super) fn retention_preview(&self, keep: &Retention) -> RetentionPreview {
        let Purge { files, bytes, xlogs, profiles } = self.choose(keep);
        RetentionPreview { files: files.len() as u64, bytes, xlogs, profiles }
    }

    fn choose(&self, keep: &Retention) -> Purge {
        let now_unix_us = self.calendar.now(self.config.clock.unix_us());
        let before = |keep: Duration| {
            let keep = i64::try_from(keep.as_micros()).unwrap_or(i64::MAX);
            now_unix_us.saturating_sub(keep)
        };
        let tables = self.tables.read();
        let mut purge = Purge::default();
        for pack in tables.packs.iter() {
            if pack.last_unix_us < before(keep.profiles) {
                purge.take(&pack.file, pack.bytes);
                purge.profiles += pack.profiles;
            }
        }
        for segment in tables.segments.iter().map(|segment| &segment.entry) {
            if segment.last_unix_us < before(keep.xlogs) {
                purge.take(&segment.file, segment.disk_bytes());
                purge.xlogs += segment.rows;
            }
        }
        for counters in tables.counters.iter() {
            if counters.last_unix_us < before(keep.counters) {
                purge.take(&counters.file, counters.bytes);
            }
        }
        let fine = before(keep.digests_fine.min(keep.digests));
        for digests in tables.digests.iter() {
            let limit = match digests.step_us {
                FINE_STEP_US => fine,
                _ => before(keep.digests),
            };
            if digests.last_unix_us < limit {
                purge.take(&digests.file, digests.bytes);
            }
        }
        choose_by_size(&tables, keep.disk_bytes, &mut purge);
        purge
    }

    /// Bytes of all sealed files, of segments with their rollups, and of packs alone.
    pub(super) fn disk_bytes(&self) -> (u64, u64, u64) {
        let tables = self.tables.read();
        let segments = tables.segments.iter().map(|segment| segment.entry.disk_bytes()).sum();
        let packs = tables.packs.iter().map(|pack| pack.bytes).sum();
        (sealed_bytes(&tables), segments, packs)
    }

    /// What retention has taken away: files, transactions, profiles.
    pub(super) fn purged(&self) -> (u64, u64, u64) {
        let tallies = &self.tallies;
        (
            tallies.retention_files.load(Ordering::Relaxed),
            tallies.retention_xlogs.load(Ordering::Relaxed),
            tallies.retention_profiles.load(Ordering::Relaxed),
        )
    }
}

/// Oldest files until the rest fits: profiles, then transactions, then counters, then
/// digests.
fn choose_by_size(tables: &Tables, limit: u64, purge: &mut Purge) {
    let mut left = sealed_bytes(tables) - purge.bytes;
    if left <= limit {
        return;
    }
    let packs = tables.packs.iter().map(|p| (p.last_unix_us, &p.file, p.bytes, 0, p.profiles));
    let entries = tables.segments.iter().map(|segment| &segment.entry);
    let segments = entries.map(|s| (s.last_unix_us, &s.file, s.disk_bytes(), s.rows, 0));
    let counters = tables.counters.iter().map(|c| (c.last_unix_us, &c.file, c.bytes, 0, 0));
    let digests = tables.digests.iter().map(|d| (d.last_unix_us, &d.file, d.bytes, 0, 0));
    let mut kinds =
        [packs.collect::<Vec<_>>(), segments.collect(), counters.collect(), digests.collect()];
    for kind in &mut kinds {
        kind.sort_unstable_by_key(|(last, ..)| *last);
        for (_, file, bytes, xlogs, profiles) in kind.iter() {
            if left <= limit {
                return;
            }
            if !purge.files.contains(file) {
                purge.take(file, *bytes);
                purge.xlogs += xlogs;
                purge.profiles += profiles;
                left = left.saturating_sub(*bytes);
            }
        }
    }
}

fn sealed_bytes(tables: &Tables) -> u64 {
    let segments: u64 = tables.segments.iter().map(|segment| segment.entry.disk_bytes()).sum();
    let packs: u64 = tables.packs.iter().map(|pack| pack.bytes).sum();
    let counters: u64 = tables.counters.iter().map(|counters| counters.bytes).sum();
    let digests: u64 = tables.digests.iter().map(|digests| digests.bytes).sum();
    segments + packs + counters + digests
}
