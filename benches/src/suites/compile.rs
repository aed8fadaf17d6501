//! What the attribute costs the one who compiles: CPU time of rustc, and size of the library.
//!
//! The functions are a crate of their own (`benches/compile`), built for release once more in each
//! round. Dependencies, build script and cargo are not counted: this very program stands before
//! rustc (`RUSTC_WRAPPER`), and writes down what the one compilation of that crate has taken.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use crate::harness::{Cell, NONE, OURS, Row};
use crate::peers::{FASTRACE_ATTRIBUTE, TRACING_ATTRIBUTE};

const PEERS: &[&str] = &[NONE, OURS, TRACING_ATTRIBUTE, FASTRACE_ATTRIBUTE];
const YARDSTICK: &str = "the same functions without an attribute";

pub(super) const ROWS: &[Row] = &[
    Row::new("compile_cost_300_async_fns_cpu_s", "s", YARDSTICK, PEERS).rounds(3),
    Row::new("compile_cost_300_async_fns_rlib_mb", "MB", YARDSTICK, PEERS).rounds(1),
];

/// Names the file into which the wrapped rustc writes what it has taken; set, this program is the
/// wrapper.
pub(crate) const WRAPPER_VARIABLE: &str = "SCOUTER_BENCH_RUSTC_CPU";

/// Crate whose compilation is measured.
const CRATE: &str = "scouter_bench_compile";

pub(super) fn run(cell: &Cell<'_>) -> Result<f64, String> {
    let feature = match cell.peer {
        NONE => None,
        OURS => Some("ours"),
        TRACING_ATTRIBUTE => Some("tracing"),
        FASTRACE_ATTRIBUTE => Some("fastrace"),
        other => return Err(format!("no attribute for `{other}`")),
    };
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("compile/Cargo.toml");
    // Beside one another, so that no peer's dependencies are built with another's features.
    let target = manifest.with_file_name("target").join(feature.unwrap_or("plain"));
    let written = target.join("rustc-cpu-seconds");
    build(&manifest, &target, feature, &written)?;
    match cell.row {
        "compile_cost_300_async_fns_cpu_s" => {
            let text = std::fs::read_to_string(&written)
                .map_err(|error| format!("{}: {error}", written.display()))?;
            text.trim().parse().map_err(|error| format!("`{text}` is no time: {error}"))
        }
        _ => {
            let library = target.join("release/libscouter_bench_compile.rlib");
            let facts = std::fs::metadata(&library)
                .map_err(|error| format!("{}: {error}", library.display()))?;
            Ok(facts.len() as f64 / 1e6)
        }
    }
}

fn build(
    manifest: &Path,
    target: &Path,
    feature: Option<&str>,
    written: &Path,
) -> Result<(), String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let own = std::env::current_exe().map_err(|error| format!("no own program: {error}"))?;
    std::fs::create_dir_all(target).map_err(|error| format!("{}: {error}", target.display()))?;
    let output = Command::new(cargo)
        .args(["build", "--release", "--locked", "-q", "--manifest-path"])
        .arg(manifest)
        .arg("--target-dir")
        .arg(target)
        .args(feature.map(|feature| format!("--features={feature}")))
        .env("RUSTC_WRAPPER", own)
        .env(WRAPPER_VARIABLE, written)
        .env("SCOUTER_BENCH_ROUND", std::process::id().to_string())
        .env_remove("CARGO_TARGET_DIR")
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("cannot run cargo: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(String::from_utf8_lossy(&output.stderr).into_owned())
}

/// Runs rustc as cargo asks for it (`WRAPPER RUSTC ARGUMENTS`), and writes its CPU time down if it
/// compiles the crate that is measured.
pub(crate) fn wrap_rustc(
    written: &Path,
    mut arguments: impl Iterator<Item = OsString>,
) -> ExitCode {
    let Some(rustc) = arguments.next() else { return ExitCode::FAILURE };
    let arguments: Vec<OsString> = arguments.collect();
    let is_it = arguments.iter().any(|argument| argument == CRATE);
    let status = Command::new(rustc).args(&arguments).status();
    let code = status.ok().and_then(|status| status.code()).unwrap_or(1);
    if is_it && code == 0 {
        let seconds = children_cpu().as_secs_f64();
        if std::fs::write(PathBuf::from(written), seconds.to_string()).is_err() {
            return ExitCode::FAILURE;
        }
    }
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}

/// CPU time of all children that have ended, from `/proc/self/stat` (fields 16 and 17, in hundredths
/// of a second; see proc(5)).
fn children_cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks: u64 = after_name
        .split_ascii_whitespace()
        .skip(13)
        .take(2)
        .filter_map(|field| field.parse::<u64>().ok())
        .sum();
    Duration::from_millis(ticks * 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_of_a_child_that_works_is_seen() {
        let before = children_cpu();
        let work = "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done";
        assert!(Command::new("sh").args(["-c", work]).status().is_ok_and(|s| s.success()));
        assert!(children_cpu() > before);
    }
}
