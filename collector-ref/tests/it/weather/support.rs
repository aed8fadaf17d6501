//! What all weather has: an agent in this process, addresses that stay, and books.

use std::collections::HashSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU8, Ordering};

use scouter_collector::store::local::StoreConfig;
use scouter_collector::{Collector, Limits, Running};
use scouter_core::drain;
use scouter_exporter::{Guard, TelemetrySnapshot};
use scouter_wire::codec::DropReason;
use serde_json::Value;
use tokio::runtime::Runtime;

use super::recorder::{Recorder, flush, record, until};
use crate::server::process::{Process, ask};
use crate::server::tls::RECORDER;
use crate::store::support::{every_row, open};

/// How agents of these tests are called.
pub(super) const OBJECT: &str = "/test/agent";

/// The recorder of this process, for one test at a time.
pub(super) struct Turn {
    recorder: Recorder,
    before: drain::Totals,
    _others: tokio::sync::MutexGuard<'static, ()>,
}

impl Turn {
    pub(super) fn take() -> Self {
        let others = RECORDER.blocking_lock();
        let recorder = Recorder::take();
        Self { recorder, before: drain::totals(), _others: others }
    }

    /// Transactions recorded since the test began.
    pub(super) fn recorded(&self) -> u64 {
        drain::totals().recorded - self.before.recorded
    }

    /// Those that are not acknowledged, at most.
    pub(super) fn unacknowledged(&self, guard: &Guard) -> u64 {
        self.recorded() - guard.telemetry().acked_xlogs
    }

    /// Ends the agent once everything is delivered: nothing was dropped, and its books close.
    pub(super) fn end_without_loss(&self, guard: Guard) -> TelemetrySnapshot {
        flush(&guard);
        let telemetry = guard.shutdown();
        self.recorder.assert_balance(&telemetry);
        assert_eq!(telemetry.totals.dropped_xlogs(), self.before.dropped(), "{telemetry:?}");
        assert_eq!((telemetry.acked_xlogs, telemetry.pending_xlogs), (self.recorded(), 0));
        telemetry
    }

    /// The books of the agent close, whatever it has dropped.
    pub(super) fn assert_balance(&self, telemetry: &TelemetrySnapshot) {
        self.recorder.assert_balance(telemetry);
    }

    /// As [`Turn::assert_balance`], while it runs.
    pub(super) fn assert_balance_when_quiet(&self, guard: &Guard) {
        self.recorder.assert_balance_when_quiet(guard);
    }

    /// Waits until the collector at `http` says of the agent what the agent says of itself, each
    /// drop under the same reason, and has stored what was acknowledged. One transaction is
    /// recorded first, because an agent tells its totals with its transactions.
    pub(super) fn assert_both_sides_agree(&self, guard: &Guard, collector: &dyn Fn(&str) -> Value) {
        record(1);
        flush(guard);
        let telemetry = guard.telemetry();
        let totals = telemetry.totals;
        let object = object(collector);
        assert_eq!(object["stored"], telemetry.acked_xlogs, "{object:#}");
        assert_eq!(object["recorded"], totals.recorded, "{object:#}");
        assert_eq!(object["dropped_xlogs"], totals.dropped_xlogs(), "{object:#}");
        for reason in DropReason::ALL {
            let told = object["dropped"][reason.name()].as_u64().unwrap_or(0);
            assert_eq!(told, totals.dropped(reason), "{}: {object:#}", reason.name());
        }
        let accounted = telemetry.acked_xlogs + totals.dropped_xlogs() - self.before.dropped();
        assert_eq!(self.recorded(), accounted, "{telemetry:?}");
    }
}

/// What a collector says of the agent.
pub(super) fn object(collector: &dyn Fn(&str) -> Value) -> Value {
    let answer = collector("/api/v1/objects");
    let is_it = |object: &&Value| object["alive"] == true && object["name"] == OBJECT;
    let object = answer["objects"].as_array().unwrap().iter().find(is_it);
    object.unwrap_or_else(|| panic!("{answer:#}")).clone()
}

