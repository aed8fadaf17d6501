//! `/api/v1/capture/{object}`: arguments and results at chosen callsites of a running agent, for a
//! limited time and number, of one service or tenant if that is wanted. They are attributes of the
//! steps in profiles.

use std::fmt::Write;
use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, Request, State};
use scouter_wire::codec::{Answer as Reply, CommandKind};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::agent::{act, instance, look, malformed, need_operator};
use super::error::ApiError;
use super::params::Params;
use super::session::body;
use super::{Answer, json_response};
use crate::app::App;
use crate::auth::Caller;

/// What is asked of the agent.
#[derive(Deserialize)]
#[serde(tag = "action", rename_all = "snake_case", deny_unknown_fields)]
enum Action {
    Start {
        callsites: String,
        #[serde(default)]
        service: String,
        #[serde(default)]
        tenant: String,
        seconds: Option<u64>,
        values: Option<u64>,
    },
    Stop,
}

pub(super) async fn get(
    State(app): State<Arc<App>>,
    Path(object): Path<String>,
    params: Params,
) -> Answer {
    let of = (object.as_str(), instance(&params)?);
    answer(&look(&app, of, CommandKind::Capture, "").await?)
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
    let (what, payload) = match body(request).await? {
        Action::Stop => ("stop capture", "stop".to_owned()),
        Action::Start { callsites, service, tenant, seconds, values } => {
            let mut payload = "start\n".to_owned();
            for (name, text) in [("callsites", callsites), ("service", service), ("tenant", tenant)]
            {
                put(&mut payload, name, &text)?;
            }
            let numbers = [("seconds", seconds), ("values", values)];
            for (name, number) in numbers.into_iter().filter_map(|(name, n)| Some((name, n?))) {
                put(&mut payload, name, &number.to_string())?;
            }
            ("start capture", payload)
        }
    };
    answer(&act(&app, caller, what, of, CommandKind::Capture, &payload).await?)
}

/// One line of what is asked.
fn put(payload: &mut String, name: &str, value: &str) -> Result<(), ApiError> {
    if value.contains(['\n', '\r']) {
        let message = format!("{name} must be one line");
        return Err(ApiError::bad("bad_pattern", message));
    }
    // Writing to a string cannot fail.
    let _ = writeln!(payload, "{name}={value}");
    Ok(())
}

fn answer(reply: &Reply) -> Answer {
    let text = std::str::from_utf8(&reply.payload).map_err(|error| malformed(&error))?;
    let fields: Map<String, Value> = text
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| {
            let is_text = matches!(name, "callsites" | "service" | "tenant");
            let number = value.parse::<u64>().ok().filter(|_| !is_text);
            (name.to_owned(), number.map_or_else(|| json!(value), |number| json!(number)))
        })
        .collect();
    Ok(json_response(&Value::Object(fields)))
}
