//! Disks under a collector that agents send to: full, stuck, failing, and not to be written to.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use scouter_collector::store::local::Syncing;
use scouter_exporter::MIN_WINDOW_BYTES;
use scouter_wire::codec::DropReason;

use super::recorder::{agent, flush, record, until};
use super::support::{Inside, OBJECT, Turn, ids_in, object};
use crate::server::agent::{Agent, txs};
use crate::server::process::{Process, ask, command};
use crate::store::full_disk::{FOLDER, run_on_a_small_disk};

/// The small disk of the process of an ignored test.
fn small_disk() -> PathBuf {
    std::env::var_os(FOLDER).unwrap().into()
}

/// Why a collector says that it is not ready; nothing if it is.
fn trouble(http: SocketAddr) -> Option<String> {
    let (status, said) = ask(http, "/readyz");
    (status == 503).then_some(said)
}

#[test]
fn on_a_full_disk_the_agent_keeps_what_it_can_and_all_goes_on_once_there_is_room() {
    run_on_a_small_disk("weather::disk::under_a_collector_it_is_full_and_has_room_again");
}

#[test]
#[ignore = "run by the test above"]
fn under_a_collector_it_is_full_and_has_room_again() {
    let turn = Turn::take();
    let disk = small_disk();
    std::fs::write(disk.join("something else"), vec![1; 2 << 20]).unwrap();
    let folder = disk.join("data");
    let collector = Process::start(&folder);
    let guard =
        agent(&collector.agents.to_string()).window_bytes(MIN_WINDOW_BYTES).start().unwrap();
    let dropped = |reason| guard.telemetry().totals.dropped(reason);
    while dropped(DropReason::WindowXLogs) == 0 {
        record(2_000);
        assert!(turn.recorded() < 400_000, "two megabytes hold less than this");
    }
    assert!(dropped(DropReason::WindowProfiles) > 0, "profiles go before the first XLog");
    until("it says that it is full", || {
        trouble(collector.http).is_some_and(|why| why.contains("No space left"))
    });
    turn.assert_balance_when_quiet(&guard);
    let before = guard.telemetry().acked_xlogs;
    assert!(before > 0);

    std::fs::remove_file(disk.join("something else")).unwrap();
    flush(&guard);
    until("it is ready again", || trouble(collector.http).is_none());
    record(1_000);
    turn.assert_both_sides_agree(&guard, &|path| collector.json(path));
    let telemetry = guard.shutdown();
    turn.assert_balance(&telemetry);
    assert!(telemetry.acked_xlogs > before + 1_000, "what it had kept is stored too");
    collector.kill();
    assert_eq!(ids_in(&folder).len() as u64, telemetry.acked_xlogs);
}

#[test]
fn a_disk_that_is_stuck_costs_nothing_that_the_window_can_hold() {
    let turn = Turn::take();
    let is_stuck = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&is_stuck);
    let collector = Inside::start(|store, _| {
        store.syncing = Syncing::Manual(Arc::new(move |file| {
            until("the disk is no longer stuck", || !seen.load(SeqCst));
            file.sync_data()
        }));
    });
    let guard = agent(&collector.agents()).start().unwrap();
    record(500);
    turn.assert_both_sides_agree(&guard, &|path| collector.json(path));
    let before = guard.telemetry();
    is_stuck.store(true, SeqCst);
    record(3_000);
    until("it has given up waiting", || {
        guard.telemetry().connection_failures > before.connection_failures + 1
    });
    turn.assert_balance_when_quiet(&guard);
    assert!(guard.telemetry().acked_xlogs <= before.acked_xlogs + 3_000);
    assert!(guard.telemetry().pending_xlogs > 0, "nothing is acknowledged on a promise");
    is_stuck.store(false, SeqCst);
    turn.assert_both_sides_agree(&guard, &|path| collector.json(path));
    turn.end_without_loss(guard);
    let folder = collector.stop();
    assert_eq!(ids_in(folder.path()).len() as u64, turn.recorded());
}

