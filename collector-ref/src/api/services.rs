//! `GET /api/v1/services`: totals per service and object in a time range.

use std::sync::Arc;

use axum::extract::State;
use serde_json::{Value, json};

use super::params::Params;
use super::{Answer, ask, json_response};
use crate::app::App;
use crate::store::ServiceSummary;

pub(super) async fn get(State(app): State<Arc<App>>, params: Params) -> Answer {
    params.only(&["from_unix_us", "to_unix_us", "f"])?;
    let (range, filter) = (params.range()?, params.filter()?);
    let services = ask(&app, move |app| Ok(app.store.services(range, &filter)?)).await?;
    let services: Vec<Value> = services.iter().map(service).collect();
    Ok(json_response(&json!({ "services": services })))
}

fn service(summary: &ServiceSummary) -> Value {
    json!({
        "service": &*summary.service,
        "object": &*summary.object,
        "count": summary.count,
        "errors": summary.errors,
        "elapsed_sum_us": summary.elapsed_sum_us,
        "p50_us": summary.p50_us,
        "p95_us": summary.p95_us,
        "p99_us": summary.p99_us,
        "max_us": summary.max_us,
    })
}
