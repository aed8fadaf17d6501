//! `GET /api/v1/points`: the picture of a time range as binary blocks.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;

use super::params::Params;
use super::{Answer, ask};
use crate::app::App;
use crate::limits::MAX_POINTS;
use crate::live::blocks::put_blocks;

/// Bytes one point takes in a block.
const POINT_BYTES: usize = 6;

pub(super) async fn get(State(app): State<Arc<App>>, params: Params) -> Answer {
    params.only(&["from_unix_us", "to_unix_us", "measure", "f"])?;
    let (range, filter) = (params.range()?, params.filter()?);
    let measure = params.measure()?;
    let (total, body) = ask(&app, move |app| {
        let points = app.store.points(range, measure, &filter, MAX_POINTS)?;
        let mut body = Vec::with_capacity(points.points.len() * POINT_BYTES + 1_024);
        put_blocks(&mut body, &points.points, points.cursor);
        Ok((points.points.len(), body))
    })
    .await?;
    let binary = HeaderValue::from_static("application/octet-stream");
    let mut response = ([(CONTENT_TYPE, binary)], body).into_response();
    response.headers_mut().insert("x-scouter-total", HeaderValue::from(total));
    Ok(response)
}
