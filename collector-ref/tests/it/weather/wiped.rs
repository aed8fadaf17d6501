//! A data folder that is gone when the collector comes back, while agents go on.

use super::recorder::{agent, flush, record};
use super::support::{Home, Turn, ids_in, until_some_is_acknowledged};

#[test]
fn a_store_that_was_wiped_gets_all_that_was_not_acknowledged_before_and_all_that_comes() {
    let turn = Turn::take();
    let (home, collector) = Home::program();
    let guard = agent(&home.address()).start().unwrap();
    record(1_700);
    until_some_is_acknowledged(&guard, 0);
    let under_way = turn.unacknowledged(&guard);
    collector.kill();
    // Nothing of it is left where the collector looks, and all of it where the test looks.
    let kept = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(home.folder.path()).unwrap().map(Result::unwrap) {
        std::fs::rename(entry.path(), kept.path().join(entry.file_name())).unwrap();
    }
    record(700);
    let collector = home.start_again();
    record(700);
    flush(&guard);
    // Its texts are known by other numbers now: names are what they were.
    let services = "/api/v1/xlogs?from_unix_us=0&to_unix_us=9000000000000000&count_only=1";
    let named = collector.json(&format!("{services}&f=service:GET*"))["total"].as_u64();
    assert_eq!(named, Some(collector.total()));
    turn.end_without_loss(guard);
    collector.kill();

    let (before, after) = (ids_in(kept.path()), ids_in(home.folder.path()));
    assert_eq!(before.union(&after).count() as u64, turn.recorded());
    let both = before.intersection(&after).count() as u64;
    assert!(both <= under_way, "{both} are in both, {under_way} were not acknowledged");
}
