//! `/api/v1/options/{object}`: options of a running agent, read and changed over its connection.
//! Where two processes share the name, `instance` says which one.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use scouter_wire::codec::{Answer as Reply, CommandKind, OptionEntry, read_options};
use serde::Deserialize;
use serde_json::{Value, json};

use super::error::ApiError;
use super::params::Params;
use super::session::body;
use super::{Answer, json_response};
use crate::app::App;
use crate::auth::{Caller, Role};
use crate::control::{AgentId, ControlError};

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
    let agent = target(&app, &object, instance(&params)?)?;
    let reply = command(&app, &agent, CommandKind::Options, "").await?;
    answer(&reply)
}

pub(super) async fn post(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Path(object): Path<String>,
    params: Params,
    request: Request,
) -> Answer {
    need_operator(&caller)?;
    let Change { name, value } = body(request).await?;
    if name.is_empty() || name.contains(['=', '\n']) || value.contains('\n') {
        let message = "an option needs a name without = and a value, both on one line";
        return Err(ApiError::bad("bad_option", message));
    }
    let what = format!("{name}={value}");
    let instance = instance(&params)?;
    note(&app, caller, "set option", (&object, instance), &what).await?;
    let agent = target(&app, &object, instance)?;
    let reply = command(&app, &agent, CommandKind::SetOption, &what).await?;
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
    (object, instance): (&str, Option<u128>),
    what: &str,
) -> Result<(), ApiError> {
    // The audit tells apart what shares a name.
    let object = match instance {
        Some(instance) => format!("{object} instance {instance:032x}"),
        None => object.to_owned(),
    };
    let what = what.to_owned();
    super::ask(app, move |app| {
        let now = app.clock.unix_us();
        app.audit.note(now, &caller, action, &object, &what).map_err(|error| {
            let message = format!("the audit file cannot be written, so nothing was done: {error}");
            ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "audit_failed", message)
        })
    })
    .await
}

/// Which process a request is about, if it says so.
pub(super) fn instance(params: &Params) -> Result<Option<u128>, ApiError> {
    params.only(&["instance"])?;
    stated_instance(params)
}

/// The same, where other parameters are known too.
pub(super) fn stated_instance(params: &Params) -> Result<Option<u128>, ApiError> {
    let Some(text) = params.text("instance") else { return Ok(None) };
    u128::from_str_radix(text, 16).map(Some).map_err(|_| {
        let message = format!("instance is not 32 hexadecimal digits: \"{text}\"");
        ApiError::bad("bad_parameter", message)
    })
}

/// The agent that a request is about.
pub(super) fn target(app: &App, object: &str, instance: Option<u128>) -> Result<AgentId, ApiError> {
    app.agents.find(object, instance).map_err(|error| refused(object, error))
}

/// Asks one agent.
pub(super) async fn command(
    app: &App,
    agent: &AgentId,
    kind: CommandKind,
    payload: &str,
) -> Result<Reply, ApiError> {
    let answer = app.agents.ask(agent, kind, payload, &app.telemetry).await;
    answer.map_err(|error| refused(&agent.name, error))
}

fn refused(object: &str, error: ControlError) -> ApiError {
    let (status, code) = match error {
        ControlError::NotConnected => (StatusCode::NOT_FOUND, "not_connected"),
        ControlError::Ambiguous(_) => (StatusCode::CONFLICT, "ambiguous"),
        ControlError::Busy => (StatusCode::SERVICE_UNAVAILABLE, "busy"),
        ControlError::TimedOut => (StatusCode::GATEWAY_TIMEOUT, "timed_out"),
        ControlError::Gone => (StatusCode::BAD_GATEWAY, "gone"),
        ControlError::Refused(_) => (StatusCode::BAD_REQUEST, "refused"),
        ControlError::Malformed(_) => (StatusCode::BAD_GATEWAY, "malformed_answer"),
    };
    ApiError::new(status, code, format!("{object}: {error}"))
}

/// The answer of an agent cannot be read.
pub(super) fn malformed(error: &dyn std::fmt::Display) -> ApiError {
    let message = format!("the agent's answer cannot be read: {error}");
    ApiError::new(StatusCode::BAD_GATEWAY, "malformed_answer", message)
}
