//! Prints recordings as indented trees without times.

use std::fmt::Write;

use scouter_wire::record::{EndReason, Outcome, StepKind};

use super::{RecordedDetail, RecordedStep, RecordedXLog, Recording};

pub(super) fn print(recording: &Recording) -> String {
    let mut order: Vec<&RecordedXLog> = recording.xlogs.iter().collect();
    order.sort_by_key(|xlog| (xlog.end_unix_us - xlog.elapsed_us.cast_signed(), xlog.txid));
    let mut out = String::new();
    for xlog in order {
        transaction(&mut out, xlog);
        let steps = recording.steps(xlog.txid);
        let mut children = vec![Vec::new(); steps.len() + 1];
        for (index, step) in steps.iter().enumerate() {
            let parent = step.parent.map_or(0, |parent| parent as usize + 1);
            if let Some(siblings) = children.get_mut(parent) {
                siblings.push(index);
            }
        }
        print_children(&mut out, steps, &children, 0, 1);
    }
    out
}

/// Prints the steps of one parent, each followed by its own children: siblings that ran
/// interleaved are told apart. Parents come before their children, so it ends.
fn print_children(
    out: &mut String,
    steps: &[RecordedStep],
    children: &[Vec<usize>],
    parent: usize,
    depth: usize,
) {
    for &index in &children[parent] {
        let _ = write!(out, "{:width$}", "", width = 4 * depth);
        print_step(out, &steps[index]);
        print_children(out, steps, children, index + 1, depth + 1);
    }
}

// Writing to a String cannot fail, so the results are ignored here.
fn transaction(out: &mut String, xlog: &RecordedXLog) {
    out.push_str(&xlog.service);
    if xlog.status != 0 {
        let _ = write!(out, " {}", xlog.status);
    }
    if !xlog.error.is_empty() {
        out.push_str(" !error");
    }
    let end = match xlog.end {
        EndReason::Complete => "",
        EndReason::CancelledBeforeResponse => " !cancelled_before_response",
        EndReason::AbortedInBody => " !aborted_in_body",
        EndReason::BodyError => " !body_error",
        EndReason::ServiceError => " !service_error",
        EndReason::Panic => " !panic",
        EndReason::Upgraded => " upgraded",
        EndReason::ForcedEnd => " !forced_end",
        _ => " !other",
    };
    out.push_str(end);
    out.push('\n');
}

fn print_step(out: &mut String, step: &RecordedStep) {
    let kind = match step.kind {
        StepKind::Method => "",
        StepKind::Sql | StepKind::SqlTransaction => "sql ",
        StepKind::Api => "api ",
        StepKind::Message => "message",
        StepKind::Error => "error",
        StepKind::PoolWait => "pool_wait ",
        StepKind::Wait => "wait ",
        StepKind::Spawn => "spawn ",
        _ => "other ",
    };
    let _ = write!(out, "{kind}{}", step.name);
    if step.count > 1 {
        let _ = write!(out, " ×{}", step.count);
    }
    match &step.detail {
        RecordedDetail::Text(text) => {
            let _ = write!(out, " {text:?}");
        }
        RecordedDetail::Api { status, .. } if *status != 0 => {
            let _ = write!(out, " {status}");
        }
        RecordedDetail::Attributes(attributes) => {
            let all: Vec<String> =
                attributes.iter().map(|(key, value)| format!("{key}={value}")).collect();
            let _ = write!(out, " {{{}}}", all.join(", "));
        }
        _ => {}
    }
    out.push_str(match step.outcome {
        Outcome::Ok => "",
        Outcome::Error => " !error",
        Outcome::Cancelled => " !cancelled",
        Outcome::Panic => " !panic",
        _ => " !unfinished",
    });
    out.push('\n');
}
