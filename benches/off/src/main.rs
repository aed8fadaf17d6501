//! A step without feature `enable`: `scouter-bench-off MILLISECONDS` prints nanoseconds a step.
#![forbid(unsafe_code)]

use std::hint::black_box;
use std::time::{Duration, Instant};

fn main() {
    let millis = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(100);
    let budget = Duration::from_millis(millis);
    let mut means = Vec::new();
    let begin = Instant::now();
    while begin.elapsed() < budget {
        const STEPS: u32 = 1_000_000;
        let start = Instant::now();
        for _ in 0..STEPS {
            let _step = scouter_core::step(scouter_core::callsite!(name: "step"));
            black_box(());
        }
        means.push(start.elapsed().as_secs_f64() * 1e9 / f64::from(STEPS));
    }
    means.sort_by(f64::total_cmp);
    println!("result {}", means[(means.len() - 1) / 2]);
}
