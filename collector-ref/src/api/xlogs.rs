//! `GET /api/v1/xlogs`: the transactions of a time range or a box, newest first.

use std::sync::Arc;

use axum::extract::State;
use serde_json::{Value, json};

use super::error::ApiError;
use super::params::Params;
use super::{Answer, ask, json, json_response};
use crate::app::App;
use crate::store::{MAX_PAGE_ROWS, PageCursor, PageRequest, QueryError};

/// Rows of a page when the request does not say.
const DEFAULT_PAGE_ROWS: usize = 100;

const KNOWN: [&str; 11] = [
    "from_unix_us",
    "to_unix_us",
    "t0_ms",
    "t1_ms",
    "y0q",
    "y1q",
    "measure",
    "f",
    "limit",
    "cursor",
    "count_only",
];

pub(super) async fn get(State(app): State<Arc<App>>, params: Params) -> Answer {
    params.only(&KNOWN)?;
    let (bounds, filter) = (params.bounds()?, params.filter()?);
    let limit = params.number("limit")?.unwrap_or(DEFAULT_PAGE_ROWS);
    if limit > MAX_PAGE_ROWS {
        let message = format!("limit is {limit}, at most {MAX_PAGE_ROWS}: page with next_cursor");
        return Err(ApiError::bad("bad_parameter", message));
    }
    let after = match params.text("cursor") {
        Some(text) => Some(PageCursor::decode(text).ok_or(QueryError::BadCursor)?),
        None => None,
    };
    let limit = if params.switch("count_only")? { 0 } else { limit };
    let request = PageRequest { limit, after };
    let page = ask(&app, move |app| Ok(app.store.rows(&bounds, &filter, &request)?)).await?;
    let rows: Vec<Value> = page.rows.iter().map(json::xlog).collect();
    let next = page.next.filter(|_| limit > 0).map(|cursor| cursor.encode());
    Ok(json_response(&json!({ "total": page.total, "rows": rows, "next_cursor": next })))
}
