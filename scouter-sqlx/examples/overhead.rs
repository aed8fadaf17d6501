//! throw-away
#![allow(
    clippy::all,
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::print_stdout,
    missing_docs,
    unsafe_code,
    reason = "x"
)]
use scouter_core::{Begin, TextKind, Transaction, in_transaction, intern};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::time::Instant;
thread_local! { static N: Cell<u64> = const { Cell::new(0) }; }
struct A;
unsafe impl GlobalAlloc for A {
    unsafe fn alloc(&self, l: Layout) -> *mut u8 {
        N.with(|n| n.set(n.get() + 1));
        unsafe { System.alloc(l) }
    }
    unsafe fn dealloc(&self, p: *mut u8, l: Layout) {
        unsafe { System.dealloc(p, l) }
    }
}
#[global_allocator]
static G: A = A;
const ROUNDS: usize = 41;
const RUNS: usize = 2000;
macro_rules! lookup {
    ($c:expr) => {
        async {
            for i in 0..RUNS {
                let _: i64 = sqlx::query_scalar("SELECT b FROM t WHERE a = ?")
                    .bind((i % 100) as i64)
                    .fetch_one(&mut *$c)
                    .await
                    .unwrap();
            }
        }
    };
}
async fn tx<F: Future>(f: F) -> F::Output {
    in_transaction(Transaction::begin(Begin::new(intern(TextKind::Service, "bench"))), f).await
}
async fn in_transaction_ref<F: Future>(tr: &Transaction, f: F) -> F::Output {
    let mut f = std::pin::pin!(f);
    std::future::poll_fn(|c| {
        let _g = tr.enter_poll();
        f.as_mut().poll(c)
    })
    .await
}
fn med(mut v: Vec<f64>) -> (f64, f64) {
    v.sort_by(f64::total_cmp);
    (v[v.len() / 2], v[0])
}
struct Drainer;
impl scouter_core::drain::DrainVisitor for Drainer {
    fn xlog(&mut self, _: &scouter_core::record::XLog<'_>) {}
    fn profile_begin(&mut self, _: scouter_core::Txid, _: i64, _: u32) {}
    fn step(&mut self, _: &scouter_core::record::Step<'_>) {}
}
fn main() {
    let rt = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    rt.block_on(async {
        let plain_pool = sqlx::sqlite::SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await.unwrap();
        sqlx::raw_sql("CREATE TABLE t (a INTEGER PRIMARY KEY, b INTEGER); WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i+1 FROM n WHERE i < 99) INSERT INTO t SELECT i, i FROM n").execute(&plain_pool).await.unwrap();
        let ours_pool = scouter_sqlx::wrap(sqlx::sqlite::SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await.unwrap()).name("bench").repeat_limit(0).build();
        sqlx::raw_sql("CREATE TABLE t (a INTEGER PRIMARY KEY, b INTEGER); WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i+1 FROM n WHERE i < 99) INSERT INTO t SELECT i, i FROM n").execute(ours_pool.inner()).await.unwrap();
        let mut p = plain_pool.acquire().await.unwrap();
        let mut o = ours_pool.acquire().await.unwrap();
        let mut v: [Vec<u32>; 3] = Default::default();
        let mut al = [0u64; 3];
        macro_rules! one { ($k:expr, $c:expr, $i:expr) => {{ let a = N.get(); let t = Instant::now(); let _: i64 = sqlx::query_scalar("SELECT b FROM t WHERE a = ?").bind(($i % 100) as i64).fetch_one(&mut *$c).await.unwrap(); let e = t.elapsed().as_nanos() as u32; al[$k] += N.get() - a; v[$k].push(e); }} }
        for r in 0..1500 {
            scouter_core::set_recording(true);
            let tr = Transaction::begin(Begin::new(intern(TextKind::Service, "bench")));
            for i in 0..20usize { one!(0, p, i); in_transaction_ref(&tr, async { one!(1, o, i) }).await; }
            drop(tr);
            scouter_core::set_recording(false);
            for i in 0..20usize { one!(2, o, i); }
            if r % 50 == 0 { scouter_core::drain::drain(&mut Drainer, usize::MAX); }
        }
        let q = |v: &mut Vec<u32>, f: f64| { v.sort_unstable(); v[(v.len() as f64 * f) as usize] };
        for f in [0.05, 0.25, 0.5] { let x: Vec<u32> = v.iter_mut().map(|v| q(v, f)).collect(); println!("q{f}: plain {} ours {} (+{}) off {} (+{})", x[0], x[1], x[1] as i64 - x[0] as i64, x[2], x[2] as i64 - x[0] as i64); }
        let n = v[0].len() as f64;
        println!("allocs plain {:.3} ours {:.3} off {:.3}", al[0] as f64 / n, al[1] as f64 / n, al[2] as f64 / n);
    });
}
