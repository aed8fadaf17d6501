//! Clocks that are off: the agent's, the collector's, and one that goes back between two runs. Real
//! processes under libfaketime, which moves the time of the day and leaves the steady clocks alone.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use scouter_collector::store::local::check;
use scouter_collector::store::{DigestKind, DigestQuery, Glob, Store, TimeRange};
use serde_json::Value;

use super::recorder::{agent, record, until};
use super::support::{
    OBJECT, Turn, ids_in, itself, object, own_address, until_some_is_acknowledged,
};
use crate::server::process::{Process, ask, command};
use crate::store::full_disk::told;
use crate::store::support::{every_row, open};

/// Where the process of [`an_agent`] finds its collector: addresses of both ports.
const PLACE: &str = "SCOUTER_TEST_AGENT";

const SECOND_US: i64 = 1_000_000;
const HOUR: i64 = 3_600;

/// How far a measured difference, or a time that was corrected by it, may be off on a machine that is
/// busy: the way to the collector and back takes as long as it takes.
const SLACK_US: i64 = 10 * SECOND_US;

/// 2030-01-01 00:00:00 UTC.
const IN_2030: i64 = 1_893_456_000;

/// Transactions of an agent.
const COUNT: usize = 900;

fn unix_us() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(since.as_micros()).unwrap()
}

/// What `faketime` preloads; `None` without it, which under `CI=true` is a failure.
fn library() -> Option<String> {
    let mut command = Command::new("faketime");
    let output = command.args(["-m", "-f", "+0s", "sh", "-c", "echo \"$LD_PRELOAD\""]).output();
    let library = output.ok().filter(|output| output.status.success());
    let library = library.map(|output| String::from_utf8(output.stdout).unwrap().trim().to_owned());
    let is_ci = std::env::var("CI").is_ok_and(|ci| ci == "true");
    assert!(library.is_some() || !is_ci, "faketime is needed under CI=true: see scripts/setup");
    if library.is_none() {
        eprintln!("skipped: clocks that are off need faketime (run scripts/setup)");
    }
    library
}

/// Lets a process see another time of the day.
fn shift(command: &mut Command, library: &str, seconds: i64) {
    command.env("LD_PRELOAD", library).env("FAKETIME", format!("{seconds:+}s"));
    for unchanged in ["DONT_FAKE_MONOTONIC", "FAKETIME_DONT_FAKE_MONOTONIC", "NO_FAKE_STAT"] {
        command.env(unchanged, "1");
    }
}

/// The program over a folder, with a clock that is this far off.
fn collector(folder: &Path, at: [SocketAddr; 2], library: &str, seconds: i64) -> Process {
    let mut command = command(folder);
    command.arg("--agents").arg(at[0].to_string()).arg("--http").arg(at[1].to_string());
    shift(&mut command, library, seconds);
    Process::run(command)
}

/// Ends the program by a signal: it seals everything and says that it has.
fn end(mut collector: Process) {
    let id = collector.child.id().to_string();
    assert!(Command::new("kill").arg(id).status().unwrap().success());
    assert!(collector.child.wait().unwrap().success());
}

#[test]
#[ignore = "a process of the tests below"]
fn an_agent() {
    let place = std::env::var(PLACE).unwrap();
    let (agents, http) = place.split_once(' ').unwrap();
    let http: SocketAddr = http.parse().unwrap();
    let turn = Turn::take();
    let often = Duration::from_millis(50);
    let guard = agent(agents).intervals(often, often).start().unwrap();
    record(COUNT);
    let collector = |path: &str| -> Value {
        let (status, body) = ask(http, path);
        assert_eq!(status, 200, "{path}: {body}");
        serde_json::from_str(&body).unwrap()
    };
    let names = format!("/api/v1/counters?object={OBJECT}");
    until("counters came", || !collector(&names)["names"].as_array().unwrap().is_empty());
    turn.assert_both_sides_agree(&guard, &collector);
    turn.end_without_loss(guard);
    println!("\nrecorded {} at {}", turn.recorded(), unix_us());
}

