//! The allocator that says who allocates, as the allocator of this very program.
#![allow(unsafe_code, reason = "an allocator that counts its calls")]
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test may fail")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::hint::black_box;
use std::sync::mpsc::sync_channel;

use scouter_core::alert::{Alert, AlertKind, drain_alerts};
use scouter_core::heap::{HeapSite, sites, unavailable};
use scouter_core::record::EndReason;
use scouter_core::testing::{capture, exclusive};
use scouter_core::{
    Begin, Field, ScoutAlloc, TextKind, Transaction, callsite, intern, options, step, text,
};

thread_local! {
    static CALLS: Cell<u64> = const { Cell::new(0) };
}

/// Counts how often each thread calls it.
struct Calls;

// SAFETY: each call goes to the system's allocator as it is.
unsafe impl GlobalAlloc for Calls {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        CALLS.with(|calls| calls.set(calls.get() + 1));
        // SAFETY: the caller's promise is that of the system's allocator.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) };
    }
}

#[global_allocator]
static ALLOCATOR: ScoutAlloc<Calls> = ScoutAlloc::new(Calls);

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

fn begin(service: &str) -> Transaction {
    Transaction::begin(Begin::new(intern(TextKind::Service, service)))
}

fn take(bytes: usize) -> Vec<u8> {
    black_box(Vec::with_capacity(bytes))
}

fn told(kind: AlertKind) -> Vec<Alert> {
    let mut alerts = Vec::new();
    drain_alerts(&mut alerts);
    alerts.retain(|alert| alert.kind == kind);
    alerts
}

#[test]
fn bytes_of_a_transaction_are_those_of_its_polls_on_whatever_threads() {
    let recording = capture(|| {
        let transaction = begin("polled");
        let poll = |transaction: &Transaction, bytes| {
            let scope = transaction.enter_poll();
            drop(take(bytes));
            drop(scope);
        };
        poll(&transaction, MIB);
        drop(take(50 * MIB));
        let transaction = std::thread::scope(|scope| {
            let moved = scope.spawn(move || {
                drop(take(50 * MIB));
                poll(&transaction, 2 * MIB);
                transaction
            });
            moved.join().unwrap()
        });
        poll(&transaction, 4 * MIB);
        transaction.end(EndReason::Complete);
    });
    assert_eq!(recording.only().alloc_bytes, 7 * MIB as u64);
}

#[test]
fn what_a_transaction_inside_allocates_is_not_that_of_the_one_around_it() {
    let recording = capture(|| {
        let (outer, inner) = (begin("outer"), begin("inner"));
        {
            let _outer = outer.enter();
            drop(take(MIB));
            {
                let _again = outer.enter();
                drop(take(MIB));
                let _inner = inner.enter_poll();
                drop(take(8 * MIB));
            }
            drop(take(MIB));
        }
        outer.end(EndReason::Complete);
        inner.end(EndReason::Complete);
    });
    let bytes = |service: &str| recording.xlog(service).unwrap().alloc_bytes;
    assert_eq!((bytes("outer"), bytes("inner")), (3 * MIB as u64, 8 * MIB as u64));
}

#[test]
fn growing_a_block_counts_what_it_grew_by() {
    let recording = capture(|| {
        let transaction = begin("grows");
        {
            let _entered = transaction.enter();
            let mut block = take(MIB);
            block.reserve_exact(3 * MIB);
            block.shrink_to(MIB);
            drop(black_box(block));
        }
        transaction.end(EndReason::Complete);
    });
    assert_eq!(recording.only().alloc_bytes, 3 * MIB as u64);
}

#[test]
fn one_very_large_allocation_is_told_with_step_service_and_tenant_and_without_another_allocation() {
    let _recorder = exclusive();
    drop(told(AlertKind::LargeAllocation));
    let transaction = begin("GET /export");
    transaction.set_text(Field::Tenant, "acme");
    let line;
    {
        let _entered = transaction.enter();
        line = line!() + 1;
        let _step = step(callsite!(name: "render"));
        drop(take(64 * MIB));
        let before = CALLS.with(Cell::get);
        let block = take(64 * MIB + 1);
        assert_eq!(CALLS.with(Cell::get) - before, 1, "it allocates itself");
        drop(block);
    }
    let alerts = told(AlertKind::LargeAllocation);
    let [alert] = &alerts[..] else { panic!("{alerts:#?}") };
    assert_eq!(alert.place, format!("{}:{line}", file!()));
    assert_eq!((alert.service.as_str(), alert.tenant.as_str()), ("GET /export", "acme"));
    assert_eq!(alert.transaction, transaction.gxid().zip(transaction.txid()));
    assert!(alert.message.starts_with("one allocation of 64 MiB (67108865 bytes; thread "));
    assert!(alert.message.contains("inside render @ "), "{}", alert.message);
}

