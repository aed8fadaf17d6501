//! Debug files that are uploaded, and the names they give.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;

use scouter_collector::Tokens;
use scouter_core::native::build_id_of;
use scouter_wire::codec::{
    CommandKind, FrameEntry, ModuleEntry, StackQuality, ThreadDump, ThreadEntry, put_threads,
};
use serde_json::{Value, json};

use super::agent::Agent;
use super::collector::{TestCollector, start, start_with};
use super::control::answering;

/// A library with one function, made by the C compiler, and the address of that.
fn library(folder: &Path) -> (PathBuf, u64) {
    let (source, file) = (folder.join("shop.c"), folder.join("shop.so"));
    std::fs::write(&source, "int sell_everything(int n) { return n * 3; }\n").unwrap();
    let mut compiler = Command::new("cc");
    compiler.args(["-g", "-shared", "-fPIC", "-Wl,--build-id"]).arg(&source).arg("-o").arg(&file);
    assert!(compiler.status().unwrap().success());
    let names = Command::new("nm").arg(&file).output().unwrap();
    let names = String::from_utf8(names.stdout).unwrap();
    let line = names.lines().find(|line| line.ends_with("sell_everything")).unwrap();
    (file, u64::from_str_radix(line.split(' ').next().unwrap(), 16).unwrap())
}

/// The function of the only frame of a dump: code at this address of a program of this build.
async fn named(collector: &TestCollector, agent: Agent, build: &[u8], at: u64) -> (Value, Agent) {
    let build_id = build.to_vec();
    let agent = answering(agent, CommandKind::Threads, false, move |_, out| {
        let modules = vec![ModuleEntry { path: "/srv/elsewhere".into(), build_id }];
        let frames = vec![FrameEntry::Code { module: Some(0), offset: at }];
        let quality = StackQuality::Complete;
        let threads = vec![ThreadEntry { tid: 42, quality, frames, ..ThreadEntry::default() }];
        put_threads(out, &ThreadDump { modules, total: 1, threads, ..ThreadDump::default() });
    });
    let url = collector.url("/api/v1/threads/%2Ftest%2Fshop");
    let answer: Value = collector.client.post(&url).send().await.unwrap().json().await.unwrap();
    (answer["threads"][0]["frames"][0]["functions"][0].clone(), agent.join().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn code_of_a_program_elsewhere_has_names_once_its_debug_file_was_uploaded() {
    let collector = start().await;
    let mut agent = collector.agent("/test/shop");
    let (file, at) = library(collector.folder.path());
    let build = build_id_of(&file).unwrap();
    let (function, next) = named(&collector, agent, &build, at).await;
    assert_eq!(function["name"], format!("elsewhere+{at:#x}"));
    agent = next;
    let mut program = Command::new(env!("CARGO_BIN_EXE_scouter-collector"));
    program.env_remove("SCOUTER_COLLECTOR_TOKEN").arg("upload-symbols").arg(&file);
    program.arg("--url").arg(collector.url(""));
    let output = tokio::task::spawn_blocking(move || program.output()).await.unwrap().unwrap();
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    let hex: String = build.iter().map(|byte| format!("{byte:02x}")).collect();
    let kept = json!({ "build_id": hex, "bytes": std::fs::metadata(&file).unwrap().len() });
    assert_eq!(said, kept);
    assert_eq!(collector.get("/api/v1/symbols").await, (200, json!({ "files": [kept] })));
    // That it was missing is believed for some seconds.
    loop {
        let (function, next) = named(&collector, agent, &build, at).await;
        agent = next;
        if function["name"] == "sell_everything" {
            assert!(function["place"].as_str().unwrap().ends_with("shop.c:1"), "{function}");
            break;
        }
    }
    let audit = std::fs::read_to_string(collector.folder.path().join("data/audit.jsonl")).unwrap();
    assert!(audit.contains("upload symbols"), "{audit}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_debug_file_or_breaks_off_is_refused_and_leaves_nothing() {
    let collector = start().await;
    let url = collector.url("/api/v1/symbols");
    for body in [&b""[..], b"MZ", b"\x7fELF\x02\x01\x01 and then nothing of it"] {
        let answer = collector.client.post(&url).body(body).send().await.unwrap();
        assert_eq!(answer.status(), 400);
        let answer: Value = answer.json().await.unwrap();
        assert_eq!(answer["error"]["code"], "bad_debug_file");
    }
    let address = collector.running.http_addr();
    let answer = tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(address).unwrap();
        let head = "POST /api/v1/symbols HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99\r\n\r\n";
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(b"\x7fELF").unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).map(|_| answer)
    });
    let answer = answer.await.unwrap().unwrap();
    assert!(answer.is_empty() || answer.contains("broke off"), "{answer}");
    loop {
        let mut left = std::fs::read_dir(collector.folder.path().join("data/symbols")).unwrap();
        if left.next().is_none() {
            break;
        }
    }
    assert_eq!(collector.get("/api/v1/symbols").await, (200, json!({ "files": [] })));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_may_not_upload() {
    let mut tokens = Tokens::default();
    tokens.viewer = Some("a-token-for-looking-only".into());
    let collector = start_with(|builder| builder.tokens(tokens)).await;
    let request = collector.client.post(collector.url("/api/v1/symbols")).body("x");
    let answer = request.bearer_auth("a-token-for-looking-only").send().await.unwrap();
    assert_eq!(answer.status(), 403);
    assert!(!collector.folder.path().join("data/symbols").exists());
}
