//! Folders full of generated transactions.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use scouter_collector::generate::{FillError, Plan, fill};
use scouter_collector::store::{Bounds, Filter, PageRequest, Store, TimeRange};

use super::support::{NOON, every_row, open, profile};

const PLAN: Plan =
    Plan { transactions: 3_210, seed: 7, end_unix_us: NOON, span: Duration::from_secs(600) };

fn count(folder: &Path) -> u64 {
    let store = open(folder);
    let page = PageRequest { limit: 0, after: None };
    store.rows(&Bounds::time(TimeRange::ALL), &Filter::ALL, &page).unwrap().total
}

#[test]
fn a_generated_folder_holds_as_many_transactions_as_were_asked_for_with_their_profiles() {
    let folder = tempfile::tempdir().unwrap();
    let mut told = Vec::new();
    fill(folder.path(), &PLAN, &mut |done| told.push(done)).unwrap();
    assert_eq!(told.last(), Some(&PLAN.transactions));
    let store = open(folder.path());
    let rows = every_row(&store);
    assert_eq!(rows.len() as u64, PLAN.transactions);
    assert!(!profile(&store, &rows[17]).is_empty());
    let first = rows.last().unwrap().end_unix_us;
    assert!((NOON - first).unsigned_abs() < 2 * 600_000_000, "spread over the span: {first}");
}

#[test]
fn the_same_seed_gives_the_same_transactions() {
    let ids = |seed| {
        let folder = tempfile::tempdir().unwrap();
        fill(folder.path(), &Plan { seed, transactions: 600, ..PLAN }, &mut |_| {}).unwrap();
        every_row(&open(folder.path())).iter().map(|row| row.txid).collect::<Vec<_>>()
    };
    assert_eq!(ids(7), ids(7));
    assert_ne!(ids(7), ids(8));
}

#[test]
fn a_folder_with_anything_in_it_is_refused_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("letters"), "dear").unwrap();
    let refused = fill(folder.path(), &PLAN, &mut |_| {});
    assert!(matches!(refused, Err(FillError::NotEmpty)));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn the_program_fills_a_folder_that_it_then_finds_sound() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let run = |arguments: &[&str]| {
        let program = env!("CARGO_BIN_EXE_scouter-collector");
        Command::new(program).args(arguments).arg(&data).output().unwrap()
    };
    let filled = run(&["generate", "--transactions", "1500", "--minutes", "5"]);
    assert!(filled.status.success(), "{filled:?}");
    assert!(run(&["check"]).status.success());
    assert_eq!(count(&data), 1_500);
    assert!(!run(&["generate"]).status.success(), "it is not empty any more");
}
