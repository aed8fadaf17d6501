//! Connections checked out of a pool.

use std::panic::Location;

use scouter_core::checkout::{CheckoutGuard, CheckoutView, open_checkouts};
use scouter_core::record::EndReason;
use scouter_core::testing::exclusive;
use scouter_core::{Field, TextId, TextKind, intern};

use crate::support::begin;

fn of(pool: TextId) -> Vec<CheckoutView> {
    let mut all = Vec::new();
    open_checkouts(&mut all);
    all.retain(|view| view.pool == pool);
    all
}

#[test]
fn checkout_names_its_line_its_owner_and_its_last_statement() {
    let _recorder = exclusive();
    let pool = intern(TextKind::Pool, "checkout line");
    let transaction = begin("checking out");
    let guard = {
        let _entered = transaction.enter();
        CheckoutGuard::register(pool, "acquire", Location::caller())
    };
    let sql = intern(TextKind::Sql, "SELECT checkout");
    drop(guard.note_statement(TextId::NONE));
    let running = guard.note_statement(sql);
    assert!(of(pool)[0].is_busy, "one runs");
    drop(running);
    let view = of(pool).remove(0);
    assert!(!view.is_busy && !view.is_expected_long);
    assert_eq!((view.how, view.file, view.statements), ("acquire", file!(), 2));
    assert_eq!((view.last_sql, view.is_owner_running), (sql, true));
    assert_eq!(view.owner, transaction.gxid().zip(transaction.txid()));
    transaction.end(EndReason::Complete);
    assert!(!of(pool)[0].is_owner_running, "it outlived its transaction");
    drop(guard);
    assert!(of(pool).is_empty());
}

#[test]
fn checkout_without_a_transaction_has_no_owner_and_may_end_on_another_thread() {
    let pool = intern(TextKind::Pool, "checkout thread");
    let guard = CheckoutGuard::register(pool, "begin", Location::caller());
    assert_eq!(of(pool)[0].owner, None);
    std::thread::scope(|scope| {
        scope.spawn(move || guard.detach());
    });
    assert!(of(pool).is_empty());
}

#[test]
fn checkout_leaked_on_purpose_stays_listed_and_says_so() {
    let pool = intern(TextKind::Pool, "checkout leaked");
    CheckoutGuard::register(pool, "acquire", Location::caller()).leaked_on_purpose();
    assert!(of(pool)[0].is_leaked_on_purpose);
}

#[test]
fn checkout_knows_whose_request_took_it_and_that_it_stays_out_for_long() {
    let _recorder = exclusive();
    let pool = intern(TextKind::Pool, "checkout tenant");
    let transaction = begin("checking out for a tenant");
    transaction.set_text(Field::Tenant, "acme");
    let guard = {
        let _entered = transaction.enter();
        CheckoutGuard::register(pool, "acquire", Location::caller())
    };
    guard.expect_long();
    transaction.end(EndReason::Complete);
    let view = of(pool).remove(0);
    assert_eq!((view.tenant.as_str(), view.is_expected_long), ("acme", true));
}

#[test]
fn places_are_reused() {
    let pool = intern(TextKind::Pool, "checkout reuse");
    for _ in 0..100_000 {
        drop(CheckoutGuard::register(pool, "acquire", Location::caller()));
    }
    let open: Vec<_> =
        (0..100).map(|_| CheckoutGuard::register(pool, "acquire", Location::caller())).collect();
    assert_eq!(of(pool).len(), 100);
    drop(open);
}
