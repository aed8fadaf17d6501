//! `GET /api/v1/alerts`: what people should know, newest first.

use std::sync::Arc;

use axum::extract::State;
use serde_json::{Value, json};

use super::error::ApiError;
use super::params::Params;
use super::{Answer, ask, json, json_response};
use crate::app::App;

/// Alerts of one answer when the request does not say.
const DEFAULT_ALERTS: usize = 100;

/// Most alerts of one answer.
const MAX_ALERTS: usize = 1_000;

pub(super) async fn get(State(app): State<Arc<App>>, params: Params) -> Answer {
    params.only(&["from_unix_us", "to_unix_us", "limit"])?;
    let range = params.open_range()?;
    let limit = params.number("limit")?.unwrap_or(DEFAULT_ALERTS);
    if limit > MAX_ALERTS {
        let message = format!("limit is {limit}, at most {MAX_ALERTS}: narrow the time range");
        return Err(ApiError::bad("bad_parameter", message));
    }
    // Naming the code of a stack reads debug files, so it is done there as well.
    ask(&app, move |app| {
        let alerts = app.store.alerts(range, limit)?;
        let alerts: Vec<Value> =
            alerts.iter().map(|alert| json::alert(alert, &app.symbols)).collect();
        Ok(json_response(&json!({ "alerts": alerts })))
    })
    .await
}
