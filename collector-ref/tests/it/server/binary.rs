//! The binary as an operating system sees it: its lines, its exit codes, its end.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use super::agent::{Agent, txs};
use super::process::{Process, command};

fn send_signal(child: &Child, signal: &str) {
    let kill = format!("kill -{signal} {}", child.id());
    assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
}

#[test]
fn nothing_acknowledged_is_lost_when_it_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let mut acknowledged = 0;
    for round in 0..5_u64 {
        let process = Process::start(folder.path());
        assert!(process.total() >= acknowledged, "round {round}");
        let mut agent = Agent::connect(process.agents, &format!("/test/round-{round}"));
        for batch in 0..10 {
            agent.send(&txs(1 + round * 10_000 + batch * 100, 100));
            acknowledged += 100;
        }
        // Under way and unacknowledged when it dies: may be there or not, whole or not at all.
        let rest = agent.batch_frame(&txs(1 + round * 10_000 + 5_000, 100));
        agent.send_raw(&rest);
        process.kill();
    }
    let process = Process::start(folder.path());
    let total = process.total();
    assert!(total >= acknowledged && (total - acknowledged).is_multiple_of(100), "{total}");
}

#[test]
fn a_signal_ends_it_cleanly_with_everything_stored() {
    let folder = tempfile::tempdir().unwrap();
    for signal in ["TERM", "INT"] {
        let mut process = Process::start(folder.path());
        let mut agent = Agent::connect(process.agents, &format!("/test/{signal}"));
        agent.send(&txs(1, 100));
        send_signal(&process.child, signal);
        assert!(process.child.wait().unwrap().success(), "exit code 0 after {signal}");
    }
    assert_eq!(Process::start(folder.path()).total(), 200);
}

#[test]
fn what_keeps_it_from_starting_is_one_clear_line_and_an_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("wrong.toml");
    std::fs::write(&config, "htp = 1").unwrap();
    let config = config.to_str().unwrap();
    for (arguments, expected) in [
        (vec!["--http", "0.0.0.0:0", "--agents", "127.0.0.1:0"], "without a token"),
        (vec!["--config", config], "unknown field `htp`"),
        (vec!["--config", "/does/not/exist.toml"], "cannot read the configuration file"),
        (vec!["--token", "short"], "shorter than 8 bytes"),
        (vec!["--http", "nonsense"], "invalid value 'nonsense'"),
    ] {
        let output = command(&folder.path().join("data")).args(&arguments).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success(), "{arguments:?}");
        assert!(said.contains(expected), "{arguments:?}: {said}");
        assert!(output.stdout.is_empty(), "nothing is announced");
    }
}

#[test]
fn a_read_only_or_broken_folder_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a-file");
    std::fs::write(&file, "").unwrap();
    let output =
        command(&file).args(["--agents", "127.0.0.1:0", "--http", "127.0.0.1:0"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("a-file"), "{said}");
}

#[test]
fn it_watches_its_own_requests_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::start(folder.path());
    let own = "f=object:*/scouter-collector";
    let all = super::collector::ALL;
    let mut requests = 0;
    let mut ask = |path: &str| {
        requests += 1;
        (process.json(path), requests)
    };
    // Its counters come every two seconds over the same connection. Once some have been stored, a
    // loop (storing makes a record, which is stored) would show as more rows than requests.
    loop {
        let (series, _) = ask(&format!("/api/v1/counters?{all}&name=active_services%7C"));
        let points = series["series"][0]["points"].as_array().map_or(0, Vec::len);
        let (page, requests) = ask(&format!("/api/v1/xlogs?{all}&count_only=1&{own}"));
        let rows = page["total"].as_u64().unwrap();
        assert!(rows < requests, "{rows} transactions after {requests} requests");
        if points >= 2 && rows > 0 {
            break;
        }
        assert!(requests < 4_000, "it never reported about itself");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let (page, _) = ask(&format!("/api/v1/xlogs?{all}&limit=1&{own}"));
    let service = page["rows"][0]["service"].as_str().unwrap();
    assert!(service.starts_with("GET /api/v1/"), "{service}");
}

#[test]
fn the_hash_of_a_password_is_printed_and_the_password_is_not() {
    let hash = |password: &str| {
        let mut child = Command::new(env!("CARGO_BIN_EXE_scouter-collector"))
            .arg("hash-password")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), password.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    };
    let output = hash("correct horse\n");
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && printed.starts_with("$argon2id$"), "{printed}");
    assert!(!printed.contains("horse"));
    let refused = hash("short\n");
    assert!(!refused.status.success() && refused.stdout.is_empty());
    assert!(String::from_utf8(refused.stderr).unwrap().contains("10 to 1024 bytes"));
}

#[test]
fn each_line_of_a_log_in_json_is_one_object() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = command(folder.path())
        .args(["--agents", "127.0.0.1:0", "--http", "127.0.0.1:0", "--log", "json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.next().unwrap().unwrap().starts_with("agents "));
    send_signal(&child, "TERM");
    let output = child.wait_with_output().unwrap();
    let log = String::from_utf8(output.stderr).unwrap();
    let lines: Vec<serde_json::Value> =
        log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.iter().any(|line| line["message"] == "stopping"), "{log}");
}
