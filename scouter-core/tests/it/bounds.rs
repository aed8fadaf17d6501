//! Folding, limits, queues and the decision about the profile.

use scouter_core::drain::totals;
use scouter_core::limits::{MAX_PROFILES, MAX_SUMMARIES};
use scouter_core::record::{EndReason, ProfileFate, XLogFlags};
use scouter_core::testing::{capture, exclusive};
use scouter_core::{Field, TextKind, attr, callsite, current, in_step, intern, options, step};

use crate::support::{begin, counter, poll_once, within};

#[test]
fn run_of_one_callsite_folds_into_count_total_and_maximum() {
    let recording = capture(|| {
        within("folding", || {
            for _ in 0..10_000 {
                drop(step(callsite!(name: "check_logging")));
            }
        });
    });
    assert_eq!(recording.tree(), "folding\n    check_logging ×10000\n");
    let xlog = recording.only();
    let fold = &recording.steps(xlog.txid)[0];
    assert_eq!((xlog.steps, xlog.steps_dropped), (1, 0));
    assert!(fold.max_us <= fold.elapsed_us && fold.elapsed_us <= xlog.elapsed_us);
    assert!(!xlog.flags.contains(XLogFlags::TRUNCATED));
}

#[test]
fn folding_stops_at_anything_that_tells_calls_apart() {
    let recording = capture(|| {
        within("not folding", || {
            let (a, b) = (callsite!(name: "a"), callsite!(name: "b"));
            drop(step(a));
            drop(step(b));
            drop(step(a));
            step(a).attr("n", 1_u64);
            drop(step(a));
            step(a).fail(&"no");
            drop(step(a));
            {
                let _parent = step(b);
                drop(step(a));
                drop(step(a));
            }
            drop(step(a));
        });
    });
    assert_eq!(
        recording.tree(),
        "not folding\n    a\n    b\n    a\n    a {n=1}\n    a\n    a !error\n    a\n    b\n        a ×2\n    a\n"
    );
}

#[test]
fn async_runs_fold_with_polls_and_busy_time() {
    let recording = capture(|| {
        within("async folding", || {
            for _ in 0..100 {
                let mut load =
                    Box::pin(in_step(callsite!(name: "load"), crate::support::yield_once()));
                assert!(poll_once(&mut load).is_pending());
                assert!(poll_once(&mut load).is_ready());
            }
        });
    });
    let steps = recording.steps(recording.only().txid);
    assert_eq!((steps.len(), steps[0].count, steps[0].polls), (1, 100, 200));
    assert!(steps[0].busy_us <= steps[0].elapsed_us);
}

#[test]
fn million_steps_in_one_transaction_are_kept_to_the_limit_and_the_rest_counted() {
    const STEPS: u32 = 1_000_000;
    let recording = capture(|| {
        within("million", || {
            for _ in 0..STEPS / 2 {
                drop(step(callsite!(name: "even")));
                drop(step(callsite!(name: "odd")));
            }
        });
    });
    let xlog = recording.only();
    assert_eq!((xlog.steps, xlog.steps_dropped), (1_024, STEPS - 1_024));
    assert!(xlog.flags.contains(XLogFlags::TRUNCATED));
    assert_eq!(recording.steps(xlog.txid).len(), 1_024);
}

#[test]
fn million_steps_are_all_kept_when_the_limit_allows_it() {
    const STEPS: u32 = 1_000_000;
    let recorder = exclusive();
    options::set("profile_step_max_count", "1048575").unwrap();
    within("million kept", || {
        for _ in 0..STEPS / 2 {
            drop(step(callsite!(name: "even")));
            drop(step(callsite!(name: "odd")));
        }
    });
    options::set("profile_step_max_count", "1024").unwrap();
    let recording = recorder.take();
    let xlog = recording.only();
    assert_eq!((xlog.steps, xlog.steps_dropped), (STEPS, 0));
    assert_eq!(recording.steps(xlog.txid).len() as u32, STEPS);
}

