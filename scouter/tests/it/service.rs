//! `service`: a transaction of its own where none is active, a step where one is.

use scouter::record::{EndReason, StepKind};
use scouter::{OpenStep, TextKind, scout};

use crate::support::{block_on, steps_async, transactions};

#[scout(service)]
fn consume(message: &str) -> usize {
    stored();
    message.len()
}

#[scout]
fn stored() {}

#[scout(service, err, name = "queue consume_async")]
async fn consume_async(message: &str) -> Result<usize, String> {
    stored();
    tokio::task::yield_now().await;
    if message.is_empty() {
        return Err("empty message".into());
    }
    Ok(message.len())
}

#[scout(service, err)]
fn consume_failing() -> Result<(), String> {
    Err("broken".into())
}

#[scout(background)]
fn clean_up() {
    stored();
}

#[scout(background, err, args(days))]
async fn expire(days: u32) -> Result<(), String> {
    clean_up();
    tokio::task::yield_now().await;
    Err(format!("{days} days"))
}

#[test]
fn a_background_function_opens_a_transaction_of_that_kind_and_joins_one_that_is_there() {
    let recorded = transactions(|| {
        clean_up();
        assert!(block_on(expire(3)).is_err());
    });
    assert_eq!(
        recorded,
        "clean_up (Background, complete)\n    clean_up\n        stored\n\
         expire (Background, complete) !error 3 days\n    expire !error 3 days\n        \
         clean_up\n            stored\n"
    );
}

const PANIC_LINE: u32 = line!() + 4;

#[scout(service)]
fn consume_panicking() {
    std::panic::panic_any("gone");
}

#[test]
fn a_service_function_without_a_transaction_opens_one() {
    let recorded = transactions(|| {
        assert_eq!(consume("abc"), 3);
        assert_eq!(block_on(consume_async("abcd")), Ok(4));
    });
    assert_eq!(
        recorded,
        "consume (Service, complete)\n    consume\n        stored\n\
         queue consume_async (Service, complete)\n    queue consume_async\n        stored\n"
    );
}

#[test]
fn an_error_of_a_service_marks_its_step_and_its_transaction() {
    let recorded = transactions(|| {
        assert!(consume_failing().is_err());
        assert!(block_on(consume_async("")).is_err());
    });
    assert_eq!(
        recorded,
        "consume_failing (Service, complete) !error broken\n    consume_failing !error broken\n\
         queue consume_async (Service, complete) !error empty message\n    \
         queue consume_async !error empty message\n        stored\n"
    );
}

#[test]
fn a_panic_and_a_dropped_future_end_the_transaction_as_what_they_are() {
    let recorded = transactions(|| {
        assert!(std::panic::catch_unwind(consume_panicking).is_err());
        let mut future = Box::pin(consume_async("abc"));
        let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(future.as_mut().poll(&mut cx).is_pending());
        drop(future);
    });
    let error = format!("panicked at {}:{PANIC_LINE}: gone", file!());
    assert_eq!(
        recorded,
        format!(
            "consume_panicking (Service, panic) !error {error}\n    consume_panicking !panic\n\
             queue consume_async (Service, cancelled_before_response)\n    \
             queue consume_async !cancelled\n        stored\n"
        )
    );
}

#[scout(service)]
async fn consume_querying() {
    let statement = OpenStep::begin(StepKind::Sql, scouter::intern(TextKind::Sql, "SELECT ?"));
    std::future::pending::<()>().await;
    drop(statement);
}

#[test]
fn a_dropped_service_keeps_the_totals_of_what_it_was_doing() {
    let recording = scouter::testing::capture(|| {
        let mut future = Box::pin(consume_querying());
        let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(future.as_mut().poll(&mut cx).is_pending());
        drop(future);
    });
    let row = recording.only();
    assert_eq!((row.end, row.sql_count), (EndReason::CancelledBeforeResponse, 1));
}

#[test]
fn within_a_transaction_a_service_function_is_a_step() {
    let recorded = steps_async(async {
        consume("abc");
        consume_async("abc").await.unwrap();
        assert!(consume_failing().is_err());
    });
    assert_eq!(
        recorded,
        "consume\n    stored\nqueue consume_async\n    stored\nconsume_failing !error broken\n"
    );
}
