//! What the store does when files cannot be written for a while: it stays within its bounds.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use scouter_collector::store::local::{LocalStore, MAX_GENERATIONS, StoreClock};
use scouter_collector::store::{CounterBatch, Glob, Store, TimeRange};
use scouter_wire::TextKind;
use scouter_wire::record::CounterPoint;

use super::support::{Agent, NOON, config};

fn wal_files(folder: &Path) -> usize {
    std::fs::read_dir(folder.join("wal")).unwrap().count()
}

#[test]
fn memory_stays_bounded_while_nothing_can_be_sealed_and_nothing_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let now = Arc::new(AtomicI64::new(NOON));
    let mut config = config(folder.path());
    config.clock = StoreClock::Manual(Arc::clone(&now));
    let store = LocalStore::open(config).unwrap();
    // A file where the day's folder belongs: nothing can be sealed.
    let day = folder.path().join("data").join("20261122");
    std::fs::write(&day, "").unwrap();
    let agent = Agent::new(&store, 1, "/node/orders");
    let name = store.intern(TextKind::Counter, "heap|byte").unwrap().0;
    for seq in 1..=20 {
        let points = [CounterPoint { name, value: 1.0 }];
        let batch = CounterBatch {
            origin: agent.origin,
            seq,
            object: agent.object,
            unix_us: NOON + i64::try_from(seq).unwrap() * 2_000_000,
            points: &points,
        };
        store.append_counters(&batch).unwrap();
        // Old enough to be sealed, each time.
        now.fetch_add(3_600_000_000, Ordering::Relaxed);
        store.maintain();
    }
    assert!(store.stats().seal_errors >= 20);
    assert!(wal_files(folder.path()) <= MAX_GENERATIONS, "{} logs", wal_files(folder.path()));
    assert!(store.trouble().is_some_and(|why| why.starts_with("sealing")), "and it says so");
    std::fs::remove_file(&day).unwrap();
    (0..=MAX_GENERATIONS).for_each(|_| store.maintain());
    assert_eq!(store.trouble(), None);
    assert_eq!(wal_files(folder.path()), 1, "all is sealed");
    let series = store.counters(&Glob::new("*"), "heap|byte", TimeRange::ALL).unwrap();
    assert_eq!(series[0].points.len(), 20);
}
