//! What a switch costs that is off: a function whose argument and result somebody may want to see.
//!
//! Both functions record a step, which costs fifty times as much; so they are measured in turn, batch
//! by batch, and the figure is the median of the differences. That of two equal functions is what
//! this cannot resolve.

use std::hint::black_box;

use scouter_core::record::EndReason;
use scouter_core::{Begin, TextKind, Transaction, intern};
use scouter_macros::scout;

use crate::clock::measure_difference;
use crate::harness::Cell;
use crate::peers;

/// Calls in one transaction.
const CALLS: u64 = 100;

#[inline(never)]
#[scout(crate = scouter_core)]
fn plain(id: u64) -> u64 {
    black_box(id)
}

#[inline(never)]
#[scout(crate = scouter_core)]
fn as_plain(id: u64) -> u64 {
    black_box(id)
}

#[inline(never)]
#[scout(crate = scouter_core, args(id), ret)]
fn switched(id: u64) -> u64 {
    black_box(id)
}

/// What the switches of a function add to a call while they are off.
pub(super) fn difference_ns(cell: &Cell<'_>, is_floor: bool) -> f64 {
    peers::ours::start_recording();
    let nanos = if is_floor {
        measure_difference(cell.budget, || transaction(plain), || transaction(as_plain))
    } else {
        measure_difference(cell.budget, || transaction(plain), || transaction(switched))
    };
    nanos / CALLS as f64
}

fn transaction(call: impl Fn(u64) -> u64) {
    let service = intern(TextKind::Service, "GET /orders/{id}");
    let transaction = Transaction::begin(Begin::new(service));
    {
        let _entered = transaction.enter();
        for id in 0..CALLS {
            black_box(call(black_box(id)));
        }
    }
    transaction.end(EndReason::Complete);
}
