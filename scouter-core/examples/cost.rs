//! What recording costs, beside the floor of two time stamps and a 32-byte record.
//!
//! `cargo run --release -p scouter-core --example cost` prints medians and minima in ns. It is a
//! quick check while the recorder is changed; figures to quote come from the bench crate.
#![allow(clippy::print_stdout, reason = "it prints a table")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use scouter_core::drain::{DrainVisitor, drain};
use scouter_core::record::{EndReason, StepKind, XLog};
use scouter_core::{
    Begin, OpenStep, SqlOutcome, TextId, TextKind, Transaction, callsite, clock, in_step,
    in_transaction, intern, live, set_recording, step,
};

struct Counting;
static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

#[allow(unsafe_code, reason = "counting allocations needs an allocator")]
// SAFETY: forwards to the system allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Relaxed);
        // SAFETY: forwarded.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: forwarded.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

struct Nobody;
impl DrainVisitor for Nobody {
    fn xlog(&mut self, xlog: &XLog<'_>) {
        black_box(xlog);
    }
}

/// Runs `work` in rounds; prints ns for each of its `units`, and allocations in all measured rounds.
fn measure(name: &str, units: u64, mut work: impl FnMut()) {
    let calls = 200_u64;
    let mut rounds = Vec::new();
    for _ in 0..3 {
        (0..calls).for_each(|_| work());
        drain(&mut Nobody, usize::MAX);
    }
    let mut allocations = 0;
    for _ in 0..60 {
        let before = ALLOCATIONS.load(Relaxed);
        let start = clock::now_ticks();
        for _ in 0..calls {
            work();
        }
        let ticks = clock::now_ticks() - start;
        allocations += ALLOCATIONS.load(Relaxed) - before;
        #[allow(clippy::cast_precision_loss, reason = "for printing")]
        rounds.push(clock::ticks_to_ns(ticks) as f64 / (calls * units) as f64);
        drain(&mut Nobody, usize::MAX);
    }
    rounds.sort_by(f64::total_cmp);
    println!(
        "{name:34} {:8.1} median {:8.1} min   {allocations} allocations",
        rounds[rounds.len() / 2],
        rounds[0]
    );
}

fn begin(service: TextId) -> Transaction {
    Transaction::begin(Begin::new(service))
}

fn flat(service: TextId, each: impl Fn()) {
    let transaction = begin(service);
    {
        let _entered = transaction.enter();
        for _ in 0..100 {
            each();
        }
    }
    transaction.end(EndReason::Complete);
}

fn nested(depth: u32) {
    if depth > 0 {
        let _step = step(callsite!(name: "nested"));
        nested(black_box(depth - 1));
    }
}

async fn yield_once() {
    let mut is_done = false;
    std::future::poll_fn(move |_| {
        if std::mem::replace(&mut is_done, true) {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
}

/// A root with two async steps and two sync leaves, polled four times.
fn request(service: TextId) {
    let inner = async {
        let _leaf = in_step(callsite!(name: "second"), async {
            drop(step(callsite!(name: "leaf a")));
            yield_once().await;
            yield_once().await;
        })
        .await;
        drop(step(callsite!(name: "leaf b")));
        yield_once().await;
    };
    let work = in_transaction(begin(service), in_step(callsite!(name: "first"), inner));
    let mut work = Box::pin(work);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    while work.as_mut().poll(&mut context).is_pending() {}
}

fn main() {
    set_recording(true);
    let service = intern(TextKind::Service, "GET /orders/{id}");
    let records: Vec<[AtomicU64; 4]> = (0..100).map(|_| Default::default()).collect();
    measure("floor: 2 time stamps + 32 bytes", 100, || {
        for record in black_box(&records) {
            record[0].store(1, Relaxed);
            record[1].store(clock::now_ticks(), Relaxed);
            record[3].store(7, Relaxed);
            record[2].store(clock::now_ticks(), Relaxed);
        }
    });
    measure("flat 100, folding", 100, || flat(service, || drop(step(callsite!(name: "leaf")))));
    measure("flat 100, two callsites in turn", 200, || {
        flat(service, || {
            drop(step(callsite!(name: "leaf 1")));
            drop(step(callsite!(name: "leaf 2")));
        });
    });
    measure("nested 100", 100, || {
        let transaction = begin(service);
        let entered = transaction.enter();
        nested(100);
        drop(entered);
        transaction.end(EndReason::Complete);
    });
    measure("nested 1000", 1_000, || {
        let transaction = begin(service);
        let entered = transaction.enter();
        nested(1_000);
        drop(entered);
        transaction.end(EndReason::Complete);
    });
    measure("step + 2 attributes", 100, || {
        flat(service, || {
            let guard = step(callsite!(name: "with attributes"));
            guard.attr("number", 42_u64);
            guard.attr("text", "constant");
        });
    });
    let dynamic = String::from("user-1234567890");
    measure("step + dynamic string", 100, || {
        flat(service, || step(callsite!(name: "with text")).attr("user", black_box(&dynamic)));
    });
    measure("transaction without steps", 1, || begin(service).end(EndReason::Complete));
    measure("async request, 5 spans, 4 polls", 1, || request(service));
    let sql = intern(TextKind::Sql, "SELECT ?");
    measure("statement", 100, || {
        flat(service, || {
            let statement = OpenStep::begin(StepKind::Sql, sql);
            drop(statement.enter_poll());
            statement.finish_sql(SqlOutcome { rows: 1, binds: 1, ..SqlOutcome::default() });
        });
    });
    measure("intern, known text", 100, || {
        for _ in 0..100 {
            black_box(intern(TextKind::Service, black_box("GET /orders/{id}")));
        }
    });
    measure("outside a transaction", 100, || {
        for _ in 0..100 {
            drop(step(callsite!(name: "outside")));
        }
    });
    active_list(service);
    switched_off(service);
}

fn switched_off(service: TextId) {
    set_recording(false);
    measure("switched off: request", 1, || request(service));
    measure("switched off: step", 100, || {
        for _ in 0..100 {
            drop(step(callsite!(name: "off")));
        }
    });
}

fn active_list(service: TextId) {
    for count in [1_000_usize, 10_000] {
        let open: Vec<Transaction> = (0..count).map(|_| begin(service)).collect();
        let statements: Vec<(OpenStep, OpenStep)> = open
            .iter()
            .map(|transaction| {
                let _scope = transaction.enter_poll();
                let name = intern(TextKind::Method, "load_order @ src/orders.rs:12");
                let outer = OpenStep::begin(StepKind::Method, name);
                let inside = outer.enter_poll();
                let sql = intern(TextKind::Sql, "SELECT * FROM orders WHERE id = ?");
                let inner = OpenStep::begin(StepKind::Sql, sql);
                inner.enter_poll().pending();
                inside.pending();
                (outer, inner)
            })
            .collect();
        let mut list = Vec::new();
        let mut best = f64::MAX;
        for _ in 0..30 {
            let start = clock::now_ticks();
            let total = live::active(&mut list, usize::MAX);
            #[allow(clippy::cast_precision_loss, reason = "for printing")]
            let us = clock::ticks_to_ns(clock::now_ticks() - start) as f64 / 1_000.0;
            best = best.min(us);
            assert_eq!((total, list.len()), (count, count));
            assert_eq!(list[0].stack.len(), 2);
        }
        println!("active list of {count:6} {best:26.1} µs min");
        drop(statements);
        drop(open);
        while drain(&mut Nobody, usize::MAX).xlogs > 0 {}
    }
}
