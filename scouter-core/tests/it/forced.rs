//! Transactions that do not end.

use scouter_core::live::{active_count, force_end};
use scouter_core::record::{EndReason, ProfileFate};
use scouter_core::testing::exclusive;
use scouter_core::{Field, callsite, step};

use crate::support::{begin, counter, within};

#[test]
fn one_that_does_not_end_gets_its_row_now_and_no_second_one_when_it_ends() {
    let recorder = exclusive();
    let late = counter("transactions_ended_late");
    let transaction = begin("GET /hangs");
    transaction.set_text(Field::Tenant, "acme");
    transaction.tag("order", "17");
    transaction.set_status(102);
    let entered = transaction.enter();
    let open = step(callsite!(name: "waits"));
    let (txid, gxid) = (transaction.txid().unwrap(), transaction.gxid().unwrap());

    assert!(force_end(txid, &"no end after 300.0 s; it is in waits"));
    assert!(!force_end(txid, &"twice"));
    assert_eq!(active_count(), 1, "it goes on");
    let recording = recorder.take();
    let row = recording.only();
    assert_eq!((row.txid, row.gxid), (txid, gxid));
    assert_eq!((&*row.service, &*row.tenant, row.status), ("GET /hangs", "acme", 102));
    assert_eq!(row.tags, [("order".to_owned(), "17".to_owned())]);
    assert_eq!((row.end, row.profile), (EndReason::ForcedEnd, ProfileFate::Empty));
    assert!(row.error.starts_with("no end after 300.0 s"), "{}", row.error);

    drop((open, entered));
    transaction.end(EndReason::Complete);
    assert!(recorder.take().xlogs.is_empty(), "it has had its row");
    assert_eq!((active_count(), counter("transactions_ended_late")), (0, late + 1));
}

#[test]
fn one_that_has_ended_is_not_ended_again_nor_the_next_one_in_its_place() {
    let recorder = exclusive();
    let transaction = begin("GET /quick");
    let txid = transaction.txid().unwrap();
    transaction.end(EndReason::Complete);
    assert!(!force_end(txid, &"too late"));
    within("GET /next", || assert!(!force_end(txid, &"too late")));
    let recording = recorder.take();
    let ends: Vec<_> = recording.xlogs.iter().map(|row| (&*row.service, row.end)).collect();
    assert_eq!(ends, [("GET /quick", EndReason::Complete), ("GET /next", EndReason::Complete)]);
}

#[test]
fn of_an_end_and_a_forced_one_at_the_same_time_exactly_one_gives_the_row() {
    const ROUNDS: usize = 2_000;
    let recorder = exclusive();
    let (mut rows, mut forced) = (0, 0);
    for _ in 0..ROUNDS {
        let transaction = begin("GET /race");
        let txid = transaction.txid().unwrap();
        let start = std::sync::Barrier::new(2);
        let is_forced = std::thread::scope(|scope| {
            let watchdog = scope.spawn(|| {
                start.wait();
                force_end(txid, &"no end")
            });
            start.wait();
            transaction.end(EndReason::Complete);
            watchdog.join().unwrap()
        });
        let recording = recorder.take();
        assert_eq!(recording.only().end == EndReason::ForcedEnd, is_forced);
        rows += recording.xlogs.len();
        forced += usize::from(is_forced);
    }
    assert_eq!(rows, ROUNDS, "{forced} were forced");
}
