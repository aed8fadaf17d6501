//! What the store does when rows come in and cannot be sealed: it holds so many and refuses more.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use scouter_collector::store::local::{LocalStore, MAX_GENERATIONS, StoreClock};
use scouter_collector::store::{Appended, Store};

use super::support::{Agent, NOON, config, every_row, xlog};

/// Transactions of one frame, and of one generation at most.
const ROWS: u64 = 40;

#[test]
fn while_sealing_fails_memory_stays_bounded_and_what_is_refused_is_taken_once_it_works() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(AtomicI64::new(NOON));
    let mut config = config(folder.path());
    config.clock = StoreClock::Manual(Arc::clone(&clock));
    config.seal_rows = usize::try_from(ROWS).unwrap();
    let store = LocalStore::open(config).unwrap();
    let mut agent = Agent::new(&store, 1, "/node/orders");
    // No segment can be written where a file stands in place of the folder.
    let data = folder.path().join("data");
    std::fs::remove_dir(&data).unwrap();
    std::fs::write(&data, "in the way").unwrap();
    let mut refused = Vec::new();
    for number in 0..8 {
        for row in 0..ROWS {
            agent.push(&xlog(NOON, 1_000, 0x6a01_0000_0000_0001 + number * ROWS + row), &[]);
        }
        let frame = agent.frame();
        match agent.append(&store, &frame) {
            Ok(kept) => assert!(refused.is_empty(), "kept out of order: {kept:?}"),
            Err(error) => {
                assert!(error.is_retryable(), "the agent keeps it: {error}");
                refused.push(frame);
            }
        }
        clock.fetch_add(3_600_000_000, Ordering::Relaxed);
        store.maintain();
        let logs = std::fs::read_dir(folder.path().join("wal")).unwrap().count();
        assert!(logs <= MAX_GENERATIONS, "{logs} generations after frame {number}");
    }
    assert_eq!(refused.len(), 8 - MAX_GENERATIONS);
    assert_eq!(store.stats().append_errors, refused.len() as u64);
    assert!(store.trouble().is_some(), "a monitor is told");
    std::fs::remove_file(&data).unwrap();
    for frame in &refused {
        assert!(matches!(agent.append(&store, frame).unwrap(), Appended::Kept { .. }));
    }
    assert_eq!(store.trouble(), None);
    assert_eq!(every_row(&store).len() as u64, 8 * ROWS);
}
