//! `GET /api/v1/differences`: what distinguishes a box from the rest of its time range.

use std::sync::Arc;

use axum::extract::State;
use serde_json::{Value, json};

use super::params::Params;
use super::{Answer, ask, json_response};
use crate::app::App;
use crate::store::{Difference, Differences};

/// Values of an answer when the request does not say.
const DEFAULT_VALUES: usize = 20;

/// Most values of one answer.
const MAX_VALUES: usize = 500;

const KNOWN: [&str; 9] =
    ["from_unix_us", "to_unix_us", "t0_ms", "t1_ms", "y0q", "y1q", "measure", "f", "limit"];

pub(super) async fn get(State(app): State<Arc<App>>, params: Params) -> Answer {
    params.only(&KNOWN)?;
    let (bounds, range, filter) = (params.bounds()?, params.range()?, params.filter()?);
    let limit = params.limit(DEFAULT_VALUES, MAX_VALUES)?;
    let found = ask(&app, move |app| Ok(app.store.differences(&bounds, range, &filter, limit)?));
    let found = found.await?;
    let values: Vec<Value> = found.values.iter().map(|value| one(value, &found)).collect();
    Ok(json_response(&json!({
        "selected": found.selected,
        "rest": found.rest,
        "values": values,
    })))
}

fn one(value: &Difference, of: &Differences) -> Value {
    #[expect(clippy::cast_precision_loss, reason = "a share needs no more than 53 bits")]
    let share = |part: u64, whole: u64| part as f64 / whole.max(1) as f64;
    json!({
        "dimension": value.dimension.name(),
        "value": &*value.value,
        "selected": value.selected,
        "rest": value.rest,
        "selected_share": share(value.selected, of.selected),
        "rest_share": share(value.rest, of.rest),
        "least_difference": value.least,
    })
}
