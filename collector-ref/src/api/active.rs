//! `GET /api/v1/active`: what is running right now in every connected agent, and what each
//! transaction awaits. The agents are asked all at once.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use scouter_wire::codec::{CommandKind, read_active};
use scouter_wire::record::{ActiveStep, ActiveTransaction, StepKind, XLogKind};
use scouter_wire::text::split_method_text;
use serde_json::{Value, json};

use super::error::ApiError;
use super::params::{Params, unknown_choice};
use super::text::{duration, printable};
use super::{Answer, json_response, text_response, wants_text};
use crate::app::App;
use crate::control::AgentId;
use crate::live::bands::bands;
use crate::names;
use crate::store::Glob;

/// What one agent answered, or why it did not.
type Active = Result<(u64, Vec<ActiveTransaction>), String>;

pub(super) async fn get(State(app): State<Arc<App>>, params: Params, headers: HeaderMap) -> Answer {
    params.only(&["object", "kind", "format"])?;
    let wanted = params.text("kind").map(kind).transpose()?;
    let is_text = wants_text(&headers, &params)?;
    let glob = Glob::new(params.text("object").unwrap_or("*"));
    let agents = app.agents.all().into_iter().filter(|agent| glob.matches(&agent.name));
    let asked = agents.map(|agent| async {
        let mut active = of_agent(&app, &agent).await;
        if let (Some(wanted), Ok((_, listed))) = (wanted, &mut active) {
            listed.retain(|transaction| transaction.kind == wanted);
        }
        (agent, active)
    });
    let answers = futures_util::future::join_all(asked).await;
    if is_text {
        return Ok(text_response(
            answers.iter().map(|(agent, active)| text(&agent.name, active)).collect(),
        ));
    }
    let objects: Vec<Value> = answers.iter().map(|(agent, active)| object(agent, active)).collect();
    Ok(json_response(&json!({ "objects": objects })))
}

fn kind(name: &str) -> Result<XLogKind, ApiError> {
    let known = names::XLOG_KINDS.into_iter().find(|kind| names::xlog_kind(*kind) == name);
    known.ok_or_else(|| unknown_choice("kind", name, &names::XLOG_KINDS.map(names::xlog_kind)))
}

/// What runs in one agent, or why that is not known.
pub(super) async fn of_one(app: &App, agent: &AgentId) -> Value {
    object(agent, &of_agent(app, agent).await)
}

async fn of_agent(app: &App, agent: &AgentId) -> Active {
    let answer = app.agents.ask(agent, CommandKind::Active, "", &app.telemetry).await;
    let answer = answer.map_err(|error| error.to_string())?;
    let (total, mut listed) = read_active(&answer.payload).map_err(|error| error.to_string())?;
    listed.sort_by_key(|transaction| std::cmp::Reverse(transaction.age_us));
    Ok((total, listed))
}

fn object(agent: &AgentId, active: &Active) -> Value {
    let (total, listed, unavailable) = match active {
        Ok((total, listed)) => (*total, listed.as_slice(), None),
        Err(why) => (0, &[][..], Some(why)),
    };
    let [under_3s, to_8s, over_8s] = bands(listed);
    json!({
        "object": &*agent.name,
        "instance": format!("{:032x}", agent.instance),
        "total": total,
        "age_bands": { "under_3s": under_3s, "to_8s": to_8s, "over_8s": over_8s },
        "unavailable": unavailable,
        "transactions": listed.iter().map(transaction).collect::<Vec<_>>(),
    })
}

fn transaction(active: &ActiveTransaction) -> Value {
    json!({
        "txid": active.txid.to_string(),
        "gxid": active.gxid.to_string(),
        "kind": names::xlog_kind(active.kind),
        "caller": active.caller.map(|caller| caller.to_string()),
        "service": active.service,
        "tenant": active.tenant,
        "login": active.login,
        "ip": active.ip,
        "desc": active.desc,
        "age_us": active.age_us,
        "busy_us": active.busy_us,
        "state": names::run_state(active.state),
        "tid": active.tid,
        "steps": active.steps,
        "stack": active.stack.iter().map(step).collect::<Vec<_>>(),
    })
}

fn step(step: &ActiveStep) -> Value {
    let (name, place) = split(step);
    json!({
        "kind": names::step_kind(step.kind),
        "name": name,
        "place": place,
        "age_us": step.age_us,
    })
}

/// Name and place of an open step; only functions and waits have a place in their name.
fn split(step: &ActiveStep) -> (&str, &str) {
    match step.kind {
        StepKind::Method | StepKind::Wait | StepKind::Spawn => split_method_text(&step.name),
        _ => (&step.name, ""),
    }
}

fn text(name: &str, active: &Active) -> String {
    let (total, listed) = match active {
        Ok((total, listed)) => (total, listed),
        Err(why) => return format!("{name}: unavailable: {why}\n"),
    };
    let mut out = format!("{name}: {total} running, {} shown\n", listed.len());
    for transaction in listed {
        let age = duration(transaction.age_us);
        let state = names::run_state(transaction.state);
        let service = printable(&transaction.service);
        out += &format!("{age:>10} {state} {service} txid {}", transaction.txid);
        if let Some(caller) = transaction.caller {
            out += &format!(" of {caller}");
        }
        out.push('\n');
        for (depth, step) in transaction.stack.iter().enumerate() {
            let (name, place) = split(step);
            let age = duration(step.age_us);
            let kind = names::step_kind(step.kind);
            let indent = "  ".repeat(depth.min(20));
            let (name, place) = (printable(name), printable(place));
            out += &format!("{age:>10}   {indent}{kind} {name} {place}\n");
        }
    }
    out
}
