//! Rules that discard, and sampling that all services of a trace agree on.

use scouter_core::drain::totals;
use scouter_core::propagation::TraceContext;
use scouter_core::record::{EndReason, ProfileFate};
use scouter_core::testing::exclusive;
use scouter_core::{Begin, TextKind, Transaction, callsite, current, intern, options, step};

use crate::support::{begin, within};

#[test]
fn a_discarded_service_leaves_no_row_and_is_counted_unless_it_failed() {
    let recorder = exclusive();
    let rules = totals().dropped_rule;
    options::set("xlog_discard_service_patterns", "/health*, nightly").unwrap();
    for service in ["GET /health", "HEAD /healthz", "nightly", "GET /orders"] {
        within(service, || ());
    }
    within("GET /health", || current::error(&"the disk is full"));
    options::set("xlog_discard_service_show_error", "false").unwrap();
    within("GET /health", || current::error(&"nobody wants to know"));
    options::set("xlog_discard_service_show_error", "true").unwrap();
    options::set("xlog_discard_service_patterns", "").unwrap();
    within("GET /health", || ());
    let recording = recorder.take();
    let kept: Vec<(&str, &str)> =
        recording.xlogs.iter().map(|xlog| (&*xlog.service, &*xlog.error)).collect();
    let expected = [("GET /orders", ""), ("GET /health", "the disk is full"), ("GET /health", "")];
    assert_eq!(kept, expected);
    assert_eq!(totals().dropped_rule, rules + 4);
}

#[test]
fn services_of_one_trace_agree_whether_its_profiles_are_sampled() {
    let recorder = exclusive();
    options::set("xlog_sampling_enabled", "true").unwrap();
    options::set("xlog_sampling_step1_rate_pct", "40").unwrap();
    let work = |transaction: Transaction| {
        let entered = transaction.enter();
        drop(step(callsite!(name: "work")));
        drop(entered);
        transaction.end(EndReason::Complete);
    };
    for _ in 0..200 {
        let front = begin("front");
        let context: TraceContext = front.context().expect("recording");
        for service in ["orders", "billing"] {
            let begin = Begin::new(intern(TextKind::Service, service));
            work(Transaction::begin(begin.context(Some(&context))));
        }
        work(front);
    }
    options::set("xlog_sampling_enabled", "false").unwrap();
    options::set("xlog_sampling_step1_rate_pct", "3").unwrap();
    let recording = recorder.take();
    let kept = |service: &str| -> Vec<bool> {
        let mut own: Vec<_> = recording.xlogs.iter().filter(|x| x.service == service).collect();
        own.sort_by_key(|xlog| xlog.gxid.value());
        own.iter().map(|xlog| xlog.profile == ProfileFate::Kept).collect()
    };
    let front = kept("front");
    let share = front.iter().filter(|kept| **kept).count();
    assert_eq!(front.len(), 200);
    assert!((40..=120).contains(&share), "about 80 of 200: {share}");
    assert_eq!(kept("orders"), front);
    assert_eq!(kept("billing"), front);
}

#[test]
fn the_first_group_that_fits_a_service_decides_about_its_profiles_and_no_row_goes() {
    let recorder = exclusive();
    let set = |name: &str, value: &str| options::set(name, value).unwrap();
    let groups = [("patterned", "/orders*", "0"), ("patterned2", "/or*, nightly", "100")];
    for (group, patterns, share) in groups {
        set(&format!("xlog_{group}_sampling_service_patterns"), patterns);
        set(&format!("xlog_{group}_sampling_step1_rate_pct"), share);
        set(&format!("xlog_{group}_sampling_enabled"), "true");
    }
    set("xlog_sampling_enabled", "true");
    set("xlog_sampling_step1_rate_pct", "0");
    let services = ["GET /orders/{id}", "GET /origin", "nightly", "GET /other"];
    for service in services {
        within(service, || drop(step(callsite!(name: "work"))));
    }
    set("xlog_patterned_sampling_enabled", "false");
    within("GET /orders/{id}", || drop(step(callsite!(name: "work"))));
    set("xlog_sampling_enabled", "false");
    set("xlog_sampling_step1_rate_pct", "3");
    for (group, _, _) in groups {
        set(&format!("xlog_{group}_sampling_enabled"), "false");
        set(&format!("xlog_{group}_sampling_service_patterns"), "");
        set(&format!("xlog_{group}_sampling_step1_rate_pct"), "3");
    }
    let kept: Vec<(String, bool)> = recorder
        .take()
        .xlogs
        .iter()
        .map(|xlog| (xlog.service.to_string(), xlog.profile == ProfileFate::Kept))
        .collect();
    let expected = [
        ("GET /orders/{id}", false),
        ("GET /origin", true),
        ("nightly", true),
        ("GET /other", false),
        ("GET /orders/{id}", true),
    ];
    assert_eq!(kept, expected.map(|(service, is_kept)| (service.to_owned(), is_kept)));
}
