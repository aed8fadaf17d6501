//! What a crash leaves behind: a WAL whose last record is cut off, or whose tail the power took.

use std::path::{Path, PathBuf};
use std::time::Duration;

use scouter_collector::store::local::{Durability, LocalStore};
use scouter_collector::store::{Row, Store, StoreStats};
use scouter_wire::TextKind;

use super::support::{Agent, NOON, config, every_row, open, xlog};

/// Transactions of one frame.
const ROWS: usize = 40;

/// A folder whose store was not closed, and where each record of its WAL ends.
struct Crashed {
    folder: tempfile::TempDir,
    wal: PathBuf,
    /// Length of the file after each frame, the first without any.
    ends: Vec<u64>,
}

fn crashed(frames: usize) -> Crashed {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let mut agent = Agent::new(&store, 1, "/node/orders");
    let wal = only_wal(folder.path());
    let length = || std::fs::metadata(&wal).unwrap().len();
    let mut ends = vec![length()];
    for frame in 0..frames {
        for row in 0..ROWS {
            let number = u64::try_from(frame * ROWS + row).unwrap();
            let end = NOON + number.cast_signed();
            agent.push(&xlog(end, 1_000, 0x6a01_0000_0000_0001 + number), &[]);
        }
        agent.send(&store);
        ends.push(length());
    }
    drop(store);
    Crashed { folder, wal, ends }
}

fn only_wal(folder: &Path) -> PathBuf {
    let mut files = std::fs::read_dir(folder.join("wal")).unwrap();
    let file = files.next().unwrap().unwrap().path();
    assert!(files.next().is_none(), "one generation");
    file
}

/// Opens what `change` made of the WAL, as many times as there are changes; the folder itself stays.
fn after(crashed: &Crashed, change: impl FnOnce(&mut Vec<u8>)) -> (Vec<Row>, StoreStats) {
    let copy = tempfile::tempdir().unwrap();
    copy_folder(crashed.folder.path(), copy.path());
    let wal = copy.path().join("wal").join(crashed.wal.file_name().unwrap());
    let mut bytes = std::fs::read(&wal).unwrap();
    change(&mut bytes);
    std::fs::write(&wal, bytes).unwrap();
    let store = open(copy.path());
    let rows = every_row(&store);
    // It takes more, and keeps it.
    let mut agent = Agent::new(&store, 2, "/node/orders");
    agent.push(&xlog(NOON, 7, 0x6a02_0000_0000_0001), &[]);
    agent.send(&store);
    let stats = store.stats();
    drop(store);
    assert_eq!(every_row(&open(copy.path())).len(), rows.len() + 1);
    (rows, stats)
}

pub(crate) fn copy_folder(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            std::fs::create_dir_all(&target).unwrap();
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), &target).unwrap();
        }
    }
}

/// How many frames end at or before a length.
fn whole_frames(crashed: &Crashed, length: u64) -> usize {
    crashed.ends.iter().skip(1).filter(|end| **end <= length).count()
}

/// Bytes of whole records when the file is cut at a length: a frame has a mark in front of it.
fn kept_bytes(crashed: &Crashed, frames: usize, length: u64) -> u64 {
    const MARK_BYTES: u64 = 25;
    let end = crashed.ends[frames];
    if length >= end + MARK_BYTES { end + MARK_BYTES } else { end }
}

fn at(offset: u64) -> usize {
    usize::try_from(offset).unwrap()
}

#[test]
fn a_wal_that_is_cut_anywhere_keeps_every_frame_before_the_cut() {
    let crashed = crashed(3);
    let (begin, end) = (crashed.ends[1], *crashed.ends.last().unwrap());
    let edges = crashed.ends.iter().flat_map(|end| [end.saturating_sub(1), *end, end + 1]);
    let within = (begin..end).step_by(97);
    for length in edges.chain(within).filter(|length| (begin..=end).contains(length)) {
        let (rows, stats) = after(&crashed, |wal| wal.truncate(at(length)));
        let frames = whole_frames(&crashed, length);
        assert_eq!(rows.len(), frames * ROWS, "cut at {length}");
        assert_eq!(
            stats.wal_torn_bytes,
            length - kept_bytes(&crashed, frames, length),
            "what is left out is counted: {length}"
        );
    }
}

#[test]
fn a_tail_of_zeros_as_a_power_loss_leaves_it_is_left_out_and_counted() {
    let crashed = crashed(3);
    let end = *crashed.ends.last().unwrap();
    for begin in [crashed.ends[2], crashed.ends[2] + 5, end - 1] {
        let (rows, stats) = after(&crashed, |wal| wal[at(begin)..].fill(0));
        assert_eq!(rows.len(), 2 * ROWS, "zeros from {begin}");
        let kept = kept_bytes(&crashed, 2, begin);
        assert_eq!(stats.wal_torn_bytes, end - kept, "zeros from {begin}");
    }
    let (rows, stats) = after(&crashed, |wal| wal.extend([0; 4_096]));
    assert_eq!((rows.len(), stats.wal_torn_bytes), (3 * ROWS, 4_096), "preallocated space");
}

