//! `GET /api/v1/retention/preview`: what retention would delete at once if it were changed so.
//! Nothing is changed: the configuration file sets it.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use serde_json::json;

use super::error::ApiError;
use super::params::Params;
use super::{Answer, ask, json_response};
use crate::app::App;

/// Seconds of a day.
const DAY_S: u64 = 86_400;

pub(super) async fn preview(State(app): State<Arc<App>>, params: Params) -> Answer {
    params.only(&["profile_days", "xlog_days", "counter_days", "disk_bytes"])?;
    let days = |name| -> Result<Option<Duration>, ApiError> {
        let days = params.number::<u32>(name)?;
        Ok(days.map(|days| Duration::from_secs(u64::from(days) * DAY_S)))
    };
    let (profiles, xlogs) = (days("profile_days")?, days("xlog_days")?);
    let (counters, disk_bytes) = (days("counter_days")?, params.number("disk_bytes")?);
    let preview = ask(&app, move |app| {
        let mut keep = app.store.retention();
        keep.profiles = profiles.unwrap_or(keep.profiles);
        keep.xlogs = xlogs.unwrap_or(keep.xlogs);
        keep.counters = counters.unwrap_or(keep.counters);
        // As the configuration file has it: digests go with the counters.
        keep.digests = counters.unwrap_or(keep.digests);
        keep.disk_bytes = disk_bytes.unwrap_or(keep.disk_bytes);
        Ok(app.store.retention_preview(&keep))
    })
    .await?;
    Ok(json_response(&json!({
        "files": preview.files,
        "bytes": preview.bytes,
        "xlogs": preview.xlogs,
        "profiles": preview.profiles,
    })))
}
