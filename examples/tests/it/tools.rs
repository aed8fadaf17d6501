//! The tools on demand answer from a service while all threads of its runtime are blocked.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;

use reqwest::Method;
use scouter_collector::{AutoDump, Collector, Running};
use serde_json::Value;
use tempfile::TempDir;

use crate::demo::until;

/// In this time a tool must have answered.
const LIMIT: Duration = Duration::from_secs(2);

/// Requests that keep a thread for four seconds each: the service has two threads.
const BLOCKING: usize = 6;

/// Tries, since a busy machine may take longer once.
const TRIES: usize = 5;

/// A service of the gallery and the collector that it sends to.
struct Stage {
    collector: Running,
    client: reqwest::Client,
    /// Of the service.
    address: SocketAddr,
    /// Name of the object, as a part of an address.
    object: String,
    process: Child,
    /// The service ends when this is closed.
    _input: Option<ChildStdin>,
    _folder: TempDir,
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Stage {
    async fn open(rules: AutoDump) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let builder = Collector::builder().data(folder.path().join("data")).agents(any).http(any);
        let collector = builder.auto_dump(rules).start().await.expect("the collector starts");
        let database = format!("sqlite://{}?mode=rwc", folder.path().join("shop.db").display());
        let mut process = Command::new(env!("CARGO_BIN_EXE_gallery"))
            // Nobody asks the bank.
            .args(["serve", "blocked", &database, "http://127.0.0.1:9"])
            .env("SCOUTER_COLLECTOR", collector.agent_addr().to_string())
            .env("SCOUTER_THREAD_DUMP_INTERVAL_MS", "0")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the service starts");
        let input = process.stdin.take();
        let mut line = String::new();
        let output = process.stdout.take().expect("its output");
        BufReader::new(output).read_line(&mut line).expect("it says where it listens");
        let address = line.trim().trim_start_matches("ready ").parse().expect("an address");
        let client = reqwest::Client::new();
        let object = object(&client, collector.http_addr()).await;
        Self { collector, client, address, object, process, _input: input, _folder: folder }
    }

    /// Asks the service by a tool; `None` if it has not answered in time.
    async fn ask(&self, method: Method, path: &str, body: &'static str) -> Option<Value> {
        let path = path.replace("{object}", &self.object);
        let url = format!("http://{}/api/v1/{path}", self.collector.http_addr());
        let request = self.client.request(method, url).header("content-type", "application/json");
        let answer = async { request.body(body).send().await?.error_for_status()?.json().await };
        let answer = tokio::time::timeout(LIMIT, answer).await.ok()?;
        Some(answer.unwrap_or_else(|error| panic!("{path}: {error}")))
    }

    /// Keeps all threads of the service, once it has been seen to be so; whether the service has
    /// answered anything since is told by [`Blocked::is_over`].
    async fn block(&self) -> Blocked {
        let connections = (0..BLOCKING).map(|_| request(self.address, "/starved-runtime"));
        let connections = connections.collect();
        loop {
            let active = self.ask(Method::GET, "active?object={object}", "").await;
            let kept = active.map_or(0, |active| {
                let all = active["objects"].as_array().cloned().unwrap_or_default();
                let all = all.iter().filter_map(|one| one["transactions"].as_array()).flatten();
                all.filter(|one| one["state"] == "running").count()
            });
            if kept >= 2 {
                return Blocked { connections, probe: request(self.address, "/orders/1") };
            }
        }
    }
}

/// Requests that keep all threads, and one that would be answered if they did not.
struct Blocked {
    connections: Vec<TcpStream>,
    probe: TcpStream,
}

impl Blocked {
    /// Whether any of them was answered.
    fn is_over(&self) -> bool {
        self.connections.iter().chain([&self.probe]).any(|connection| {
            connection.set_nonblocking(true).expect("a socket");
            connection.peek(&mut [0]).is_ok()
        })
    }
}

/// Sends a request and does not wait for its answer.
fn request(address: SocketAddr, path: &str) -> TcpStream {
    let mut connection = TcpStream::connect(address).expect("it listens");
    write!(connection, "GET {path} HTTP/1.1\r\nHost: shop\r\n\r\n").expect("it is sent");
    connection
}

/// Name of the only object, once the collector knows it.
async fn object(client: &reqwest::Client, http: SocketAddr) -> String {
    loop {
        let answer = client.get(format!("http://{http}/api/v1/objects")).send().await;
        let answer: Value = answer.expect("an answer").json().await.expect("JSON");
        if let Some(name) = answer["objects"][0]["name"].as_str() {
            return name.replace('/', "%2F");
        }
        tokio::task::yield_now().await;
    }
}

