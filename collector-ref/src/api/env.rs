//! `GET /api/v1/env/{object}`: the process of a running agent: arguments, variables, limits,
//! sockets. The agent hides what may be secret; what is left needs the role operator and is written
//! down.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use scouter_wire::codec::{CommandKind, EnvironmentEntry, read_environment};
use serde_json::{Value, json};

use super::agent::{act, malformed, stated_instance};
use super::params::Params;
use super::text::printable;
use super::{Answer, json_response, text_response, wants_text};
use crate::app::App;
use crate::auth::Caller;

pub(super) async fn get(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Path(object): Path<String>,
    params: Params,
    headers: HeaderMap,
) -> Answer {
    params.only(&["instance", "format"])?;
    let is_text = wants_text(&headers, &params)?;
    let of = (object.as_str(), stated_instance(&params)?);
    let reply = act(&app, caller, "read environment", of, CommandKind::Environment, "").await?;
    let entries = read_environment(&reply.payload).map_err(|error| malformed(&error))?;
    if is_text {
        return Ok(text_response(entries.iter().map(line).collect()));
    }
    let entries: Vec<Value> = entries.iter().map(one).collect();
    Ok(json_response(&json!({ "environment": entries })))
}

fn one(entry: &EnvironmentEntry) -> Value {
    let value = (!entry.is_hidden).then_some(&entry.value);
    json!({ "section": entry.section, "name": entry.name, "value": value })
}

fn line(entry: &EnvironmentEntry) -> String {
    let value = if entry.is_hidden { "(hidden)".to_owned() } else { printable(&entry.value) };
    format!("{:<14} {} {value}\n", printable(&entry.section), printable(&entry.name))
}