#[test]
fn a_flipped_bit_in_the_wal_costs_the_frame_it_is_in_and_is_reported() {
    let crashed = crashed(3);
    let middle = u64::midpoint(crashed.ends[1], crashed.ends[2]);
    let (rows, stats) = after(&crashed, |wal| wal[at(middle)] ^= 0x10);
    assert_eq!(rows.len(), 2 * ROWS, "the damaged frame is not served, its neighbours are");
    assert_eq!(stats.corrupt_files.len(), 1, "and the loss is told");
    let reason = &stats.corrupt_files[0].reason;
    assert!(reason.contains("1 "), "with how many records: {reason}");
}

#[test]
fn whatever_bit_flips_in_an_acknowledged_record_those_behind_it_are_kept() {
    let crashed = crashed(4);
    // Head, length and checksum first: they tell where the next record begins.
    let begin = crashed.ends[1] * 8;
    for bit in (begin..begin + 40 * 8).chain((begin..crashed.ends[2] * 8).step_by(997)) {
        let (rows, stats) =
            after(&crashed, |wal| wal[at(bit / 8)] ^= 1 << u32::try_from(bit % 8).unwrap());
        assert!(rows.len() >= 3 * ROWS, "bit {bit}: {} rows", rows.len());
        assert_eq!(stats.wal_torn_bytes, 0, "bit {bit}: nothing behind it is cut off");
    }
}

#[test]
fn what_was_written_behind_a_record_that_never_reached_the_disk_is_not_believed() {
    // The power went before anything was synced: the second frame did not reach the disk, the third
    // did. The agent still has both, and sends again what is above the high-water mark.
    let folder = tempfile::tempdir().unwrap();
    let mut slow = config(folder.path());
    slow.durability = Durability::Power;
    slow.sync_window = Duration::from_secs(3_600);
    let store = LocalStore::open(slow).unwrap();
    let mut agent = Agent::new(&store, 1, "/node/orders");
    let wal = only_wal(folder.path());
    let mut ends = Vec::new();
    for frame in 1..=3 {
        agent.push(&xlog(NOON, 1_000, frame), &[]);
        agent.send(&store);
        ends.push(std::fs::metadata(&wal).unwrap().len());
    }
    assert_eq!(store.high_water(agent.origin), None, "nothing is durable yet");
    let copy = tempfile::tempdir().unwrap();
    copy_folder(folder.path(), copy.path());
    let wal = copy.path().join("wal").join(wal.file_name().unwrap());
    let mut bytes = std::fs::read(&wal).unwrap();
    bytes[at(ends[0])..at(ends[1])].fill(0);
    std::fs::write(&wal, bytes).unwrap();
    let store = open(copy.path());
    assert_eq!(every_row(&store).len(), 1);
    assert_eq!(store.high_water(agent.origin), Some(1), "so that the second comes again");
    assert_eq!(store.stats().wal_torn_bytes, ends[2] - ends[0]);
}

#[test]
fn texts_outlive_crashes_also_when_no_row_has_come_yet() {
    let folder = tempfile::tempdir().unwrap();
    let number = open(folder.path()).intern(TextKind::Sql, "SELECT 1").unwrap().0;
    for start in 0..3 {
        let store = open(folder.path());
        let text = store.text(TextKind::Sql, number);
        assert_eq!(text.as_deref(), Some("SELECT 1"), "after {start} more starts");
        assert_eq!(store.intern(TextKind::Sql, "SELECT 1").unwrap().0, number);
    }
    let wal_files = std::fs::read_dir(folder.path().join("wal")).unwrap().count();
    assert_eq!(wal_files, 1, "and logs without rows do not pile up");
}

#[test]
fn a_segment_and_its_wal_are_not_both_counted_after_a_crash_between_seal_and_cleaning() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let rows = super::basics::with_traffic(&store, 6, 200);
    let kept = tempfile::tempdir().unwrap();
    copy_folder(&folder.path().join("wal"), kept.path());
    store.seal().unwrap();
    drop(store);
    // As if the process had died before it unlinked the WAL of what it had just sealed.
    copy_folder(kept.path(), &folder.path().join("wal"));
    let store = open(folder.path());
    assert_eq!(every_row(&store).len(), rows.len());
    assert_eq!(every_row(&store), rows);
}
