//! Digests: kept like everything else, by ten seconds and then by five minutes; and how long each
//! kind of data is kept.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use scouter_collector::store::local::{LocalStore, StoreClock};
use scouter_collector::store::{
    Appended, CounterBatch, DigestBatch, DigestGroup, DigestKind, DigestQuery, Digests, Glob,
    Origin, Retention, RetentionPreview, Store, TimeRange,
};
use scouter_wire::record::{CounterPoint, Digest, DigestKey, Sketch, StepKind};
use scouter_wire::{ObjectId, TextKind, TextRef};

use super::support::{NOON, config, every_row, open, open_with};

const SECOND: i64 = 1_000_000;
const STEP: i64 = 10 * SECOND;
const DAY: i64 = 86_400 * SECOND;

fn digest(key: DigestKey, elapsed_us: &[u64], errors: u64) -> Digest {
    let mut sketch = Sketch::default();
    elapsed_us.iter().for_each(|elapsed| sketch.insert(*elapsed));
    let (count, elapsed_us) = (elapsed_us.len() as u64, elapsed_us.iter().sum());
    Digest { key, count, errors, elapsed_us, sketch, unseen_profiles: 1 }
}

struct Sender {
    origin: Origin,
    object: ObjectId,
    seq: u64,
    service: TextRef,
    sql: TextRef,
}

impl Sender {
    fn new(store: &dyn Store, instance: u128, object: &str) -> Self {
        Self {
            origin: Origin { instance, epoch: 1 },
            object: store.object(object).unwrap().0,
            seq: 0,
            service: store.intern(TextKind::Service, "GET /orders").unwrap().0,
            sql: store.intern(TextKind::Sql, "SELECT 1").unwrap().0,
        }
    }

    fn append(&self, store: &dyn Store, from_unix_us: i64, digests: &[Digest]) -> Appended {
        let (origin, seq, object) = (self.origin, self.seq, self.object);
        store.append_digests(&DigestBatch { origin, seq, object, from_unix_us, digests }).unwrap()
    }

    /// A statement, an error and an edge, each with these elapsed times.
    fn send(&mut self, store: &dyn Store, from_unix_us: i64, elapsed_us: &[u64]) {
        self.seq += 1;
        let edge =
            DigestKey::Edge { service: self.service, kind: StepKind::Sql, peer: "db:5432".into() };
        let digests = [
            digest(DigestKey::Sql(self.sql), elapsed_us, 0),
            digest(DigestKey::Error(self.service, "no row".into()), elapsed_us, 2),
            digest(edge, elapsed_us, 0),
        ];
        let appended = self.append(store, from_unix_us, &digests);
        assert!(matches!(appended, Appended::Kept { .. }), "{appended:?}");
    }
}

fn ask(store: &dyn Store, kind: DigestKind, range: TimeRange) -> Digests {
    let object = Glob::new("*");
    store.digests(&DigestQuery { kind, object: &object, range, is_by_object: false }).unwrap()
}

fn only(digests: &Digests) -> &DigestGroup {
    assert_eq!(digests.groups.len(), 1, "{digests:?}");
    &digests.groups[0]
}

fn between(from_unix_us: i64, to_unix_us: i64) -> TimeRange {
    TimeRange { from_unix_us, to_unix_us }
}

/// All that is asked of a store of [`filled`].
fn answers(store: &dyn Store) -> Vec<Digests> {
    let ranges =
        [TimeRange::ALL, between(NOON, NOON + STEP - 1), between(NOON + STEP, NOON + 400 * STEP)];
    let of_kind = |kind| ranges.map(|range| ask(store, kind, range));
    [DigestKind::Sql, DigestKind::Error, DigestKind::Edge].into_iter().flat_map(of_kind).collect()
}

