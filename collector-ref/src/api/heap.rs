//! `GET /api/v1/heap/{object}`: what was allocated where in a running agent, and what of it lives:
//! estimates from samples, by call site and service. `format=folded` is what flame graphs are made
//! of, by one of the measures.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use scouter_wire::codec::{CommandKind, HeapEntry, HeapProfile, read_heap};
use serde_json::{Value, json};

use super::agent::{look, malformed, stated_instance};
use super::params::{Params, unknown_choice};
use super::text::{bytes, folded_word, printable};
use super::{Answer, json_response, text_response, wants_text};
use crate::app::App;

/// What a folded line counts.
const MEASURES: [&str; 4] = ["live_bytes", "live_blocks", "allocated_bytes", "allocated_blocks"];

/// Name of what was allocated outside of any step.
const NOWHERE: &str = "(outside of any step)";

pub(super) async fn get(
    State(app): State<Arc<App>>,
    Path(object): Path<String>,
    params: Params,
    headers: HeaderMap,
) -> Answer {
    params.only(&["instance", "format", "measure"])?;
    let measure = match params.text("measure") {
        None => 0,
        Some(text) => MEASURES
            .iter()
            .position(|measure| *measure == text)
            .ok_or_else(|| unknown_choice("measure", text, &MEASURES))?,
    };
    let is_folded = match params.text("format") {
        Some("folded") => true,
        None | Some("json" | "text") => false,
        Some(other) => return Err(unknown_choice("format", other, &["json", "text", "folded"])),
    };
    let is_text = !is_folded && wants_text(&headers, &params)?;
    let of = (object.as_str(), stated_instance(&params)?);
    let reply = look(&app, of, CommandKind::Heap, "").await?;
    let profile = read_heap(&reply.payload).map_err(|error| malformed(&error))?;
    Ok(if is_folded {
        text_response(folded(&profile, measure))
    } else if is_text {
        text_response(text(&profile))
    } else {
        json_response(&whole(&profile))
    })
}

fn whole(profile: &HeapProfile) -> Value {
    let unavailable = (!profile.unavailable.is_empty()).then_some(&profile.unavailable);
    json!({
        "unavailable": unavailable,
        "sample_bytes": profile.sample_bytes,
        "resident_bytes": (profile.resident_bytes > 0).then_some(profile.resident_bytes),
        "samples_left_out": profile.left_out,
        "total": profile.total,
        "sites": profile.sites.iter().map(site).collect::<Vec<_>>(),
    })
}

fn site(site: &HeapEntry) -> Value {
    json!({
        "name": site.name,
        "place": site.place,
        "service": site.service,
        "tenant": site.tenant,
        "gxid": site.transaction.map(|(gxid, _)| gxid.to_string()),
        "txid": site.transaction.map(|(_, txid)| txid.to_string()),
        "samples": site.samples,
        "live_bytes": site.live_bytes,
        "live_blocks": site.live_blocks,
        "allocated_bytes": site.allocated_bytes,
        "allocated_blocks": site.allocated_blocks,
    })
}

fn measures(site: &HeapEntry) -> [u64; 4] {
    [site.live_bytes, site.live_blocks, site.allocated_bytes, site.allocated_blocks]
}

fn text(profile: &HeapProfile) -> String {
    let sum = |of: fn(&HeapEntry) -> u64| profile.sites.iter().map(of).fold(0, u64::saturating_add);
    let mut out = String::new();
    if !profile.unavailable.is_empty() {
        out += &format!("no samples: {}\n", printable(&profile.unavailable));
    }
    if profile.sites.is_empty() {
        return out;
    }
    out += &format!(
        "about {} live of {} allocated, by {} samples at {} places",
        bytes(sum(|site| site.live_bytes)),
        bytes(sum(|site| site.allocated_bytes)),
        sum(|site| site.samples),
        profile.total,
    );
    if profile.resident_bytes > 0 {
        out += &format!("; {} are resident", bytes(profile.resident_bytes));
    }
    if profile.left_out > 0 {
        out += &format!("; {} samples found no place", profile.left_out);
    }
    out += &format!("\n\n{:>12} {:>10} {:>12} {:>10}\n", "live", "blocks", "allocated", "blocks");
    for site in &profile.sites {
        let name = if site.name.is_empty() { NOWHERE } else { &site.name };
        out += &format!(
            "{:>12} {:>10} {:>12} {:>10}  {} {}",
            bytes(site.live_bytes),
            site.live_blocks,
            bytes(site.allocated_bytes),
            site.allocated_blocks,
            printable(name),
            printable(&site.place),
        );
        for (word, text) in [("of", &site.service), ("tenant", &site.tenant)] {
            if !text.is_empty() {
                out += &format!(" {word} {}", printable(text));
            }
        }
        out.push('\n');
    }
    out
}

/// One line a service and place, then the number.
fn folded(profile: &HeapProfile, measure: usize) -> String {
    let mut sums: BTreeMap<String, u64> = BTreeMap::new();
    for site in &profile.sites {
        let service = if site.service.is_empty() { "(no service)" } else { &site.service };
        let name = if site.name.is_empty() { NOWHERE } else { &site.name };
        let name = if site.place.is_empty() {
            name.to_owned()
        } else {
            format!("{name} @ {}", site.place)
        };
        let count = measures(site)[measure];
        if count > 0 {
            let line = format!("{};{}", folded_word(service), folded_word(&name));
            *sums.entry(line).or_default() += count;
        }
    }
    sums.into_iter().fold(String::new(), |mut out, (line, count)| {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{line} {count}");
        out
    })
}
