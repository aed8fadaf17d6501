//! The demo load of the program: a world of its own that is gone with one click.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread::sleep;
use std::time::Duration;

use scouter_collector::demo::PLAY_TASK;
use scouter_collector::{Builder, Tokens};
use serde_json::Value;

use super::collector::{ALL, PATIENCE, TestCollector, start_with};
use super::process::{Process, ask, command};

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(20);

/// A collector of this process that has the program play.
async fn start() -> TestCollector {
    start_with(|builder| builder.demo_program(env!("CARGO_BIN_EXE_scouter-collector"))).await
}

/// The answer to a request without a body.
async fn send(collector: &TestCollector, method: &str, token: Option<&str>) -> (u16, Value) {
    let method = method.parse().unwrap();
    let mut request = collector.client.request(method, collector.url("/api/v1/demo"));
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    (status, response.json().await.unwrap())
}

/// Asks until it is as wanted.
async fn until(collector: &TestCollector, path: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    let mut last = Value::Null;
    let asking = async {
        loop {
            last = collector.get(path).await.1;
            if is_so(&last) {
                break;
            }
            tokio::time::sleep(PAUSE).await;
        }
    };
    let came = tokio::time::timeout(PATIENCE, asking).await;
    assert!(came.is_ok(), "{path}: {last}");
    last
}

