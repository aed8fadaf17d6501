//! For monitors: `/metrics` in the Prometheus text format, `/healthz`, `/readyz`.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::{Answer, ask, text_response};
use crate::app::App;
use crate::objects::{Account, ObjectState, drops};

/// The process answers.
pub(super) async fn healthz() -> &'static str {
    "ok\n"
}

/// The collector can store what it gets.
pub(super) async fn readyz(State(app): State<Arc<App>>) -> Response {
    match app.store.trouble() {
        None => "ready\n".into_response(),
        Some(why) => {
            let text = format!("not ready: the disk does not take what is stored: {why}\n");
            (StatusCode::SERVICE_UNAVAILABLE, text).into_response()
        }
    }
}

/// All counters and sizes.
pub(super) async fn metrics(State(app): State<Arc<App>>) -> Answer {
    Ok(text_response(ask(&app, |app| Ok(text(app))).await?))
}

fn text(app: &App) -> String {
    let mut out = Text(String::new());
    for (name, help, value) in app.telemetry.all() {
        out.one(&format!("{name}_total"), "counter", help.trim(), value);
    }
    out.store(app);
    out.gauges(app);
    out.objects(app);
    out.plugins(app);
    out.0
}

/// Prometheus text under construction.
struct Text(String);

impl Text {
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a string cannot fail, here and below.
        let _ = writeln!(self.0, "# HELP scouter_collector_{name} {help}");
        let _ = writeln!(self.0, "# TYPE scouter_collector_{name} {kind}");
    }

    fn one(&mut self, name: &str, kind: &str, help: &str, value: u64) {
        self.head(name, kind, help);
        let _ = writeln!(self.0, "scouter_collector_{name} {value}");
    }

    fn labelled(&mut self, name: &str, labels: &[(&str, &str)], value: u64) {
        let labels: Vec<String> =
            labels.iter().map(|(key, value)| format!("{key}=\"{}\"", escape(value))).collect();
        let _ = writeln!(self.0, "scouter_collector_{name}{{{}}} {value}", labels.join(","));
    }

    fn store(&mut self, app: &App) {
        let stats = app.store.stats();
        for (name, kind, help, value) in [
            ("store_xlogs_accepted_total", "counter", "Transactions kept.", stats.xlogs_accepted),
            ("store_xlogs", "gauge", "Transactions that can be queried.", stats.xlogs),
            ("store_profiles", "gauge", "Profiles that can be queried.", stats.profiles),
            ("store_hot_rows", "gauge", "Transactions in memory.", stats.hot_rows),
            ("store_segments", "gauge", "Sealed segments.", stats.segments),
            ("store_wal_bytes", "gauge", "Bytes of the write-ahead log.", stats.wal_bytes),
            ("store_disk_bytes", "gauge", "Bytes of sealed files.", stats.disk_bytes),
            (
                "store_duplicate_frames_total",
                "counter",
                "Frames not kept twice.",
                stats.duplicate_frames,
            ),
            ("store_append_errors_total", "counter", "Appends refused.", stats.append_errors),
            ("store_seal_errors_total", "counter", "Seals that failed.", stats.seal_errors),
            ("store_late_rows_total", "counter", "Rows sealed late.", stats.late_rows),
            (
                "store_rollup_tables_over_limit_total",
                "counter",
                "Tables of rollups with too many keys.",
                stats.rollup_tables_over_limit,
            ),
            (
                "store_counter_points_dropped_total",
                "counter",
                "Counter values over a limit.",
                stats.counter_points_dropped,
            ),
            (
                "store_retention_files_total",
                "counter",
                "Files unlinked by retention.",
                stats.retention_files,
            ),
            (
                "store_retention_xlogs_total",
                "counter",
                "Transactions unlinked by retention.",
                stats.retention_xlogs,
            ),
            (
                "store_wal_torn_bytes",
                "gauge",
                "Bytes cut off the log at the start.",
                stats.wal_torn_bytes,
            ),
            (
                "store_wal_recovered_xlogs",
                "gauge",
                "Transactions read back from the log at the start.",
                stats.wal_recovered_xlogs,
            ),
            ("store_texts", "gauge", "Texts in the dictionary.", stats.texts),
            ("store_texts_refused_total", "counter", "Texts over a limit.", stats.texts_refused),
            ("store_text_collisions_total", "counter", "Hash collisions.", stats.text_collisions),
            (
                "store_corrupt_files",
                "gauge",
                "Damaged files left out.",
                stats.corrupt_files.len() as u64,
            ),
        ] {
            self.one(name, kind, help, value);
        }
    }

    fn gauges(&mut self, app: &App) {
        let (known, alive) = app.objects.counts();
        for (name, help, value) in [
            ("agents", "Open agent connections.", app.connections.count()),
            ("live_views", "Open live views.", app.hub.viewers()),
            ("objects", "Objects known since the start.", known),
            ("objects_alive", "Objects that are connected.", alive),
        ] {
            self.one(name, "gauge", help, value as u64);
        }
        let refused = app.objects.refused();
        self.one("objects_refused_total", "counter", "Objects over the limit.", refused);
    }

    fn objects(&mut self, app: &App) {
        let list = app.objects.list(&*app.store);
        let instances = instances_of_shared_names(&list);
        for (name, kind, help) in [
            ("object_recorded_total", "counter", "Transactions an object recorded."),
            ("object_stored_total", "counter", "Transactions of an object that are stored."),
            ("object_pending", "gauge", "Transactions of an object on their way."),
        ] {
            self.head(name, kind, help);
            for ((state, account), instance) in list.iter().zip(&instances) {
                let value = match name {
                    "object_recorded_total" => account.told.map(|told| told.recorded),
                    "object_stored_total" => Some(account.stored),
                    // Below zero only if a row was stored twice; /api/v1/objects shows it.
                    _ => account.told.map(|told| told.pending.max(0).cast_unsigned()),
                };
                if let Some(value) = value {
                    self.labelled(name, &labels(state, instance.as_deref()), value);
                }
            }
        }
        self.head("object_dropped_total", "counter", "Records an object dropped, by reason.");
        for ((state, _), instance) in list.iter().zip(&instances) {
            for (reason, count) in drops(state) {
                let mut labels = labels(state, instance.as_deref());
                labels.push(("reason", reason));
                self.labelled("object_dropped_total", &labels, count);
            }
        }
    }

    fn plugins(&mut self, app: &App) {
        self.head("plugin_records_total", "counter", "Records of a plugin by what became of them.");
        for status in app.plugins.statuses() {
            for (outcome, counter) in [
                ("delivered", &status.delivered),
                ("dropped", &status.dropped),
                ("failed", &status.failed),
                ("retried", &status.retried),
            ] {
                let labels = [("plugin", status.name.as_str()), ("outcome", outcome)];
                self.labelled("plugin_records_total", &labels, counter.value());
            }
        }
        self.head("plugin_panics_total", "counter", "Panics of a plugin, caught.");
        for status in app.plugins.statuses() {
            let labels = [("plugin", status.name.as_str())];
            self.labelled("plugin_panics_total", &labels, status.panicked.value());
        }
        self.head("plugin_queue_records", "gauge", "Records waiting for a plugin.");
        for status in app.plugins.statuses() {
            let queued = status.queued_records.load(Ordering::Relaxed) as u64;
            self.labelled("plugin_queue_records", &[("plugin", &status.name)], queued);
        }
    }
}

fn escape(label: &str) -> String {
    label.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// The instance of each object whose name another one has too: without it two series would have the
/// same labels. The list is sorted by name.
fn instances_of_shared_names(list: &[(ObjectState, Account)]) -> Vec<Option<String>> {
    let name = |at: usize| list.get(at).map(|(state, _)| state.object.name.as_str());
    let is_shared = |at: usize| name(at.wrapping_sub(1)) == name(at) || name(at + 1) == name(at);
    let instance = |at: usize| format!("{:032x}", list[at].0.origin.instance);
    (0..list.len()).map(|at| is_shared(at).then(|| instance(at))).collect()
}

fn labels<'a>(state: &'a ObjectState, instance: Option<&'a str>) -> Vec<(&'static str, &'a str)> {
    let instance = instance.map(|instance| ("instance", instance));
    std::iter::once(("object", state.object.name.as_str())).chain(instance).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_cannot_break_the_format() {
        let mut text = Text(String::new());
        text.labelled("x", &[("object", "/a\"b\\c\nd")], 1);
        assert_eq!(text.0, "scouter_collector_x{object=\"/a\\\"b\\\\c\\nd\"} 1\n");
    }
}