#[test]
fn run_that_folds_goes_on_past_the_limit_and_everything_else_is_dropped_and_counted() {
    // Two records for the run at the end: the step and its totals.
    for limit in [16_u32, 17, 144, 1_024] {
        let recorder = exclusive();
        options::set("profile_step_max_count", &limit.to_string()).unwrap();
        let (a, b, run) = (callsite!(name: "a"), callsite!(name: "b"), callsite!(name: "run"));
        within("at the limit", || {
            for n in 0..limit - 2 {
                drop(step(if n % 2 == 0 { a } else { b }));
            }
            for _ in 0..100 {
                drop(step(run));
            }
            // None of these belongs to the run.
            drop(step(a));
            step(run).fail(&"no");
            {
                let _around = step(b);
                drop(step(run));
            }
            for _ in 0..100 {
                drop(step(run));
            }
        });
        options::set("profile_step_max_count", "1024").unwrap();
        let recording = recorder.take();
        let xlog = recording.only();
        let steps = recording.steps(xlog.txid);
        let last = steps.last().unwrap();
        assert_eq!(steps.len() as u32, limit - 1);
        // The step inside of `b`, which has no record, is one more of the run around it.
        assert_eq!((last.name.as_str(), last.count, last.error.as_str()), ("run", 201, ""));
        assert!(last.max_us <= last.elapsed_us && last.elapsed_us <= xlog.elapsed_us);
        // `a`, the step that failed and its reason, and `b`.
        assert_eq!((xlog.steps, xlog.steps_dropped), (limit - 1, 4));
    }
}

#[test]
fn async_run_that_folds_goes_on_past_the_limit_and_a_cancelled_step_does_not() {
    let recorder = exclusive();
    options::set("profile_step_max_count", "16").unwrap();
    let load = || Box::pin(in_step(callsite!(name: "load"), crate::support::yield_once()));
    within("at the limit", || {
        (0..14).for_each(|n| current::message(if n % 2 == 0 { "" } else { "x" }));
        for _ in 0..50 {
            let mut load = load();
            assert!(poll_once(&mut load).is_pending());
            assert!(poll_once(&mut load).is_ready());
        }
        let (mut one, mut other) = (load(), load());
        assert!(poll_once(&mut one).is_pending());
        // There is one place past the limit.
        assert!(poll_once(&mut other).is_pending());
        drop(one);
    });
    options::set("profile_step_max_count", "1024").unwrap();
    let recording = recorder.take();
    let xlog = recording.only();
    let steps = recording.steps(xlog.txid);
    let run = steps.iter().find(|step| step.name == "load").map(|step| (step.count, step.polls));
    assert!(xlog.steps_dropped >= 2, "{}", recording.tree());
    assert!(run.is_none_or(|(count, polls)| polls == 2 * count as u16));
}

#[test]
fn steps_past_the_limit_still_count_in_the_totals_and_attributes_are_not_misplaced() {
    use scouter_core::record::{Outcome, StepKind};
    use scouter_core::{OpenStep, SqlOutcome, TextId};
    let recorder = exclusive();
    options::set("profile_step_max_count", "16").unwrap();
    within("limited", || {
        for n in 0..20_u64 {
            let statement = OpenStep::begin(StepKind::Sql, TextId::NONE);
            statement.finish_sql(SqlOutcome {
                rows: n,
                outcome: Outcome::Ok,
                ..SqlOutcome::default()
            });
        }
        let dropped = step(callsite!(name: "dropped"));
        dropped.attr("lost", 1_u64);
        attr("lost too", 1_u64);
    });
    options::set("profile_step_max_count", "1024").unwrap();
    let recording = recorder.take();
    let xlog = recording.only();
    assert_eq!((xlog.sql_count, xlog.sql_rows), (20, 190));
    // Each statement takes two records; the attribute on nothing is not counted as a step.
    assert_eq!(xlog.steps, 8);
    assert_eq!(recording.steps(xlog.txid).len(), 8);
    assert!(xlog.steps_dropped >= 13);
}

#[test]
fn full_summary_queue_drops_newest_and_counts_it() {
    let recorder = exclusive();
    let before = totals();
    let extra = 10;
    for _ in 0..MAX_SUMMARIES + extra {
        within("burst", || ());
    }
    let after = totals();
    assert_eq!(after.dropped_summary_queue, before.dropped_summary_queue + extra);
    assert_eq!(after.pending, MAX_SUMMARIES);
    assert_eq!(after.recorded, after.drained + after.pending + after.dropped());
    assert_eq!(recorder.take().xlogs.len() as u64, MAX_SUMMARIES);
    assert_eq!(totals().pending, 0);
}

