//! The recorder alone: what a step, an attribute, an async request cost the thread that records.
//!
//! Figures of steps are gross: they hold the loop around them, which the yardstick has too. Those
//! of something that is meant to cost nothing (outside of a transaction, switched off, compiled
//! out) are net of the same loop without instrumentation.

use std::future::{Future, poll_fn};
use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use crate::clock::measure;
use crate::harness::{Cell, FLOOR, NONE, OURS, Row, Shows};
use crate::peers::{self, FASTRACE, OTEL_SDK, REGISTRY, SpanPeer, TRACING_OFF, TRACING_OTEL};

/// Nobody can time a step for less on this machine.
const TIMED: &str = "2 readings of the TSC and 32 bytes written";
const LOOP: &str = "the same loop without a step";

const STEPS: &[&str] = &[FLOOR, OURS, FASTRACE, REGISTRY, OTEL_SDK, TRACING_OTEL];
/// The plain registry stores no attribute, so it is not measured with them.
const ATTRIBUTES: &[&str] = &[FLOOR, OURS, FASTRACE, OTEL_SDK, TRACING_OTEL];

pub(crate) const ROWS: &[Row] = &[
    Row::new("sync_step_flat100_ns", "ns", TIMED, STEPS),
    Row::new("sync_step_folded100_ns", "ns", TIMED, STEPS),
    Row::new("sync_step_nested1000_ns", "ns", TIMED, STEPS),
    Row::new("step_2_attributes_ns", "ns", TIMED, ATTRIBUTES),
    Row::new("step_dynamic_string_ns", "ns", TIMED, ATTRIBUTES),
    Row::new(
        "async_request_5_spans_4_polls_ns",
        "ns",
        "5 spans and 4 polls, each timed like a step",
        &[FLOOR, OURS, FASTRACE, REGISTRY, OTEL_SDK, TRACING_OTEL],
    ),
    Row::new("outside_transaction_ns", "ns", LOOP, &[NONE, OURS, FASTRACE, TRACING_OFF])
        .shows(Shows::Net),
    Row::new("disabled_runtime_ns", "ns", LOOP, &[NONE, OURS, TRACING_OFF]).shows(Shows::Net),
    Row::new("compiled_out_ns", "ns", LOOP, &[NONE, OURS]).shows(Shows::Net),
    Row::new(
        "allocations_per_step",
        "count",
        LOOP,
        &[NONE, OURS, FASTRACE, REGISTRY, OTEL_SDK, TRACING_OTEL],
    )
    .counting(),
];

/// Steps of a flat transaction.
const FLAT: u64 = 100;
/// Steps of a nested transaction.
const DEPTH: u64 = 1_000;
/// Length of the string that is known at run time only, bytes.
const TEXT: &str = "customer 4711, order 0815";

/// Measures one cell.
pub(crate) fn run(cell: &Cell<'_>) -> Result<f64, String> {
    match cell.peer {
        OURS => ours(cell),
        NONE if cell.row == "compiled_out_ns" => super::compiled_out::run(cell, "loop"),
        NONE => run_peer::<peers::none::None>(cell),
        FLOOR => run_peer::<peers::floor::Floor>(cell),
        REGISTRY => run_peer::<peers::tracing::Registry>(cell),
        TRACING_OFF => run_peer::<peers::tracing::Unsubscribed>(cell),
        #[cfg(feature = "peers")]
        FASTRACE => run_peer::<peers::fastrace::Fastrace>(cell),
        #[cfg(feature = "peers")]
        OTEL_SDK => run_peer::<peers::opentelemetry::OpenTelemetry>(cell),
        #[cfg(feature = "peers")]
        TRACING_OTEL => run_peer::<peers::tracing_opentelemetry::TracingOpenTelemetry>(cell),
        other => Err(format!("no peer `{other}` in this build")),
    }
}

fn ours(cell: &Cell<'_>) -> Result<f64, String> {
    match cell.row {
        "compiled_out_ns" => super::compiled_out::run(cell, "step"),
        "disabled_runtime_ns" => {
            let peer = peers::ours::Ours::start();
            peers::ours::switch_off();
            measure_peer(cell, &peer)
        }
        _ => {
            let nanos = run_peer::<peers::ours::Ours>(cell);
            note_losses(cell.row);
            nanos
        }
    }
}

/// Counters of what was recorded and not kept.
const LOSSES: [&str; 5] = [
    "dropped_header_limit",
    "dropped_summary_queue",
    "profiles_dropped_queue",
    "steps_dropped_limit",
    "steps_dropped_memory",
];

