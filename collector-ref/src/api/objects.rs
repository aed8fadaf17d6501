//! `GET /api/v1/objects`: who reports, and whether every transaction is accounted for.

use std::sync::Arc;

use axum::extract::State;
use serde_json::{Map, Value, json};

use super::params::Params;
use super::{Answer, ask, json_response};
use crate::app::App;
use crate::objects::{Account, ObjectState, drops};

pub(super) async fn get(State(app): State<Arc<App>>, params: Params) -> Answer {
    params.only(&[])?;
    let list = ask(&app, |app| {
        let stored = app.store.objects();
        let list = app.objects.list(&*app.store);
        let mut objects: Vec<Value> = list.iter().map(one).collect();
        // Objects of earlier runs of the collector are known by name only.
        objects.extend(
            stored
                .iter()
                .filter(|stored| !list.iter().any(|(state, _)| *state.object.name == *stored.name))
                .map(|stored| json!({ "id": stored.id.0, "name": &*stored.name, "alive": false })),
        );
        Ok(objects)
    })
    .await?;
    Ok(json_response(&json!({ "objects": list })))
}

fn one((state, account): &(ObjectState, Account)) -> Value {
    let object = &state.object;
    let tags: Map<String, Value> =
        object.tags.iter().map(|(key, value)| (key.clone(), json!(value))).collect();
    let dropped: Map<String, Value> =
        drops(state).into_iter().map(|(name, count)| (name.into(), json!(count))).collect();
    json!({
        "id": state.id.0,
        "name": object.name,
        // Two processes under one name are two entries, told apart by this.
        "instance": format!("{:032x}", state.origin.instance),
        "same_name": state.same_name,
        "object_type": object.object_type,
        "alive": state.is_alive(),
        "started_unix_us": object.started_unix_us,
        "last_seen_unix_us": state.last_seen_unix_us,
        "agent_version": object.agent_version,
        "pid": object.pid,
        "address": state.address.to_string(),
        "clock_offset_us": state.clock_offset_us,
        "clock_is_off": state.clock_is_off(),
        "tags": tags,
        // `null` until the agent has told this run of the collector.
        "recorded": account.told.map(|told| told.recorded),
        "stored": account.stored,
        "pending": account.told.map(|told| told.pending),
        "dropped_xlogs": account.told.map(|told| told.dropped),
        "dropped": dropped,
    })
}