/// Two intervals of two objects, of instances that generated traffic does not have.
pub(super) fn filled(store: &dyn Store) {
    for (instance, object) in [(1_001, "/node/a"), (1_002, "/node/b")] {
        let mut sender = Sender::new(store, instance, object);
        sender.send(store, NOON + 3 * SECOND, &[100, 200, 300]);
        sender.send(store, NOON + STEP + 3 * SECOND, &[400, 50_000]);
    }
}

fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let hour = folder.join("data/20261122/11");
    let entries = std::fs::read_dir(hour).into_iter().flatten();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.filter(|path| path.extension().is_some_and(|e| e == ending)).collect()
}

#[test]
fn digests_are_summed_over_a_range_alike_in_memory_after_a_crash_sealed_and_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    filled(&store);
    let expected = answers(&store);
    let all = only(&expected[0]);
    assert_eq!((&*all.name, all.totals.count, all.totals.elapsed_us), ("SELECT 1", 10, 102_000));
    assert_eq!(all.totals.unseen_profiles, 4, "a lower bound says so");
    let p99 = all.totals.sketch.quantile(0.99).unwrap();
    assert!((47_500..=52_500).contains(&p99), "of both objects and intervals: {p99}");
    assert_eq!(only(&expected[1]).totals.count, 6, "the first interval alone");
    assert_eq!(only(&expected[2]).totals.count, 4, "the second alone");
    assert_eq!((&*only(&expected[3]).detail, only(&expected[3]).totals.errors), ("no row", 8));
    assert_eq!(only(&expected[6]).peer, Some(StepKind::Sql));
    drop(store);
    let store = open(folder.path());
    assert_eq!(answers(&store), expected, "from the log");
    store.seal().unwrap();
    assert_eq!(answers(&store), expected, "from a file");
    assert_eq!((files(folder.path(), "dig").len(), files(folder.path(), "di5").len()), (1, 1));
    store.close().unwrap();
    drop(store);
    let store = open(folder.path());
    assert_eq!(answers(&store), expected, "from a file that the manifest names");
    let object = Glob::new("/node/b");
    let query = DigestQuery {
        kind: DigestKind::Sql,
        object: &object,
        range: TimeRange::ALL,
        is_by_object: true,
    };
    let one = store.digests(&query).unwrap();
    assert_eq!((&*only(&one).object, only(&one).totals.count), ("/node/b", 5));
}

#[test]
fn digests_that_are_sent_again_are_not_added_twice() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let mut sender = Sender::new(&store, 1, "/node/a");
    sender.send(&store, NOON, &[100]);
    let again = |store: &dyn Store, when: &str| {
        let digests = [digest(DigestKey::Sql(sender.sql), &[100], 0)];
        let appended = sender.append(store, NOON, &digests);
        assert!(matches!(appended, Appended::Duplicate { .. }), "{when}: {appended:?}");
        assert_eq!(only(&ask(store, DigestKind::Sql, TimeRange::ALL)).totals.count, 1, "{when}");
    };
    again(&store, "at once");
    drop(store);
    let store = open(folder.path());
    again(&store, "after a crash");
    store.seal().unwrap();
    drop(store);
    again(&open(folder.path()), "after its log is gone");
}

#[test]
fn a_damaged_file_of_digests_is_named_and_the_coarser_one_answers() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    filled(&store);
    store.seal().unwrap();
    let fine = files(folder.path(), "dig").pop().unwrap();
    let mut bytes = std::fs::read(&fine).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 4;
    std::fs::write(&fine, bytes).unwrap();
    let digests = ask(&store, DigestKind::Sql, TimeRange::ALL);
    assert_eq!((only(&digests).totals.count, digests.step_us), (10, 30 * STEP));
    assert_eq!(store.stats().corrupt_files[0].path, fine);
    std::fs::remove_file(files(folder.path(), "di5").pop().unwrap()).unwrap();
    assert_eq!(ask(&store, DigestKind::Sql, TimeRange::ALL).groups, []);
    assert_eq!(store.stats().corrupt_files.len(), 2, "nothing is lost silently");
}

