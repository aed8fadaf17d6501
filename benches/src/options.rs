//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use crate::suites::SUITES;

/// What to do.
pub(crate) enum Command {
    /// Measure one cell: what the bench starts itself as.
    Child { suite: String, row: String, peer: String, budget: Duration },
    /// Measure a suite.
    Suite(Options),
}

/// How to measure a suite.
pub(crate) struct Options {
    /// Its name.
    pub(crate) suite: String,
    /// Fewer and shorter rounds: shows that it works, not how fast it is.
    pub(crate) small: bool,
    /// Where to write the figures as JSON.
    pub(crate) json: Option<PathBuf>,
    /// Only rows whose name contains this.
    pub(crate) only: Option<String>,
}

impl Options {
    /// How many rounds each cell runs.
    pub(crate) fn rounds(&self) -> usize {
        if self.small { 3 } else { 5 }
    }

    /// How long one round of a cell measures.
    pub(crate) fn budget(&self) -> Duration {
        Duration::from_millis(if self.small { 60 } else { 400 })
    }
}

/// Reads the arguments, without the program's name.
pub(crate) fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Command, String> {
    let first = arguments.next().ok_or_else(usage)?;
    if first == "--child" {
        let mut next = || arguments.next().ok_or("--child takes SUITE ROW PEER MILLISECONDS");
        let (suite, row, peer) = (next()?, next()?, next()?);
        let millis = next()?.parse().map_err(|_| "MILLISECONDS is not a number")?;
        return Ok(Command::Child { suite, row, peer, budget: Duration::from_millis(millis) });
    }
    if !SUITES.contains(&first.as_str()) {
        return Err(format!("unknown suite `{first}`\n{}", usage()));
    }
    let mut options = Options { suite: first, small: false, json: None, only: None };
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--small" => options.small = true,
            "--json" => {
                let path = arguments.next().ok_or("--json takes the file to write")?;
                options.json = Some(path.into());
            }
            "--only" => {
                options.only = Some(arguments.next().ok_or("--only takes a part of a row's name")?)
            }
            other => return Err(format!("unknown option `{other}`\n{}", usage())),
        }
    }
    Ok(Command::Suite(options))
}

fn usage() -> String {
    format!(
        "usage: cargo run --release -p scouter-bench -- SUITE [--small] [--json FILE] [--only ROW]\n\
         suites: {}",
        SUITES.join(", ")
    )
}
