//! A running demo, and the store it leaves behind.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use scouter_collector::{Collector, Running};
use serde::Deserialize;
use serde_json::Value;
use tempfile::TempDir;

/// How long anything may take before a test gives up on it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Between two questions to another process.
pub(crate) const PAUSE: Duration = Duration::from_millis(20);

/// What the load generator saw of one request.
#[derive(Deserialize)]
pub(crate) struct Sent {
    /// The id on the response, if one came.
    pub(crate) id: Option<String>,
    pub(crate) tenant: String,
    pub(crate) end: String,
}

/// The services of the shop.
pub(crate) const SERVICES: [&str; 3] = ["front", "orders", "billing"];

/// The demo, started with its own folder and free ports; killed when dropped.
pub(crate) struct Demo {
    process: Child,
    folder: TempDir,
}

impl Demo {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        Self::start_on(None, arguments)
    }

    /// Starts it with the shop on the database at an address, instead of a file.
    pub(crate) fn start_on(database: Option<&str>, arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let path = |name: &str| folder.path().join(name);
        let mut command = Command::new(env!("CARGO_BIN_EXE_demo"));
        command.env_remove("SHOP_DATABASE_URL");
        command.envs(database.map(|url| ("SHOP_DATABASE_URL", url)));
        let process = command
            .args(["--http", "127.0.0.1:0", "--agents", "127.0.0.1:0", "--data"])
            .arg(path("data"))
            .arg("--ledger")
            .arg(path("ledger"))
            .arg("--status")
            .arg(path("status"))
            .args(arguments)
            .stdin(Stdio::null())
            .spawn()
            .expect("the demo starts");
        Self { process, folder }
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Process id and addresses of one of the four, once it runs.
    pub(crate) fn status(&mut self, name: &str) -> (u32, Vec<SocketAddr>) {
        let process = &self.facts()[name];
        let addresses = process["addresses"].as_array().expect("addresses are listed");
        let address = |value: &Value| value.as_str().and_then(|text| text.parse().ok());
        let pid = process["pid"].as_u64().and_then(|pid| u32::try_from(pid).ok());
        (pid.expect("a process id"), addresses.iter().filter_map(address).collect())
    }

    /// Ends the load and leaves the shop running; returns once every request has had its end.
    pub(crate) fn end_load(&mut self) {
        signal(self.process.id(), "USR1");
        until(|| self.facts()["load"]["sent"].as_u64());
    }

    /// What the demo says of itself, once it runs.
    fn facts(&mut self) -> Value {
        until(|| {
            let ended = self.process.try_wait().expect("the demo can be asked");
            assert!(ended.is_none(), "the demo ended early: {ended:?}");
            let text = std::fs::read(self.folder.path().join("status")).ok()?;
            serde_json::from_slice::<Value>(&text).ok()
        })
    }

    /// Asks it to end by a signal, INT as Ctrl-C does or TERM, and waits until it has.
    pub(crate) fn end_by(&mut self, name: &str) {
        signal(self.process.id(), name);
        self.wait();
    }

    /// Waits until it ends by itself, and expects success.
    pub(crate) fn wait(&mut self) {
        let status = until(|| self.process.try_wait().expect("the demo can be asked"));
        assert!(status.success(), "the demo ended with {status}");
    }

    /// What the load generator wrote down.
    pub(crate) fn ledger(&self) -> Vec<Sent> {
        let text = std::fs::read_to_string(self.folder.path().join("ledger")).expect("a ledger");
        let read = |line| serde_json::from_str(line).expect("a line of the ledger");
        text.lines().map(read).collect()
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // Its processes end when their standard input closes, which the kernel sees to.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Sends a signal to one process by its id.
pub(crate) fn signal(pid: u32, name: &str) {
    let sent = Command::new("kill").args([format!("-{name}"), pid.to_string()]).status();
    assert!(sent.is_ok_and(|status| status.success()), "cannot send {name} to {pid}");
}

/// Asks again and again until there is an answer.
pub(crate) fn until<T>(mut ask: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(began.elapsed() < PATIENCE, "no answer after {PATIENCE:?}");
        std::thread::sleep(PAUSE);
    }
}

/// A collector over what a demo left behind, asked through its own API.
pub(crate) struct Store {
    running: Running,
    client: reqwest::Client,
}

impl Store {
    pub(crate) async fn open(data: &Path) -> Self {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let running = Collector::builder()
            .data(data.join("collector"))
            .agents(any)
            .http(any)
            .start()
            .await
            .expect("the store can be opened again");
        Self { running, client: reqwest::Client::new() }
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        get(&self.client, self.running.http_addr(), path).await.expect("the API answers")
    }

    /// All rows that match the filter, by their link id.
    pub(crate) async fn xlogs(&self, filter: &str) -> Vec<Value> {
        let mut rows = Vec::new();
        let mut cursor = String::new();
        loop {
            let path = format!(
                "/api/v1/xlogs?from_unix_us=0&to_unix_us=4000000000000000&limit=1000&f={filter}{cursor}"
            );
            let page = self.get(&path).await;
            rows.extend(page["rows"].as_array().cloned().unwrap_or_default());
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => {
                    assert_eq!(page["total"].as_u64(), u64::try_from(rows.len()).ok());
                    return rows;
                }
            }
        }
    }

    pub(crate) async fn close(self) {
        self.running.shutdown().await.expect("the collector ends");
    }
}

