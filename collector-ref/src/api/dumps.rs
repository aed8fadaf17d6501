//! `GET /api/v1/dumps`: dumps that were taken by themselves, the newest first, and
//! `GET /api/v1/dumps/{id}`: what one says, which needs the role operator as taking one does.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use scouter_wire::codec::{CommandKind, read_threads};
use serde_json::{Value, json};

use super::agent::need_operator;
use super::error::ApiError;
use super::params::Params;
use super::{Answer, active, ask, json_response, threads};
use crate::app::App;
use crate::auth::Caller;
use crate::control::AgentId;
use crate::dumps::KeptDump;

/// What a process does now: its active services and its threads, each or why it is not there.
pub(crate) async fn dump_of(app: &Arc<App>, agent: &AgentId) -> Value {
    let active = active::of_one(app, agent).await;
    let dump = match app.agents.ask(agent, CommandKind::Threads, "", &app.telemetry).await {
        Ok(reply) => read_threads(&reply.payload).map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    let unavailable = |why: &str| json!({ "unavailable": why });
    let threads = match dump {
        // Naming code reads debug files.
        Ok(dump) => ask(app, move |app| Ok(threads::whole(app, &dump)))
            .await
            .unwrap_or_else(|_| unavailable("naming its code broke the collector's")),
        Err(why) => unavailable(&why),
    };
    json!({ "active": active, "threads": threads })
}

pub(super) async fn list(State(app): State<Arc<App>>, params: Params) -> Answer {
    params.only(&["object"])?;
    let object = params.text("object").map(str::to_owned);
    ask(&app, move |app| {
        let mut all = app.dumps.all();
        all.retain(|one| object.as_ref().is_none_or(|object| one.head.object == *object));
        let dumps: Vec<Value> = all.iter().map(head).collect();
        Ok(json_response(&json!({ "dumps": dumps })))
    })
    .await
}

pub(super) async fn get(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    params: Params,
) -> Answer {
    params.only(&[])?;
    need_operator(&caller)?;
    ask(&app, move |app| match app.dumps.read(&id) {
        Ok(Some((kept, says))) => {
            let mut whole = head(&kept);
            whole["active"] = says["active"].clone();
            whole["threads"] = says["threads"].clone();
            Ok(json_response(&whole))
        }
        Ok(None) => Err(ApiError::not_found(format!("there is no dump {id}: see /api/v1/dumps"))),
        Err(error) => {
            let message = format!("the dump {id} cannot be read: {error}");
            Err(ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "unreadable_dump", message))
        }
    })
    .await
}

fn head(kept: &KeptDump) -> Value {
    json!({
        "id": kept.id,
        "unix_us": kept.head.unix_us,
        "object": kept.head.object,
        "instance": kept.head.instance,
        "why": kept.head.why,
        "bytes": kept.bytes,
    })
}
