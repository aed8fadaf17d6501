//! `/api/v1/options/{object}`: options of a running agent, read and changed over its connection.
//! Where two processes share the name, `instance` says which one.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, Request, State};
use scouter_wire::codec::{Answer as Reply, CommandKind, OptionEntry, read_options};
use serde::Deserialize;
use serde_json::{Value, json};

use super::agent::{act, instance, look, malformed, need_operator};
use super::error::ApiError;
use super::params::Params;
use super::session::body;
use super::{Answer, json_response};
use crate::app::App;
use crate::auth::Caller;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    name: String,
    value: String,
}

pub(super) async fn get(
    State(app): State<Arc<App>>,
    Path(object): Path<String>,
    params: Params,
) -> Answer {
    let of = (object.as_str(), instance(&params)?);
    answer(&look(&app, of, CommandKind::Options, "").await?)
}

pub(super) async fn post(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Path(object): Path<String>,
    params: Params,
    request: Request,
) -> Answer {
    need_operator(&caller)?;
    let of = (object.as_str(), instance(&params)?);
    let Change { name, value } = body(request).await?;
    if name.is_empty() || name.contains(['=', '\n']) || value.contains('\n') {
        let message = "an option needs a name without = and a value, both on one line";
        return Err(ApiError::bad("bad_option", message));
    }
    let what = format!("{name}={value}");
    answer(&act(&app, caller, "set option", of, CommandKind::SetOption, &what).await?)
}

fn answer(reply: &Reply) -> Answer {
    let options = read_options(&reply.payload).map_err(|error| malformed(&error))?;
    let options: Vec<Value> = options.iter().map(one).collect();
    Ok(json_response(&json!({ "options": options })))
}

fn one(option: &OptionEntry) -> Value {
    json!({
        "name": option.name,
        "value": option.value,
        "default": option.default,
        "unit": option.unit,
        "help": option.help,
        "live": option.is_live,
    })
}
