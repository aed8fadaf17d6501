//! Where the figures come from: machine, kernel, compiler, versions.

use std::fs::read_to_string;
use std::process::Command;

/// One line about the machine.
pub(crate) fn describe() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let kernel = first_line("/proc/sys/kernel/osrelease");
    let source = first_line("/sys/devices/system/clocksource/clocksource0/current_clocksource");
    format!("{}, {cores} cores, Linux {kernel}, clocksource {source}, {}", cpu(), rustc())
}

/// `name version` of every crate we compare with, from the lock file this was built with.
pub(crate) fn versions() -> String {
    const SHOWN: [&str; 15] = [
        "async-backtrace",
        "await-tree",
        "axum",
        "fastrace",
        "fastrace-axum",
        "opentelemetry-instrumentation-tower",
        "opentelemetry-proto",
        "opentelemetry_sdk",
        "parquet",
        "sqlx",
        "tokio",
        "tower-http",
        "tracing-opentelemetry",
        "tracing-subscriber",
        "zstd",
    ];
    let lock = include_str!("../../Cargo.lock");
    let version_of = |wanted: &str| {
        let mut lines = lock.lines();
        let mut newest = None;
        while let Some(line) = lines.next() {
            if line == format!("name = \"{wanted}\"") {
                newest = lines.next().and_then(|line| line.split('"').nth(1));
            }
        }
        newest
    };
    let shown = SHOWN.iter().filter_map(|name| version_of(name).map(|v| format!("{name} {v}")));
    shown.collect::<Vec<_>>().join(", ")
}

fn cpu() -> String {
    let info = read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    model.map_or_else(|| std::env::consts::ARCH.to_owned(), |(_, name)| name.trim().to_owned())
}

fn rustc() -> String {
    let output = Command::new("rustc").arg("--version").output();
    output.map_or_else(
        |_| "rustc unknown".to_owned(),
        |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
    )
}

fn first_line(path: &str) -> String {
    let text = read_to_string(path).unwrap_or_default();
    text.lines().next().unwrap_or("unknown").to_owned()
}
