//! `POST /api/v1/threads/{object}`: a dump of all OS threads of a running agent, with names for its
//! code where debug files are here. It holds running threads up for microseconds, so it needs the
//! role operator and is written down.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use scouter_wire::codec::{CommandKind, StackQuality, ThreadDump, ThreadEntry, read_threads};
use serde_json::{Value, json};

use super::agent::{act, malformed, stated_instance};
use super::params::Params;
use super::text::{duration, printable};
use super::{Answer, json_response, text_response, wants_text};
use crate::app::App;
use crate::auth::Caller;
use crate::symbols;

pub(super) async fn post(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Path(object): Path<String>,
    params: Params,
    headers: HeaderMap,
) -> Answer {
    params.only(&["instance", "format"])?;
    let is_text = wants_text(&headers, &params)?;
    let of = (object.as_str(), stated_instance(&params)?);
    let reply = act(&app, caller, "dump threads", of, CommandKind::Threads, "").await?;
    let dump = read_threads(&reply.payload).map_err(|error| malformed(&error))?;
    super::ask(&app, move |app| {
        Ok(if is_text {
            text_response(text(app, &dump))
        } else {
            json_response(&whole(app, &dump))
        })
    })
    .await
}

/// A dump as JSON, with names for its code.
pub(super) fn whole(app: &App, dump: &ThreadDump) -> Value {
    json!({
        "total": dump.total,
        "capabilities": dump.capabilities.iter().map(|one| {
            json!({ "name": one.name, "unavailable": one.unavailable })
        }).collect::<Vec<_>>(),
        "modules": symbols::modules(&dump.modules),
        "threads": dump.threads.iter().map(|one| thread(app, dump, one)).collect::<Vec<_>>(),
    })
}

fn thread(app: &App, dump: &ThreadDump, thread: &ThreadEntry) -> Value {
    let frames = thread.frames.iter().map(|frame| app.symbols.json(&dump.modules, frame));
    json!({
        "tid": thread.tid,
        "name": thread.name,
        "state": char::from(thread.state).to_string(),
        "cpu_ms": thread.cpu_ms,
        "waits_in": thread.waits_in,
        "txid": thread.txid.map(|txid| txid.to_string()),
        "service": thread.service,
        "poll_us": thread.poll_us,
        "quality": quality(thread.quality),
        "missing": thread.missing,
        "pause_ns": thread.pause_ns,
        "frames": frames.collect::<Vec<_>>(),
    })
}

fn quality(quality: StackQuality) -> &'static str {
    match quality {
        StackQuality::Missing => "missing",
        StackQuality::Complete => "complete",
        StackQuality::Guessed => "guessed",
        StackQuality::Cut => "cut",
        _ => "other",
    }
}

fn text(app: &App, dump: &ThreadDump) -> String {
    let mut out = format!("{} threads\n", dump.total);
    for thread in &dump.threads {
        let (name, state) = (printable(&thread.name), char::from(thread.state));
        out += &format!("\n{:>8} {name:<16} {state} cpu {} ms", thread.tid, thread.cpu_ms);
        if !thread.waits_in.is_empty() {
            out += &format!(" in {}", printable(&thread.waits_in));
        }
        if let Some(txid) = thread.txid {
            let (service, lasts) = (printable(&thread.service), duration(thread.poll_us));
            out += &format!("\n         polls {service} txid {txid} for {lasts}");
        }
        if !thread.missing.is_empty() {
            out += &format!("\n         no stack: {}", printable(&thread.missing));
        }
        out.push('\n');
        for frame in &thread.frames {
            for named in app.symbols.name(&dump.modules, frame) {
                out +=
                    &format!("           {} {}\n", printable(&named.name), printable(&named.place));
            }
        }
        if matches!(thread.quality, StackQuality::Guessed | StackQuality::Cut) {
            out += &format!("           ({})\n", quality(thread.quality));
        }
    }
    out
}
