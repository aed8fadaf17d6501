//! What is counted.

use std::future::Future;
use std::hint::black_box;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use scouter_core::clock::ManualClock;
use scouter_core::drain::DrainVisitor;
use scouter_core::record::{EndReason, XLog};
use scouter_core::{Begin, TextId, TextKind, Transaction};
use scouter_macros::scout;
use scouter_wire::codec::{BatchEncoder, Origin, TextName, Totals};

use crate::sample;

/// A function whose instructions are counted.
pub(crate) struct Zone {
    /// Name in the baseline.
    pub(crate) name: &'static str,
    /// The function that callgrind counts, with all it calls.
    pub(crate) function: &'static str,
    /// How many operations one call of it makes.
    pub(crate) operations: u64,
    /// Warms up and calls it once.
    pub(crate) run: fn(),
}

/// Every zone of the gate.
pub(crate) const ZONES: &[Zone] = &[
    Zone { name: "step", function: "zone_of_steps", operations: REPEATS, run: steps },
    Zone { name: "poll", function: "zone_of_polls", operations: REPEATS, run: polls },
    Zone { name: "begin_end", function: "zone_of_begin_end", operations: REPEATS, run: begin_end },
    Zone { name: "outside", function: "zone_of_outside", operations: REPEATS, run: outside },
    Zone { name: "encode", function: "zone_of_encode", operations: REPEATS, run: encode },
];

/// Operations counted: fewer than any limit of the recorder, so that none is dropped.
const REPEATS: u64 = 500;

#[scout(crate = scouter_core)]
#[inline(always)]
fn leaf() {
    black_box(());
}

/// Another step, so that no two in a row fold.
#[scout(crate = scouter_core)]
#[inline(always)]
fn other_leaf() {
    black_box(());
}

#[inline(never)]
fn zone_of_steps() {
    for _ in 0..REPEATS / 2 {
        leaf();
        other_leaf();
    }
}

fn steps() {
    let _clock = start();
    // The first request brings the memory that the counted one finds there.
    in_request(|| {
        for _ in 0..REPEATS / 2 {
            leaf();
            other_leaf();
        }
    });
    drain();
    in_request(zone_of_steps);
}

#[scout(crate = scouter_core)]
async fn waits(polls: u64) {
    let mut left = polls;
    std::future::poll_fn(|_| {
        left -= 1;
        if left == 0 { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

#[inline(never)]
fn zone_of_polls(mut future: Pin<&mut impl Future<Output = ()>>) {
    let mut cx = Context::from_waker(Waker::noop());
    while future.as_mut().poll(&mut cx).is_pending() {}
}

fn polls() {
    let _clock = start();
    zone_of_polls(pin!(scouter_core::in_transaction(begin(), waits(REPEATS))));
}

#[inline(never)]
fn zone_of_begin_end() {
    for _ in 0..REPEATS {
        in_request(|| black_box(()));
    }
}

fn begin_end() {
    let _clock = start();
    for _ in 0..10 {
        in_request(|| black_box(()));
    }
    drain();
    zone_of_begin_end();
}

#[inline(never)]
fn zone_of_outside() {
    for _ in 0..REPEATS {
        leaf();
    }
}

fn outside() {
    let _clock = start();
    leaf();
    zone_of_outside();
}

#[inline(never)]
fn zone_of_encode(encoder: &mut BatchEncoder, transactions: &[sample::Transaction]) -> usize {
    for transaction in transactions {
        encoder.push_xlog(&transaction.xlog);
        encoder.begin_profile(transaction.xlog.txid, transaction.xlog.end_unix_us);
        for step in &transaction.steps {
            encoder.push_step(step);
        }
        encoder.end_profile();
    }
    let mut frame = Vec::new();
    let batch = encoder.finish(&Totals::default());
    let name = |_, text: scouter_wire::TextRef| TextName::Id(text.0);
    let written = batch.map(|batch| batch.write_frame(&mut frame, 1, &Origin::default(), name));
    assert!(matches!(written, Ok(Ok(()))), "the batch is within all limits");
    frame.len()
}

#[expect(clippy::cast_possible_truncation, reason = "a small constant")]
fn encode() {
    let transactions = sample::transactions(REPEATS as usize);
    let encoder = BatchEncoder::new();
    assert!(encoder.is_ok(), "there is memory for zstd");
    let Ok(mut encoder) = encoder else { return };
    black_box(zone_of_encode(&mut encoder, &transactions));
}

/// Gives finished transactions back to the recorder, as the exporter's thread does.
fn drain() {
    struct Discard;
    impl DrainVisitor for Discard {
        fn xlog(&mut self, xlog: &XLog<'_>) {
            black_box(xlog);
        }
    }
    scouter_core::drain::drain(&mut Discard, usize::MAX);
}

fn start() -> ManualClock {
    let clock = ManualClock::install();
    scouter_core::set_recording(true);
    clock
}

fn service() -> TextId {
    scouter_core::intern(TextKind::Service, "GET /orders/{id}")
}

fn begin() -> Transaction {
    Transaction::begin(Begin::new(service()))
}

#[inline]
fn in_request(inner: impl FnOnce()) {
    let transaction = begin();
    {
        let _entered = transaction.enter();
        inner();
    }
    transaction.end(EndReason::Complete);
}
