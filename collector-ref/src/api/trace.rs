//! `GET /api/v1/trace/{gxid}`: all transactions of one distributed trace.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use scouter_wire::{Gxid, Txid};
use serde_json::{Value, json};

use super::error::ApiError;
use super::params::Params;
use super::{Answer, ask, json, json_response, text, text_response, wants_text};
use crate::app::App;
use crate::store::Row;

pub(super) async fn get(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    params: Params,
    headers: HeaderMap,
) -> Answer {
    params.only(&["format"])?;
    let is_text = wants_text(&headers, &params)?;
    let gxid: Gxid = id.parse().map_err(|_| {
        ApiError::bad("bad_id", format!("\"{id}\" is no trace: write its 32 hex digits"))
    })?;
    let mut rows = ask(&app, move |app| Ok(app.store.trace(gxid)?)).await?;
    if rows.is_empty() {
        let message = format!("no transaction of trace {gxid} is stored");
        return Err(ApiError::not_found(message));
    }
    rows.sort_by_key(|row| (row.caller.is_some(), row.start_unix_us()));
    if is_text {
        return Ok(text_response(rows.iter().map(text::head).collect()));
    }
    let missing: Vec<Value> = missing_callers(&rows)
        .into_iter()
        .map(|txid| json!({ "txid": txid.to_string(), "why": "caller not stored" }))
        .collect();
    let transactions: Vec<Value> = rows.iter().map(json::traced).collect();
    Ok(json_response(&json!({
        "gxid": gxid.to_string(),
        "transactions": transactions,
        "missing": missing,
    })))
}

/// Callers that the transactions name and that are not among them.
fn missing_callers(rows: &[Row]) -> BTreeSet<Txid> {
    let stored: HashSet<Txid> = rows.iter().map(|row| row.txid).collect();
    rows.iter().filter_map(|row| row.caller).filter(|caller| !stored.contains(caller)).collect()
}
