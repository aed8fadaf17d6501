//! `/api/v1/sfa/{object}`: the stack frequency analyzer of a running agent. `mode=logical` is what
//! transactions did or awaited, always on; `mode=cpu` are samples of CPU time, which a POST starts
//! and stops. `format=folded` is what flame graphs are made of, `format=pprof` what pprof reads.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, Request, State};
use scouter_wire::codec::{
    Answer as Reply, CommandKind, FrameEntry, ProfileMode, StackCount, StackProfile, read_profile,
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::agent::{act, look, malformed, need_operator, stated_instance};
use super::params::{Params, unknown_choice};
use super::pprof;
use super::session::body;
use super::text::folded_word;
use super::{Answer, file_response, json_response, text_response};
use crate::app::App;
use crate::auth::Caller;
use crate::symbols;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    action: String,
    hz: Option<u32>,
    seconds: Option<u32>,
}

pub(super) async fn get(
    State(app): State<Arc<App>>,
    Path(object): Path<String>,
    params: Params,
) -> Answer {
    params.only(&["instance", "mode", "format"])?;
    let payload = match params.text("mode") {
        None | Some("logical") => "take logical",
        Some("cpu") => "take cpu",
        Some(other) => return Err(unknown_choice("mode", other, &["logical", "cpu"])),
    };
    let format = match params.text("format") {
        None | Some("json") => Format::Json,
        Some("folded" | "text") => Format::Folded,
        Some("pprof") => Format::Pprof,
        Some(other) => {
            let known = ["json", "folded", "text", "pprof"];
            return Err(unknown_choice("format", other, &known));
        }
    };
    let of = (object.as_str(), stated_instance(&params)?);
    let reply = look(&app, of, CommandKind::Sfa, payload).await?;
    answer(&app, &reply, format).await
}

pub(super) async fn post(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Path(object): Path<String>,
    params: Params,
    request: Request,
) -> Answer {
    need_operator(&caller)?;
    params.only(&["instance"])?;
    let Change { action, hz, seconds } = body(request).await?;
    let payload = match action.as_str() {
        "start" => format!("start cpu {} {}", hz.unwrap_or(99), seconds.unwrap_or(30)),
        "stop" => "stop cpu".to_owned(),
        other => return Err(unknown_choice("action", other, &["start", "stop"])),
    };
    let of = (object.as_str(), stated_instance(&params)?);
    let reply = act(&app, caller, "sample CPU time", of, CommandKind::Sfa, &payload).await?;
    answer(&app, &reply, Format::Json).await
}

/// How a profile is answered.
enum Format {
    Json,
    Folded,
    Pprof,
}

async fn answer(app: &Arc<App>, reply: &Reply, format: Format) -> Answer {
    let profile = read_profile(&reply.payload).map_err(|error| malformed(&error))?;
    super::ask(app, move |app| {
        Ok(match format {
            Format::Json => json_response(&whole(app, &profile)),
            Format::Folded => text_response(folded(app, &profile)),
            Format::Pprof => {
                let name = |frame: &FrameEntry| app.symbols.name(&profile.modules, frame);
                file_response("profile.pb.gz", pprof::encode(&profile, name))
            }
        })
    })
    .await
}

fn whole(app: &App, profile: &StackProfile) -> Value {
    let stack = |one: &StackCount| {
        let frames = one.frames.iter().map(|frame| app.symbols.json(&profile.modules, frame));
        json!({
            "service": one.service,
            "tenant": one.tenant,
            "running": one.is_running,
            "count": one.count,
            "frames": frames.collect::<Vec<_>>(),
        })
    };
    json!({
        "mode": match profile.mode {
            ProfileMode::Logical => "logical",
            ProfileMode::Cpu => "cpu",
            _ => "other",
        },
        "running": profile.is_running,
        "covers_ms": profile.covers_ms,
        "rate_hz": profile.rate_mhz as f64 / 1_000.0,
        "samples": profile.samples,
        "dropped": profile.dropped,
        "modules": symbols::modules(&profile.modules),
        "stacks": profile.stacks.iter().map(stack).collect::<Vec<_>>(),
    })
}

/// One line a stack, root first, frames apart by `;`, then the count. Of a transaction that waited
/// the last frame says so.
fn folded(app: &App, profile: &StackProfile) -> String {
    let mut sums: BTreeMap<String, u64> = BTreeMap::new();
    for stack in &profile.stacks {
        let mut frames: Vec<String> = Vec::new();
        let is_code = |frame: &FrameEntry| matches!(frame, FrameEntry::Code { .. });
        for frame in &stack.frames {
            let names = app.symbols.name(&profile.modules, frame);
            let mut names: Vec<String> =
                names.iter().map(|named| folded_word(&named.name)).collect();
            if !is_code(frame) {
                names.reverse();
            }
            frames.extend(names);
        }
        if stack.frames.iter().any(is_code) {
            frames.reverse();
        }
        let service = if stack.service.is_empty() { "(no service)" } else { &stack.service };
        let mut line = folded_word(service);
        for frame in frames {
            line = line + ";" + &frame;
        }
        if profile.mode == ProfileMode::Logical {
            line += if stack.is_running { ";(running)" } else { ";(waiting)" };
        }
        *sums.entry(line).or_default() += stack.count;
    }
    sums.into_iter().fold(String::new(), |mut out, (line, count)| {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{line} {count}");
        out
    })
}
