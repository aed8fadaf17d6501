//! What looking for causes costs, how late it is, and how true.
//!
//! Of the service: what a poll and a scope cost ([`polls`]), a switch that is off ([`toggle`]), an
//! allocation ([`memory`]), a native stack and a CPU sample ([`stacks`]). Of whoever is on call: how
//! long it takes until a fault is told ([`told`]), and whom the figures blame.

mod memory;
mod polls;
mod stacks;
mod toggle;
mod told;

use std::alloc::System;

use scouter_core::ScoutAlloc;

use crate::harness::{Cell, FLOOR, NONE, OURS, Row, Shows};
use crate::peers::{ASYNC_BACKTRACE, AWAIT_TREE};

const POLLS: &[&str] = &[NONE, OURS, AWAIT_TREE, ASYNC_BACKTRACE];

pub(crate) const ROWS: &[Row] = &[
    Row::new("scope_repoll_ns", "ns", "the boxed future that each scope is", POLLS)
        .shows(Shows::Net),
    Row::new("poll_overhead_ns", "ns", "the boxed future of the request", POLLS).shows(Shows::Net),
    Row::new(
        "dump_50_threads_ms",
        "ms",
        "reading what the kernel says of each thread: 4 files",
        &[FLOOR, OURS],
    ),
    Row::new(
        "dump_pause_p99_us",
        "us",
        "memcpy of as much stack between two readings of the TSC",
        &[FLOOR, OURS],
    ),
    Row::new(
        "blocked_poll_lateness_ticks_p99",
        "ticks",
        "a thread that looks every 10 ms and does nothing else",
        &[FLOOR, OURS],
    )
    .rounds(1),
    Row::new(
        "sfa_99hz_overhead_pct",
        "%",
        "99 signals a second whose handler does nothing",
        &[FLOOR, OURS],
    ),
    Row::new(
        "sfa_attribution_error_points",
        "points",
        "standard deviation of as many samples taken at random",
        &[FLOOR, OURS],
    )
    .rounds(1),
    Row::new(
        "alloc_wrapper_ns_per_pair",
        "ns",
        "the same pair of calls to the system's allocator",
        &[NONE, OURS],
    )
    .shows(Shows::Net),
    Row::new(
        "alloc_sum_error_pct",
        "%",
        "what the allocator itself was asked for by the same requests",
        &[NONE, OURS],
    )
    .rounds(1),
    Row::new("toggle_off_ns", "ns", "the difference of two equal functions", &[FLOOR, OURS]),
    Row::new(
        "leak_detect_ms",
        "ms",
        "how long a connection may be out after the end (option)",
        &[FLOOR, OURS],
    )
    .rounds(1),
];

/// Measures one cell.
pub(crate) fn run(cell: &Cell<'_>) -> Result<f64, String> {
    let is_floor = cell.peer == FLOOR;
    match (cell.row, cell.peer) {
        ("scope_repoll_ns" | "poll_overhead_ns", _) => polls::run(cell),
        ("dump_50_threads_ms", _) => stacks::dump_ms(cell, is_floor),
        ("dump_pause_p99_us", _) => stacks::pause_p99_us(cell, is_floor),
        ("sfa_99hz_overhead_pct", _) => stacks::overhead_pct(cell, is_floor),
        ("sfa_attribution_error_points", _) => stacks::attribution_error(is_floor),
        ("blocked_poll_lateness_ticks_p99", _) => told::lateness_ticks_p99(is_floor),
        ("leak_detect_ms", _) => told::leak_ms(is_floor),
        ("toggle_off_ns", _) => Ok(toggle::difference_ns(cell, is_floor)),
        ("alloc_wrapper_ns_per_pair", NONE) => Ok(memory::pair_ns(cell, System)),
        ("alloc_wrapper_ns_per_pair", OURS) => Ok(memory::pair_ns(cell, ScoutAlloc::system())),
        ("alloc_sum_error_pct", NONE) => Ok(0.0),
        ("alloc_sum_error_pct", OURS) => memory::sum_error_pct(),
        (row, peer) => Err(format!("no row `{row}` of `{peer}`")),
    }
}
