//! `/api/v1/callsites/{object}`: instrumented places of a running agent and their switches. Where
//! two processes share the name, `instance` says which one.

use std::fmt::Write;
use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, Request, State};
use scouter_wire::codec::{Answer as Reply, CallsiteEntry, CommandKind, read_callsites};
use serde::Deserialize;
use serde_json::{Value, json};

use super::agent::{act, instance, look, malformed, need_operator};
use super::error::ApiError;
use super::params::Params;
use super::session::body;
use super::{Answer, json_response};
use crate::app::App;
use crate::auth::Caller;

/// Bits of the flags of a callsite and their names.
const FLAGS: [(u32, &str); 4] = [(1, "step"), (2, "args"), (4, "ret"), (8, "err")];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    callsites: Vec<Switch>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Switch {
    id: u64,
    flags: Vec<String>,
}

pub(super) async fn get(
    State(app): State<Arc<App>>,
    Path(object): Path<String>,
    params: Params,
) -> Answer {
    let of = (object.as_str(), instance(&params)?);
    answer(&look(&app, of, CommandKind::Callsites, "").await?)
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
    let Change { callsites } = body(request).await?;
    let mut payload = String::new();
    for Switch { id, flags } in &callsites {
        // Writing to a string cannot fail.
        let _ = writeln!(payload, "{id}={}", bits(flags)?);
    }
    answer(&act(&app, caller, "set callsites", of, CommandKind::SetCallsites, &payload).await?)
}

fn bits(flags: &[String]) -> Result<u32, ApiError> {
    flags.iter().try_fold(0, |bits, flag| {
        let known = FLAGS.iter().find(|(_, name)| name == flag);
        known.map(|(bit, _)| bits | bit).ok_or_else(|| {
            let message = format!("unknown callsite flag \"{flag}\": use step, args, ret, err");
            ApiError::bad("bad_flag", message)
        })
    })
}

fn answer(reply: &Reply) -> Answer {
    let callsites = read_callsites(&reply.payload).map_err(|error| malformed(&error))?;
    let callsites: Vec<Value> = callsites.iter().map(one).collect();
    Ok(json_response(&json!({ "callsites": callsites })))
}

fn one(callsite: &CallsiteEntry) -> Value {
    let flags: Vec<&str> =
        FLAGS.iter().filter(|(bit, _)| callsite.flags & bit != 0).map(|(_, name)| *name).collect();
    json!({
        "id": callsite.id,
        "name": callsite.name,
        "place": callsite.place,
        "arguments": callsite.arguments,
        "flags": flags,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_read_by_name() {
        assert_eq!(bits(&["step".into(), "err".into()]).unwrap(), 9);
        assert_eq!(bits(&[]).unwrap(), 0);
        assert_eq!(bits(&["steps".into()]).unwrap_err().code(), "bad_flag");
    }
}
