//! Runs code inside of a transaction and shows what was recorded of it as text.

use std::fmt::Write;
use std::future::Future;

use scouter::record::{EndReason, Outcome};
use scouter::testing::{RecordedDetail, RecordedStep, RecordedXLog, Recording, capture};
use scouter::{Begin, Callsite, CallsiteFlags, TextKind, Transaction, Txid};

/// Runs a future on a runtime of its own.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

/// The steps of a transaction around `code`, one a line, indented by depth.
pub(crate) fn steps(code: impl FnOnce()) -> String {
    let (recording, txid) = record(code);
    tree(recording.steps(txid), 0)
}

/// The steps of a transaction around `future`.
pub(crate) fn steps_async<F: Future>(future: F) -> String {
    let (recording, txid) = record_future(future);
    tree(recording.steps(txid), 0)
}

/// The row of a transaction around `future`.
pub(crate) fn row_async<F: Future>(future: F) -> RecordedXLog {
    let (recording, txid) = record_future(future);
    recording.xlogs.into_iter().find(|xlog| xlog.txid == txid).unwrap()
}

/// The attributes of all steps of a transaction around `code`: `key=value key=value`.
pub(crate) fn attributes(code: impl FnOnce()) -> String {
    let (recording, txid) = record(code);
    attributes_of(recording.steps(txid))
}

/// The attributes of all steps of a transaction around `future`.
pub(crate) fn attributes_async<F: Future>(future: F) -> String {
    let (recording, txid) = record_future(future);
    attributes_of(recording.steps(txid))
}

/// How often `code` allocates in a transaction when it runs there for the second time.
pub(crate) fn allocations_of_second(code: impl Fn()) -> u64 {
    let mut allocations = 0;
    drop(record(|| {
        code();
        allocations = allocation_counter::measure(&code).count_total;
    }));
    allocations
}

/// Every transaction that `code` opened itself, with its steps.
pub(crate) fn transactions(code: impl FnOnce()) -> String {
    let recording = capture(code);
    let mut out = String::new();
    for xlog in &recording.xlogs {
        let end = match xlog.end {
            EndReason::Complete => "complete",
            EndReason::CancelledBeforeResponse => "cancelled_before_response",
            EndReason::Panic => "panic",
            _ => "something else",
        };
        write!(out, "{} ({:?}, {end})", xlog.service, xlog.kind).unwrap();
        if !xlog.error.is_empty() {
            write!(out, " !error {}", xlog.error).unwrap();
        }
        out.push('\n');
        out.push_str(&tree(recording.steps(xlog.txid), 1));
    }
    out
}

/// The callsite with this name.
pub(crate) fn callsite(name: &str) -> &'static Callsite {
    scouter::callsites().find(|site| site.name() == name).unwrap()
}

/// Switches arguments and results of the callsite with this name on.
pub(crate) fn capture_all_of(name: &str) {
    let flags = CallsiteFlags::DEFAULT.with(CallsiteFlags::ARGS).with(CallsiteFlags::RET);
    callsite(name).set_flags(flags);
}

fn begin() -> Transaction {
    Transaction::begin(Begin::new(scouter::intern(TextKind::Service, "test")))
}

fn record(code: impl FnOnce()) -> (Recording, Txid) {
    let mut txid = None;
    let recording = capture(|| {
        let transaction = begin();
        txid = transaction.txid();
        {
            let _entered = transaction.enter();
            code();
        }
        transaction.end(EndReason::Complete);
    });
    (recording, txid.unwrap())
}

fn record_future<F: Future>(future: F) -> (Recording, Txid) {
    let mut txid = None;
    let recording = capture(|| {
        let transaction = begin();
        txid = transaction.txid();
        block_on(scouter::in_transaction(transaction, future))
    });
    (recording, txid.unwrap())
}

/// Theirs: `key=value key=value`.
pub(crate) fn attributes_of(steps: &[RecordedStep]) -> String {
    let attributes = steps.iter().filter_map(|step| match &step.detail {
        RecordedDetail::Attributes(attributes) => Some(attributes),
        _ => None,
    });
    let all = attributes.flatten().map(|(key, value)| format!("{key}={value}"));
    all.collect::<Vec<_>>().join(" ")
}

/// Depth first, so that steps that ran side by side stand under their own parent.
fn tree(steps: &[RecordedStep], depth: usize) -> String {
    fn children(steps: &[RecordedStep], parent: Option<u32>, depth: usize, out: &mut String) {
        for (index, step) in steps.iter().enumerate().filter(|(_, step)| step.parent == parent) {
            print(step, depth, out);
            children(steps, u32::try_from(index).ok(), depth + 1, out);
        }
    }
    let mut out = String::new();
    children(steps, None, depth, &mut out);
    out
}

fn print(step: &RecordedStep, depth: usize, out: &mut String) {
    write!(out, "{:width$}{}", "", step.name, width = 4 * depth).unwrap();
    if step.count > 1 {
        write!(out, " x{}", step.count).unwrap();
    }
    match step.outcome {
        Outcome::Ok => {}
        Outcome::Error => write!(out, " !error {}", step.error).unwrap(),
        Outcome::Cancelled => out.push_str(" !cancelled"),
        Outcome::Panic => out.push_str(" !panic"),
        _ => out.push_str(" !unfinished"),
    }
    out.push('\n');
}
