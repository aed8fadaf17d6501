//! `GET /api/v1/self`: the collector about itself.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::extract::State;
use serde_json::{Map, Value, json};

use super::params::Params;
use super::{Answer, ask, json_response};
use crate::app::App;
use crate::objects::drops;

pub(super) async fn get(State(app): State<Arc<App>>, params: Params) -> Answer {
    params.only(&[])?;
    let value = ask(&app, |app| Ok(own(app))).await?;
    Ok(json_response(&value))
}

fn own(app: &App) -> Value {
    let stats = app.store.stats();
    let accounts = app.objects.list(&*app.store);
    let told = || accounts.iter().filter_map(|(_, account)| account.told);
    let mut dropped: Map<String, Value> = Map::new();
    for (state, _) in &accounts {
        for (reason, count) in drops(state) {
            let so_far = dropped.get(reason).and_then(Value::as_u64).unwrap_or(0);
            dropped.insert(reason.to_owned(), json!(so_far + count));
        }
    }
    let corrupt: Vec<Value> = stats
        .corrupt_files
        .iter()
        .map(|file| json!({ "path": file.path.to_string_lossy(), "reason": file.reason }))
        .collect();
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "started_unix_us": app.started_unix_us,
        "store_id": format!("{:032x}", app.store.store_id()),
        "recorded": told().map(|told| told.recorded).sum::<u64>(),
        "stored": accounts.iter().map(|(_, account)| account.stored).sum::<u64>(),
        "dropped": dropped,
        "pending": told().map(|told| told.pending).sum::<i64>(),
        "xlogs": stats.xlogs,
        "profiles": stats.profiles,
        "segments": stats.segments,
        "wal_bytes": stats.wal_bytes,
        "disk_bytes": stats.disk_bytes,
        "ingest_per_s": app.rate.per_s(),
        "connections": app.connections.count(),
        "viewers": app.hub.viewers(),
        "plugins": plugins(app),
        "corrupt_files": corrupt,
        "durable_stalled": app.store.durable().borrow().stalled,
        "listen": { "agents": app.agent_addr.to_string(), "http": app.http_addr.to_string() },
    })
}

fn plugins(app: &App) -> Vec<Value> {
    let plugins = app.plugins.statuses().map(|status| {
        json!({
            "name": status.name,
            "delivered": status.delivered.value(),
            "dropped": status.dropped.value(),
            "failed": status.failed.value(),
            "retried": status.retried.value(),
            "panicked": status.panicked.value(),
            "queue": status.queued_records.load(Ordering::Relaxed),
        })
    });
    plugins.collect()
}
