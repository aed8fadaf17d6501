//! scouter-core, drained by a thread of its own whose visitor reads everything and keeps nothing.

use std::future::Future;
use std::hint::black_box;

use scouter_core::drain::DrainVisitor;
use scouter_core::record::{Step, XLog};
use scouter_core::{Begin, TextKind, Transaction, Txid};

use super::{DRAIN_INTERVAL, SpanPeer};

/// Reads what was recorded.
struct Discard;

impl DrainVisitor for Discard {
    fn xlog(&mut self, xlog: &XLog<'_>) {
        black_box(xlog);
    }

    fn profile_begin(&mut self, txid: Txid, end_unix_us: i64, steps: u32) {
        black_box((txid, end_unix_us, steps));
    }

    fn step(&mut self, step: &Step<'_>) {
        black_box(step);
    }

    fn profile_end(&mut self) {}
}

/// Turns recording on and drains until the process ends.
pub(crate) fn start_recording() {
    scouter_core::set_recording(true);
    let drain = || {
        loop {
            scouter_core::drain::drain(&mut Discard, usize::MAX);
            std::thread::sleep(DRAIN_INTERVAL);
        }
    };
    let thread = std::thread::Builder::new().name("drain".into()).spawn(drain);
    assert!(thread.is_ok(), "a process that measures can start a thread");
}

/// Turns recording off again.
pub(crate) fn switch_off() {
    scouter_core::set_recording(false);
}

fn begin() -> Transaction {
    Transaction::begin(Begin::new(scouter_core::intern(TextKind::Service, "GET /orders/{id}")))
}

/// Runs `future` as a request.
pub(crate) fn in_request<F: Future>(future: F) -> impl Future<Output = F::Output> {
    scouter_core::in_transaction(begin(), future)
}

/// scouter-core.
pub(crate) struct Ours;

impl SpanPeer for Ours {
    fn start() -> Self {
        start_recording();
        Self
    }

    #[inline]
    fn root(&self, inner: impl FnOnce()) {
        let transaction = begin();
        {
            let _entered = transaction.enter();
            inner();
        }
        transaction.end(scouter_core::record::EndReason::Complete);
    }

    #[inline]
    fn step(&self, inner: impl FnOnce()) {
        let _step = scouter_core::step(scouter_core::callsite!(name: "step"));
        inner();
    }

    #[inline]
    fn other_step(&self, inner: impl FnOnce()) {
        let _step = scouter_core::step(scouter_core::callsite!(name: "other step"));
        inner();
    }

    #[inline]
    fn step_with_two(&self, number: u64, text: &'static str, inner: impl FnOnce()) {
        let step = scouter_core::step(scouter_core::callsite!(name: "step"));
        step.attr("number", number);
        step.attr("text", scouter_core::Value::Static(text));
        inner();
    }

    #[inline]
    fn step_with_text(&self, text: &str, inner: impl FnOnce()) {
        let step = scouter_core::step(scouter_core::callsite!(name: "step"));
        step.attr("text", text);
        inner();
    }

    fn root_future<F: Future>(&self, future: F) -> impl Future<Output = F::Output> {
        in_request(future)
    }

    fn step_future<F: Future>(&self, future: F) -> impl Future<Output = F::Output> {
        scouter_core::in_step(scouter_core::callsite!(name: "async step"), future)
    }
}
