//! The limits of the process: what happens at each of them, and which counter says so.

use std::panic::Location;

use scouter_core::checkout::{CheckoutGuard, open_checkouts};
use scouter_core::drain::totals;
use scouter_core::limits::{
    MAX_ACTIVE_STEPS, MAX_CHECKOUTS, MAX_PLUGINS, MAX_SUMMARIES, MAX_TRANSACTIONS,
};
use scouter_core::plugin::{AgentPlugin, Hooks, register};
use scouter_core::record::{EndReason, XLogFlags};
use scouter_core::testing::exclusive;
use scouter_core::{StepGuard, TextKind, callsite, intern, live, options, step};

use crate::support::{begin, counter, is_own_process, within};

#[test]
fn transaction_past_the_limit_is_not_recorded_and_counted_and_the_next_one_is() {
    if !is_own_process(
        "limits::transaction_past_the_limit_is_not_recorded_and_counted_and_the_next_one_is",
    ) {
        return;
    }
    let recorder = exclusive();
    let mut open: Vec<_> = (0..MAX_TRANSACTIONS).map(|_| begin("in flight")).collect();
    assert!(open.iter().all(scouter_core::Transaction::is_recording));
    for _ in 0..3 {
        let refused = begin("refused");
        assert!(!refused.is_recording());
        // Nothing of it may hurt.
        let _entered = refused.enter();
        assert!(!step(callsite!(name: "refused")).is_recording());
    }
    let full = totals();
    assert_eq!((full.dropped_header_limit, full.recorded), (3, 3));
    open.pop().unwrap().end(EndReason::Complete);
    assert!(begin("next").is_recording());
    drop(open);
    assert!(recorder.take().xlog("refused").is_none());
    let after = totals();
    assert_eq!(after.recorded, MAX_TRANSACTIONS as u64 + 1 + 3);
    assert_eq!(after.recorded, after.drained + after.dropped() + after.pending);
}

#[test]
fn steps_past_the_memory_of_all_profiles_are_dropped_and_counted_until_some_is_given_back() {
    if !is_own_process(
        "limits::steps_past_the_memory_of_all_profiles_are_dropped_and_counted_until_some_is_given_back",
    ) {
        return;
    }
    let recorder = exclusive();
    options::set("profile_step_max_count", "1048575").unwrap();
    let hungry = || {
        for _ in 0..524_287 {
            drop(step(callsite!(name: "even")));
            drop(step(callsite!(name: "odd")));
        }
    };
    // Each takes a fourth of the pages, and the directories come on top.
    for _ in 0..4 {
        within("hungry", hungry);
    }
    assert!(counter("steps_dropped_memory") > 0);
    let recording = recorder.take();
    let cut = recording.xlogs.last().unwrap();
    assert_eq!(u64::from(cut.steps_dropped), counter("steps_dropped_memory"));
    assert!(cut.flags.contains(XLogFlags::TRUNCATED));
    assert_eq!(cut.steps + cut.steps_dropped, 2 * 524_287);
    within("fed", hungry);
    assert_eq!(recorder.take().only().steps_dropped, 0);
}

#[test]
fn rows_past_the_memory_of_all_queues_are_dropped_and_counted_until_some_are_drained() {
    if !is_own_process(
        "limits::rows_past_the_memory_of_all_queues_are_dropped_and_counted_until_some_are_drained",
    ) {
        return;
    }
    let recorder = exclusive();
    let long = "x".repeat(256);
    let keys = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p"];
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for _ in 0..MAX_SUMMARIES {
                    let transaction = begin("long row");
                    keys.iter().for_each(|key| transaction.tag(key, &long));
                    transaction.end(EndReason::Complete);
                }
            });
        }
    });
    let full = totals();
    assert!(full.dropped_summary_queue > 0, "no queue is full by its number of rows");
    assert_eq!(full.recorded, 3 * MAX_SUMMARIES);
    assert_eq!(full.recorded, full.pending + full.dropped_summary_queue);
    assert_eq!(recorder.take().xlogs.len() as u64, full.pending);
    within("room again", || ());
    assert!(recorder.take().xlog("room again").is_some());
}

#[test]
fn checkout_past_the_limit_is_not_tracked_and_counted_and_the_next_one_is() {
    if !is_own_process(
        "limits::checkout_past_the_limit_is_not_tracked_and_counted_and_the_next_one_is",
    ) {
        return;
    }
    let _recorder = exclusive();
    let before = counter("checkouts_untracked");
    let pool = intern(TextKind::Pool, "limit of checkouts");
    let register = || CheckoutGuard::register(pool, "acquire", Location::caller());
    let tracked = || {
        let mut all = Vec::new();
        open_checkouts(&mut all);
        all.iter().filter(|view| view.pool == pool).count()
    };
    let mut guards: Vec<_> = (0..MAX_CHECKOUTS).map(|_| register()).collect();
    assert_eq!(tracked(), MAX_CHECKOUTS);
    guards.extend((0..5).map(|_| register()));
    assert_eq!((tracked(), counter("checkouts_untracked") - before), (MAX_CHECKOUTS, 5));
    // Whichever place is given back, the next checkout finds it.
    for (at, untracked) in [0, 3, 10, 4_444, MAX_CHECKOUTS - 1].into_iter().zip(6..) {
        guards[at] = register(); // before the old one is given back
        assert_eq!(tracked(), MAX_CHECKOUTS - 1);
        guards[at] = register();
        assert_eq!(tracked(), MAX_CHECKOUTS);
        assert_eq!(counter("checkouts_untracked") - before, untracked);
    }
}

struct Idle;

impl AgentPlugin for Idle {
    fn name(&self) -> &str {
        "idle"
    }

    fn hooks(&self) -> Hooks {
        Hooks::NONE
    }
}

#[test]
fn plugin_past_the_limit_is_refused() {
    if !is_own_process("limits::plugin_past_the_limit_is_refused") {
        return;
    }
    for _ in 0..MAX_PLUGINS {
        register(Box::new(Idle)).unwrap();
    }
    assert!(register(Box::new(Idle)).is_err());
}

#[test]
fn live_view_shows_the_innermost_of_many_open_steps() {
    fn nest(depth: usize, look: &dyn Fn()) {
        let _step: StepGuard = match depth {
            0 => return look(),
            1 => step(callsite!(name: "innermost")),
            _ => step(callsite!(name: "around")),
        };
        nest(depth - 1, look);
    }
    let _recorder = exclusive();
    within("live deep", || {
        nest(MAX_ACTIVE_STEPS + 20, &|| {
            let mut all = Vec::new();
            live::active(&mut all, usize::MAX);
            let deep = all.iter().find(|one| one.service == "live deep").unwrap();
            assert_eq!(deep.stack.len(), MAX_ACTIVE_STEPS);
            assert!(deep.stack.last().unwrap().name.starts_with("innermost @"));
        });
    });
}
