//! `GET /api/v1/summary`: totals of a time range or a box by the values of one dimension.

use std::sync::Arc;

use axum::extract::State;
use serde_json::{Value, json};

use super::error::ApiError;
use super::params::{Params, unknown_choice};
use super::{Answer, ask, json_response};
use crate::app::App;
use crate::store::{Dimension, GroupSummary};

/// Groups of an answer when the request does not say.
const DEFAULT_GROUPS: usize = 100;

/// Most groups of one answer; the rest is counted in `group_count`.
const MAX_GROUPS_SHOWN: usize = 1_000;

const KNOWN: [&str; 10] =
    ["by", "from_unix_us", "to_unix_us", "t0_ms", "t1_ms", "y0q", "y1q", "measure", "f", "limit"];

pub(super) async fn get(State(app): State<Arc<App>>, params: Params) -> Answer {
    params.only(&KNOWN)?;
    let (by, bounds, filter) = (dimension(&params)?, params.bounds()?, params.filter()?);
    let limit = params.limit(DEFAULT_GROUPS, MAX_GROUPS_SHOWN)?;
    let groups = ask(&app, move |app| Ok(app.store.summary(&bounds, &filter, by)?)).await?;
    let total: u64 = groups.iter().map(|group| group.count).sum();
    let shown: Vec<Value> = groups.iter().take(limit).map(one).collect();
    Ok(json_response(&json!({
        "by": by.name(),
        "total": total,
        "group_count": groups.len(),
        "groups": shown,
    })))
}

fn dimension(params: &Params) -> Result<Dimension, ApiError> {
    let names = Dimension::ALL.map(Dimension::name);
    let Some(name) = params.text("by") else {
        let message = format!("by what? give by, one of {}", names.join(", "));
        return Err(ApiError::bad("bad_parameter", message));
    };
    Dimension::by_name(name).ok_or_else(|| unknown_choice("dimension", name, &names))
}

fn one(group: &GroupSummary) -> Value {
    json!({
        "value": &*group.value,
        "count": group.count,
        "errors": group.errors,
        "elapsed_sum_us": group.elapsed_sum_us,
        "sql_sum_us": group.sql_sum_us,
        "api_sum_us": group.api_sum_us,
        "p50_us": group.p50_us,
        "p95_us": group.p95_us,
        "p99_us": group.p99_us,
        "max_us": group.max_us,
        "first_unix_us": group.first_unix_us,
        "last_unix_us": group.last_unix_us,
    })
}
