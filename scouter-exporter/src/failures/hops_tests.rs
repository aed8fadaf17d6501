use scouter_wire::record::{Detail, Outcome, Step};

use super::*;
use crate::testing::{texts, xlog};

/// One call: how long it took, and the status of its answer.
type Call = (u64, u16);

struct Load {
    hops: Hops,
    next: u64,
    found: Vec<Finding>,
}

impl Load {
    fn new() -> Self {
        Self { hops: Hops::default(), next: 1, found: Vec::new() }
    }

    /// Transactions of service 1 with these calls of `billing:80` inside of function 9.
    fn run(&mut self, count: usize, own_us: u64, error: &str, calls: &[Call]) {
        let texts = texts();
        for _ in 0..count {
            let id = self.next;
            self.next += 1;
            let elapsed_us = own_us + calls.iter().map(|(us, _)| us).sum::<u64>();
            self.hops.xlog(&XLog { elapsed_us, error, ..xlog(id, "acme") });
            let mut profile = Profile::default();
            profile.begin(Txid::new(id).unwrap());
            profile.step(&Step { name: TextRef(9), count: 1, ..Step::default() }, &texts);
            for (us, status) in calls {
                let address = "billing:80";
                let detail = Detail::Api { status: *status, callee: None, address, ttfb_us: 0 };
                let outcome = if *status == 0 { Outcome::Error } else { Outcome::Ok };
                profile.step(
                    &Step {
                        kind: StepKind::Api,
                        outcome,
                        parent: Some(0),
                        name: TextRef(7),
                        elapsed_us: *us,
                        count: 1,
                        error: if *status == 0 { "connection refused" } else { "" },
                        detail,
                        ..Step::default()
                    },
                    &texts,
                );
            }
            self.hops.profile(&profile);
        }
    }

    /// Ends the window; what was found in it.
    fn window(&mut self) -> Vec<Finding> {
        self.hops.roll(&texts(), &mut self.found);
        std::mem::take(&mut self.found)
    }

    fn healthy(&mut self, windows: usize) {
        for _ in 0..windows {
            self.run(50, 2_000, "", &[(98_000, 200)]);
            let found = self.window();
            assert!(found.is_empty(), "{found:#?}");
        }
    }
}

fn only(found: &[Finding], kind: AlertKind) -> &Finding {
    let [finding] = found else { panic!("{found:#?}") };
    assert_eq!(finding.kind, kind, "{finding:?}");
    assert_eq!((finding.service, finding.group.as_str()), ("text 1", "text 1 billing:80"));
    assert!(finding.transaction.is_some());
    finding
}

#[test]
fn a_gateway_that_always_waits_for_what_is_behind_it_is_healthy() {
    let mut load = Load::new();
    load.healthy(100);
    for _ in 0..20 {
        // A few failures and retries are part of life.
        load.run(45, 2_000, "", &[(98_000, 200)]);
        load.run(3, 2_000, "", &[(98_000, 503), (98_000, 200)]);
        load.run(2, 2_000, "billing is away", &[(98_000, 503)]);
        assert!(load.window().is_empty());
    }
    // More load, as slow as usual.
    load.run(500, 2_000, "", &[(98_000, 200)]);
    assert!(load.window().is_empty());
}

#[test]
fn a_service_that_becomes_slow_by_one_behind_it_is_told_with_the_hop_and_its_share() {
    let mut load = Load::new();
    load.healthy(3);
    load.run(10, 2_000, "", &[(1_998_000, 200)]);
    let found = load.window();
    let cascade = only(&found, AlertKind::Cascade);
    assert!(cascade.message.contains("is slow because of billing:80"), "{}", cascade.message);
    assert!(cascade.message.contains("took 2000 ms on average (usually 100 ms), and 99 %"));
    // Slow by itself, it is no other's fault.
    load.run(10, 1_998_000, "", &[(2_000, 200)]);
    assert!(load.window().is_empty());
    // What stays slow for minutes is so by its nature.
    let told = (0..100).filter(|_| {
        load.run(10, 2_000, "", &[(1_998_000, 200)]);
        !load.window().is_empty()
    });
    assert!((1..50).contains(&told.count()));
    load.run(10, 2_000, "", &[(1_998_000, 200)]);
    assert!(load.window().is_empty());
}

#[test]
fn a_service_that_fails_by_one_behind_it_is_told_and_by_its_own_fault_it_is_not() {
    let mut load = Load::new();
    load.healthy(3);
    load.run(30, 2_000, "", &[(5_000, 200)]);
    load.run(20, 2_000, "500", &[(5_000, 0)]);
    let found = load.window();
    let cascade = only(&found, AlertKind::Cascade);
    assert!(cascade.message.contains("20 of its 50 requests within 5 s failed, and in 20"));
    assert!(cascade.message.ends_with("(connection refused)"), "{}", cascade.message);
    load.run(50, 2_000, "500", &[(5_000, 200)]);
    assert!(load.window().is_empty());
}

#[test]
fn calls_that_are_made_again_and_again_after_failures_are_a_retry_storm() {
    let mut load = Load::new();
    load.healthy(3);
    load.run(15, 2_000, "", &[(5_000, 503), (5_000, 0), (5_000, 503), (5_000, 429)]);
    let found = load.window();
    let storm = only(&found, AlertKind::RetryStorm);
    assert!(storm.message.contains("called billing:80 60 times"), "{}", storm.message);
    assert!(storm.message.contains("45 of them again right after a failure"), "{}", storm.message);
    // As many calls that work are none, nor are many that fail once.
    load.run(15, 2_000, "", &[(5_000, 200), (5_000, 200), (5_000, 200), (5_000, 200)]);
    assert!(load.window().is_empty());
    load.run(50, 2_000, "", &[(5_000, 503)]);
    assert!(load.window().is_empty());
}

#[test]
fn three_times_as_many_calls_as_usual_while_they_fail_are_a_retry_storm() {
    let mut load = Load::new();
    load.healthy(3);
    load.run(160, 2_000, "", &[(5_000, 503)]);
    only(&load.window(), AlertKind::RetryStorm);
    load.run(160, 2_000, "", &[(5_000, 200)]);
    assert!(load.window().is_empty(), "they work");
}

#[test]
fn hops_past_the_limit_are_counted_and_unused_ones_make_room() {
    let mut hops = Hops::default();
    let texts = texts();
    for id in 1..=MAX_HOPS as u64 + 5 {
        hops.xlog(&xlog(id, "acme"));
        let mut profile = Profile::default();
        profile.begin(Txid::new(id).unwrap());
        let address = format!("host-{id}:80");
        let detail = Detail::Api { status: 200, callee: None, address: &address, ttfb_us: 0 };
        profile.step(&Step { kind: StepKind::Api, count: 1, detail, ..Step::default() }, &texts);
        hops.profile(&profile);
    }
    assert_eq!((hops.known, hops.left_out), (MAX_HOPS, 5));
    for _ in 0..20 {
        hops.roll(&texts, &mut Vec::new());
    }
    assert_eq!(hops.known, 0);
}
