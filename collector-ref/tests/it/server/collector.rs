//! A collector for tests, and clients of it.

use std::time::Duration;

use scouter_collector::store::local::{Durability, StoreConfig};
use scouter_collector::{Builder, Collector, Running};
use serde_json::Value;

use super::agent::Agent;

/// How long a test waits for something that must happen before it fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A running collector with a folder of its own.
pub(crate) struct TestCollector {
    pub(crate) running: Running,
    pub(crate) client: reqwest::Client,
    pub(crate) folder: tempfile::TempDir,
}

/// A builder on free ports over this folder. Acknowledges after `write`, so that tests do not wait
/// for the disk; the store's own tests cover syncing.
pub(crate) fn builder(folder: &std::path::Path) -> Builder {
    let mut store = StoreConfig::new(folder.join("data"));
    store.durability = Durability::Process;
    Collector::builder()
        .store(store)
        .agents("127.0.0.1:0".parse().unwrap())
        .http("127.0.0.1:0".parse().unwrap())
}

/// A collector with the defaults.
pub(crate) async fn start() -> TestCollector {
    start_with(|builder| builder).await
}

/// A collector that `change` has changed.
pub(crate) async fn start_with(change: impl FnOnce(Builder) -> Builder) -> TestCollector {
    start_in(tempfile::tempdir().unwrap(), change).await
}

/// A collector over a folder that may hold the data of an earlier one.
pub(crate) async fn start_in(
    folder: tempfile::TempDir,
    change: impl FnOnce(Builder) -> Builder,
) -> TestCollector {
    let running = change(builder(folder.path())).start().await.unwrap();
    TestCollector { running, client: reqwest::Client::new(), folder }
}

impl TestCollector {
    /// The address of something on the HTTP port.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.running.http_addr())
    }

    /// A connected agent.
    pub(crate) fn agent(&self, name: &str) -> Agent {
        Agent::connect(self.running.agent_addr(), name)
    }

    /// What is answered to a GET, with its status.
    pub(crate) async fn get(&self, path: &str) -> (u16, Value) {
        let response = self.client.get(self.url(path)).send().await.unwrap();
        let status = response.status().as_u16();
        let text = response.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    /// What is answered to a GET that must succeed.
    pub(crate) async fn json(&self, path: &str) -> Value {
        let (status, value) = self.get(path).await;
        assert_eq!(status, 200, "{path}: {value}");
        value
    }

    /// What is answered to a GET that asks for plain text.
    pub(crate) async fn text(&self, path: &str) -> String {
        let request = self.client.get(self.url(path)).header("accept", "text/plain");
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        assert_eq!(response.headers()["content-type"], "text/plain; charset=utf-8");
        response.text().await.unwrap()
    }

    /// Exact number of stored transactions that pass a filter.
    pub(crate) async fn total(&self, filter: &str) -> u64 {
        let url = format!("/api/v1/xlogs?{ALL}&count_only=1&f={filter}");
        self.json(&url).await["total"].as_u64().unwrap()
    }

    /// A counter of `/metrics`.
    pub(crate) async fn metric(&self, name: &str) -> u64 {
        let text =
            self.client.get(self.url("/metrics")).send().await.unwrap().text().await.unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(&format!("{name} ")));
        line.unwrap_or_else(|| panic!("no metric {name}")).parse().unwrap()
    }

    /// Waits until a counter of `/metrics` has this value.
    pub(crate) async fn wait_for_metric(&self, name: &str, value: u64) {
        until(name, async || self.metric(name).await == value).await;
    }
}

/// The time range that covers everything.
pub(crate) const ALL: &str = "from_unix_us=0&to_unix_us=9000000000000000";

/// Asks again and again until it is so. Bounded by [`PATIENCE`].
pub(crate) async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, waiting).await.is_ok(), "never came true: {what}");
}
