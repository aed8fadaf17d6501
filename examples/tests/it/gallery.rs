//! The fault gallery as a stranger runs it: what goes wrong is named while it does.

use std::process::Command;
use std::sync::{Mutex, PoisonError};

use crate::postgres::Postgres;

/// Trials at the same time: most of their time is spent waiting for a limit to pass.
const JOBS: &str = "4";

/// One gallery at a time: what blocks there is not to be told from a busy machine otherwise.
static ALONE: Mutex<()> = Mutex::new(());

/// Rows of the table by fault.
fn table(database: &str) -> Vec<String> {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let output = Command::new(env!("CARGO_BIN_EXE_gallery"))
        .args(["all", "--database", database, "--jobs", JOBS])
        .output()
        .expect("the gallery starts");
    let text = String::from_utf8(output.stdout).expect("the table is text");
    let rows = text.lines().skip_while(|line| !line.starts_with("-----")).skip(1);
    let rows: Vec<String> = rows.map(str::to_owned).collect();
    assert_eq!(rows.len(), 27, "26 faults and the sum: {text}{:?}", output.stderr);
    rows
}

fn each_fault_is_named(database: &str) {
    let rows = table(database);
    for row in &rows[..26] {
        assert!(row.ends_with(" named"), "{row}\nin\n{}", rows.join("\n"));
    }
}

#[test]
fn each_fault_is_named_with_its_line_service_and_tenant_on_sqlite() {
    each_fault_is_named("sqlite");
}

#[test]
fn each_fault_is_named_with_its_line_service_and_tenant_on_postgresql() {
    if let Some(server) = Postgres::shared() {
        each_fault_is_named(&server.url());
    }
}

fn nothing_is_told_of_a_healthy_run(database: &str) {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let output = Command::new(env!("CARGO_BIN_EXE_gallery"))
        .args(["healthy", "--seconds", "20", "--database", database])
        .output()
        .expect("the gallery starts");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("0 alerts in 20 s"), "{text}{output:?}");
}

#[test]
fn a_healthy_run_raises_no_alert_on_sqlite() {
    nothing_is_told_of_a_healthy_run("sqlite");
}

#[test]
fn a_healthy_run_raises_no_alert_on_postgresql() {
    if let Some(server) = Postgres::shared() {
        nothing_is_told_of_a_healthy_run(&server.url());
    }
}
