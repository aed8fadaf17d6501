//! What must be said about a fault, against what was said.

use std::time::Duration;

use serde_json::Value;

use super::load::{FAULTY_TRACES, HEALTHY_TRACES};
use crate::expected::{Cause, Fault, HEALTHY_SERVICE};

/// What came of a trial.
pub(crate) struct Verdict {
    pub(crate) fault: &'static str,
    pub(crate) kind: &'static str,
    /// From the first request with the fault to its alert.
    pub(crate) after: Option<Duration>,
    pub(crate) place: String,
    /// What else was told: kind and place, and what is wrong with it if the kind is right.
    pub(crate) surplus: Vec<String>,
}

impl Verdict {
    pub(super) fn is_good(&self) -> bool {
        self.after.is_some() && self.surplus.is_empty()
    }

    pub(crate) fn sentence(&self) -> String {
        let verdict = match self.after {
            Some(_) if self.surplus.is_empty() => return "named".to_owned(),
            Some(_) => "named, but also",
            None if self.surplus.is_empty() => return "NOT NAMED".to_owned(),
            None => "NOT NAMED, but",
        };
        format!("{verdict} {}", self.surplus.join(", "))
    }
}

/// Whether an alert names the fault: what, where, in which service, for whom, in which request.
pub(super) fn is_named(alert: &Value, fault: &Fault, place: &str) -> bool {
    alert["kind"] == fault.kind && mistakes(alert, fault, place).is_empty()
}

/// What an alert of the right kind says wrong.
fn mistakes(alert: &Value, fault: &Fault, place: &str) -> Vec<&'static str> {
    let text = |key: &str| alert[key].as_str().unwrap_or_default();
    let traces = match fault.cause {
        Cause::Requests(_) => FAULTY_TRACES,
        Cause::TiredBank => HEALTHY_TRACES,
    };
    [
        (text("place").ends_with(place), "place"),
        (text("service").ends_with(&fault.service()), "service"),
        (fault.tenants().contains(&text("tenant")), "tenant"),
        (text("gxid").starts_with(traces), "request"),
        (text("message").contains(fault.says), "sentence"),
    ]
    .into_iter()
    .filter(|(is_right, _)| !is_right)
    .map(|(_, part)| part)
    .collect()
}

/// Alerts that are not true of the fault: of another kind, or about somebody else.
pub(super) fn surplus(alerts: &[Value], fault: &Fault, place: &str) -> Vec<String> {
    let mut surplus: Vec<String> = alerts
        .iter()
        .filter(|alert| !is_named(alert, fault, place))
        .filter(|alert| !is_true_besides(alert, fault))
        .map(|alert| {
            let shown = shown(alert);
            if alert["kind"] != fault.kind {
                return shown;
            }
            format!("{shown} (wrong: {})", mistakes(alert, fault, place).join(" and "))
        })
        .collect();
    surplus.sort();
    surplus.dedup();
    surplus
}

/// Whether an alert is about what the fault does besides, to its own requests or to others.
fn is_true_besides(alert: &Value, fault: &Fault) -> bool {
    let service = alert["service"].as_str().unwrap_or_default();
    let is_of = |kinds: &[&str]| kinds.iter().any(|kind| alert["kind"] == *kind);
    service.ends_with(&fault.service()) && is_of(fault.also)
        || service == HEALTHY_SERVICE && is_of(fault.hurts)
}

/// Kind, place and service of an alert.
pub(super) fn shown(alert: &Value) -> String {
    let text = |key: &str| alert[key].as_str().unwrap_or_default();
    let place = text("place").rsplit_once("src/gallery/").map_or(text("place"), |(_, end)| end);
    format!("{} at {place} in {}", text("kind"), text("service"))
}
