//! Checking a folder and salvaging a damaged one.

use std::path::{Path, PathBuf};

use scouter_collector::store::Store;
use scouter_collector::store::local::{check, repair};

use super::basics::add_traffic;
use super::damage::{change, files, sealed};
use super::digests::filled;
use super::support::{NOON, every_row, open};

/// All files of a folder with their content, but for the lock and what SQLite keeps beside.
fn content(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut all = files(folder, "");
    all.retain(|path| {
        let name = path.file_name().unwrap().to_string_lossy();
        name != "lock" && !name.contains("sqlite")
    });
    all.into_iter().map(|path| (path.clone(), std::fs::read(&path).unwrap())).collect()
}

#[test]
fn a_sound_folder_is_found_sound_and_left_as_it_is() {
    let (folder, rows) = sealed();
    let before = content(folder.path());
    for report in [check(folder.path()).unwrap(), repair(folder.path()).unwrap()] {
        assert!(report.is_sound() && report.notes.is_empty() && !report.is_repaired, "{report:?}");
        assert!(report.files >= 7, "{report:?}");
    }
    assert_eq!(content(folder.path()), before);
    assert_eq!(every_row(&open(folder.path())), rows);
    assert!(check(tempfile::tempdir().unwrap().path()).is_err(), "none of a collector");
}

#[test]
fn a_folder_that_a_collector_uses_is_refused() {
    let (folder, _) = sealed();
    let store = open(folder.path());
    assert!(check(folder.path()).unwrap_err().to_string().contains("use"));
    assert!(repair(folder.path()).is_err());
    drop(store);
}

#[test]
fn whatever_file_is_damaged_is_named_and_set_aside_and_the_rest_is_served() {
    let flip = |bytes: &mut Vec<u8>| {
        let middle = bytes.len() / 2;
        bytes[middle] ^= 8;
    };
    let cut = |bytes: &mut Vec<u8>| bytes.truncate(bytes.len() - 3);
    for ending in [".parquet", ".rol", ".pf", ".dig", ".di5"] {
        for damage in [flip as fn(&mut Vec<u8>), cut] {
            let (folder, rows) = sealed();
            let store = open(folder.path());
            filled(&store);
            store.close().unwrap();
            drop(store);
            let file = files(folder.path(), ending).remove(0);
            change(&file, damage);
            let damaged = std::fs::read(&file).unwrap();
            let report = check(folder.path()).unwrap();
            assert_eq!(report.damaged.len(), 1, "{ending}: {report:?}");
            assert_eq!(report.damaged[0].path, file, "{ending}");
            let report = repair(folder.path()).unwrap();
            assert!(report.is_repaired, "{ending}");
            let (from, to) = &report.moved[0];
            assert_eq!((from, std::fs::read(to).unwrap()), (&file, damaged), "{ending}");
            let after = check(folder.path()).unwrap();
            assert!(after.is_sound(), "{ending}: {after:?}");
            let store = open(folder.path());
            assert_eq!(store.stats().corrupt_files, [], "{ending}");
            let left = every_row(&store);
            assert!(left.iter().all(|row| rows.contains(row)), "{ending}: only what was there");
            assert_eq!(left.len() < rows.len(), ending == ".parquet", "{ending}: {}", left.len());
        }
    }
}

#[test]
fn a_manifest_that_lost_a_line_is_written_anew_with_the_files_it_had_forgotten() {
    let (folder, rows) = sealed();
    let profiles = {
        let store = open(folder.path());
        let profiles = store.stats().profiles;
        // A further line, so that the damaged one is in the middle.
        add_traffic(&store, 21, NOON, 1, 10);
        store.close().unwrap();
        profiles
    };
    let all = rows.len() + 10;
    change(&folder.path().join("manifest"), |bytes| {
        let second = bytes.iter().position(|byte| *byte == b'\n').unwrap() + 40;
        bytes[second] ^= 1;
    });
    let report = check(folder.path()).unwrap();
    assert_eq!(report.damaged[0].path, folder.path().join("manifest"));
    assert!(report.damaged.len() > 1, "files that are no longer named: {report:?}");
    let before = std::fs::read(folder.path().join("manifest")).unwrap();
    assert!(repair(folder.path()).unwrap().is_repaired);
    assert_eq!(std::fs::read(folder.path().join("set-aside-1/manifest")).unwrap(), before);
    assert!(check(folder.path()).unwrap().is_sound());
    let store = open(folder.path());
    assert_eq!(every_row(&store).len(), all, "nothing is lost");
    assert!(store.stats().profiles >= profiles);
    assert_eq!(store.stats().corrupt_files, []);
}

#[test]
fn a_manifest_that_is_lost_costs_no_file_however_often_it_is_started_and_repair_names_them_again() {
    let (folder, rows) = sealed();
    let before = [files(folder.path(), ".parquet"), files(folder.path(), ".pf")].concat();
    std::fs::remove_file(folder.path().join("manifest")).unwrap();
    let report = check(folder.path()).unwrap();
    assert_eq!(report.damaged[0].path, folder.path().join("manifest"));
    for start in 0..3 {
        let store = open(folder.path());
        assert_eq!(every_row(&store).len(), 0, "they are not served");
        let told = store.stats().corrupt_files;
        assert!(before.iter().all(|file| file.exists()), "start {start}: {told:?}");
        assert!(told.len() >= 2 && told.iter().all(|file| file.reason.contains("repair")));
    }
    let report = check(folder.path()).unwrap();
    assert!(!report.is_sound(), "{report:?}");
    assert!(repair(folder.path()).unwrap().is_repaired);
    assert!(check(folder.path()).unwrap().is_sound());
    let store = open(folder.path());
    assert_eq!(every_row(&store), rows);
    assert_eq!(store.stats().corrupt_files, []);
}

#[test]
fn a_damaged_state_database_goes_aside_and_sealed_data_is_served_without_it() {
    let (folder, rows) = sealed();
    change(&folder.path().join("state.sqlite"), |bytes| bytes[..100].fill(0x55));
    let report = check(folder.path()).unwrap();
    assert_eq!(report.damaged[0].path, folder.path().join("state.sqlite"), "{report:?}");
    assert!(repair(folder.path()).unwrap().is_repaired);
    assert_eq!(every_row(&open(folder.path())), rows);
}

#[test]
fn a_damaged_record_of_the_log_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    add_traffic(&store, 1, NOON, 4, 50);
    drop(store);
    assert!(check(folder.path()).unwrap().is_sound());
    let log = files(folder.path(), ".wal").pop().unwrap();
    change(&log, |bytes| {
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
    });
    let report = check(folder.path()).unwrap();
    assert_eq!((report.damaged.len(), &report.damaged[0].path), (1, &log));
    assert!(report.damaged[0].reason.starts_with("1 records"), "{report:?}");
    change(&log, |bytes| bytes[10] ^= 1);
    let report = repair(folder.path()).unwrap();
    assert_eq!(report.moved[0].0, log, "a log without its head cannot be read at all");
    drop(open(folder.path()));
}