/// An agent whose clock is off by so many seconds sends to a collector whose clock is off by so
/// many: books close, and every time is the collector's.
fn check_clocks(library: &str, of_agent: i64, of_collector: i64) {
    let folder = tempfile::tempdir().unwrap();
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let collector = collector(folder.path(), [any, any], library, of_collector);
    let mut agent = itself("weather::clocks::an_agent");
    agent.env(PLACE, format!("{} {}", collector.agents, collector.http));
    shift(&mut agent, library, of_agent);
    let began = unix_us();
    let output = agent.output().unwrap();
    let ended = unix_us();
    let told = told(&output);
    assert!(output.status.success() && told.contains("1 passed"), "{told}");
    let line = told.lines().find_map(|line| line.strip_prefix("recorded ")).unwrap();
    let (recorded, at) = line.split_once(" at ").unwrap();
    let its_time: i64 = at.parse().unwrap();
    let seen = its_time - of_agent * SECOND_US;
    assert!((began..=ended).contains(&seen), "its clock is really off: {line}");

    let listed = collector.json("/api/v1/objects")["objects"].clone();
    let entry = listed.as_array().unwrap().iter().find(|object| object["name"] == OBJECT);
    assert_offset(entry.unwrap(), of_collector - of_agent);
    end(collector);
    assert!(check(folder.path()).unwrap().is_sound());
    let shift_us = of_collector * SECOND_US;
    let (first, last) = (began + shift_us - SLACK_US, ended + shift_us + SLACK_US);
    let count = ids_in(folder.path()).len();
    assert_eq!(count.to_string(), recorded);
    assert_times(folder.path(), TimeRange { from_unix_us: first, to_unix_us: last }, count);
}

/// What the collector says of the clock of an agent.
fn assert_offset(object: &Value, expected_seconds: i64) {
    let offset = object["clock_offset_us"].as_i64().unwrap();
    assert!((offset - expected_seconds * SECOND_US).abs() < SLACK_US, "{object:#}");
    assert_eq!(object["clock_is_off"], expected_seconds != 0, "{object:#}");
}

/// Transactions, counters and digests of the agent lie within a range, and nowhere else.
fn assert_times(folder: &Path, range: TimeRange, count: usize) {
    let store = open(folder);
    for row in every_row(&store).iter().filter(|row| *row.object == *OBJECT) {
        assert!(range.contains(row.end_unix_us), "{range:?}: {row:?}");
        assert!(range.contains(row.arrival_unix_us), "{range:?}: {row:?}");
    }
    let object = Glob::new(OBJECT);
    let mut points = 0;
    for name in store.counter_names(&object) {
        for series in store.counters(&object, &name, TimeRange::ALL).unwrap() {
            points += series.points.len();
            let outside = series.points.iter().find(|(unix_us, _)| !range.contains(*unix_us));
            assert_eq!(outside, None, "{name}, {range:?}");
        }
    }
    assert!(points > 0);
    let digested = |range: TimeRange| -> u64 {
        let query =
            DigestQuery { kind: DigestKind::Service, object: &object, range, is_by_object: false };
        store.digests(&query).unwrap().groups.iter().map(|group| group.totals.count).sum()
    };
    assert_eq!((digested(range), digested(TimeRange::ALL)), (count as u64, count as u64));
}

#[test]
fn an_agent_whose_clock_is_off_is_stored_by_the_time_of_the_collector_and_the_books_close() {
    let Some(library) = library() else { return };
    check_clocks(&library, -2 * HOUR, 0);
    check_clocks(&library, IN_2030 - unix_us() / SECOND_US, 0);
}

#[test]
fn a_collector_whose_clock_is_off_stores_by_its_own_time_and_the_books_close() {
    let Some(library) = library() else { return };
    check_clocks(&library, 0, -2 * HOUR);
    check_clocks(&library, 0, IN_2030 - unix_us() / SECOND_US);
}

#[test]
fn a_clock_that_goes_back_between_two_runs_of_a_collector_costs_nothing() {
    const BACK: i64 = -24 * HOUR;
    let Some(library) = library() else { return };
    let turn = Turn::take();
    let folder = tempfile::tempdir().unwrap();
    let any = own_address();
    let first = collector(folder.path(), [any, any], &library, 0);
    let at = [first.agents, first.http];
    let guard = agent(&first.agents.to_string()).start().unwrap();
    record(COUNT);
    until_some_is_acknowledged(&guard, 0);
    let known = guard.telemetry().acked_xlogs;
    first.kill();
    record(COUNT);
    let mut last = None;
    for seconds in [BACK, 0, BACK] {
        last.take().into_iter().for_each(end);
        let again = collector(folder.path(), at, &library, seconds);
        record(COUNT);
        turn.assert_both_sides_agree(&guard, &|path| again.json(path));
        assert_offset(&object(&|path| again.json(path)), seconds);
        last = Some(again);
    }
    turn.end_without_loss(guard);
    last.into_iter().for_each(end);
    assert!(check(folder.path()).unwrap().is_sound());
    assert_eq!(ids_in(folder.path()).len() as u64, turn.recorded());
    let yesterday = unix_us() - 12 * HOUR * SECOND_US;
    let rows = every_row(&open(folder.path()));
    let (early, late): (Vec<_>, Vec<_>) = rows
        .iter()
        .filter(|row| *row.object == *OBJECT)
        .partition(|row| row.end_unix_us < yesterday);
    assert!(late.len() as u64 >= known + COUNT as u64, "by the time of the run that took them");
    assert!(early.len() >= 2 * COUNT, "{} of {}", early.len(), rows.len());
}
