//! `kill -9` at random points under load, also while rows are being sealed.

use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use scouter_collector::store::local::StoreConfig;
use scouter_collector::store::{DigestKind, DigestQuery, Glob, Store, TimeRange};
use scouter_collector::{Collector, Limits};

use super::recorder::{agent, record};
use super::support::{Home, Random, Turn, files, ids_in, itself};
use crate::server::process::Process;
use crate::store::support::open;

/// Kills unless `SCOUTER_TEST_KILLS` says how many.
const KILLS: u32 = 24;

/// Where the process of [`serve`] finds its folder and its addresses.
const PLACE: &str = "SCOUTER_TEST_SERVE";

/// A collector that seals as soon as it has this many rows, which the program has no option for.
const SEAL_ROWS: usize = 600;

/// Agents at once: those of a crowd.
const MAX_AGENTS: usize = 20_000;

pub(super) fn sealing_often(folder: &Path, agents: SocketAddr, http: SocketAddr) -> Process {
    let mut command = itself("weather::killed::serve");
    command.env(PLACE, format!("{agents} {http} {}", folder.display()));
    Process::run(command)
}

#[test]
#[ignore = "a process of the test below"]
fn serve() {
    let place = std::env::var(PLACE).unwrap();
    let mut place = place.splitn(3, ' ');
    let mut part = || place.next().unwrap();
    let (agents, http) = (part().parse().unwrap(), part().parse().unwrap());
    let mut store = StoreConfig::new(part());
    store.seal_rows = SEAL_ROWS;
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let mut limits = Limits::default();
        limits.max_connections = MAX_AGENTS;
        let builder = Collector::builder().store(store).limits(limits).agents(agents).http(http);
        let running = builder.start().await.unwrap();
        let (agents, http) = (running.agent_addr(), running.http_url());
        writeln!(std::io::stdout(), "\nagents {agents}\nhttp {http}").unwrap();
        std::future::pending::<()>().await;
    });
}

#[test]
fn killed_at_random_points_and_in_the_seal_it_loses_nothing_and_keeps_nothing_twice() {
    let kills = std::env::var("SCOUTER_TEST_KILLS").map_or(KILLS, |text| text.parse().unwrap());
    let turn = Turn::take();
    let (home, mut collector) = Home::of(sealing_often);
    let digests = Duration::from_millis(50);
    let guard = agent(&home.address()).intervals(digests, digests).start().unwrap();
    let mut random = Random(u64::from(std::process::id()));
    let mut killed_in_the_seal = 0;
    for kill in 0..kills {
        let before = guard.telemetry().acked_xlogs;
        record(1 + usize::try_from(random.below(400)).unwrap());
        if kill % 2 == 0 {
            // The log of what is being sealed stays until its files are durable.
            let wal = home.folder.path().join("wal");
            for _ in 0..200 {
                if files(&wal) > 1 && guard.telemetry().acked_xlogs > before {
                    break;
                }
                record(20);
                std::thread::park_timeout(Duration::from_millis(1));
            }
            killed_in_the_seal += u32::from(files(&wal) > 1);
        }
        std::thread::park_timeout(Duration::from_micros(random.below(30_000)));
        collector.kill();
        collector = home.start_again();
    }
    turn.end_without_loss(guard);
    collector.kill();
    assert!(killed_in_the_seal > 0, "no kill met a seal");
    assert_eq!(ids_in(home.folder.path()).len() as u64, turn.recorded());
    let store = open(home.folder.path());
    let object = Glob::new("*");
    let (kind, range, is_by_object) = (DigestKind::Service, TimeRange::ALL, false);
    let query = DigestQuery { kind, object: &object, range, is_by_object };
    let digests = store.digests(&query).unwrap();
    let counted: u64 = digests.groups.iter().map(|group| group.totals.count).sum();
    assert_eq!(counted, turn.recorded(), "digests are summed once each");
}