#[test]
fn an_allocation_that_failed_or_that_nobody_wants_to_know_of_is_not_told() {
    let _recorder = exclusive();
    drop(told(AlertKind::LargeAllocation));
    let mut block: Vec<u8> = Vec::new();
    assert!(block.try_reserve_exact(isize::MAX as usize).is_err());
    options::set("large_allocation_bytes", "0").unwrap();
    drop(take(100 * MIB));
    options::set("large_allocation_bytes", "67108864").unwrap();
    assert!(told(AlertKind::LargeAllocation).is_empty());
}

fn site(name: &str) -> HeapSite {
    let mut all = Vec::new();
    sites(&mut all);
    let found = all.into_iter().filter(|site| site.name == name);
    found.max_by_key(|site| site.samples).unwrap_or_else(|| panic!("{name} was never sampled"))
}

#[test]
fn what_a_site_allocated_and_did_not_free_is_known_by_site_and_service() {
    let _recorder = exclusive();
    let transaction = begin("GET /leak");
    transaction.set_text(Field::Tenant, "acme");
    let line;
    let leaked: Vec<Vec<u8>> = {
        let _entered = transaction.enter();
        line = line!() + 1;
        let _step = step(callsite!(name: "leaky"));
        // 256 MiB: about 512 samples, so 4.4 % is one sigma.
        let mut leaked: Vec<_> = (0..64 * KIB).map(|n| take((2 + n % 2 * 2) * KIB)).collect();
        // Half of them have grown to their size.
        leaked.iter_mut().for_each(|block| block.reserve_exact(4 * KIB));
        (0..64 * KIB).for_each(|_| drop(take(4 * KIB)));
        leaked
    };
    let leaky = site("leaky");
    assert_eq!(leaky.place, format!("{}:{line}", file!()));
    assert_eq!((text(leaky.service), leaky.tenant.as_str()), ("GET /leak", "acme"));
    assert_eq!(leaky.transaction, transaction.gxid().zip(transaction.txid()));
    let about =
        |bytes: u64, mib: usize| bytes.abs_diff((mib * MIB) as u64) < (mib * MIB / 4) as u64;
    assert!(about(leaky.live_bytes, 256), "{leaky:?}");
    assert!(about(leaky.allocated_bytes, 576), "{leaky:?}");
    // 64 Ki live of 4 KiB each; allocated were those of 2 KiB and what came and went besides.
    let about =
        |blocks: u64, kib: usize| blocks.abs_diff((kib * KIB) as u64) < (kib * KIB / 4) as u64;
    assert!(about(leaky.live_blocks, 64), "{leaky:?}");
    assert!(about(leaky.allocated_blocks, 160), "{leaky:?}");
    // Freed by another thread, and partly by growing.
    let (give, got) = sync_channel(0);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let blocks: Vec<Vec<u8>> = got.recv().unwrap();
            for (index, mut block) in blocks.into_iter().enumerate() {
                if index % 2 == 0 {
                    block.reserve_exact(8 * KIB);
                }
                drop(black_box(block));
            }
        });
        give.send(leaked).unwrap();
    });
    let freed = site("leaky");
    assert_eq!((freed.live_bytes, freed.live_blocks), (0, 0));
}

#[test]
fn without_samples_it_is_said_why() {
    let _recorder = exclusive();
    assert_eq!(unavailable(), None);
    options::set("heap_sample_bytes", "0").unwrap();
    let why = unavailable();
    options::set("heap_sample_bytes", "524288").unwrap();
    assert!(why.is_some_and(|why| why.contains("heap_sample_bytes")), "{why:?}");
}

#[test]
fn threads_that_come_and_go_and_free_for_each_other_leave_nothing_behind() {
    let _recorder = exclusive();
    options::set("heap_sample_bytes", "4096").unwrap();
    let transaction = begin("churn");
    {
        let _entered = transaction.enter();
        let _step = step(callsite!(name: "churns"));
        drop(take(MIB));
    }
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..200 {
                    let transaction = begin("churn");
                    let _entered = transaction.enter();
                    let _step = step(callsite!(name: "churns in a thread"));
                    let blocks: Vec<_> = (0..50).map(|n| take(n * 37 + 1)).collect();
                    // Joined, it has freed its own memory too.
                    std::thread::scope(|scope| {
                        scope.spawn(move || drop(blocks)).join().unwrap();
                    });
                }
            });
        }
    });
    options::set("heap_sample_bytes", "524288").unwrap();
    let churns = site("churns in a thread");
    assert!(churns.samples > 100, "{churns:?}");
    assert_eq!(churns.live_bytes, 0, "{churns:?}");
}
