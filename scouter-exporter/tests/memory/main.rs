//! Memory, from allocations of a real program to alerts and rows: its allocator is ours.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::disallowed_methods, reason = "a test gives up by the clock on the wall")]

use std::time::{Duration, Instant};

use scouter_core::alert::{Alert, AlertKind};
use scouter_core::record::EndReason;
use scouter_core::{Begin, ScoutAlloc, TextKind, Transaction, callsite, intern, options, step};
use scouter_exporter::{Agent, Memory};

#[global_allocator]
static ALLOCATOR: ScoutAlloc = ScoutAlloc::system();

const MIB: usize = 1 << 20;

/// Longest that the test waits for an alert.
const PATIENCE: Duration = Duration::from_secs(60);

fn told(memory: &Memory, kind: AlertKind) -> Option<Alert> {
    memory.content().alerts.into_iter().find(|alert| alert.kind == kind)
}

#[test]
fn memory_that_grows_at_one_callsite_and_one_huge_block_are_told_with_their_lines() {
    let memory = Memory::new();
    let guard = Agent::builder("/test/memory")
        .without_collector()
        .without_environment()
        .on_notice(|_| {})
        .sink(memory.clone())
        .start()
        .unwrap();
    options::set("memory_growth_bytes", "16777216").unwrap();
    let (mut leaked, mut lines) = (Vec::new(), (0, 0));
    let began = Instant::now();
    let told = loop {
        let growth = told(&memory, AlertKind::MemoryGrowth);
        let large = told(&memory, AlertKind::LargeAllocation);
        if let (Some(growth), Some(large)) = (growth, large) {
            break (growth, large);
        }
        assert!(began.elapsed() < PATIENCE, "{:#?}", memory.content().alerts);
        let transaction =
            Transaction::begin(Begin::new(intern(TextKind::Service, "GET /remember")));
        {
            let _entered = transaction.enter();
            lines.0 = line!() + 1;
            let _step = step(callsite!(name: "remember"));
            leaked.extend((0..64_u8).map(|n| vec![n; 4 * 1024]));
            // Comes and goes: as much again, which is no growth.
            drop(vec![1_u8; MIB]);
        }
        if lines.1 == 0 {
            let _entered = transaction.enter();
            lines.1 = line!() + 1;
            let _step = step(callsite!(name: "export"));
            drop(std::hint::black_box(Vec::<u8>::with_capacity(65 * MIB)));
        }
        transaction.end(EndReason::Complete);
        std::thread::park_timeout(Duration::from_millis(25));
    };
    drop(guard);
    let (growth, large) = told;
    assert_eq!(growth.place, format!("{}:{}", file!(), lines.0), "{growth:?}");
    assert_eq!(large.place, format!("{}:{}", file!(), lines.1), "{large:?}");
    for alert in [&growth, &large] {
        assert_eq!(alert.service, "GET /remember", "{alert:?}");
    }
    assert!(growth.message.contains("remember allocates for GET /remember grows"), "{growth:?}");
    assert!(large.transaction.is_some() && large.message.contains("65 MiB"), "{large:?}");
    assert!(leaked.len() * 4 * 1024 >= 12 * MIB, "told too early: {}", leaked.len());
}