#[test]
fn what_a_failed_sync_may_have_lost_is_not_acknowledged_before_it_is_sealed() {
    let is_broken = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&is_broken);
    let collector = Inside::start(|store, _| {
        store.syncing = Syncing::Manual(Arc::new(move |file| {
            const EIO: i32 = 5;
            match seen.load(SeqCst) {
                true => Err(std::io::Error::from_raw_os_error(EIO)),
                false => file.sync_data(),
            }
        }));
    });
    let address = collector.agents().parse().unwrap();
    let mut agent = Agent::connect(address, OBJECT);
    agent.send(&txs(1, 100));
    let acknowledged = agent.seq;
    // Neither by syncing nor by sealing does anything become durable now.
    let hours = collector.data().join("data");
    std::fs::remove_dir_all(&hours).unwrap();
    std::fs::write(&hours, "in the way").unwrap();
    is_broken.store(true, SeqCst);
    let frame = agent.batch_frame(&txs(101, 100));
    agent.send_raw(&frame);
    until("it says so", || {
        trouble(collector.http()).is_some_and(|why| why.contains("syncing the write-ahead log"))
    });
    let mut again = Agent::connect_with(address, agent.hello.clone(), None).unwrap();
    // Nothing is said while the last frame is on its way to the disk: the agent sends all again.
    assert!(again.welcome.acked_seq <= acknowledged, "so the agent still has it");

    // The disk goes on failing, and what is sealed is durable in other files.
    again.send_raw(&frame);
    std::fs::remove_file(&hours).unwrap();
    again.wait_acked(agent.seq);
    is_broken.store(false, SeqCst);
    (again.seq, again.totals) = (agent.seq, agent.totals);
    again.send(&txs(201, 100));
    until("it is ready again", || trouble(collector.http()).is_none());
    let books = object(&|path| collector.json(path));
    assert_eq!((&books["recorded"], &books["stored"]), (&300.into(), &300.into()), "{books:#}");
    assert_eq!(books["pending"], 0);
    let folder = collector.stop();
    assert_eq!(ids_in(folder.path()).len(), 300);
}

#[test]
fn a_folder_that_cannot_be_written_to_is_named_and_the_exit_codes_are_true() {
    run_on_a_small_disk("weather::disk::it_is_mounted_read_only");
}

#[test]
#[ignore = "run by the test above"]
fn it_is_mounted_read_only() {
    let disk = small_disk();
    let folder = disk.join("data");
    let mut collector = Process::start(&folder);
    Agent::connect(collector.agents, OBJECT).send(&txs(1, 100));
    // By its end all of it is sealed.
    let id = collector.child.id().to_string();
    assert!(Command::new("kill").arg(id).status().unwrap().success());
    assert!(collector.child.wait().unwrap().success());

    remount(&disk, "ro");
    let any = ["--agents", "127.0.0.1:0", "--http", "127.0.0.1:0"];
    let output = command(&folder).args(any).output().unwrap();
    expect(&output, 1, "Read-only file system");
    expect(&output, 1, folder.to_str().unwrap());
    assert!(output.stdout.is_empty(), "nothing is announced");
    remount(&disk, "rw");

    expect(&task("check", &folder), 0, " 0 damaged");
    expect(&task("check", &disk.join("nowhere")), 1, "nowhere");
    expect(&task("repair", &disk.join("nowhere")), 1, "nowhere");
    let segment = find(&folder.join("data"), "parquet").unwrap();
    let bytes = std::fs::read(&segment).unwrap();
    std::fs::write(&segment, &bytes[..bytes.len() / 2]).unwrap();
    expect(&task("check", &folder), 1, " 1 damaged");
    expect(&task("repair", &folder), 0, "moved ");
    expect(&task("check", &folder), 0, " 0 damaged");
    let collector = Process::start(&folder);
    expect(&task("check", &folder), 1, "scouter-collector: ");
    assert_eq!(collector.total(), 0, "what was set aside is not served");
}

fn remount(disk: &Path, how: &str) {
    let mut mount = Command::new("mount");
    mount.args(["-o", &format!("remount,{how}")]).arg(disk);
    assert!(mount.status().unwrap().success());
}

fn task(name: &str, folder: &Path) -> Output {
    let program = env!("CARGO_BIN_EXE_scouter-collector");
    Command::new(program).arg(name).arg(folder).output().unwrap()
}

fn expect(output: &Output, code: i32, says: &str) {
    let told = crate::store::full_disk::told(output);
    assert!(output.status.code() == Some(code) && told.contains(says), "{output:?}: {told}");
}

/// The first file below a folder with this ending.
fn find(folder: &Path, ending: &str) -> Option<PathBuf> {
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths.into_iter().find_map(|path| match path.is_dir() {
        true => find(&path, ending),
        false => path.extension().is_some_and(|end| end == ending).then_some(path),
    })
}
