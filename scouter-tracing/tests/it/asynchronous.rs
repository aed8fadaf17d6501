//! Spans around futures.

use std::future::Future;
use std::task::{Context, Waker};
use std::time::Duration;

use scouter_core::clock::ManualClock;
use scouter_core::record::Outcome;
use scouter_core::testing::exclusive;
use scouter_core::{callsite, in_step};
use scouter_tracing::Bridge;
use tracing::instrument::WithSubscriber;
use tracing::{Instrument, info_span, instrument};
use tracing_subscriber::prelude::*;

use crate::support::{begin, recorded_future, yield_once};

#[instrument]
async fn fetch(id: u64) -> u64 {
    yield_once().await;
    info_span!("decode").in_scope(|| ());
    id
}

#[test]
fn an_async_function_is_one_step_over_its_polls() {
    let recording = recorded_future(async {
        fetch(1).await;
        in_step(callsite!(name: "ours"), fetch(2)).await;
    });
    assert_eq!(
        recording.tree(),
        "GET /\n    fetch\n        decode\n    ours\n        fetch\n            decode\n"
    );
    let steps = recording.steps(recording.only().txid);
    // Two polls and the one more in which tracing drops the future.
    assert_eq!((steps[0].polls, steps[0].outcome), (3, Outcome::Ok));
}

#[test]
fn siblings_polled_in_turn_keep_their_parents() {
    let recording = recorded_future(async {
        async { futures_util::join!(fetch(1), fetch(2)) }.instrument(info_span!("both")).await
    });
    assert_eq!(
        recording.tree(),
        "GET /\n    both\n        fetch\n            decode\n        fetch\n            decode\n"
    );
}

#[test]
fn busy_time_is_that_of_the_polls_and_not_of_what_ran_between_them() {
    const MS: Duration = Duration::from_millis(1);
    let recorder = exclusive();
    let clock = ManualClock::install();
    let subscriber = tracing_subscriber::registry().with(Bridge::new());
    let _default = tracing::subscriber::set_default(subscriber);
    let inner = async {
        clock.advance(3 * MS);
        yield_once().await;
        clock.advance(5 * MS);
    };
    let outer = async {
        clock.advance(2 * MS);
        inner.instrument(info_span!("inner")).await;
        clock.advance(7 * MS);
    };
    let work = outer.instrument(info_span!("outer"));
    let mut work = Box::pin(scouter_core::in_transaction(begin(), work));
    let mut context = Context::from_waker(Waker::noop());
    assert!(work.as_mut().poll(&mut context).is_pending());
    clock.advance(100 * MS);
    assert!(work.as_mut().poll(&mut context).is_ready());
    let recording = recorder.take();
    let steps = recording.steps(recording.only().txid);
    let near = |left: u64, right: u64| assert!(left.abs_diff(right) <= 1, "{left} {right}");
    assert_eq!((&*steps[0].name, steps[0].elapsed_us), ("outer", 117_000));
    near(steps[0].busy_us, 17_000);
    assert_eq!((steps[1].start_us, steps[1].elapsed_us), (2_000, 108_000));
    near(steps[1].busy_us, 8_000);
}

#[test]
fn a_cancelled_future_closes_its_span() {
    let recording = recorded_future(async {
        let mut waiting = Box::pin(std::future::pending::<()>().instrument(info_span!("lost")));
        assert!(futures_util::poll!(&mut waiting).is_pending());
        drop(waiting);
        fetch(1).await;
    });
    assert_eq!(recording.tree(), "GET /\n    lost\n    fetch\n        decode\n");
}

#[test]
fn tasks_that_move_between_threads_keep_their_spans() {
    let dispatch: tracing::Dispatch = tracing_subscriber::registry().with(Bridge::new()).into();
    let recording = scouter_core::testing::capture(|| {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(4).build().unwrap();
        runtime.block_on(async {
            let tasks: Vec<_> = (0..200)
                .map(|id| {
                    let request = async move {
                        for _ in 0..5 {
                            fetch(id).await;
                            tokio::task::yield_now().await;
                        }
                    };
                    // The span is made where the subscriber is.
                    let request = async { request.instrument(info_span!("request")).await };
                    let request = scouter_core::in_transaction(begin(), request);
                    tokio::spawn(request.with_subscriber(dispatch.clone()))
                })
                .collect();
            for task in tasks {
                task.await.unwrap();
            }
        });
    });
    assert_eq!(recording.xlogs.len(), 200);
    let one = "fetch\n            decode\n";
    let steps = format!("GET /\n    request\n{}", format!("        {one}").repeat(5));
    assert!(recording.tree() == steps.repeat(200), "{:.2000}", recording.tree());
}