#[tokio::test(flavor = "multi_thread")]
async fn a_demo_load_fills_its_own_world_and_nothing_else() {
    let collector = start().await;
    let (status, state) = send(&collector, "POST", None).await;
    assert_eq!(status, 200, "{state}");
    let lasts_us =
        state["ends_unix_us"].as_i64().unwrap() - state["started_unix_us"].as_i64().unwrap();
    assert_eq!(lasts_us, 600_000_000);
    assert_eq!(send(&collector, "POST", None).await, (200, state), "a second one is the first one");
    let total = format!("/demo/api/v1/xlogs?{ALL}&count_only=1&f=service:*/orders/*");
    until(&collector, &total, |page| page["total"].as_u64() > Some(20)).await;
    let failed = format!("/demo/api/v1/xlogs?{ALL}&limit=1&f=err%20service:*/orders");
    let page = until(&collector, &failed, |page| page["rows"][0].is_object()).await;
    let id = page["rows"][0]["txid"].as_str().unwrap();
    let profile = collector.json(&format!("/demo/api/v1/tx/{id}")).await.to_string();
    for part in ["reserve_stock", "cannot place the order: "] {
        assert!(profile.contains(part), "{part}: {profile}");
    }
    let own = collector.json("/api/v1/self").await;
    assert_eq!((own["xlogs"].as_u64(), own["stored"].as_u64()), (Some(0), Some(0)));
    assert_eq!(collector.json("/api/v1/objects").await["objects"], Value::Array(Vec::new()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_process_is_looked_into() {
    let collector = start().await;
    send(&collector, "POST", None).await;
    let objects = until(&collector, "/demo/api/v1/objects", |answer| {
        answer["objects"][0]["alive"] == Value::Bool(true)
    })
    .await;
    let name = objects["objects"][0]["name"].as_str().unwrap().to_owned();
    assert!(name.ends_with("/demo-shop"), "{name}");
    let path = format!("/demo/api/v1/options/{}", name.replace('/', "%2F"));
    let options = collector.json(&path).await;
    assert!(options.to_string().contains("alert_blocking_poll_ms"), "{options}");
    until(&collector, "/demo/api/v1/active", |answer| {
        answer["objects"][0]["transactions"][0]["stack"][0]["name"].is_string()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_removed_is_gone_from_the_disk_and_may_be_started_again() {
    let collector = start().await;
    let folder = collector.folder.path().join("data/demo-load");
    for _ in 0..2 {
        send(&collector, "POST", None).await;
        assert!(folder.exists());
        until(&collector, "/demo/api/v1/self", |own| own["xlogs"].as_u64() > Some(0)).await;
        let (status, state) = send(&collector, "DELETE", None).await;
        assert_eq!((status, &state["started_unix_us"]), (200, &Value::Null));
        assert!(!folder.exists());
        let (status, answer) = collector.get("/demo/api/v1/self").await;
        assert_eq!((status, answer["error"]["code"].as_str()), (404, Some("no_demo")));
    }
    let again = send(&collector, "DELETE", None).await;
    assert_eq!(again.0, 200, "removing nothing is no error");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_only_look_starts_none_and_removes_none_but_sees_it() {
    const VIEWER: &str = "viewer-token-of-16";
    const OPERATOR: &str = "operator-token-of-16";
    let guard = |builder: Builder| {
        let mut tokens = Tokens::default();
        (tokens.viewer, tokens.operator) = (Some(VIEWER.into()), Some(OPERATOR.into()));
        builder.tokens(tokens).demo_program(env!("CARGO_BIN_EXE_scouter-collector"))
    };
    let collector = start_with(guard).await;
    for method in ["POST", "DELETE"] {
        assert_eq!(send(&collector, method, Some(VIEWER)).await.0, 403, "{method}");
        assert_eq!(send(&collector, method, None).await.0, 401, "{method}");
    }
    assert_eq!(send(&collector, "POST", Some(OPERATOR)).await.0, 200);
    let inside = |token: Option<&'static str>, method: &'static str, path: &'static str| {
        let mut request =
            collector.client.request(method.parse().unwrap(), collector.url(path)).body("{}");
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        async { request.send().await.unwrap().status().as_u16() }
    };
    assert_eq!(inside(Some(VIEWER), "GET", "/demo/api/v1/objects").await, 200);
    assert_eq!(inside(None, "GET", "/demo/api/v1/objects").await, 401);
    assert_eq!(inside(None, "GET", "/demo/metrics").await, 401);
    let control = "/demo/api/v1/options/%2Fhost%2Fdemo-shop";
    assert_eq!(inside(Some(VIEWER), "POST", control).await, 403, "a viewer stays one inside");
    let audit = std::fs::read_to_string(collector.folder.path().join("data/audit.jsonl")).unwrap();
    assert!(audit.contains("start demo load") && !audit.contains("remove demo load"), "{audit}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_in_another_program_offers_none_unless_told_to() {
    let collector = start_with(|builder| builder).await;
    assert_eq!(collector.json("/api/v1/demo").await["is_offered"], false);
    let (status, answer) = send(&collector, "POST", None).await;
    assert_eq!((status, answer["error"]["code"].as_str()), (404, Some("not_offered")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_cannot_play_leaves_nothing() {
    let collector = start_with(|builder| builder.demo_program("/nowhere/scouter-collector")).await;
    let (status, answer) = send(&collector, "POST", None).await;
    assert_eq!((status, answer["error"]["code"].as_str()), (500, Some("no_demo")));
    assert_eq!(collector.json("/api/v1/demo").await["started_unix_us"], Value::Null);
}

/// Starts a demo load by a collector process, and waits until it plays.
fn play_in(process: &Process) {
    let mut stream = TcpStream::connect(process.http).unwrap();
    let head = "POST /api/v1/demo HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
                Content-Length: 0\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    wait_until("it plays", || ask(process.http, "/demo/api/v1/objects").1.contains("demo-shop"));
}

fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let mut asked = Duration::ZERO;
    while !is_so() {
        assert!(asked < PATIENCE, "{what}: never");
        sleep(PAUSE);
        asked += PAUSE;
    }
}

#[cfg(target_os = "linux")]
fn is_playing(pid: &str) -> bool {
    let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&line).split('\0').any(|word| word == PLAY_TASK)
}

/// The process that plays for this one.
#[cfg(target_os = "linux")]
fn player_of(parent: u32) -> Option<String> {
    let all = std::fs::read_dir("/proc").unwrap().flatten();
    let mut pids = all.filter_map(|entry| entry.file_name().into_string().ok());
    pids.find(|pid| {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        status.contains(&format!("PPid:\t{parent}\n")) && is_playing(pid)
    })
}

#[cfg(target_os = "linux")]
#[test]
fn whoever_plays_ends_when_the_collector_is_killed_and_the_next_one_starts_empty() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::start(folder.path());
    play_in(&process);
    let player = player_of(process.child.id()).expect("somebody plays");
    process.kill();
    wait_until("it ends", || !is_playing(&player));
    let left = folder.path().join("demo-load");
    assert!(left.exists(), "nobody could remove it");
    let process = Process::start(folder.path());
    assert!(!left.exists());
    let (status, _) = ask(process.http, "/demo/api/v1/self");
    assert_eq!(status, 404);
}

#[cfg(target_os = "linux")]
#[test]
fn a_collector_that_ends_takes_its_demo_load_along() {
    let folder = tempfile::tempdir().unwrap();
    let mut process = Process::start(folder.path());
    play_in(&process);
    let player = player_of(process.child.id()).expect("somebody plays");
    let pid = rustix::process::Pid::from_raw(process.child.id().cast_signed()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert!(process.child.wait().unwrap().success());
    assert!(!is_playing(&player));
    assert!(!folder.path().join("demo-load").exists());
}

#[test]
fn the_load_is_played_only_for_a_collector_that_asks_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = command(folder.path());
    let output = command.arg(PLAY_TASK).arg("127.0.0.1:1").output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("is started by a collector"), "{said}");
}
