//! `GET /api/v1/topology`: which objects call which peers, from the digests of edges.
//!
//! An edge knows the address that was called, not who answers there. With `served` the newest
//! profiles are asked for that: their steps name the transaction of the callee, and that its object.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::extract::State;
use scouter_wire::record::Detail;
use scouter_wire::{Gxid, Txid};
use serde_json::{Value, json};

use super::digests::totals;
use super::error::ApiError;
use super::params::Params;
use super::{Answer, ask, json_response};
use crate::app::App;
use crate::names;
use crate::store::{
    Bounds, Clause, DigestGroup, DigestKind, DigestQuery, DigestTotals, Filter, Glob, PageRequest,
    Test, TimeRange,
};

/// Most edges of one answer, those with the most calls first; the rest is counted in `edge_count`.
const MAX_EDGES: usize = 2_000;

/// Most objects whose calls are followed to who answers them; of others the address is all.
const MAX_CALLERS_FOLLOWED: usize = 32;

/// Profiles read of each of them, the newest that made a call.
const PROFILES_OF_A_CALLER: usize = 40;

/// Callees looked up for one address: behind it may be several processes.
const CALLEES_OF_AN_ADDRESS: usize = 4;

pub(super) async fn get(State(app): State<Arc<App>>, params: Params) -> Answer {
    params.only(&["from_unix_us", "to_unix_us", "object", "served"])?;
    let range = params.range()?;
    let object = Glob::new(params.text("object").unwrap_or("*"));
    let is_served_asked = params.switch("served")?;
    let (step_us, edges, served) = ask(&app, move |app| {
        let kind = DigestKind::Edge;
        let query = DigestQuery { kind, object: &object, range, is_by_object: true };
        let digests = app.store.digests(&query)?;
        let edges = edges(&digests.groups);
        let served = if is_served_asked { served(app, range, &edges)? } else { Served::new() };
        Ok((digests.step_us, edges, served))
    })
    .await?;
    let edge_count = edges.len();
    let edges = &edges[..edge_count.min(MAX_EDGES)];
    let nodes: BTreeSet<&Node> = edges.iter().flat_map(|edge| [&edge.from, &edge.to]).collect();
    let node = |node: &Node| {
        let mut value = node.json();
        if let (API, Some(by)) = (node.kind, served.get(&*node.name)) {
            value["served_by"] = json!(by);
        }
        value
    };
    Ok(json_response(&json!({
        "step_us": step_us,
        "edge_count": edge_count,
        "nodes": nodes.into_iter().map(node).collect::<Vec<_>>(),
        "edges": edges.iter().map(Edge::json).collect::<Vec<_>>(),
    })))
}

/// The kind of node that an outbound call leads to.
const API: &str = "api";

/// Address to the names of the objects that answered there.
type Served = BTreeMap<String, BTreeSet<String>>;

/// Who answers at the addresses that are called, as far as the newest profiles tell.
fn served(app: &App, range: TimeRange, edges: &[Edge]) -> Result<Served, ApiError> {
    let callers: BTreeSet<&str> =
        edges.iter().filter(|edge| edge.to.kind == API).map(|edge| &*edge.from.name).collect();
    let mut callees: BTreeMap<String, BTreeSet<(Gxid, Txid)>> = BTreeMap::new();
    for caller in callers.into_iter().take(MAX_CALLERS_FOLLOWED) {
        let clause = |test| Clause { test, is_negated: false };
        let clauses = [Test::Object(Glob::new(caller)), Test::ApiAbove(0)].map(clause).into();
        let request = PageRequest { limit: PROFILES_OF_A_CALLER, after: None };
        let page = app.store.rows(&Bounds::time(range), &Filter { clauses }, &request)?;
        for row in &page.rows {
            // A profile that is not there tells nothing; another one may.
            let _ = app.store.profile(row, &mut |step, _| {
                if let Detail::Api { callee: Some(callee), address, .. } = step.detail {
                    let known = callees.entry(address.to_owned()).or_default();
                    if known.len() < CALLEES_OF_AN_ADDRESS {
                        known.insert((row.gxid, callee));
                    }
                }
            });
        }
    }
    let mut served = Served::new();
    for (address, callees) in callees {
        for (gxid, txid) in callees {
            for row in app.store.transaction(txid, Some(gxid))? {
                served.entry(address.clone()).or_default().insert(row.object.to_string());
            }
        }
    }
    Ok(served)
}

/// An object, or what it calls.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Node {
    kind: &'static str,
    name: Arc<str>,
}

impl Node {
    fn id(&self) -> String {
        format!("{}:{}", self.kind, self.name)
    }

    fn json(&self) -> Value {
        json!({ "id": self.id(), "kind": self.kind, "name": &*self.name })
    }
}

/// All calls of one object to one peer.
#[derive(Debug)]
struct Edge {
    from: Node,
    to: Node,
    services: u64,
    totals: DigestTotals,
}

impl Edge {
    fn json(&self) -> Value {
        let mut value = totals(&self.totals);
        value["from"] = json!(self.from.id());
        value["to"] = json!(self.to.id());
        value["services"] = json!(self.services);
        value
    }
}

/// Joins the edges of the services of one object; those with the most calls come first.
fn edges(groups: &[DigestGroup]) -> Vec<Edge> {
    let mut joined: BTreeMap<(Node, Node), (u64, DigestTotals)> = BTreeMap::new();
    for group in groups {
        let from = Node { kind: "object", name: Arc::clone(&group.object) };
        let kind = group.peer.map_or("other", names::step_kind);
        let to = Node { kind, name: Arc::clone(&group.detail) };
        let (services, totals) = joined.entry((from, to)).or_default();
        *services += 1;
        totals.merge(&group.totals);
    }
    let edge = |((from, to), (services, totals))| Edge { from, to, services, totals };
    let mut edges: Vec<Edge> = joined.into_iter().map(edge).collect();
    edges.sort_by_key(|edge| std::cmp::Reverse(edge.totals.count));
    edges
}