#[test]
fn pressure_by_profiles_never_costs_a_row() {
    let recorder = exclusive();
    let before = totals();
    for n in 0..3 * MAX_PROFILES {
        within("pressed", || {
            drop(step(callsite!(name: "work")));
            // Every third one is asked for.
            if n % 3 == 0 {
                current::keep_profile();
            }
        });
    }
    let recording = recorder.take();
    assert_eq!(recording.xlogs.len() as u32, 3 * MAX_PROFILES);
    assert_eq!(totals().dropped(), before.dropped());
    let fates = |fate| recording.xlogs.iter().filter(|xlog| xlog.profile == fate).count() as u32;
    assert_eq!(fates(ProfileFate::Kept), MAX_PROFILES);
    assert_eq!(recording.profiles.len() as u32, MAX_PROFILES);
    assert!(fates(ProfileFate::SampledOut) > MAX_PROFILES);
    assert!(fates(ProfileFate::Dropped) > 0);
    assert!(
        recording.xlogs.iter().skip(MAX_PROFILES as usize / 2).all(|xlog| {
            xlog.profile != ProfileFate::Kept || xlog.flags.contains(XLogFlags::FORCE_KEPT)
        }),
        "from half of the queue on only what was asked for is kept"
    );
}

#[test]
fn switched_off_profiles_are_kept_only_when_asked_for() {
    let recorder = exclusive();
    options::set("profile_off", "true").unwrap();
    within("plain", || drop(step(callsite!(name: "work"))));
    within("slow", || {
        drop(step(callsite!(name: "work")));
        current::mark_slow();
    });
    within("asked", || {
        drop(step(callsite!(name: "work")));
        current::keep_profile();
    });
    options::set("profile_off", "false").unwrap();
    let recording = recorder.take();
    let fate = |service| recording.xlog(service).unwrap().profile;
    assert_eq!(fate("plain"), ProfileFate::SampledOut);
    assert_eq!(fate("slow"), ProfileFate::SampledOut);
    assert_eq!(fate("asked"), ProfileFate::Kept);
}

#[test]
fn sampling_keeps_a_share_of_fast_profiles_and_all_that_tell_something() {
    let recorder = exclusive();
    options::set("xlog_sampling_enabled", "true").unwrap();
    options::set("xlog_sampling_step1_rate_pct", "25").unwrap();
    let run = |service: &str, telling: &dyn Fn()| {
        for _ in 0..400 {
            within(service, || {
                drop(step(callsite!(name: "work")));
                telling();
            });
        }
    };
    run("fast", &|| ());
    run("failed", &|| current::error(&"no"));
    options::set("xlog_sampling_enabled", "false").unwrap();
    options::set("xlog_sampling_step1_rate_pct", "3").unwrap();
    let recording = recorder.take();
    let kept = |service: &str| {
        let all = recording.xlogs.iter().filter(|xlog| xlog.service == service);
        all.filter(|xlog| xlog.profile == ProfileFate::Kept).count()
    };
    assert!((60..=140).contains(&kept("fast")), "{}", kept("fast"));
    assert_eq!(kept("failed"), 400);
    assert_eq!(recording.xlogs.len(), 800, "rows are never sampled");
}

#[test]
fn every_text_that_is_cut_is_counted() {
    let _recorder = exclusive();
    let long = "é".repeat(200);
    let transaction = begin("cut");
    let _entered = transaction.enter();
    let guard = step(callsite!(name: "cut"));
    let cuts: [&dyn Fn(); 6] = [
        &|| transaction.set_text(Field::Desc, &long),
        &|| transaction.tag("key", &long),
        &|| guard.attr("key", long.as_str()),
        &|| guard.fail(&long),
        &|| current::message(&long),
        &|| assert!(intern(TextKind::Sql, &"x".repeat(20_000)).is_some()),
    ];
    for (number, cut) in cuts.iter().enumerate() {
        // Other tests may cut meanwhile, so it is at least one.
        let before = counter("texts_cut");
        cut();
        assert!(counter("texts_cut") > before, "{number}");
    }
}

#[test]
fn texts_past_the_room_of_a_transaction_are_counted() {
    let count = || counter("transaction_texts_dropped");
    let recorder = exclusive();
    let before = count();
    let transaction = begin("texts");
    let long = "x".repeat(1_000);
    let keys =
        ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p", "q", "r"];
    for key in keys {
        transaction.tag(key, &long);
    }
    transaction.end(EndReason::Complete);
    let recording = recorder.take();
    let tags = &recording.only().tags;
    assert!(tags.iter().all(|(_, value)| value.len() == 256));
    assert_eq!((count() - before) as usize, keys.len() - tags.len());
    assert!(tags.len() >= 15);
}
