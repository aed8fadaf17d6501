//! Transactions and profiles as plain text for a terminal, in the manner of SCOUTER's profile.

use std::fmt::Write;

use crate::names;
use crate::profile::{StepDetail, StepRecord};
use crate::store::Row;

/// A duration that a person can read: `12 µs`, `3.4 ms`, `1.25 s`.
pub(crate) fn duration(us: u64) -> String {
    match us {
        0..1_000 => format!("{us} µs"),
        1_000..1_000_000 => format!("{}.{} ms", us / 1_000, us % 1_000 / 100),
        _ => format!("{}.{:02} s", us / 1_000_000, us % 1_000_000 / 10_000),
    }
}

/// Bytes as a person can read them: `12 B`, `3.4 KiB`, `1.2 GiB`.
pub(crate) fn bytes(bytes: u64) -> String {
    let units = [("TiB", 1_u64 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    match units.into_iter().find(|(_, unit)| bytes >= *unit) {
        Some((name, unit)) => {
            format!("{}.{} {name}", bytes / unit, bytes % unit * 10 / unit)
        }
        None => format!("{bytes} B"),
    }
}

/// A frame of a folded stack, without what separates frames.
pub(crate) fn folded_word(text: &str) -> String {
    printable(text).replace(';', ",")
}

/// Head of a transaction: one line of names, one of times.
pub(crate) fn head(row: &Row) -> String {
    let mut out = String::new();
    let status = if row.status == 0 { String::new() } else { format!(" {}", row.status) };
    put(&mut out, format_args!("{}{status} on {}\n", row.service, row.object));
    put(&mut out, format_args!("  txid {} gxid {}", row.txid, row.gxid));
    if let Some(caller) = row.caller {
        put(&mut out, format_args!(" caller {caller}"));
    }
    put(
        &mut out,
        format_args!(
            "\n  elapsed {} busy {} sql {}×{} pool wait {} api {}×{} ({})\n",
            duration(row.elapsed_us),
            duration(row.busy_us),
            row.sql_count,
            duration(row.sql_us),
            duration(row.pool_wait_us),
            row.api_count,
            duration(row.api_us),
            names::end_reason(row.end),
        ),
    );
    for (name, text) in [
        ("tenant", &row.tenant),
        ("login", &row.login),
        ("desc", &row.desc),
        ("ip", &row.ip),
        ("error", &row.error),
    ] {
        if !text.is_empty() {
            put(&mut out, format_args!("  {name} {}\n", printable(text)));
        }
    }
    out
}

/// The step tree, one line a step, indented by depth.
pub(crate) fn steps(steps: &[StepRecord]) -> String {
    let mut out = String::new();
    let mut depths: Vec<usize> = Vec::with_capacity(steps.len());
    for step in steps {
        let parent = step.parent.and_then(|parent| usize::try_from(parent).ok());
        let depth = parent.and_then(|parent| depths.get(parent)).map_or(0, |depth| depth + 1);
        depths.push(depth);
        put_step(&mut out, step, depth);
    }
    out
}

/// Deepest indentation; deeper steps stay at it, so that lines stay readable.
const MAX_INDENT: usize = 40;

fn put_step(out: &mut String, step: &StepRecord, depth: usize) {
    let start = duration(step.start_us);
    let elapsed = duration(step.elapsed_us);
    let indent = "  ".repeat(depth.min(MAX_INDENT));
    let kind = names::step_kind(step.kind);
    let name = printable(&step.name);
    put(out, format_args!("{start:>10} {elapsed:>10}  {indent}{kind} {name}"));
    if step.count > 1 {
        put(out, format_args!(" ×{} max {}", step.count, duration(step.max_us)));
    }
    match &step.detail {
        StepDetail::Text(text) => put(out, format_args!(" {}", printable(text))),
        StepDetail::Sql { pool_wait_us, rows, affected, .. } => {
            put(out, format_args!(" rows {rows}"));
            if *affected > 0 {
                put(out, format_args!(" affected {affected}"));
            }
            if *pool_wait_us > 0 {
                put(out, format_args!(" pool wait {}", duration(*pool_wait_us)));
            }
        }
        StepDetail::Api { status, address, callee, .. } => {
            put(out, format_args!(" {status} {}", printable(address)));
            if let Some(callee) = callee {
                put(out, format_args!(" -> {callee}"));
            }
        }
        StepDetail::Attributes(attributes) => {
            for (key, value) in attributes {
                put(out, format_args!(" {}={}", printable(key), printable(value)));
            }
        }
        StepDetail::Spawn { child: Some(child) } => put(out, format_args!(" -> {child}")),
        StepDetail::None | StepDetail::Spawn { child: None } => {}
    }
    if step.outcome != scouter_wire::record::Outcome::Ok {
        put(out, format_args!(" !{}", names::outcome(step.outcome)));
    }
    if !step.error.is_empty() {
        put(out, format_args!(" {}", printable(&step.error)));
    }
    if !step.place.is_empty() {
        put(out, format_args!("  @ {}", printable(&step.place)));
    }
    out.push('\n');
}

/// Replaces control characters, so that a stored text cannot steer the terminal it is shown on.
pub(crate) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn put(out: &mut String, arguments: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = out.write_fmt(arguments);
}

#[cfg(test)]
mod tests {
    use scouter_wire::record::{Outcome, StepKind};

    use super::*;

    fn step(parent: Option<u32>, name: &str, detail: StepDetail) -> StepRecord {
        StepRecord {
            kind: StepKind::Method,
            outcome: Outcome::Ok,
            parent,
            name: name.into(),
            place: String::new(),
            start_us: 1_500,
            elapsed_us: 2_345_678,
            busy_us: 0,
            polls: 0,
            count: 1,
            max_us: 0,
            error: String::new(),
            detail,
        }
    }

    #[test]
    fn steps_are_indented_by_depth_and_cannot_steer_a_terminal() {
        let mut child = step(Some(0), "load\u{1b}[2J", StepDetail::Text("a\nb".into()));
        child.outcome = Outcome::Error;
        child.count = 10;
        let text = steps(&[step(None, "handler", StepDetail::None), child]);
        assert_eq!(
            text,
            "    1.5 ms     2.34 s  method handler\n    1.5 ms     2.34 s    method load [2J \
             ×10 max 0 µs a b !error\n"
        );
    }

    #[test]
    fn durations_keep_three_digits_or_so() {
        for (us, text) in [(0, "0 µs"), (999, "999 µs"), (1_000, "1.0 ms"), (999_999, "999.9 ms")]
        {
            assert_eq!(duration(us), text);
        }
        assert_eq!(duration(61_230_000), "61.23 s");
    }
}