/// Says so when the loop recorded more than the drain could take: a lost step costs less.
pub(super) fn note_losses(row: &str) {
    let counters = scouter_core::telemetry::counters();
    let of = |wanted: &str| {
        counters.iter().find(|(name, _)| *name == wanted).map_or(0, |(_, count)| *count)
    };
    let recorded = of("recorded").max(1) as f64;
    for lost in LOSSES {
        let each = of(lost) as f64 / recorded;
        if each >= 0.005 {
            eprintln!("note: {row} ours: {each:.2} {lost} a transaction");
        }
    }
}

fn run_peer<P: SpanPeer>(cell: &Cell<'_>) -> Result<f64, String> {
    measure_peer(cell, &P::start())
}

fn measure_peer<P: SpanPeer>(cell: &Cell<'_>, peer: &P) -> Result<f64, String> {
    let per_span = |spans: u64, nanos: f64| nanos / spans as f64;
    let nanos = match cell.row {
        "sync_step_flat100_ns" => per_span(FLAT, measure(cell.budget, || flat(peer))),
        "sync_step_folded100_ns" => per_span(FLAT, measure(cell.budget, || folded(peer))),
        "sync_step_nested1000_ns" => {
            per_span(DEPTH, measure(cell.budget, || peer.root(|| nested(peer, DEPTH))))
        }
        "step_2_attributes_ns" => per_span(
            FLAT,
            measure(cell.budget, || {
                peer.root(|| {
                    for number in 0..FLAT {
                        peer.step_with_two(black_box(number), "static text", work);
                    }
                });
            }),
        ),
        "step_dynamic_string_ns" => per_span(
            FLAT,
            measure(cell.budget, || {
                peer.root(|| {
                    for _ in 0..FLAT {
                        peer.step_with_text(black_box(TEXT), work);
                    }
                });
            }),
        ),
        "async_request_5_spans_4_polls_ns" => measure(cell.budget, || async_request(peer)),
        "outside_transaction_ns" => measure(cell.budget, || peer.step(work)),
        "disabled_runtime_ns" => per_span(FLAT, measure(cell.budget, || flat(peer))),
        "allocations_per_step" => allocations(peer)?,
        other => return Err(format!("no row `{other}`")),
    };
    Ok(nanos)
}

/// What a step encloses: something that is not optimised away and costs next to nothing.
#[inline]
fn work() {
    black_box(0_u8);
}

/// Steps one after another, of two places in turn: each is kept as a record of its own, by us as
/// by the others.
#[inline]
fn flat<P: SpanPeer>(peer: &P) {
    peer.root(|| {
        for _ in 0..FLAT / 2 {
            peer.step(work);
            peer.other_step(work);
        }
    });
}

/// Steps one after another of one place, which we fold into one record with count, total and
/// maximum; the others keep each.
#[inline]
fn folded<P: SpanPeer>(peer: &P) {
    peer.root(|| {
        for _ in 0..FLAT {
            peer.step(work);
        }
    });
}

/// Steps inside each other. Not inlined, as functions of a program are not inlined into themselves.
#[inline(never)]
fn nested<P: SpanPeer>(peer: &P, depth: u64) {
    if depth > 0 {
        peer.outer_step(|| nested(peer, black_box(depth) - 1));
    }
}

/// One request: the root, two async steps inside each other and two sync leaves; four polls.
fn async_request<P: SpanPeer>(peer: &P) {
    let request = peer.root_future(async {
        peer.step_future(async {
            peer.step(work);
            pause().await;
            peer.step_future(async {
                pause().await;
                peer.step(work);
                pause().await;
            })
            .await;
        })
        .await;
    });
    let mut request = pin!(request);
    let mut cx = Context::from_waker(Waker::noop());
    while request.as_mut().poll(&mut cx).is_pending() {}
}

/// Pending once.
fn pause() -> impl Future<Output = ()> {
    let mut is_second = false;
    poll_fn(
        move |_| {
            if std::mem::replace(&mut is_second, true) { Poll::Ready(()) } else { Poll::Pending }
        },
    )
}

/// Allocations of a transaction of 100 steps, by step, on the recording thread, once warm.
#[cfg(feature = "count")]
fn allocations<P: SpanPeer>(peer: &P) -> Result<f64, String> {
    const TRANSACTIONS: u64 = 1_000;
    // With pauses, so that whoever drains keeps up and what it gives back is used again.
    let run = || {
        for _ in 0..TRANSACTIONS {
            flat(peer);
            std::thread::sleep(std::time::Duration::from_micros(50));
        }
    };
    run();
    let counted = allocation_counter::measure(run);
    Ok(counted.count_total as f64 / (TRANSACTIONS * FLAT) as f64)
}

#[cfg(not(feature = "count"))]
fn allocations<P: SpanPeer>(_: &P) -> Result<f64, String> {
    Err("this program does not count allocations".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_counter_of_losses_exists() {
        let counters = scouter_core::telemetry::counters();
        for lost in LOSSES {
            assert!(counters.iter().any(|(name, _)| *name == lost), "{lost}");
        }
    }
}
