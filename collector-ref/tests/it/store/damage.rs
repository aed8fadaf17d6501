//! Damaged files are left out and named; everything else is served.

use std::path::{Path, PathBuf};

use scouter_collector::store::{Bounds, Filter, PageRequest, Row, Store, TimeRange};
use scouter_wire::record::ProfileFate;

use super::basics::add_traffic;
use super::support::{NOON, every_row, open};

/// A closed store of two hours, so that it has several files of each kind.
pub(super) fn sealed() -> (tempfile::TempDir, Vec<Row>) {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    add_traffic(&store, 1, NOON - 60_000_000, 4, 300);
    store.seal().unwrap();
    add_traffic(&store, 11, NOON - 2 * 3_600_000_000, 4, 300);
    let rows = every_row(&store);
    store.close().unwrap();
    (folder, rows)
}

/// All files below a folder that end like this, by name.
pub(super) fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            found.extend(files(&entry, ending));
        } else if entry.to_string_lossy().ends_with(ending) {
            found.push(entry);
        }
    }
    found.sort();
    found
}

pub(super) fn change(file: &Path, how: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = std::fs::read(file).unwrap();
    how(&mut bytes);
    std::fs::write(file, bytes).unwrap();
}

/// One way to damage a file.
type Damage = (&'static str, fn(&mut Vec<u8>));

const DAMAGES: [Damage; 4] = [
    ("cut in half", |bytes| bytes.truncate(bytes.len() / 2)),
    ("empty", |bytes| bytes.clear()),
    ("zeroed", |bytes| bytes.fill(0)),
    ("its end overwritten", |bytes| {
        let length = bytes.len();
        bytes[length - 64..].fill(0xa5);
    }),
];

#[test]
fn a_damaged_segment_is_named_and_the_rest_is_served() {
    for (name, damage) in DAMAGES {
        let (folder, rows) = sealed();
        let segments = files(folder.path(), ".parquet");
        assert!(segments.len() >= 2, "{segments:?}");
        change(&segments[0], damage);
        let store = open(folder.path());
        let left = every_row(&store);
        assert!(!left.is_empty() && left.len() < rows.len(), "{name}: {} rows", left.len());
        assert!(left.iter().all(|row| rows.contains(row)), "{name}: only what was there");
        let corrupt = store.stats().corrupt_files;
        assert_eq!(corrupt.len(), 1, "{name}: {corrupt:?}");
        let path = corrupt[0].path.to_string_lossy().into_owned();
        assert!(segments[0].to_string_lossy().ends_with(&path), "{name}: {path}");
        assert!(!corrupt[0].reason.is_empty(), "{name}");
    }
}

/// Flips one bit in every so many bytes of a segment of `rows` rows, one at a time, and reads.
fn flip_bits_of_a_segment(rows: usize, stride: usize) {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    add_traffic(&store, 1, NOON - 60_000_000, 1, rows);
    let rows = every_row(&store);
    store.close().unwrap();
    drop(store);
    let segment = files(folder.path(), ".parquet").remove(0);
    let whole = std::fs::read(&segment).unwrap();
    let mut damaged = 0;
    for at in (0..whole.len()).step_by(stride) {
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (at % 8);
        std::fs::write(&segment, &bytes).unwrap();
        let store = open(folder.path());
        let seen = every_row(&store);
        let corrupt = store.stats().corrupt_files;
        if corrupt.is_empty() {
            assert!(seen == rows, "byte {at} of {}: served as it was", whole.len());
        } else {
            assert!(seen.is_empty(), "byte {at} of {}: named and left out", whole.len());
            damaged += 1;
        }
    }
    assert!(damaged * 10 > whole.len() / stride * 9, "{damaged} flips were noticed");
}

#[test]
fn a_flipped_bit_anywhere_in_a_segment_is_noticed_or_changes_nothing() {
    flip_bits_of_a_segment(60, 71);
}

/// All rows, answer by answer. Unlike [`every_row`] it bears that the total shrinks in between,
/// when a later answer is the first that meets the damage.
fn rows_until_the_end(store: &dyn Store) -> Vec<Row> {
    let bounds = Bounds::time(TimeRange::ALL);
    let (mut rows, mut after) = (Vec::new(), None);
    loop {
        let request = PageRequest { limit: 1_000, after };
        let page = store.rows(&bounds, &Filter::ALL, &request).unwrap();
        rows.extend(page.rows);
        after = page.next;
        if after.is_none() {
            return rows;
        }
    }
}

/// The last bytes of a page's header, up to the zstd frame behind it, hold its number of values; in
/// a column of several pages another number would move the rows of all pages behind it.
#[test]
fn a_flipped_bit_in_the_header_of_a_page_moves_no_row_of_the_pages_behind_it() {
    const HEADER_BYTES: usize = 20;
    const FLIPS: usize = 40;
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    // More rows than a page has.
    add_traffic(&store, 1, NOON - 60_000_000, 4, 5_000);
    let rows = every_row(&store);
    store.close().unwrap();
    drop(store);
    let segment = files(folder.path(), ".parquet").remove(0);
    let whole = std::fs::read(&segment).unwrap();
    let frames: Vec<usize> = (HEADER_BYTES..whole.len() - 4)
        .filter(|at| whole[*at..].starts_with(&[0x28, 0xb5, 0x2f, 0xfd]))
        .collect();
    assert!(frames.len() > 60, "{} pages", frames.len());
    for flip in 0..FLIPS {
        let frame = frames[flip * frames.len() / FLIPS];
        // Walks over the header and its bits, another place in each page.
        let at = frame - 1 - (flip * 7 + flip / 2) % HEADER_BYTES;
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (flip % 8);
        std::fs::write(&segment, &bytes).unwrap();
        let store = open(folder.path());
        let seen = rows_until_the_end(&store);
        // What was answered before the damage was met stays answered, in its order.
        let mut left = rows.iter();
        assert!(seen.iter().all(|row| left.any(|other| other == row)), "flip {flip}: changed");
        let is_named = store.stats().corrupt_files.len() == 1;
        assert_eq!(is_named, seen.len() < rows.len(), "flip {flip}: {} rows", seen.len());
    }
}

#[test]
fn a_segment_that_is_missing_is_named_and_the_rest_is_served() {
    let (folder, rows) = sealed();
    let segments = files(folder.path(), ".parquet");
    std::fs::remove_file(&segments[0]).unwrap();
    let store = open(folder.path());
    let left = every_row(&store).len();
    assert!(left > 0 && left < rows.len());
    assert_eq!(store.stats().corrupt_files.len(), 1);
}

#[test]
fn a_damaged_pack_costs_its_profiles_and_no_row() {
    for (name, damage) in DAMAGES {
        let (folder, rows) = sealed();
        let packs = files(folder.path(), ".pf");
        change(&packs[0], damage);
        let store = open(folder.path());
        assert_eq!(every_row(&store), rows, "{name}: every row is there");
        let kept = rows.iter().filter(|row| row.profile == ProfileFate::Kept);
        let (mut whole, mut missing) = (0, 0);
        for row in kept {
            match store.profile(row, &mut |_, _| {}) {
                Ok(_) => whole += 1,
                Err(_) => missing += 1,
            }
        }
        assert!(whole > 0 && missing > 0, "{name}: {whole} whole, {missing} missing");
    }
}

#[test]
fn a_manifest_whose_last_entry_is_torn_keeps_the_files_it_forgot_and_tells_of_them() {
    let (folder, rows) = sealed();
    let before = files(folder.path(), ".parquet");
    let manifest = folder.path().join("manifest");
    change(&manifest, |bytes| bytes.truncate(bytes.len() - 3));
    let store = open(folder.path());
    let left = every_row(&store);
    assert_eq!(left.len(), rows.len() / 2, "what the entries before it name");
    assert!(left.iter().all(|row| rows.contains(row)));
    let corrupt = store.stats().corrupt_files;
    let forgotten = |file: &&PathBuf| corrupt.iter().any(|corrupt| corrupt.path == **file);
    assert_eq!(before.iter().filter(forgotten).count(), 1, "{corrupt:?}");
    // What comes now does not overwrite them.
    add_traffic(&store, 21, NOON - 60_000_000, 2, 100);
    store.seal().unwrap();
    let after = files(folder.path(), ".parquet");
    assert!(before.iter().all(|file| after.contains(file)), "{before:?}, then {after:?}");
    assert!(after.len() > before.len());
    // Nor does a later start, to which the manifest looks whole, take them away.
    drop(store);
    let store = open(folder.path());
    assert_eq!(files(folder.path(), ".parquet"), after);
    assert!(!store.stats().corrupt_files.is_empty());
}