/// An address of this machine that nobody else uses, so that a collector comes back where it was.
pub(super) fn own_address() -> SocketAddr {
    static NEXT: AtomicU8 = AtomicU8::new(1);
    let [.., high, low] = std::process::id().to_be_bytes();
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    SocketAddr::from((Ipv4Addr::new(127, 64 + number, high, low | 1), 0))
}

/// A collector that comes back where it was.
pub(super) struct Home {
    pub(super) folder: tempfile::TempDir,
    agents: SocketAddr,
    http: SocketAddr,
    start: fn(&Path, SocketAddr, SocketAddr) -> Process,
}

impl Home {
    /// The program.
    pub(super) fn program() -> (Self, Process) {
        Self::of(Process::start_at)
    }

    /// Whatever `start` starts.
    pub(super) fn of(start: fn(&Path, SocketAddr, SocketAddr) -> Process) -> (Self, Process) {
        let folder = tempfile::tempdir().unwrap();
        let any = own_address();
        let process = start(folder.path(), any, any);
        let (agents, http) = (process.agents, process.http);
        (Self { folder, agents, http, start }, process)
    }

    pub(super) fn start_again(&self) -> Process {
        (self.start)(self.folder.path(), self.agents, self.http)
    }

    pub(super) fn address(&self) -> String {
        self.agents.to_string()
    }
}

/// A collector in this process, for what only the library can set.
pub(super) struct Inside {
    runtime: Runtime,
    running: Running,
    folder: tempfile::TempDir,
}

impl Inside {
    pub(super) fn start(change: impl FnOnce(&mut StoreConfig, &mut Limits)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (mut store, mut limits) = (StoreConfig::new(folder.path()), Limits::default());
        change(&mut store, &mut limits);
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let builder = Collector::builder().store(store).limits(limits).agents(any).http(any);
        let runtime = Runtime::new().unwrap();
        let running = runtime.block_on(builder.start()).unwrap();
        Self { runtime, running, folder }
    }

    pub(super) fn agents(&self) -> String {
        self.running.agent_addr().to_string()
    }

    pub(super) fn http(&self) -> SocketAddr {
        self.running.http_addr()
    }

    pub(super) fn data(&self) -> &Path {
        self.folder.path()
    }

    pub(super) fn json(&self, path: &str) -> Value {
        let (status, body) = ask(self.http(), path);
        assert_eq!(status, 200, "{path}: {body}");
        serde_json::from_str(&body).unwrap()
    }

    /// Ends it and leaves its folder.
    pub(super) fn stop(self) -> tempfile::TempDir {
        self.runtime.block_on(self.running.shutdown()).unwrap();
        self.folder
    }
}

/// The ids of all transactions of the agent in a folder that no collector uses; none may be there twice.
pub(super) fn ids_in(folder: &Path) -> HashSet<u64> {
    let rows = every_row(&open(folder));
    // What the program records of its own requests is no part of it.
    let ids: Vec<u64> =
        rows.iter().filter(|row| *row.object == *OBJECT).map(|row| row.txid.value()).collect();
    let distinct: HashSet<u64> = ids.iter().copied().collect();
    assert_eq!(distinct.len(), ids.len(), "some are stored twice in {}", folder.display());
    distinct
}

/// Files in a folder.
pub(super) fn files(folder: &Path) -> usize {
    std::fs::read_dir(folder).map_or(0, Iterator::count)
}

/// Waits until the agent has delivered some of what it recorded.
pub(super) fn until_some_is_acknowledged(guard: &Guard, beyond: u64) {
    until("some is acknowledged", || guard.telemetry().acked_xlogs > beyond);
}

/// Numbers that look random and are the same in each run.
pub(super) struct Random(pub(super) u64);

impl Random {
    /// A number below `end`.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

/// This test binary again, to run one of its ignored tests as a process of its own.
pub(super) fn itself(test: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--ignored", "--nocapture", "--exact", test]);
    command
}