/// What every tool answers, in this order.
const TOOLS: [(Method, &str, &str); 12] = [
    (Method::GET, "active?object={object}", ""),
    (Method::POST, "threads/{object}", ""),
    (Method::GET, "sfa/{object}", ""),
    (Method::POST, "sfa/{object}", r#"{"action":"start"}"#),
    (Method::GET, "sfa/{object}?mode=cpu", ""),
    (Method::GET, "env/{object}", ""),
    (Method::GET, "options/{object}", ""),
    (Method::GET, "callsites/{object}", ""),
    (Method::GET, "active?object={object}&kind=spawned", ""),
    (Method::GET, "heap/{object}", ""),
    (Method::POST, "capture/{object}", r#"{"action":"start","callsites":"*"}"#),
    (Method::POST, "capture/{object}", r#"{"action":"stop"}"#),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_tool_answers_within_two_seconds_while_the_runtime_is_blocked_completely() {
    let stage = Stage::open(AutoDump::default()).await;
    let mut late = Vec::new();
    for _ in 0..TRIES {
        let blocked = stage.block().await;
        let mut answers = Vec::new();
        for (method, path, body) in TOOLS {
            match stage.ask(method, path, body).await {
                Some(answer) => answers.push(answer),
                None => late.push(path),
            }
        }
        let is_blocked = !blocked.is_over();
        if is_blocked && answers.len() == TOOLS.len() {
            return check(&answers);
        }
        late.push(if is_blocked { "blocked throughout" } else { "not blocked throughout" });
        until_free(blocked).await;
    }
    panic!("no try was quick enough: {late:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_whose_runtime_is_starved_is_dumped_by_itself_with_the_stacks_of_that_moment() {
    let mut rules = AutoDump::default();
    rules.alerts = vec!["starved_runtime".to_owned()];
    let stage = Stage::open(rules).await;
    let blocked = stage.block().await;
    let dump = loop {
        let dumps = stage.ask(Method::GET, "dumps?object={object}", "").await.expect("a list");
        if let Some(dump) = dumps["dumps"].get(0) {
            break dump.clone();
        }
    };
    let why = dump["why"].as_str().expect("why");
    assert!(why.contains("starved_runtime"), "{why}");
    let id = dump["id"].as_str().expect("its id");
    let whole = stage.ask(Method::GET, &format!("dumps/{id}"), "").await.expect("the dump");
    for part in ["active", "threads"] {
        let says = whole[part].to_string();
        assert!(says.contains("starved_runtime"), "{part}: {says}");
    }
    until_free(blocked).await;
}

/// Waits until the service runs again.
async fn until_free(blocked: Blocked) {
    tokio::task::spawn_blocking(move || {
        until(|| blocked.probe.peek(&mut [0]).ok());
    })
    .await
    .expect("it waits");
}

/// Whether the answers are about what blocks.
fn check(answers: &[Value]) {
    let [active, threads, logical, _, cpu, env, options, callsites, tasks, heap, begun, ended] =
        answers
    else {
        panic!("{answers:?}")
    };
    let says = |answer: &Value, parts: &[&str]| {
        let text = answer.to_string();
        for part in parts {
            assert!(text.contains(part), "{part} in {answer:#}");
        }
    };
    says(active, &["GET /starved-runtime", "starved_runtime"]);
    says(threads, &["GET /starved-runtime", "tokio"]);
    says(logical, &["GET /starved-runtime", "starved_runtime"]);
    says(cpu, &["cpu"]);
    says(env, &["gallery", "limits"]);
    says(options, &["thread_dump_interval_ms"]);
    says(callsites, &["starved_runtime"]);
    assert_eq!(tasks["objects"][0]["transactions"], Value::Array(Vec::new()));
    says(heap, &["sample_bytes"]);
    assert!(begun["bound_callsites"].as_u64() > Some(0), "{begun}");
    assert_eq!(ended["bound_callsites"], 0);
    let kept = threads["threads"].as_array().expect("threads").iter();
    let kept: Vec<&Value> =
        kept.filter(|thread| thread["service"] == "GET /starved-runtime").collect();
    let is_named = |thread: &&Value| {
        let stack = thread["frames"].to_string();
        stack.contains("starved_runtime") && stack.contains("sleep")
    };
    assert!(kept.iter().any(is_named), "{kept:#?}");
}
