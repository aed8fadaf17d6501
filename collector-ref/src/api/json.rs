//! Records as the JSON of the API.

use scouter_wire::codec::code_entries;
use scouter_wire::record::Alert;
use serde_json::{Map, Value, json};

use crate::names;
use crate::profile::{StepDetail, StepRecord};
use crate::store::{Row, StoredAlert};
use crate::symbols::Symboliser;

/// One transaction.
pub(crate) fn xlog(row: &Row) -> Value {
    let tags: Map<String, Value> =
        row.tags.iter().map(|(key, value)| (key.to_string(), json!(&**value))).collect();
    json!({
        "txid": row.txid.to_string(),
        "gxid": row.gxid.to_string(),
        "caller": row.caller.map(|caller| caller.to_string()),
        "object": &*row.object,
        "service": &*row.service,
        "kind": names::xlog_kind(row.kind),
        "end": names::end_reason(row.end),
        "end_unix_us": row.end_unix_us,
        "arrival_unix_us": row.arrival_unix_us,
        "elapsed_us": row.elapsed_us,
        "status": row.status,
        "error": &*row.error,
        "tenant": &*row.tenant,
        "login": &*row.login,
        "desc": &*row.desc,
        "ip": &*row.ip,
        "user_agent": &*row.user_agent,
        "busy_us": row.busy_us,
        "polls": row.polls,
        "ttfb_us": row.ttfb_us,
        "sql_count": row.sql_count,
        "sql_us": row.sql_us,
        "sql_rows": row.sql_rows,
        "pool_wait_us": row.pool_wait_us,
        "api_count": row.api_count,
        "api_us": row.api_us,
        "bytes_out": row.bytes_out,
        "alloc_bytes": row.alloc_bytes,
        "steps": row.steps,
        "steps_dropped": row.steps_dropped,
        "flags": names::flags(row.flags),
        "profile": names::profile_fate(row.profile),
        "tags": tags,
    })
}

/// One transaction of a trace, with its begin.
pub(crate) fn traced(row: &Row) -> Value {
    let mut value = xlog(row);
    value["start_unix_us"] = json!(row.start_unix_us());
    value
}

/// One step. Bound SQL values are shown only to operators.
pub(crate) fn step(index: usize, step: &StepRecord, may_see_values: bool) -> Value {
    let mut value = json!({
        "index": index,
        "parent": step.parent,
        "kind": names::step_kind(step.kind),
        "outcome": names::outcome(step.outcome),
        "name": step.name,
        "place": step.place,
        "start_us": step.start_us,
        "elapsed_us": step.elapsed_us,
        "busy_us": step.busy_us,
        "polls": step.polls,
        "count": step.count,
        "max_us": step.max_us,
        "error": step.error,
    });
    match &step.detail {
        StepDetail::None => {}
        StepDetail::Text(text) => value["text"] = json!(text),
        StepDetail::Sql { pool_wait_us, first_row_us, rows, affected, binds, bind_values } => {
            value["sql"] = json!({
                "pool_wait_us": pool_wait_us,
                "first_row_us": first_row_us,
                "rows": rows,
                "affected": affected,
                "binds": binds,
                "bind_values": if may_see_values { bind_values.as_str() } else { "" },
            });
        }
        StepDetail::Api { status, callee, address, ttfb_us } => {
            value["api"] = json!({
                "status": status,
                "callee": callee.map(|callee| callee.to_string()),
                "address": address,
                "ttfb_us": ttfb_us,
            });
        }
        StepDetail::Attributes(attributes) => {
            let attributes: Map<String, Value> =
                attributes.iter().map(|(key, value)| (key.clone(), json!(value))).collect();
            value["attributes"] = Value::Object(attributes);
        }
        StepDetail::Spawn { child } => {
            value["child"] = json!(child.map(|child| child.to_string()));
        }
    }
    value
}

/// One alert with the object that raised it.
pub(crate) fn alert(stored: &StoredAlert, symbols: &Symboliser) -> Value {
    let (modules, frames) = code_entries(&stored.alert.stack);
    let stack: Vec<Value> = frames.iter().map(|frame| symbols.json(&modules, frame)).collect();
    let Alert {
        unix_us,
        kind,
        level,
        message,
        place,
        service,
        tenant,
        transaction,
        suppressed,
        ..
    } = &stored.alert;
    json!({
        "object": &*stored.object,
        "unix_us": unix_us,
        "kind": names::alert_kind(*kind),
        "level": names::alert_level(*level),
        "message": message,
        "place": place,
        "service": service,
        "tenant": tenant,
        "gxid": transaction.map(|(gxid, _)| gxid.to_string()),
        "txid": transaction.map(|(_, txid)| txid.to_string()),
        "suppressed": suppressed,
        "stack": stack,
    })
}
