//! A data folder that is deleted, moved or replaced under an open store.

use std::path::Path;

use scouter_collector::store::{AppendError, Appended, Store};

use super::support::{Agent, NOON, config, every_row, open, xlog};

fn frame(agent: &mut Agent, txid: u64) -> Vec<u8> {
    agent.push(&xlog(NOON, 10, txid), &[]);
    agent.frame()
}

/// Whether nothing is, or was put, in a folder.
fn is_empty(folder: &Path) -> bool {
    std::fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_none())
}

#[test]
fn nothing_is_kept_in_a_folder_that_is_no_longer_there_and_all_goes_on_once_it_is_back() {
    let parent = tempfile::tempdir().unwrap();
    let (folder, elsewhere) = (parent.path().join("data"), parent.path().join("elsewhere"));
    let store = open(&folder);
    let mut agent = Agent::new(&store, 1, "/node/orders");
    let first = frame(&mut agent, 1);
    agent.append(&store, &first).unwrap();
    for is_replaced in [false, true] {
        std::fs::rename(&folder, &elsewhere).unwrap();
        if is_replaced {
            std::fs::create_dir(&folder).unwrap();
        }
        let refused = frame(&mut agent, 2 + u64::from(is_replaced));
        let error = agent.append(&store, &refused).unwrap_err();
        assert!(matches!(&error, AppendError::Io(_)) && error.is_retryable(), "{error}");
        assert!(error.to_string().contains("put it back"), "{error}");
        assert!(store.trouble().is_some_and(|why| why.contains("the data folder was")));
        assert!(store.seal().is_err(), "nor is anything sealed into it");
        store.maintain();
        assert!(if is_replaced { is_empty(&folder) } else { !folder.exists() });
        assert_eq!(every_row(&store).len(), 1 + usize::from(is_replaced), "it still answers");

        if is_replaced {
            std::fs::remove_dir(&folder).unwrap();
        }
        std::fs::rename(&elsewhere, &folder).unwrap();
        let kept = agent.append(&store, &refused).unwrap();
        assert!(matches!(kept, Appended::Kept { .. }), "{kept:?}");
        store.maintain();
        assert_eq!(store.trouble(), None);
    }
    assert!(store.stats().append_errors >= 2);
    drop(store);
    assert_eq!(every_row(&open(&folder)).len(), 3);
}

#[test]
fn a_log_that_was_deleted_is_begun_anew_and_what_was_in_it_is_sealed() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let mut agent = Agent::new(&store, 1, "/node/orders");
    for txid in 1..=2 {
        let frame = frame(&mut agent, txid);
        agent.append(&store, &frame).unwrap();
        std::fs::remove_dir_all(folder.path().join("wal")).unwrap();
    }
    let frame = frame(&mut agent, 3);
    agent.append(&store, &frame).unwrap();
    store.maintain();
    drop(store);
    assert_eq!(every_row(&open(folder.path())).len(), 3);
}

#[test]
fn rows_are_sealed_by_age_also_when_the_clock_was_set_back() {
    use scouter_collector::store::local::{LocalStore, StoreClock};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
    let folder = tempfile::tempdir().unwrap();
    let now = Arc::new(AtomicI64::new(NOON));
    let mut config = config(folder.path());
    config.clock = StoreClock::Manual(Arc::clone(&now));
    let store = LocalStore::open(config).unwrap();
    let mut agent = Agent::new(&store, 1, "/node/orders");
    let frame = frame(&mut agent, 1);
    agent.append(&store, &frame).unwrap();
    store.maintain();
    assert_eq!(store.stats().hot_rows, 1, "it is not old yet");
    now.store(NOON - 86_400_000_000, Relaxed);
    store.maintain();
    assert_eq!(store.stats().hot_rows, 0);
}
