//! `GET /api/v1/digests`: unsampled totals of a time range by statement, outbound call, error,
//! service, edge or function, as the agents digested them.

use std::cmp::Reverse;
use std::sync::Arc;

use axum::extract::State;
use serde_json::{Value, json};

use super::error::ApiError;
use super::params::Params;
use super::{Answer, ask, json_response};
use crate::app::App;
use crate::names;
use crate::query::nearest::nearest;
use crate::store::{DigestGroup, DigestKind, DigestQuery, DigestTotals, Glob};

/// Groups of an answer when the request does not say.
const DEFAULT_GROUPS: usize = 100;

/// Most groups of one answer; the rest is counted in `group_count`.
const MAX_GROUPS_SHOWN: usize = 1_000;

const KNOWN: [&str; 6] = ["kind", "from_unix_us", "to_unix_us", "object", "order", "limit"];

pub(super) async fn get(State(app): State<Arc<App>>, params: Params) -> Answer {
    params.only(&KNOWN)?;
    let kinds = DigestKind::ALL.map(|kind| (kind.name(), kind));
    let kind = named(&params, "kind", &kinds, None)?;
    let order = named(&params, "order", &ORDERS, Some(Order::Total))?;
    let range = params.range()?;
    let limit = params.limit(DEFAULT_GROUPS, MAX_GROUPS_SHOWN)?;
    let object = Glob::new(params.text("object").unwrap_or("*"));
    let digests = ask(&app, move |app| {
        let query = DigestQuery { kind, object: &object, range, is_by_object: false };
        Ok(app.store.digests(&query)?)
    })
    .await?;
    let mut groups = digests.groups;
    groups.sort_by_cached_key(|group| {
        (Reverse(order.of(&group.totals)), Arc::clone(&group.name), Arc::clone(&group.detail))
    });
    let shown: Vec<Value> = groups.iter().take(limit).map(one).collect();
    Ok(json_response(&json!({
        "kind": kind.name(),
        "step_us": digests.step_us,
        "group_count": groups.len(),
        "groups": shown,
    })))
}

/// What comes first.
#[derive(Debug, Clone, Copy)]
enum Order {
    Total,
    Count,
    Errors,
    P99,
}

const ORDERS: [(&str, Order); 4] = [
    ("total", Order::Total),
    ("count", Order::Count),
    ("errors", Order::Errors),
    ("p99", Order::P99),
];

impl Order {
    fn of(self, totals: &DigestTotals) -> u64 {
        match self {
            Self::Total => totals.elapsed_us,
            Self::Count => totals.count,
            Self::Errors => totals.errors,
            Self::P99 => totals.sketch.quantile(0.99).unwrap_or_default(),
        }
    }
}

/// The value of a parameter that is one of a few names.
fn named<T: Copy>(
    params: &Params,
    parameter: &str,
    names: &[(&'static str, T)],
    default: Option<T>,
) -> Result<T, ApiError> {
    let all = || names.iter().map(|(name, _)| *name);
    let list = || all().collect::<Vec<_>>().join(", ");
    let Some(text) = params.text(parameter) else {
        return default.ok_or_else(|| {
            let message = format!("{parameter} is missing: give one of {}", list());
            ApiError::bad("bad_parameter", message)
        });
    };
    names.iter().find(|(name, _)| *name == text).map(|(_, value)| *value).ok_or_else(|| {
        let hint = match nearest(text, all()) {
            Some(nearest) => format!("did you mean \"{nearest}\"?"),
            None => format!("use one of {}", list()),
        };
        ApiError::bad("bad_parameter", format!("there is no {parameter} \"{text}\": {hint}"))
    })
}

fn one(group: &DigestGroup) -> Value {
    let mut value = totals(&group.totals);
    value["name"] = json!(&*group.name);
    value["detail"] = json!(&*group.detail);
    value["peer_kind"] = json!(group.peer.map(names::step_kind));
    value
}

/// Sums as JSON.
pub(super) fn totals(totals: &DigestTotals) -> Value {
    let quantile = |share| totals.sketch.quantile(share);
    json!({
        "count": totals.count,
        "errors": totals.errors,
        "elapsed_sum_us": totals.elapsed_us,
        "p50_us": quantile(0.5),
        "p95_us": quantile(0.95),
        "p99_us": quantile(0.99),
        "unseen_profiles": totals.unseen_profiles,
        "is_lower_bound": totals.unseen_profiles > 0,
    })
}
