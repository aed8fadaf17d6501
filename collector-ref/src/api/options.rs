//! `/api/v1/options/{object}`: options of a running agent, read and changed over its connection.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use scouter_wire::codec::{Answer as Reply, CommandKind, OptionEntry, read_options};
use serde::Deserialize;
use serde_json::{Value, json};

use super::error::ApiError;
use super::session::body;
use super::{Answer, json_response};
use crate::app::App;
use crate::auth::{Caller, Role};
use crate::control::ControlError;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    name: String,
    value: String,
}

pub(super) async fn get(State(app): State<Arc<App>>, Path(object): Path<String>) -> Answer {
    let reply = command(&app, &object, CommandKind::Options, "").await?;
    answer(&reply)
}

pub(super) async fn post(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Path(object): Path<String>,
    request: Request,
) -> Answer {
    need_operator(&caller)?;
    let Change { name, value } = body(request).await?;
    if name.is_empty() || name.contains(['=', '\n']) || value.contains('\n') {
        let message = "an option needs a name without = and a value, both on one line";
        return Err(ApiError::bad("bad_option", message));
    }
    let what = format!("{name}={value}");
    note(&app, caller, "set option", &object, &what).await?;
    let reply = command(&app, &object, CommandKind::SetOption, &what).await?;
    answer(&reply)
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

/// Refuses callers that may only look.
pub(super) fn need_operator(caller: &Caller) -> Result<(), ApiError> {
    if caller.role >= Role::Operator {
        return Ok(());
    }
    let message = "changing an agent needs the role operator: log in as somebody who has it";
    Err(ApiError::new(StatusCode::FORBIDDEN, "forbidden", message))
}

/// Writes a control action down before it is done.
pub(super) async fn note(
    app: &Arc<App>,
    caller: Caller,
    action: &'static str,
    object: &str,
    what: &str,
) -> Result<(), ApiError> {
    let (object, what) = (object.to_owned(), what.to_owned());
    super::ask(app, move |app| {
        let now = app.clock.unix_us();
        app.audit.note(now, &caller, action, &object, &what).map_err(|error| {
            let message = format!("the audit file cannot be written, so nothing was done: {error}");
            ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "audit_failed", message)
        })
    })
    .await
}

/// Asks one agent.
pub(super) async fn command(
    app: &App,
    object: &str,
    kind: CommandKind,
    payload: &str,
) -> Result<Reply, ApiError> {
    app.agents.ask(object, kind, payload, &app.telemetry).await.map_err(|error| {
        let (status, code) = match error {
            ControlError::NotConnected => (StatusCode::NOT_FOUND, "not_connected"),
            ControlError::Busy => (StatusCode::SERVICE_UNAVAILABLE, "busy"),
            ControlError::TimedOut => (StatusCode::GATEWAY_TIMEOUT, "timed_out"),
            ControlError::Gone => (StatusCode::BAD_GATEWAY, "gone"),
            ControlError::Refused(_) => (StatusCode::BAD_REQUEST, "refused"),
            ControlError::Malformed(_) => (StatusCode::BAD_GATEWAY, "malformed_answer"),
        };
        ApiError::new(status, code, format!("{object}: {error}"))
    })
}

/// The answer of an agent cannot be read.
pub(super) fn malformed(error: &dyn std::fmt::Display) -> ApiError {
    let message = format!("the agent's answer cannot be read: {error}");
    ApiError::new(StatusCode::BAD_GATEWAY, "malformed_answer", message)
}
