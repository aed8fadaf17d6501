//! Very many at once: agents that say nothing, and pages that are open.

use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::process::Command;

use futures_util::StreamExt;
use scouter_collector::Limits;
use scouter_wire::codec::{FrameType, PREFACE, write_frame};
use tokio::task::JoinSet;

use super::killed::sealing_often;
use super::support::{OBJECT, object};
use crate::server::agent::{Agent, hello, open, read_frame, txs};
use crate::server::collector::start_with;

/// Agents that are connected and say nothing.
pub(super) const AGENTS: usize = 10_000;

/// Pages that are open.
const VIEWERS: usize = 1_000;

/// Most memory of the collector with all of them, in MB: both directions of a connection have a
/// thread.
const MAX_RESIDENT_MB: u64 = 1_500;

/// Lets this process open as many files as it takes.
fn allow_many_files() {
    let id = std::process::id().to_string();
    let set = Command::new("prlimit").args(["--pid", &id, "--nofile=65536:65536"]).status();
    assert!(set.unwrap().success(), "prlimit of util-linux may raise the limit");
}

/// Connects, is welcomed and says no more.
fn idle(address: SocketAddr, number: usize) -> TcpStream {
    let mut stream = open(address);
    let mut out = PREFACE.to_vec();
    let hello = hello(&format!("/test/idle-{number}"));
    write_frame(&mut out, FrameType::Hello, 0, |out| hello.put(out)).unwrap();
    stream.write_all(&out).unwrap();
    let (header, _) = read_frame(&mut stream).expect("WELCOME");
    assert_eq!(header.frame_type(), Some(FrameType::Welcome), "agent {number}");
    stream
}

#[test]
fn ten_thousand_idle_agents_keep_nobody_from_sending_and_a_new_one_is_welcome() {
    allow_many_files();
    let folder = tempfile::tempdir().unwrap();
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let collector = sealing_often(folder.path(), any, any);
    let mut agent = Agent::connect(collector.agents, OBJECT);
    let all: Vec<TcpStream> = (0..AGENTS).map(|number| idle(collector.agents, number)).collect();
    for batch in 0..20 {
        agent.send(&txs(1 + 100 * batch, 100));
    }
    let books = object(&|path| collector.json(path));
    assert_eq!((&books["recorded"], &books["stored"]), (&2_000.into(), &2_000.into()));
    let mut late = Agent::connect(collector.agents, "/test/late");
    late.send(&txs(10_001, 100));
    let memory = std::fs::read_to_string(format!("/proc/{}/status", collector.child.id())).unwrap();
    let resident = memory.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    let resident_kb: u64 = resident.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(resident_kb / 1_024 < MAX_RESIDENT_MB, "{resident_kb} kB");
    drop(all);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_pages_that_are_open_keep_no_agent_from_sending() {
    allow_many_files();
    let mut limits = Limits::default();
    limits.max_viewers = VIEWERS;
    let collector = start_with(|builder| builder.limits(limits)).await;
    let url = format!("ws://{}/api/v1/live", collector.running.http_addr());
    let mut pages = Vec::new();
    while pages.len() < VIEWERS {
        let mut some = JoinSet::new();
        (0..50).for_each(|_| {
            let url = url.clone();
            some.spawn(async move {
                let (mut page, _) = tokio_tungstenite::connect_async(url).await.unwrap();
                page.next().await.expect("HELLO").unwrap();
                page
            });
        });
        pages.extend(some.join_all().await);
    }
    assert!(tokio_tungstenite::connect_async(url).await.is_err(), "and no more than that");
    let mut agent = collector.agent(OBJECT);
    for batch in 0..20 {
        agent.send(&txs(1 + 100 * batch, 100));
    }
    collector.agent("/test/late").send(&txs(10_001, 100));
    assert_eq!(collector.total("").await, 2_100);
    let answer = collector.json("/api/v1/objects").await;
    let books = object(&|_| answer.clone());
    assert_eq!((&books["recorded"], &books["stored"]), (&2_000.into(), &2_000.into()));
    // All of them still live: each gets the pulse.
    for page in &mut pages {
        page.next().await.expect("an open socket").unwrap();
    }
}
