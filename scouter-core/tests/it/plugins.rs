//! Plugins. They cannot be removed, so each looks only at services of its own test.

use std::sync::Mutex;

use scouter_core::drain::totals;
use scouter_core::plugin::{
    AgentPlugin, CallView, CaptureView, CounterSink, EndView, Hooks, Reject, RequestView,
    StartView, call, collect_counters, register, reject,
};
use scouter_core::record::{ProfileFate, XLogFlags};
use scouter_core::testing::exclusive;
use scouter_core::{Field, callsite, options, step};

use crate::support::{counter, within};

struct Everything;

static CAPTURED: Mutex<Vec<String>> = Mutex::new(Vec::new());

impl AgentPlugin for Everything {
    fn name(&self) -> &str {
        "everything"
    }

    fn hooks(&self) -> Hooks {
        [Hooks::START, Hooks::END, Hooks::REJECT, Hooks::CALL, Hooks::COUNTER, Hooks::CAPTURE]
            .into_iter()
            .fold(Hooks::NONE, Hooks::with)
    }

    fn start(&self, start: &StartView<'_>) {
        if start.service().starts_with("plugin ") {
            start.transaction().set_text(Field::Desc, "seen by start");
        }
    }

    fn end(&self, end: &mut EndView<'_>) {
        match end.service() {
            "plugin sets" => {
                end.set_text(Field::Tenant, "from plugin");
                end.tag("desc", &end.text(Field::Desc));
                end.set_error(&"by plugin");
            }
            "plugin discards" => end.discard(),
            "plugin drops profile" => end.discard_profile(),
            "plugin keeps profile" => end.keep_profile(),
            "plugin panics" => panic!("on purpose"),
            _ => {}
        }
    }

    fn reject(&self, request: &RequestView<'_>) -> Option<Reject> {
        let is_bad = (request.header)("x-bad").is_some();
        is_bad.then(|| Reject::new(503, format!("no {} {}", request.method, request.path)))
    }

    fn call(&self, call: &CallView<'_>) {
        assert_ne!(call.address, "panic:80");
    }

    fn capture(&self, capture: &CaptureView<'_>) {
        if capture.name.starts_with("plugin ") {
            CAPTURED.lock().unwrap().push(format!("{}={}", capture.name, capture.value));
        }
    }

    fn counter(&self, sink: &mut CounterSink<'_>) {
        sink.add("plugin_counter|1", 4.5);
    }
}

#[test]
fn plugin_sees_and_changes_what_its_hooks_allow() {
    let recorder = exclusive();
    register(Box::new(Everything)).unwrap();
    let (panics, rules) = (counter("plugin_panics"), totals().dropped_rule);
    for service in ["plugin sets", "plugin discards", "plugin drops profile", "plugin panics"] {
        within(service, || drop(step(callsite!(name: "work"))));
    }
    options::set("profile_off", "true").unwrap();
    within("plugin keeps profile", || drop(step(callsite!(name: "work"))));
    options::set("profile_off", "false").unwrap();
    let recording = recorder.take();
    let sets = recording.xlog("plugin sets").unwrap();
    assert_eq!((sets.tenant.as_str(), sets.error.as_str()), ("from plugin", "by plugin"));
    assert_eq!(sets.tags, [("desc".to_owned(), "seen by start".to_owned())]);
    assert!(recording.xlog("plugin discards").is_none());
    assert_eq!(totals().dropped_rule, rules + 1);
    let fate = |service| recording.xlog(service).unwrap().profile;
    assert_eq!(fate("plugin drops profile"), ProfileFate::SampledOut);
    assert_eq!(fate("plugin keeps profile"), ProfileFate::Kept);
    let kept = recording.xlog("plugin keeps profile").unwrap();
    assert!(kept.flags.contains(XLogFlags::FORCE_KEPT));
    assert_eq!(fate("plugin panics"), ProfileFate::Kept, "the transaction is recorded anyway");
    assert_eq!(counter("plugin_panics"), panics + 1);
    let after = totals();
    assert_eq!(after.recorded, after.drained + after.dropped() + after.pending);
    asked();
    captured();
}

/// What the code written by `#[scout(args(..))]` does.
fn captured() {
    use scouter_core::__private::{CaptureDebug, CaptureWord, Probe, capture_redacted};
    let site = callsite!(name: "captures", args: ["plugin number", "plugin text"]);
    within("captures", || {
        let _step = step(site);
        (&&&Probe(&7_u32)).scouter_capture(site, "plugin number");
        (&&Probe("two words")).scouter_capture(site, "plugin text");
        capture_redacted(site, "plugin secret");
    });
    let captured = std::mem::take(&mut *CAPTURED.lock().unwrap());
    assert_eq!(
        captured,
        ["plugin number=7", "plugin text=\"two words\"", "plugin secret=<redacted>"]
    );
}

fn asked() {
    let none = |_: &str| None;
    let bad = |name: &str| (name == "x-bad").then_some(&b"1"[..]);
    assert_eq!(reject(&RequestView::new("GET", "/", 0, &none)), None);
    let answer = reject(&RequestView::new("GET", "/x", 0, &bad)).unwrap();
    assert_eq!((answer.status, answer.body.as_str()), (503, "no GET /x"));
    let panics = counter("plugin_panics");
    call(&CallView::new("GET", "fine:80"));
    call(&CallView::new("GET", "panic:80"));
    assert_eq!(counter("plugin_panics"), panics + 1);
    let mut seen = Vec::new();
    collect_counters(|name, value| seen.push((name.to_owned(), value)));
    assert_eq!(seen, [("plugin_counter|1".to_owned(), 4.5)]);
}
