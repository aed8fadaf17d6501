//! Very many at once: agents that say nothing, and pages that are open.

use std::io::Write;
use std::net::{SocketAddr, TcpStream};

use rustix::process::{Resource, getrlimit, setrlimit};
use scouter_collector::Limits;
use scouter_wire::codec::{FrameType, PREFACE, write_frame};

use super::killed::sealing_often;
use super::support::{OBJECT, object};
use crate::server::agent::{Agent, hello, open, read_frame, txs};
use crate::server::collector::start_with;
use crate::server::live::Page;

/// Agents that are connected and say nothing, where the system lets a process open so many files.
const AGENTS: usize = 10_000;

/// Files besides the connections of the agents.
const OTHER_FILES: usize = 2_000;

/// Pages that are open.
const VIEWERS: usize = 1_000;

/// Most memory that the collector takes for an idle agent, its thread included, where the compiler
/// does not optimise: some 130 kB, half of it what is read ahead.
const MAX_AGENT_BYTES: usize = 200 * 1024;

/// Lets this process, and those it starts, open as many files as it may. Says how many agents that
/// leaves room for.
fn room_for_agents() -> usize {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).unwrap();
    let files = limit.maximum.map_or(usize::MAX, |files| usize::try_from(files).unwrap());
    let room = AGENTS.min(files - OTHER_FILES);
    assert!(room >= 2_000, "with {files} files this shows nothing: raise the limit (ulimit -n)");
    room
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

/// Resident memory of a process.
fn resident_bytes(process: u32) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1_024
}

#[test]
fn ten_thousand_idle_agents_keep_nobody_from_sending_and_a_new_one_is_welcome() {
    let agents = room_for_agents();
    let folder = tempfile::tempdir().unwrap();
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let collector = sealing_often(folder.path(), any, any);
    let mut agent = Agent::connect(collector.agents, OBJECT);
    let before = resident_bytes(collector.child.id());
    let all: Vec<TcpStream> = (0..agents).map(|number| idle(collector.agents, number)).collect();
    let grown = resident_bytes(collector.child.id()).saturating_sub(before);
    for batch in 0..20 {
        agent.send(&txs(1 + 100 * batch, 100));
    }
    let books = object(&|path| collector.json(path));
    assert_eq!((&books["recorded"], &books["stored"]), (&2_000.into(), &2_000.into()));
    Agent::connect(collector.agents, "/test/late").send(&txs(10_001, 100));
    assert_eq!(collector.total(), 2_100);
    assert!(grown / agents < MAX_AGENT_BYTES, "{} bytes an agent of {agents}", grown / agents);
    drop(all);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_pages_that_are_open_see_everything_once_and_keep_no_agent_from_sending() {
    room_for_agents();
    let mut limits = Limits::default();
    limits.max_viewers = VIEWERS;
    let collector = start_with(|builder| builder.limits(limits)).await;
    let mut pages = Vec::with_capacity(VIEWERS);
    for _ in 0..VIEWERS {
        let mut page = Page::open(&collector).await;
        page.subscribe(0, "object:/test/*").await;
        assert_eq!(page.snapshot().await.0, 0);
        pages.push(page);
    }
    let url = format!("ws://{}/api/v1/live", collector.running.http_addr());
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
    for page in &mut pages {
        page.points(2_100).await;
    }
}
