//! The data folder is deleted, replaced or moved away while the collector runs and agents go on.

use std::collections::HashSet;
use std::path::Path;
use std::process::Command;

use super::disk::trouble;
use super::recorder::{agent, flush, record, until};
use super::support::{Home, Turn, ids_in};
use crate::server::process::Process;

/// Takes a folder away from a collector that runs, and answers what the agent has had acknowledged
/// when it was there last: not one transaction more is, and the collector says why.
fn without_a_folder(turn: &Turn, home: &Home, collector: Process, take: impl Fn(&Path)) -> u64 {
    let folder = home.folder.path();
    let guard = agent(&home.address()).start().unwrap();
    record(500);
    turn.assert_both_sides_agree(&guard, &|path| collector.json(path));
    let before = guard.telemetry();
    assert!(before.acked_xlogs >= 500);
    take(folder);
    record(500);
    until("it says why", || {
        trouble(collector.http).is_some_and(|why| why.contains("the data folder was"))
    });
    until("the agent is refused", || {
        guard.telemetry().connection_failures > before.connection_failures + 1
    });
    turn.assert_balance_when_quiet(&guard);
    let telemetry = guard.telemetry();
    assert_eq!(telemetry.acked_xlogs, before.acked_xlogs, "nothing is acknowledged any more");
    assert!(telemetry.pending_xlogs >= 500, "{telemetry:?}");
    let found = std::fs::read_dir(folder).map_or(0, Iterator::count);
    assert_eq!(found, 0, "and nothing is put into whatever is there now");

    // What is in memory cannot be sealed, and it says so.
    let mut collector = collector;
    let id = collector.child.id().to_string();
    assert!(Command::new("kill").arg(id).status().unwrap().success());
    assert_eq!(collector.child.wait().unwrap().code(), Some(1));
    let collector = home.start_again();
    record(200);
    turn.end_without_loss(guard);
    collector.kill();
    before.acked_xlogs
}

#[test]
fn when_its_folder_is_deleted_it_acknowledges_nothing_and_the_rest_goes_to_its_successor() {
    let turn = Turn::take();
    let (home, collector) = Home::program();
    let take = |folder: &Path| std::fs::remove_dir_all(folder).unwrap();
    let lost = without_a_folder(&turn, &home, collector, take);
    assert_eq!(ids_in(home.folder.path()).len() as u64, turn.recorded() - lost);
}

#[test]
fn when_its_folder_is_replaced_each_transaction_is_in_the_old_one_or_the_new_one_and_in_no_two() {
    let turn = Turn::take();
    let (home, collector) = Home::program();
    let kept = tempfile::tempdir().unwrap();
    let old = kept.path().join("old");
    let before = without_a_folder(&turn, &home, collector, |folder| {
        std::fs::rename(folder, &old).unwrap();
        std::fs::create_dir(folder).unwrap();
    });
    let (old, new) = (ids_in(&old), ids_in(home.folder.path()));
    assert_eq!(old.len() as u64, before);
    let both: HashSet<_> = old.union(&new).collect();
    assert_eq!((both.len() as u64, both.len()), (turn.recorded(), old.len() + new.len()));
}

#[test]
fn when_its_folder_is_moved_away_and_back_nothing_is_lost() {
    let turn = Turn::take();
    let (home, collector) = Home::program();
    let elsewhere = tempfile::tempdir().unwrap();
    let elsewhere = elsewhere.path().join("elsewhere");
    let guard = agent(&home.address()).start().unwrap();
    for _ in 0..2 {
        record(500);
        std::fs::rename(home.folder.path(), &elsewhere).unwrap();
        record(500);
        until("it says why", || trouble(collector.http).is_some());
        std::fs::rename(&elsewhere, home.folder.path()).unwrap();
        flush(&guard);
        until("it is ready again", || trouble(collector.http).is_none());
    }
    turn.assert_both_sides_agree(&guard, &|path| collector.json(path));
    turn.end_without_loss(guard);
    collector.kill();
    assert_eq!(ids_in(home.folder.path()).len() as u64, turn.recorded());
}

#[test]
fn when_its_log_is_deleted_what_was_in_it_is_sealed_before_it_is_acknowledged() {
    let turn = Turn::take();
    let (home, collector) = Home::program();
    let guard = agent(&home.address()).start().unwrap();
    for _ in 0..2 {
        record(500);
        std::fs::remove_dir_all(home.folder.path().join("wal")).unwrap();
        record(500);
        turn.assert_both_sides_agree(&guard, &|path| collector.json(path));
        until("it is ready", || trouble(collector.http).is_none());
    }
    turn.end_without_loss(guard);
    collector.kill();
    assert_eq!(ids_in(home.folder.path()).len() as u64, turn.recorded());
}
