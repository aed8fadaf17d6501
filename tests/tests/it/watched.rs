//! This test process as an object: one collector, one agent and one runtime for all its tests.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use scouter_collector::Collector;
use serde_json::Value;
use tokio::runtime::Runtime;

/// How long anything may take before a test gives up on it.
const PATIENCE: Duration = Duration::from_secs(60);

/// Between two questions to a running collector.
const PAUSE: Duration = Duration::from_millis(20);

/// What tests need to be told sooner, of whom, and what must not be told.
const OPTIONS: &str = r#"
trace_tenant_trusted = true
alert_stuck_await_ms = 2000
alert_uncommitted_ms = 2000
alert_patient_service_patterns = "/patient/*"
transaction_forced_end_ms = 30000
alert_quiet_statement_patterns = "*AS quiet FROM n"
"#;

/// A collector that watches this process.
pub(crate) struct Watched {
    runtime: Runtime,
    http: SocketAddr,
    client: reqwest::Client,
    _running: scouter_collector::Running,
    _guard: scouter::Guard,
    folder: tempfile::TempDir,
}

static WATCHED: LazyLock<Watched> = LazyLock::new(|| {
    let runtime = Runtime::new().expect("a runtime");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let collector = Collector::builder().data(folder.path().join("data")).agents(any).http(any);
    let running = runtime.block_on(collector.start()).expect("the collector starts");
    let options = folder.path().join("scouter.toml");
    std::fs::write(&options, OPTIONS).expect("a file with options");
    let guard = scouter::exporter::Agent::builder("in-flight")
        .config_file(options)
        .collector(running.agent_addr().to_string())
        .start()
        .expect("the agent starts");
    Watched {
        runtime,
        http: running.http_addr(),
        client: reqwest::Client::new(),
        _running: running,
        _guard: guard,
        folder,
    }
});

impl Watched {
    /// The one of this process.
    pub(crate) fn start() -> &'static Self {
        &WATCHED
    }

    /// Runs a test on the shared runtime.
    pub(crate) fn run<F: Future>(&self, test: F) -> F::Output {
        self.runtime.block_on(test)
    }

    /// Asks the collector.
    pub(crate) async fn get(&self, path: &str) -> Option<Value> {
        let answer = self.client.get(format!("http://{}{path}", self.http)).send().await.ok()?;
        answer.error_for_status().ok()?.json().await.ok()
    }

    /// Tells the collector something.
    pub(crate) async fn post(&self, path: &str, body: &'static str) -> Option<Value> {
        let request = self.client.post(format!("http://{}{path}", self.http)).body(body);
        let request = request.header("content-type", "application/json");
        request.send().await.ok()?.error_for_status().ok()?.json().await.ok()
    }

    /// Who changed what, as the collector has written it down.
    pub(crate) fn audit(&self) -> String {
        let file = self.folder.path().join("data").join("audit.jsonl");
        std::fs::read_to_string(file).expect("something was written down")
    }

    /// Address of one of the tools for this process: `/api/v1/heap/…`.
    pub(crate) async fn tool(&self, name: &str) -> String {
        let object = self
            .until(|| async {
                let active = self.get("/api/v1/active").await?;
                Some(active["objects"][0]["object"].as_str()?.replace('/', "%2F"))
            })
            .await;
        format!("/api/v1/{name}/{object}")
    }

    /// Plain text that the collector answers.
    pub(crate) async fn text(&self, path: &str) -> String {
        let answer = self.client.get(format!("http://{}{path}", self.http)).send().await;
        answer.expect("the collector answers").text().await.expect("text")
    }

    /// Asks again and again until there is an answer.
    pub(crate) async fn until<T, F: Future<Output = Option<T>>>(&self, ask: impl Fn() -> F) -> T {
        let began = Instant::now();
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            assert!(began.elapsed() < PATIENCE, "no answer after {PATIENCE:?}");
            tokio::time::sleep(PAUSE).await;
        }
    }
}
