//! Steps of futures: parents in `join!` and `select!`, cancellation, panics, depth, threads.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;

use scouter::scout;

use crate::support::{row_async, steps_async};

/// Pending once, so that its siblings are polled in between.
async fn pause() {
    let mut is_second = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut is_second, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

#[scout]
fn leaf() {}

#[scout]
async fn left() {
    leaf();
    pause().await;
    leaf();
    inner().await;
}

#[scout]
async fn right() {
    inner().await;
    pause().await;
    leaf();
}

#[scout]
async fn inner() {
    pause().await;
}

#[scout]
async fn joined() {
    tokio::join!(left(), right());
    leaf();
}

#[test]
fn children_of_join_keep_their_parent() {
    assert_eq!(
        steps_async(joined()),
        "joined\n    left\n        leaf\n        leaf\n        inner\n    right\n        inner\n        leaf\n    \
         leaf\n"
    );
}

#[scout]
async fn forever() {
    leaf();
    std::future::pending::<()>().await;
}

#[scout]
async fn selected() {
    tokio::select! {
        biased;
        () = forever() => {}
        () = inner() => {}
    }
    leaf();
}

#[test]
fn the_loser_of_a_select_is_a_cancelled_step_with_the_right_parent() {
    assert_eq!(
        steps_async(selected()),
        "selected\n    forever !cancelled\n        leaf\n    inner\n    leaf\n"
    );
}

#[test]
fn a_future_that_is_dropped_before_its_first_poll_leaves_no_step() {
    assert_eq!(steps_async(async { drop(left()) }), "");
}

#[test]
fn a_future_dropped_on_another_thread_is_a_cancelled_step() {
    let recorded = steps_async(async {
        let mut future = Box::pin(forever());
        let first = poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await;
        assert!(first.is_pending());
        std::thread::scope(|scope| scope.spawn(|| drop(future)).join()).unwrap();
        leaf();
    });
    assert_eq!(recorded, "forever !cancelled\n    leaf\nleaf\n");
}

#[scout]
async fn panics() {
    pause().await;
    leaf();
    std::panic::panic_any("gone");
}

#[test]
fn a_panic_in_a_poll_closes_the_step_and_gives_the_parent_back() {
    let recorded = steps_async(async {
        let mut future = Box::pin(panics());
        poll_fn(|cx| {
            let poll = std::panic::AssertUnwindSafe(|| future.as_mut().poll(cx));
            match std::panic::catch_unwind(poll) {
                Ok(polled) => polled,
                Err(payload) => {
                    assert_eq!(payload.downcast_ref::<&str>(), Some(&"gone"));
                    Poll::Ready(())
                }
            }
        })
        .await;
        drop(future);
        leaf();
    });
    assert_eq!(recorded, "panics !panic\n    leaf\nleaf\n");
}

#[scout]
async fn countdown(depth: u32) -> u32 {
    if depth == 0 {
        pause().await;
        return 0;
    }
    Box::pin(countdown(depth - 1)).await + 1
}

#[scout]
fn countdown_boxed(depth: u32) -> Pin<Box<dyn Future<Output = u32> + Send>> {
    Box::pin(async move { if depth == 0 { 0 } else { countdown_boxed(depth - 1).await + 1 } })
}

#[test]
fn recursion_of_ten_thousand_boxed_calls_is_recorded_up_to_the_limit_and_answers() {
    const DEPTH: u32 = 10_000;
    const STACK_BYTES: usize = 512 << 20;
    let deep = std::thread::Builder::new().name("deep".into()).stack_size(STACK_BYTES);
    let handle = deep.spawn(|| {
        let xlog = row_async(async {
            assert_eq!(countdown(DEPTH).await, DEPTH);
            assert_eq!(countdown_boxed(DEPTH).await, DEPTH);
        });
        u64::from(xlog.steps) + u64::from(xlog.steps_dropped)
    });
    assert_eq!(handle.unwrap().join().unwrap(), u64::from(2 * (DEPTH + 1)));
}

#[scout(args(text), ret, err, service)]
async fn everything(text: String) -> Result<String, std::io::Error> {
    pause().await;
    Ok(text)
}

#[test]
fn an_instrumented_future_is_send_and_static_when_the_plain_one_is() {
    fn is_send<T: Send + 'static>(value: T) -> T {
        value
    }
    steps_async(async {
        is_send(left()).await;
        is_send(countdown(1)).await;
        is_send(everything("text".into())).await.unwrap();
        let mut future = pin!(is_send(countdown_boxed(1)));
        future.as_mut().await;
    });
}

#[test]
fn a_future_that_moves_between_threads_stays_one_step() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let recorded = steps_async(async move {
        let handle = runtime.handle().clone();
        let moved = handle.spawn(async { inner().await });
        moved.await.unwrap();
        inner().await;
        runtime.shutdown_background();
    });
    // The spawned task has no transaction of its own: only the awaited one is a step.
    assert_eq!(recorded, "inner\n");
}
