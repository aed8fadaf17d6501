//! A disk that is full, and then has room again: on a real file system of four megabytes.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output};

use scouter_collector::store::local::LocalStore;
use scouter_collector::store::{AppendError, Appended, Store};

use super::basics::add_traffic;
use super::support::{Agent, NOON, config, every_row, open, xlog};

/// Where the child process finds its small disk.
pub(crate) const FOLDER: &str = "SCOUTER_TEST_SMALL_DISK";

/// Transactions of one frame.
const ROWS: u64 = 400;

/// The file system needs a mount, and the mount a name space of its own: `unshare` gives both to
/// root, and to everybody where the kernel lets users have name spaces.
#[test]
fn a_full_disk_refuses_what_it_cannot_keep_and_takes_it_once_there_is_room() {
    run_on_a_small_disk("store::full_disk::on_a_small_disk");
}

#[test]
fn retention_makes_room_on_a_disk_too_full_for_a_single_line() {
    run_on_a_small_disk("store::full_disk::on_a_disk_without_a_free_page");
}

/// Runs an ignored test of this binary with four megabytes of disk, at [`FOLDER`].
pub(crate) fn run_on_a_small_disk(test: &str) {
    let folder = tempfile::tempdir().unwrap();
    let is_root = Command::new("id").arg("-u").output().unwrap().stdout.trim_ascii() == b"0";
    let script =
        "mount -t tmpfs -o size=4m small \"$1\" || exit 77; exec \"$2\" --ignored --exact \"$3\"";
    let mut child = Command::new("unshare");
    child.arg(if is_root { "-m" } else { "-rm" }).args(["sh", "-c", script, "sh"]);
    child.arg(folder.path()).arg(std::env::current_exe().unwrap()).arg(test);
    child.env(FOLDER, folder.path());
    let output = child.output().expect("unshare of util-linux is there");
    if is_forbidden(&output) {
        return;
    }
    let told = told(&output);
    assert!(output.status.success(), "{told}");
    assert!(told.contains("1 passed"), "{told}");
}

/// Everything a process has said.
pub(crate) fn told(output: &Output) -> String {
    let (out, err) = (&output.stdout, &output.stderr);
    (String::from_utf8_lossy(out) + String::from_utf8_lossy(err)).into_owned()
}

/// Whether this user may not have the name space that a test needs; under `CI=true` he must.
pub(crate) fn is_forbidden(output: &Output) -> bool {
    let told = told(output);
    let is_forbidden = output.status.code() == Some(77) || told.contains("unshare failed");
    if is_forbidden {
        let is_ci = std::env::var("CI").is_ok_and(|ci| ci == "true");
        assert!(!is_ci, "a name space is needed under CI=true: {told}");
        eprintln!("skipped: this user may not have a name space of his own: {told}");
    }
    is_forbidden
}

#[test]
#[ignore = "run by `a_full_disk_refuses_what_it_cannot_keep_and_takes_it_once_there_is_room`"]
fn on_a_small_disk() {
    let disk = std::env::var_os(FOLDER).unwrap();
    let disk = Path::new(&disk);
    std::fs::write(disk.join("something else"), vec![1; 1 << 20]).unwrap();
    let folder = disk.join("data");
    let store = open(&folder);
    let mut agent = Agent::new(&store, 1, "/node/orders");
    let (mut kept, mut number) = (0, 0);
    let refused = loop {
        assert!(number < 1_000, "three megabytes hold less than this");
        let frame = frame(&mut agent, number);
        match agent.append(&store, &frame) {
            Ok(Appended::Kept { .. }) => kept += ROWS,
            Ok(other) => panic!("{other:?}"),
            Err(error) => {
                assert!(matches!(error, AppendError::Full(_)), "{error}");
                assert!(error.is_retryable());
                break frame;
            }
        }
        number += 1;
    };
    assert!(kept > 0);
    assert_eq!(rows(&store), kept, "what was kept is served from a full disk");
    assert!(agent.append(&store, &refused).is_err(), "it is still full");
    assert!(store.stats().append_errors >= 2);
    assert!(store.trouble().is_some_and(|why| why.contains("No space left")), "and it says so");
    assert!(store.seal().is_err() || store.stats().seal_errors > 0, "sealing needs room too");
    assert_eq!(rows(&store), kept, "and nothing is lost by trying");

    std::fs::remove_file(disk.join("something else")).unwrap();
    let again = agent.append(&store, &refused).unwrap();
    assert!(matches!(again, Appended::Kept { .. }), "{again:?}");
    kept += ROWS;
    assert_eq!(rows(&store), kept);
    // What is in the log and its files do not fit side by side, so sealing still waits for room.
    assert!(store.trouble().is_none_or(|why| why.starts_with("sealing")), "appending works again");
    drop(store);
    let store = open(&folder);
    assert_eq!(rows(&store), kept, "after a crash all of it is there, once");
}

#[test]
#[ignore = "run by `retention_makes_room_on_a_disk_too_full_for_a_single_line`"]
fn on_a_disk_without_a_free_page() {
    let disk = std::env::var_os(FOLDER).unwrap();
    let disk = Path::new(&disk);
    let mut config = config(&disk.join("data"));
    config.disk_bytes = 300_000;
    let store = LocalStore::open(config).unwrap();
    let traffic = |first, hours: i64| {
        add_traffic(&store, first, NOON - hours * 3_600_000_000, 4, 1_000);
        store.seal().unwrap();
    };
    (0..4).for_each(|hour| traffic(1 + 10 * u128::try_from(hour).unwrap(), 5 - hour));
    let before = store.stats();
    assert!(before.segment_bytes + before.pack_bytes > 600_000, "{before:?}");
    let mut filler = std::fs::File::create(disk.join("something else")).unwrap();
    while filler.write_all(&[1; 4_096]).is_ok() {}
    store.maintain();
    let after = store.stats();
    assert!(after.segment_bytes + after.pack_bytes <= 300_000, "{after:?}");
    assert!(after.retention_files > 0 && after.corrupt_files.is_empty(), "{after:?}");
    let left = rows(&store);
    assert_eq!(left + after.retention_xlogs, 16_000);
    drop(store);
    let store = open(&disk.join("data"));
    assert_eq!((rows(&store), store.stats().corrupt_files), (left, vec![]), "and stays so");
}

fn rows(store: &dyn Store) -> u64 {
    every_row(store).len() as u64
}

/// A frame whose rows do not compress well.
fn frame(agent: &mut Agent, number: u64) -> Vec<u8> {
    for row in 0..ROWS {
        let id = (number * ROWS + row + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut xlog = xlog(NOON + (number * ROWS + row).cast_signed(), id >> 40, id | 1);
        let text = format!("{id:x}{:x}", id.rotate_left(17).wrapping_mul(id));
        xlog.desc = &text;
        agent.push(&xlog, &[]);
    }
    agent.frame()
}
