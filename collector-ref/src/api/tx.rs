//! `GET /api/v1/tx/{gxid}-{txid}`: one transaction with its profile; `{txid}` alone works too
//! while it is unambiguous.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use scouter_wire::{Gxid, Txid};
use serde_json::{Value, json};

use super::error::ApiError;
use super::params::Params;
use super::{Answer, ask, json, json_response, text, text_response, wants_text};
use crate::app::App;
use crate::auth::{Caller, Role};
use crate::profile::StepRecord;
use crate::store::Row;

/// What was found of one transaction: its row, and its steps or why there are none.
type Found = (Row, Result<Vec<StepRecord>, String>);

pub(super) async fn get(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    params: Params,
    headers: HeaderMap,
) -> Answer {
    params.only(&["format"])?;
    let is_text = wants_text(&headers, &params)?;
    let (txid, gxid) = parse_id(&id)?;
    let found = ask(&app, move |app| find(app, txid, gxid)).await?;
    let (row, profile) = match found {
        Ok(found) => found,
        Err(candidates) => return Ok(ambiguous(&candidates)),
    };
    if is_text {
        let steps = match &profile {
            Ok(steps) => text::steps(steps),
            Err(why) => format!("  no profile: {why}\n"),
        };
        return Ok(text_response(text::head(&row) + &steps));
    }
    let may_see_values = caller.role >= Role::Operator;
    let (profile, missing) = match &profile {
        Ok(steps) => (json!({ "steps": steps_json(steps, may_see_values) }), Value::Null),
        Err(why) => (Value::Null, json!(why)),
    };
    Ok(json_response(&json!({
        "xlog": json::xlog(&row),
        "profile": profile,
        "profile_missing": missing,
    })))
}

fn steps_json(steps: &[StepRecord], may_see_values: bool) -> Vec<Value> {
    let steps = steps.iter().enumerate();
    steps.map(|(index, step)| json::step(index, step, may_see_values)).collect()
}

/// Finds the transaction, or all that have this txid when there are several.
fn find(app: &App, txid: Txid, gxid: Option<Gxid>) -> Result<Result<Found, Vec<Row>>, ApiError> {
    let mut rows = app.store.transaction(txid, gxid)?;
    if rows.len() > 1 {
        return Ok(Err(rows));
    }
    let Some(row) = rows.pop() else {
        let message = format!(
            "transaction {txid} is not stored: it may not have ended yet, or retention deleted it"
        );
        return Err(ApiError::not_found(message));
    };
    let mut steps = Vec::new();
    let outcome =
        app.store.profile(&row, &mut |step, texts| steps.push(StepRecord::new(step, texts)));
    Ok(Ok((row, outcome.map(|()| steps).map_err(|missing| missing.to_string()))))
}

fn ambiguous(candidates: &[Row]) -> Response {
    let candidates: Vec<Value> = candidates.iter().map(json::xlog).collect();
    let answer = json_response(&json!({ "candidates": candidates }));
    (StatusCode::MULTIPLE_CHOICES, answer).into_response()
}

fn parse_id(id: &str) -> Result<(Txid, Option<Gxid>), ApiError> {
    let bad = |_| {
        let message = format!("\"{id}\" is no transaction: write 16 hex digits, or 32-16");
        ApiError::bad("bad_id", message)
    };
    match id.split_once('-') {
        Some((gxid, txid)) => Ok((txid.parse().map_err(bad)?, Some(gxid.parse().map_err(bad)?))),
        None => Ok((id.parse().map_err(bad)?, None)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_strictly() {
        let (txid, gxid) = parse_id("00f067aa0ba902b7").unwrap();
        assert_eq!((txid.to_string().as_str(), gxid), ("00f067aa0ba902b7", None));
        let full = "0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7";
        assert!(parse_id(full).unwrap().1.is_some());
        for id in [
            "",
            "-",
            "1",
            "00f067aa0ba902b7-",
            "-00f067aa0ba902b7",
            "00f067aa0ba902b7-0af7651916cd43dd8448eb211c80319c",
            "0000000000000000",
            "00f067aa0ba902bg",
            "../../etc/passwd",
        ] {
            assert_eq!(parse_id(id).unwrap_err().code(), "bad_id", "{id}");
        }
    }
}