/// What an agent says it recorded and dropped.
#[derive(Debug, PartialEq)]
pub(crate) struct Books {
    pub(crate) recorded: u64,
    pub(crate) dropped: u64,
}

/// Waits until front has recorded all that was sent and the books of all services are closed:
/// recorded == stored + dropped, the agent's side counted by the agent, the store's by the store,
/// and nothing pending.
pub(crate) async fn settle(
    client: &reqwest::Client,
    at: SocketAddr,
    sent: usize,
) -> HashMap<&'static str, Books> {
    let began = Instant::now();
    loop {
        let objects = get(client, at, "/api/v1/objects").await.unwrap_or_default();
        let settled: HashMap<_, _> = SERVICES
            .iter()
            .filter_map(|name| Some((*name, closed_books(&objects, name)?)))
            .collect();
        let front = settled.get("front").map_or(0, |books: &Books| books.recorded);
        if settled.len() == SERVICES.len() && front >= sent as u64 {
            return settled;
        }
        assert!(began.elapsed() < PATIENCE, "the books stay open: {objects:#}");
        tokio::time::sleep(PAUSE).await;
    }
}

fn closed_books(objects: &Value, name: &str) -> Option<Books> {
    let is_it = |object: &&Value| {
        object["name"].as_str().is_some_and(|path| path.ends_with(&format!("/{name}")))
    };
    let object = objects["objects"].as_array()?.iter().find(is_it)?;
    let (recorded, dropped) = (object["recorded"].as_u64()?, object["dropped_xlogs"].as_u64()?);
    let is_even = recorded == object["stored"].as_u64()? + dropped;
    (is_even && object["alive"] == true && object["pending"] == 0)
        .then_some(Books { recorded, dropped })
}

/// Waits until the collector answers and holds at least so many XLogs; returns how many.
pub(crate) async fn stored(client: &reqwest::Client, at: SocketAddr, least: u64) -> u64 {
    let began = Instant::now();
    loop {
        let own = get(client, at, "/api/v1/self").await;
        if let Some(count) = own.and_then(|own| own["xlogs"].as_u64()).filter(|n| *n >= least) {
            return count;
        }
        assert!(began.elapsed() < PATIENCE, "the collector at {at} does not come to {least}");
        tokio::time::sleep(PAUSE).await;
    }
}

/// One GET; `None` when nobody answers or the answer is an error.
pub(crate) async fn get(client: &reqwest::Client, at: SocketAddr, path: &str) -> Option<Value> {
    let answer = client.get(format!("http://{at}{path}")).send().await.ok()?;
    let answer = answer.error_for_status().ok()?;
    answer.json().await.ok()
}

/// The id under which an XLog is linked, and how often it is stored.
pub(crate) fn by_link(rows: &[Value]) -> HashMap<String, usize> {
    let mut seen = HashMap::new();
    for row in rows {
        let part = |key: &str| row[key].as_str().unwrap_or_default();
        *seen.entry(format!("{}-{}", part("gxid"), part("txid"))).or_default() += 1;
    }
    seen
}
