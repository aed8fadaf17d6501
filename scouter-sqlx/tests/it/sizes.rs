//! The futures of the facade are not much larger than sqlx's own: they live in request futures.

use scouter_sqlx as sqlx;
use sqlx::{PgPool, SqlitePool};

/// What ours may add, bytes: an open step, settings, and the connection with its checkout.
const MAX_ADDED_BYTES: usize = 1_536;

fn check<T, P>(what: &str, ours: &T, plain: &P) {
    let (ours, plain) = (size_of_val(ours), size_of_val(plain));
    assert!(ours <= plain + MAX_ADDED_BYTES, "{what}: {ours} bytes, plain sqlx {plain}");
}

#[tokio::test]
async fn acquire_and_begin_add_little() {
    let sqlite = SqlitePool::connect_lazy("sqlite::memory:").unwrap();
    let plain = sqlite.inner();
    check("sqlite acquire", &sqlite.acquire(), &plain.acquire());
    check("sqlite begin", &sqlite.begin(), &plain.begin());
    let postgres = PgPool::connect_lazy("postgres://nobody@127.0.0.1:1/nothing").unwrap();
    let plain = postgres.inner();
    check("postgres acquire", &postgres.acquire(), &plain.acquire());
    check("postgres begin", &postgres.begin(), &plain.begin());
}
