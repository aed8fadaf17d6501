//! A configuration that is read again while the collector runs.

use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;
use std::time::Duration;

use futures_util::StreamExt;
use scouter_collector::store::local::{Durability, StoreConfig};
use scouter_collector::{Collector, Limits, StartError, Tokens};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use super::agent::{Agent, Tx, hello, now_unix_us, tx, txs};
use super::collector::{PATIENCE, TestCollector, builder, start_in, start_with, until};
use super::process::command;

const OLD: &str = "the-old-token";
const NEW: &str = "the-new-token";

async fn status_with(collector: &TestCollector, token: &str) -> u16 {
    let url = collector.url("/api/v1/objects");
    collector.client.get(url).bearer_auth(token).send().await.unwrap().status().as_u16()
}

/// Whether an agent with this token is welcome.
fn is_welcome(collector: &TestCollector, token: &str) -> bool {
    let address = collector.running.agent_addr();
    Agent::connect_with(address, hello("/test/agent"), Some(token)).is_ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_that_change_hold_at_once_for_whoever_came_in_by_the_old_ones_too() {
    let mut collector = start_with(|builder| builder.tokens(Tokens::single(OLD))).await;
    let login = collector.client.post(collector.url("/api/v1/session"));
    let login = login.body(format!(r#"{{"token":"{OLD}"}}"#)).send().await.unwrap();
    let cookie = login.headers()["set-cookie"].to_str().unwrap().to_owned();
    let cookie = cookie.split(';').next().unwrap();
    let with_cookie = async |collector: &TestCollector| {
        let request = collector.client.get(collector.url("/api/v1/objects"));
        request.header("cookie", cookie).send().await.unwrap().status().as_u16()
    };
    let address = collector.running.http_addr();
    let mut page = format!("ws://{address}/api/v1/live").into_client_request().unwrap();
    page.headers_mut().insert("cookie", cookie.parse().unwrap());
    let (mut page, _) = tokio_tungstenite::connect_async(page).await.unwrap();
    let agents = collector.running.agent_addr();
    let mut agent = Agent::connect_with(agents, hello("/test/agent"), Some(OLD)).unwrap();
    agent.send(&txs(1, 10));
    assert_eq!((with_cookie(&collector).await, status_with(&collector, OLD).await), (200, 200));

    let wanted = builder(collector.folder.path()).tokens(Tokens::single(NEW));
    let reloaded = collector.running.reload(wanted).await.unwrap();
    assert_eq!((&*reloaded.changed, &*reloaded.after_restart), (&["tokens"][..], &[][..]));
    assert_eq!((with_cookie(&collector).await, status_with(&collector, OLD).await), (401, 401));
    assert_eq!(status_with(&collector, NEW).await, 200);
    let rest = page.by_ref().take_while(|message| {
        let is_open = message.as_ref().is_ok_and(|message| !message.is_close());
        async move { is_open }
    });
    tokio::time::timeout(PATIENCE, rest.count()).await.expect("the page ends");
    let mut left = Vec::new();
    agent.stream.set_read_timeout(Some(PATIENCE)).unwrap();
    agent.stream.read_to_end(&mut left).expect("the connection ends");
    assert!(!is_welcome(&collector, OLD));
    assert!(is_welcome(&collector, NEW));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_would_not_start_is_refused_and_what_held_before_holds_on() {
    let mut collector = start_with(|builder| builder.tokens(Tokens::single(OLD))).await;
    let wanted = builder(collector.folder.path()).tokens(Tokens::single("short"));
    let error = collector.running.reload(wanted).await.unwrap_err();
    assert!(matches!(error, StartError::ShortToken { .. }), "{error}");
    assert_eq!(status_with(&collector, OLD).await, 200);
}

/// The new addresses would do without a token, but those that are open would not.
#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_others_reach_is_never_left_without_a_token() {
    let folder = tempfile::tempdir().unwrap();
    let everywhere = "0.0.0.0:0".parse().unwrap();
    let wanted = builder(folder.path()).tokens(Tokens::single(OLD));
    let mut running = wanted.agents(everywhere).http(everywhere).start().await.unwrap();
    let error = running.reload(builder(folder.path())).await.unwrap_err();
    assert!(matches!(error, StartError::TokenNeeded { .. }), "{error}");
    running.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_change_and_what_needs_a_restart_is_named() {
    let mut collector = start_with(|builder| builder).await;
    let store = StoreConfig::new(collector.folder.path().join("elsewhere"));
    let mut limits = Limits::default();
    limits.max_connections = 1;
    let any = "127.0.0.1:0".parse().unwrap();
    let wanted = Collector::builder().store(store).limits(limits).agents(any).http(any);
    let reloaded = collector.running.reload(wanted.watch_itself(true)).await.unwrap();
    assert_eq!(
        reloaded.to_string(),
        "changed: limits; after a restart: data, durability, watch_itself"
    );
    let _only = collector.agent("/test/only");
    assert!(!is_welcome(&collector, ""));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_old_for_a_shorter_retention_goes_without_a_restart() {
    let collector = start_with(|builder| builder).await;
    let five_days_ago = now_unix_us() - 5 * 86_400_000_000;
    let rows: Vec<Tx> = (1..=10).map(|n| Tx { end_unix_us: five_days_ago, ..tx(n) }).collect();
    collector.agent("/test/agent").send(&rows);
    let TestCollector { running, folder, .. } = collector;
    // So that they are sealed.
    running.shutdown().await.unwrap();
    let mut collector = start_in(folder, |builder| builder).await;
    assert_eq!(collector.total("").await, 10);
    let mut store = StoreConfig::new(collector.folder.path().join("data"));
    store.durability = Durability::Process;
    store.xlog_keep = Duration::from_secs(3 * 86_400);
    let reloaded = collector.running.reload(builder(collector.folder.path()).store(store)).await;
    assert_eq!(reloaded.unwrap().changed, ["retention"]);
    until("they go", async || collector.total("").await == 0).await;
}

#[test]
fn a_hangup_reads_the_file_again_and_a_file_that_is_wrong_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("collector.toml");
    let write = |text: &str| std::fs::write(&file, text).unwrap();
    write("public_hosts = [\"old.example.com\"]");
    let mut program = command(&folder.path().join("data"));
    program.args(["--agents", "127.0.0.1:0", "--http", "127.0.0.1:0", "--config"]).arg(&file);
    let mut child = program.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(said.any(|line| line.unwrap().starts_with("http ")), "it starts");
    let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut hang_up = |expected: &str| {
        let kill = format!("kill -HUP {}", child.id());
        let killed = std::process::Command::new("sh").args(["-c", &kill]).status();
        assert!(killed.unwrap().success());
        let is_it = |line: Result<String, _>| {
            let line: String = line.unwrap();
            line.contains("configuration").then_some(line)
        };
        let line = log.find_map(is_it).expect("it says what came of it");
        assert!(line.contains(expected), "{line}");
    };
    write("public_hosts = [\"new.example.com\"]\nhttp = \"127.0.0.1:1\"\n");
    // The option wins over the file: nothing to restart for.
    hang_up("changed: public_hosts");
    write("publik_hosts = []");
    hang_up("the configuration stays as it was");
    write("public_hosts = [\"new.example.com\"]");
    hang_up("nothing has changed");
    child.kill().unwrap();
    child.wait().unwrap();
}
