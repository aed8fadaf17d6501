//! The price of a step when feature `enable` is off.
//!
//! Features are unified over a workspace, so this cell is a program of its own (`benches/off`),
//! built when the row is measured.

use std::process::Command;

use crate::harness::{Cell, RESULT_PREFIX};

/// Nanoseconds for one turn of a loop that is empty (`loop`) or has a step in it (`step`).
pub(super) fn run(cell: &Cell<'_>, what: &str) -> Result<f64, String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/off/Cargo.toml");
    let output = Command::new(cargo)
        .args(["run", "--release", "-q", "--manifest-path", manifest, "--"])
        .arg(what)
        .arg(cell.budget.as_millis().to_string())
        .env_remove("CARGO_TARGET_DIR")
        .output()
        .map_err(|error| format!("cannot run cargo: {error}"))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines()
        .find_map(|line| line.strip_prefix(RESULT_PREFIX)?.parse().ok())
        .ok_or_else(|| "the program printed no result".into())
}
