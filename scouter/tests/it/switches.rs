//! The flags of a callsite, switched while the code runs.

use std::sync::atomic::{AtomicBool, Ordering};

use scouter::{CallsiteFlags, scout};

use crate::support::{attributes, callsite, steps};

#[scout(args(id), ret)]
fn switched(id: u64) -> u64 {
    id * 2
}

#[test]
fn arguments_and_results_are_silent_until_they_are_switched_on() {
    let site = callsite("switched");
    assert_eq!(site.arg_names(), ["id"]);
    assert_eq!(attributes(|| _ = switched(1)), "");
    site.set_flags(CallsiteFlags::DEFAULT.with(CallsiteFlags::ARGS));
    assert_eq!(attributes(|| _ = switched(1)), "id=1");
    site.set_flags(CallsiteFlags::DEFAULT.with(CallsiteFlags::RET));
    assert_eq!(attributes(|| _ = switched(1)), "return=2");
    site.set_flags(CallsiteFlags::DEFAULT);
    assert_eq!(attributes(|| _ = switched(1)), "");
}

#[scout]
fn enclosing(id: u64) -> Result<u64, String> {
    without_step(id)
}

#[scout(args(id), err)]
fn without_step(id: u64) -> Result<u64, String> {
    Err(id.to_string())
}

#[test]
fn a_callsite_that_is_off_leaves_nothing_on_the_step_around_it() {
    callsite("without_step").set_flags(CallsiteFlags::ARGS.with(CallsiteFlags::ERR));
    assert_eq!(steps(|| _ = enclosing(1)), "enclosing\n");
    assert_eq!(attributes(|| _ = enclosing(1)), "");
}

#[scout(args(id), ret)]
async fn toggled(id: u64) -> u64 {
    tokio::task::yield_now().await;
    id
}

#[test]
fn switching_while_requests_run_changes_no_answer() {
    let site = callsite("toggled");
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let flags = [
                CallsiteFlags::NONE,
                CallsiteFlags::DEFAULT,
                CallsiteFlags::DEFAULT.with(CallsiteFlags::ARGS),
                CallsiteFlags::DEFAULT.with(CallsiteFlags::ARGS).with(CallsiteFlags::RET),
                CallsiteFlags::ARGS.with(CallsiteFlags::RET),
            ];
            for flags in flags.into_iter().cycle() {
                site.set_flags(flags);
                if done.load(Ordering::Acquire) {
                    return;
                }
            }
        });
        for id in 0..2_000 {
            let recorded = crate::support::steps_async(async move {
                assert_eq!(toggled(id).await, id);
            });
            assert!(recorded.is_empty() || recorded == "toggled\n", "{recorded}");
        }
        done.store(true, Ordering::Release);
    });
}
