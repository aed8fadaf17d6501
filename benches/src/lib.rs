//! `scouter-bench SUITE [--small] [--json FILE]`: Scouter beside a yardstick and its peers.
//!
//! Every (row, peer) runs in a child process of its own, in interleaved rounds, because a peer's
//! backlog leaks into whatever is measured after it in the same process. A child answers with
//! one number; the table shows the median and the minimum of the rounds. How each row is measured
//! is written beside it in `suites/`; the figures we stand by are in `docs/BENCHMARKS.md`.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool")]

mod clock;
mod harness;
mod machine;
mod options;
mod peers;
mod report;
mod sample;
mod suites;

use std::process::ExitCode;

use options::{Command, Options};

/// The program; two executables call it, one with an allocator that counts.
#[must_use]
pub fn run() -> ExitCode {
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
    let rows = suites::rows(&options.suite);
    let measured = harness::run(options, &rows);
    report::print(options, &measured);
    if let Some(path) = &options.json
        && let Err(error) = std::fs::write(path, report::json(&options.suite, &measured))
    {
        eprintln!("cannot write {}: {error}", path.display());
        return ExitCode::FAILURE;
    }
    let is_complete = measured.iter().all(|row| row.ours().is_some());
    if is_complete { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
