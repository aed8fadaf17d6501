//! `scouter-bench SUITE [--small] [--json FILE]`: Scouter beside a yardstick and its peers.
//!
//! Every (row, peer) runs in a child process of its own, in interleaved rounds, because a peer's
//! backlog leaks into whatever is measured after it in the same process. A child answers with
//! one number; the table shows the median and the minimum of the rounds. How each row is measured
//! is written beside it in `suites/`; the figures we stand by are in `docs/BENCHMARKS.md`.
#![deny(unsafe_code)]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool")]

mod clock;
mod harness;
mod machine;
mod options;
mod peers;
mod report;
mod suites;
mod traffic;

use std::process::ExitCode;

use options::{Command, Options};

/// The program; two executables call it, one with an allocator that counts.
#[must_use]
pub fn run() -> ExitCode {
    if let Some(written) = std::env::var_os(suites::compile::WRAPPER_VARIABLE) {
        return suites::compile::wrap_rustc(written.as_ref(), std::env::args_os().skip(1));
    }
    match options::parse(std::env::args().skip(1)) {
        Ok(Command::Child { suite, row, peer, budget }) => child(&suite, &row, &peer, budget),
        Ok(Command::Suite(options)) => parent(&options),
        Err(message) => {
            eprintln!("{message}");
            ExitCode::from(2)
        }
    }
}

/// Measures one cell and prints its number as the last line.
fn child(suite: &str, row: &str, peer: &str, budget: std::time::Duration) -> ExitCode {
    let cell = harness::Cell { row, peer, budget };
    match suites::run(suite, &cell) {
        Ok(value) => {
            println!("{}{value}", harness::RESULT_PREFIX);
            ExitCode::SUCCESS
        }
        Err(message) => {
            eprintln!("{suite} {row} {peer}: {message}");
            ExitCode::FAILURE
        }
    }
}

fn parent(options: &Options) -> ExitCode {
    let is_wanted =
        |name: &str| options.only.as_ref().is_none_or(|only| name.contains(only.as_str()));
    let mut rows = suites::rows(&options.suite);
    rows.retain(|row| is_wanted(row.name));
    if rows.is_empty() {
        eprintln!("no row of suite {} has that in its name", options.suite);
        return ExitCode::from(2);
    }
    let measured = harness::run(options, &rows);
    if options.suite == "query" {
        suites::query::clean();
    }
    report::print(options, &measured);
    if let Some(path) = &options.json
        && let Err(error) = std::fs::write(path, report::json(options, &measured))
    {
        eprintln!("cannot write {}: {error}", path.display());
        return ExitCode::FAILURE;
    }
    let missing: Vec<String> = measured
        .iter()
        .flat_map(|row| row.missing().map(|peer| format!("{} {peer}", row.row.name)))
        .collect();
    if missing.is_empty() {
        return ExitCode::SUCCESS;
    }
    eprintln!("incomplete: no figure for {}", missing.join(", "));
    ExitCode::FAILURE
}
