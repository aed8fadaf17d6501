//! `cargo run --release -p scouter-gate`: counts the instructions of the hot paths and compares
//! them with `baseline.txt`.
//!
//! Time on a shared machine says nothing about a change of five percent; the number of instructions
//! says it twice in a row. Each zone is a function that callgrind switches its counting on for
//! (`--toggle-collect`), after a warm-up that is not counted. The clock is the manual one, so that
//! the count is the same whether or not the machine has a usable time stamp counter.
//!
//! A zone that needs more than [`TOLERANCE_PERCENT`] more instructions than the baseline fails, and
//! so does one that needs that much fewer: then the baseline is stale and hides the next loss.
//! `--update` writes it anew. Without valgrind the gate is skipped, except under `CI=true`.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool")]

mod sample;
mod zones;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};

use zones::{ZONES, Zone};

/// How far a count may be from its baseline.
const TOLERANCE_PERCENT: f64 = 3.0;

fn main() -> ExitCode {
    let argument = std::env::args().nth(1);
    match argument.as_deref() {
        None => gate(false),
        Some("--update") => gate(true),
        Some(zone) => match ZONES.iter().find(|known| known.name == zone) {
            Some(zone) => {
                (zone.run)();
                ExitCode::SUCCESS
            }
            None => {
                eprintln!("usage: cargo run --release -p scouter-gate [-- --update]");
                ExitCode::from(2)
            }
        },
    }
}

fn gate(updates: bool) -> ExitCode {
    if !has_valgrind() {
        if std::env::var("CI").is_ok_and(|ci| ci == "true") {
            eprintln!("valgrind is not installed and CI=true: install it, the gate must run there");
            return ExitCode::FAILURE;
        }
        eprintln!("skipped 1 gate of {} zones: valgrind is not installed", ZONES.len());
        return ExitCode::SUCCESS;
    }
    let baseline = if updates { BTreeMap::new() } else { read_baseline() };
    let mut counts = Vec::new();
    let mut is_good = true;
    for zone in ZONES {
        match count(zone) {
            Ok(count) => {
                is_good &= updates || is_within(zone.name, count, baseline.get(zone.name).copied());
                counts.push((zone.name, count));
            }
            Err(message) => {
                eprintln!("{}: {message}", zone.name);
                is_good = false;
            }
        }
    }
    if updates && is_good {
        is_good = write_baseline(&counts);
    }
    if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn is_within(zone: &str, count: f64, baseline: Option<f64>) -> bool {
    let Some(baseline) = baseline else {
        println!("{zone:<12} {count:>10.1} instructions, no baseline: run with --update");
        return false;
    };
    let percent = 100.0 * (count - baseline) / baseline;
    let is_within = percent.abs() <= TOLERANCE_PERCENT;
    let verdict = match (is_within, percent > 0.0) {
        (true, _) => "ok",
        (false, true) => "MORE: find out why, or accept it with --update",
        (false, false) => "fewer: well done; keep it with --update",
    };
    println!(
        "{zone:<12} {count:>10.1} instructions, baseline {baseline:>10.1} ({percent:+.1} %) {verdict}"
    );
    is_within
}

fn has_valgrind() -> bool {
    let mut version = Command::new("valgrind");
    version.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
    version.status().is_ok_and(|status| status.success())
}

/// Instructions of one operation of `zone`.
fn count(zone: &Zone) -> Result<f64, String> {
    let out =
        std::env::temp_dir().join(format!("scouter-gate-{}-{}", std::process::id(), zone.name));
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--collect-atstart=no"])
        .arg(format!("--toggle-collect=*{}*", zone.function))
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(program)
        .arg(zone.name)
        .output()
        .map_err(|error| format!("cannot run valgrind: {error}"))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let text = std::fs::read_to_string(&out).map_err(|error| error.to_string())?;
    _ = std::fs::remove_file(&out);
    let total = text
        .lines()
        .find_map(|line| line.strip_prefix("summary: ").or_else(|| line.strip_prefix("totals: ")))
        .and_then(|count| count.trim().parse::<u64>().ok())
        .ok_or("callgrind wrote no summary")?;
    if total == 0 {
        return Err(format!("nothing was counted: no function matches `{}`", zone.function));
    }
    Ok(total as f64 / zone.operations as f64)
}

fn baseline_path() -> PathBuf {
    concat!(env!("CARGO_MANIFEST_DIR"), "/baseline.txt").into()
}

fn read_baseline() -> BTreeMap<String, f64> {
    let text = std::fs::read_to_string(baseline_path()).unwrap_or_default();
    let entry = |line: &str| {
        let (zone, count) = line.split_once(' ')?;
        Some((zone.to_owned(), count.trim().parse().ok()?))
    };
    text.lines().filter(|line| !line.starts_with('#')).filter_map(entry).collect()
}

fn write_baseline(counts: &[(&str, f64)]) -> bool {
    let mut text = String::from(
        "# Instructions of one operation, x86_64, release profile; written by\n\
         # `cargo run --release -p scouter-gate -- --update`.\n",
    );
    for (zone, count) in counts {
        println!("{zone:<12} {count:>10.1} instructions");
        text.push_str(&format!("{zone} {count:.2}\n"));
    }
    match std::fs::write(baseline_path(), text) {
        Ok(()) => true,
        Err(error) => {
            eprintln!("cannot write {}: {error}", baseline_path().display());
            false
        }
    }
}
