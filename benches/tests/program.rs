//! The program as a user starts it: one quick row of each suite that needs no second build.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::Value;

fn bench(arguments: &[&str]) -> Output {
    let program = env!("CARGO_BIN_EXE_scouter-bench");
    Command::new(program).args(arguments).output().unwrap()
}

/// The JSON of one row, and what was printed.
fn run(suite: &str, row: &str) -> (Value, String) {
    let name = format!("scouter-bench-test-{}-{row}.json", std::process::id());
    let file: PathBuf = std::env::temp_dir().join(name);
    let path = file.to_str().unwrap();
    let output = bench(&[suite, "--small", "--only", row, "--json", path]);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{suite} {row}: {errors}");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    (serde_json::from_str(&text).unwrap(), printed)
}

fn check(suite: &str, row: &str, unit: &str) {
    let _ours = checked(suite, row, unit);
}

/// Our figure.
fn checked(suite: &str, row: &str, unit: &str) -> f64 {
    let (document, printed) = run(suite, row);
    assert_eq!(document["suite"], suite);
    let rows = document["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 1, "{document}");
    let figures = &rows[0];
    assert_eq!(figures["name"], row);
    assert_eq!(figures["unit"], unit);
    assert!(figures["ours"].is_number(), "{document}");
    assert!(figures["floor"].is_number(), "{document}");
    let peers = figures["peers"].as_object().unwrap();
    assert!(peers.values().all(Value::is_number), "{document}");
    assert!(figures["min"]["ours"].is_number(), "{document}");
    for part in [row, "ours", "yardstick: ", "machine: ", "versions: "] {
        assert!(printed.contains(part), "`{part}` is not printed:\n{printed}");
    }
    for peer in peers.keys() {
        assert!(printed.contains(peer.as_str()), "`{peer}` is not printed:\n{printed}");
    }
    figures["ours"].as_f64().unwrap()
}

#[test]
fn the_recorder_is_measured_beside_its_yardstick() {
    check("hotpath", "sync_step_flat100_ns", "ns");
}

#[test]
fn a_question_to_the_store_is_measured_beside_its_yardstick() {
    check("query", "grid_10m_ms", "ms");
}

#[test]
fn the_axum_layer_is_measured_beside_its_yardstick() {
    check("http", "axum_layer_in_process_ns", "ns");
}

#[test]
fn a_statement_is_measured_beside_its_yardstick() {
    check("sql", "sql_statement_overhead_ns", "ns");
}

#[test]
fn the_active_list_is_measured_beside_its_yardstick() {
    check("active", "active_list_1000_us", "us");
}

#[test]
fn the_bytes_on_the_wire_are_measured_beside_their_yardstick() {
    check("wire", "wire_bytes_per_tx", "bytes");
}

#[test]
fn a_durable_collector_is_measured_beside_its_yardstick() {
    check("ingest", "disk_bytes_per_profile", "bytes");
}

#[test]
fn a_poll_is_measured_beside_its_yardstick() {
    check("diagnose", "scope_repoll_ns", "ns");
}

/// Its children fail unless 99.9 % of all stacks are whole.
#[test]
fn stacks_of_fifty_threads_are_whole() {
    check("diagnose", "dump_50_threads_ms", "ms");
}

/// Its children fail unless every sample came with its service.
#[test]
fn no_sample_is_lost() {
    check("diagnose", "sfa_99hz_overhead_pct", "%");
}

/// 300 samples at random would be 2.6 points off, so this is beyond four standard deviations.
#[test]
fn cpu_samples_blame_whoever_used_the_processor() {
    let points = checked("diagnose", "sfa_attribution_error_points", "points");
    assert!(points <= 11.0, "{points}");
}

#[test]
fn what_requests_are_said_to_allocate_is_what_they_did() {
    let percent = checked("diagnose", "alloc_sum_error_pct", "%");
    assert!(percent <= 1.0, "{percent}");
}

/// Its children fail unless each one is told.
#[test]
fn polls_that_block_and_connections_that_leak_are_told() {
    check("diagnose", "blocked_poll_lateness_ticks_p99", "ticks");
    check("diagnose", "leak_detect_ms", "ms");
}

#[test]
fn a_suite_that_is_not_there_is_a_usage_error_that_names_those_that_are() {
    let output = bench(&["hotpaht"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("hotpath, http, sql"));
}

#[test]
fn a_row_that_is_not_there_is_a_usage_error() {
    assert_eq!(bench(&["wire", "--small", "--only", "no_such_row"]).status.code(), Some(2));
}

/// A child that fails makes its peer incomplete; here all do, for want of a program that counts.
#[test]
fn a_listed_peer_without_a_figure_fails_the_run_and_is_named() {
    let program = env!("CARGO_BIN_EXE_scouter-bench");
    let output = Command::new(program)
        .args(["sql", "--small", "--only", "allocations_per_statement"])
        // The counting program is not built.
        .env("CARGO", "/nonexistent/cargo")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.contains("no figure for allocations_per_statement none"), "{errors}");
    assert!(errors.contains("allocations_per_statement ours"), "{errors}");
}
