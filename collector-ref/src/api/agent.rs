//! Questions and commands to one running agent, over its own connection. What changes an agent, holds
//! it up or shows what may be secret is an act: it needs the role operator and is written down first.

use std::sync::Arc;

use axum::http::StatusCode;
use scouter_wire::codec::{Answer as Reply, CommandKind};

use super::error::ApiError;
use super::params::Params;
use crate::app::App;
use crate::auth::{Caller, Role};
use crate::control::{AgentId, ControlError};

/// The name of an object and, where several processes share it, which one.
pub(super) type Of<'a> = (&'a str, Option<u128>);

/// Asks what everybody may see.
pub(super) async fn look(
    app: &App,
    (object, instance): Of<'_>,
    kind: CommandKind,
    payload: &str,
) -> Result<Reply, ApiError> {
    let agent = target(app, object, instance)?;
    command(app, &agent, kind, payload).await
}

/// Does what only an operator may, after it was written down.
pub(super) async fn act(
    app: &Arc<App>,
    caller: Caller,
    action: &'static str,
    of: Of<'_>,
    kind: CommandKind,
    payload: &str,
) -> Result<Reply, ApiError> {
    need_operator(&caller)?;
    note(app, caller, action, of, payload).await?;
    look(app, of, kind, payload).await
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
    (object, instance): Of<'_>,
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
fn target(app: &App, object: &str, instance: Option<u128>) -> Result<AgentId, ApiError> {
    app.agents.find(object, instance).map_err(|error| refused(object, error))
}

/// Asks one agent.
async fn command(
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
