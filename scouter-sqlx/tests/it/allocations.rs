//! Allocations per statement, beside plain sqlx.

#![allow(unsafe_code, reason = "a global allocator that counts")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use futures_util::TryStreamExt;
use scouter_sqlx as ours;
use sqlx::Executor;

use crate::support::record;

/// What a statement may allocate beyond plain sqlx: the box around the driver's stream.
const MAX_ADDED_ALLOCATIONS: u64 = 1;

/// Statements of which the cheapest is taken: a statement that has to wait for the driver's thread
/// allocates a waker, and on a busy machine nearly all of them wait.
const RUNS: usize = 300;

/// How often the runs are repeated before a statement is believed to be as dear as it looks.
const MAX_ROUNDS: usize = 100;

struct Counting;

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: everything is handed to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = COUNT.try_with(|count| count.set(count.get() + 1));
        // SAFETY: as above.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The fewest allocations of this thread over many runs; over more of them while that is beyond
/// the limit.
macro_rules! fewest {
    ($limit:expr, $run:expr) => {{
        let mut fewest = u64::MAX;
        for _ in 0..MAX_ROUNDS {
            for _ in 0..RUNS {
                let before = COUNT.get();
                $run;
                fewest = fewest.min(COUNT.get() - before);
            }
            if fewest <= $limit {
                break;
            }
        }
        fewest
    }};
}

const SQL: &str = "SELECT a FROM counted WHERE a < ?";

macro_rules! ways {
    ($connection:expr, $limits:expr) => {{
        let limits: [u64; 6] = $limits;
        [
            fewest!(limits[0], {
                drop(sqlx::query(SQL).bind(3).execute(&mut *$connection).await.unwrap())
            }),
            fewest!(limits[1], {
                drop(sqlx::query(SQL).bind(3).fetch_all(&mut *$connection).await.unwrap())
            }),
            fewest!(limits[2], {
                drop(sqlx::query(SQL).bind(3).fetch_one(&mut *$connection).await.unwrap())
            }),
            fewest!(limits[3], {
                drop(sqlx::query(SQL).bind(3).fetch_optional(&mut *$connection).await.unwrap())
            }),
            fewest!(limits[4], {
                drop(sqlx::query(SQL).bind(3).fetch(&mut *$connection).try_next().await.unwrap())
            }),
            fewest!(limits[5], {
                drop((&mut *$connection).fetch_many(SQL).try_next().await.unwrap())
            }),
        ]
    }};
}

const WAYS: [&str; 6] =
    ["execute", "fetch_all", "fetch_one", "fetch_optional", "fetch", "fetch_many"];

#[tokio::test]
async fn a_statement_allocates_at_most_once_more_than_with_plain_sqlx() {
    let pool = crate::support::sqlite().await;
    pool.execute("CREATE TABLE counted (a INTEGER PRIMARY KEY)").await.unwrap();
    pool.execute("INSERT INTO counted VALUES (1), (2)").await.unwrap();
    let mut plain = pool.inner().acquire().await.unwrap();
    let plain_counts = ways!(plain, [u64::MAX; WAYS.len()]);
    drop(plain);
    let pool = ours::wrap(pool.into_inner()).repeat_limit(0).build();
    let mut our_counts = [0; WAYS.len()];
    record(async {
        let mut connection = pool.acquire().await.unwrap();
        our_counts = ways!(connection, plain_counts.map(|plain| plain + MAX_ADDED_ALLOCATIONS));
    })
    .await;
    for ((way, plain), ours) in WAYS.iter().zip(plain_counts).zip(our_counts) {
        println!("{way}: plain sqlx {plain} allocations, ours {ours}");
        assert!(ours <= plain + MAX_ADDED_ALLOCATIONS, "{way}: {ours}, plain sqlx {plain}");
    }
}

#[tokio::test]
async fn a_transaction_that_runs_long_allocates_no_more_per_statement() {
    let pool = ours::wrap(crate::support::sqlite().await.into_inner()).repeat_limit(0).build();
    let (mut early, mut late) = (0, 0);
    record(async {
        let mut connection = pool.acquire().await.unwrap();
        early = fewest!(u64::MAX, drop(connection.execute("SELECT 1").await.unwrap()));
        late = fewest!(early, drop(connection.execute("SELECT 1").await.unwrap()));
    })
    .await;
    assert!(late <= early, "early {early}, late {late}");
}