/// The store of a folder, opened when this much time has passed, after one round of its work.
fn opened_after(folder: &Path, passed_us: i64) -> LocalStore {
    let mut later = config(folder);
    later.clock = StoreClock::Manual(Arc::new(AtomicI64::new(NOON + passed_us)));
    let store = open_with(&later);
    store.maintain();
    store
}

#[test]
fn each_kind_of_data_goes_at_its_own_age_and_old_digests_keep_their_sums_by_five_minutes() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    super::basics::with_traffic(&store, 2, 300);
    filled(&store);
    let name = store.intern(TextKind::Counter, "rate|1/s").unwrap().0;
    let points = [CounterPoint { name, value: 1.0 }];
    let batch = CounterBatch {
        origin: Origin { instance: 77, epoch: 1 },
        seq: 1,
        object: store.object("/node/a").unwrap().0,
        unix_us: NOON,
        points: &points,
    };
    store.append_counters(&batch).unwrap();
    store.seal().unwrap();
    let sums = only(&ask(&store, DigestKind::Sql, TimeRange::ALL)).clone();
    drop(store);
    // Days passed, and what is left: digests by ten seconds, profiles, transactions, counters and
    // digests by five minutes.
    for (days, fine, has_profiles, rows, rest) in [
        (2, 1, true, 600, 1),
        (4, 0, true, 600, 1),
        (11, 0, false, 600, 1),
        (31, 0, false, 0, 1),
        (71, 0, false, 0, 0),
    ] {
        let store = opened_after(folder.path(), days * DAY);
        let stats = store.stats();
        assert_eq!(files(folder.path(), "dig").len(), fine, "after {days} days");
        assert_eq!(stats.profiles > 0, has_profiles, "after {days} days");
        assert_eq!(every_row(&store).len(), rows, "after {days} days");
        assert_eq!(store.counter_names(&Glob::new("*")).len(), rest, "after {days} days");
        let digests = ask(&store, DigestKind::Sql, TimeRange::ALL);
        assert_eq!(digests.groups.len(), rest, "after {days} days");
        if rest > 0 {
            assert_eq!(*only(&digests), sums, "the same sums after {days} days");
            let step = if fine > 0 { STEP } else { 30 * STEP };
            assert_eq!(digests.step_us, step, "after {days} days");
        }
        assert_eq!(stats.corrupt_files, [], "what retention took is not missed");
    }
}

#[test]
fn the_preview_of_retention_tells_what_then_goes() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let rows = super::basics::with_traffic(&store, 2, 300).len() as u64;
    filled(&store);
    store.seal().unwrap();
    drop(store);
    let store = opened_after(folder.path(), 2 * DAY);
    let before = store.stats();
    let nothing = store.retention_preview(&store.retention());
    assert_eq!(nothing, RetentionPreview::default(), "as it is kept nothing goes");
    let day = std::time::Duration::from_secs(86_400);
    let keep = Retention { xlogs: day, profiles: day, ..store.retention() };
    let preview = store.retention_preview(&keep);
    assert_eq!((preview.xlogs, preview.profiles), (rows, before.profiles));
    assert_eq!(store.stats(), before, "a preview takes nothing away");
    drop(store);
    let mut less = config(folder.path());
    less.clock = StoreClock::Manual(Arc::new(AtomicI64::new(NOON + 2 * DAY)));
    (less.xlog_keep, less.profile_keep) = (day, day);
    let store = open_with(&less);
    store.maintain();
    let after = store.stats();
    assert_eq!(after.retention_files, preview.files);
    assert_eq!((after.retention_xlogs, after.retention_profiles), (rows, before.profiles));
    assert_eq!(before.disk_bytes - after.disk_bytes, preview.bytes);
    let all = Retention { disk_bytes: 0, ..store.retention() };
    assert_eq!(store.retention_preview(&all).bytes, after.disk_bytes, "by size everything");
}
