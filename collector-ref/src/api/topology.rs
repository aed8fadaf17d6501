//! `GET /api/v1/topology`: which objects call which peers, from the digests of edges.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::extract::State;
use serde_json::{Value, json};

use super::digests::totals;
use super::params::Params;
use super::{Answer, ask, json_response};
use crate::app::App;
use crate::names;
use crate::store::{DigestGroup, DigestKind, DigestQuery, DigestTotals, Glob};

/// Most edges of one answer, those with the most calls first; the rest is counted in `edge_count`.
const MAX_EDGES: usize = 2_000;

pub(super) async fn get(State(app): State<Arc<App>>, params: Params) -> Answer {
    params.only(&["from_unix_us", "to_unix_us", "object"])?;
    let range = params.range()?;
    let object = Glob::new(params.text("object").unwrap_or("*"));
    let digests = ask(&app, move |app| {
        let kind = DigestKind::Edge;
        let query = DigestQuery { kind, object: &object, range, is_by_object: true };
        Ok(app.store.digests(&query)?)
    })
    .await?;
    let mut edges = edges(&digests.groups);
    let edge_count = edges.len();
    edges.truncate(MAX_EDGES);
    let nodes: BTreeSet<&Node> = edges.iter().flat_map(|edge| [&edge.from, &edge.to]).collect();
    Ok(json_response(&json!({
        "step_us": digests.step_us,
        "edge_count": edge_count,
        "nodes": nodes.into_iter().map(Node::json).collect::<Vec<_>>(),
        "edges": edges.iter().map(Edge::json).collect::<Vec<_>>(),
    })))
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
