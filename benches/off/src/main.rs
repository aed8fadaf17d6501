//! A step without feature `enable`: `scouter-bench-off step|loop MILLISECONDS` prints nanoseconds
//! for one turn of a loop with a step in it, or of the same loop without one.
#![forbid(unsafe_code)]

use std::hint::black_box;
use std::time::{Duration, Instant};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let has_step = arguments.next().is_some_and(|what| what == "step");
    let millis = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(100);
    let nanos = if has_step {
        measure(millis, || {
            let _step = scouter_core::step(scouter_core::callsite!(name: "step"));
            black_box(());
        })
    } else {
        measure(millis, || black_box(()))
    };
    println!("result {nanos}");
}

fn measure(millis: u64, turn: impl Fn()) -> f64 {
    const TURNS: u32 = 1_000_000;
    let budget = Duration::from_millis(millis);
    let mut means = Vec::new();
    let begin = Instant::now();
    while begin.elapsed() < budget || means.is_empty() {
        let start = Instant::now();
        for _ in 0..TURNS {
            turn();
        }
        means.push(start.elapsed().as_secs_f64() * 1e9 / f64::from(TURNS));
    }
    means.sort_by(f64::total_cmp);
    means[(means.len() - 1) / 2]
}
