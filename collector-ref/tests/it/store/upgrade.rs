//! Folders that earlier versions have written: they open for ever, and answer what they answered.
//!
//! `golden/v1` was written by the version that first had this test: one hour that is sealed, with
//! rows of all kinds, profiles, counters and alerts, and a log that was not. After a change of what
//! is written it is joined by a further folder, never replaced. The ignored test below writes one.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use scouter_collector::store::{
    AlertBatch, CounterBatch, Glob, Row, Store, StoredAlert, TimeRange,
};
use scouter_wire::record::{
    Alert, AlertKind, AlertLevel, CounterPoint, Detail, EndReason, ProfileFate, Step, StepKind,
    Tag, XLogKind,
};
use scouter_wire::{TextKind, Txid};

use super::crash::copy_folder;
use super::support::{Agent, NOON, config, every_row, open, profile, xlog};

/// Rows of each of the two parts.
const ROWS: u64 = 40;

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/store")
}

/// All that a store answers, as text.
fn answers(store: &dyn Store) -> String {
    let mut out = String::new();
    let rows = every_row(store);
    for row in &rows {
        out += &fields(row);
        if row.profile == ProfileFate::Kept {
            for step in profile(store, row) {
                writeln!(out, "  {step}").unwrap();
            }
        }
    }
    for name in ["cpu_pct", "rss_bytes"] {
        for series in store.counters(&Glob::new("*"), name, TimeRange::ALL).unwrap() {
            writeln!(out, "{name} of {}: {:?}", series.object, series.points).unwrap();
        }
    }
    for StoredAlert { object, alert } in store.alerts(TimeRange::ALL, 100).unwrap() {
        let Alert { unix_us, kind, level, message, place, service, tenant, suppressed, .. } = alert;
        writeln!(out, "{object} {unix_us} {kind:?} {level:?} {message} {place} {service} {tenant} {suppressed}").unwrap();
    }
    out
}

/// What this version knows of a row. Later versions know more, and leave this list as it is.
fn fields(row: &Row) -> String {
    let times =
        [row.elapsed_us, row.busy_us, row.ttfb_us, row.sql_us, row.pool_wait_us, row.api_us];
    let counts = [row.polls, row.sql_count, row.api_count, row.steps, row.steps_dropped];
    let sizes = [row.sql_rows, row.bytes_out, row.alloc_bytes];
    format!(
        "{} {}-{} {:?} {} {} {:?} {:?} {:?} {:?} {} {:?} {times:?} {counts:?} {sizes:?} {:?} {:?} {:?} {} {} {:?}\n",
        row.end_unix_us,
        row.gxid,
        row.txid,
        row.caller,
        row.object,
        row.service,
        row.kind,
        row.end,
        row.profile,
        row.flags,
        row.status,
        row.error,
        row.tenant,
        row.login,
        row.desc,
        row.ip,
        row.user_agent,
        row.tags,
    )
}

#[test]
fn a_folder_of_an_earlier_version_answers_what_it_answered() {
    let mut versions = 0;
    for version in std::fs::read_dir(golden()).unwrap().map(Result::unwrap) {
        versions += 1;
        let copy = tempfile::tempdir().unwrap();
        copy_folder(&version.path().join("data"), copy.path());
        let expected = std::fs::read_to_string(version.path().join("answers.txt")).unwrap();
        let store = open(copy.path());
        let shown = version.path().display().to_string();
        assert_same(&shown, &answers(&store), &expected);
        // It goes on with it, and what was in the log is sealed by this version.
        store.seal().unwrap();
        assert_same(&shown, &answers(&store), &expected);
        drop(store);
        assert_same(&shown, &answers(&open(copy.path())), &expected);
    }
    assert!(versions > 0);
}

fn assert_same(folder: &str, answers: &str, expected: &str) {
    for (number, (is, was)) in (1..).zip(answers.lines().zip(expected.lines())) {
        assert_eq!(is, was, "{folder}, line {number}");
    }
    assert_eq!(answers.lines().count(), expected.lines().count(), "{folder}");
}

/// Writes a golden folder of this version: name it in `SCOUTER_GOLDEN`, for instance `v2`.
#[test]
#[ignore = "writes files into the repository"]
fn write_a_golden_folder() {
    let version = std::env::var("SCOUTER_GOLDEN").expect("SCOUTER_GOLDEN names the folder");
    let folder = tempfile::tempdir().unwrap();
    let store = scouter_collector::store::local::LocalStore::open(config(folder.path())).unwrap();
    let mut agent = Agent::new(&store, 1, "/node/orders");
    push_rows(&store, &mut agent, 1);
    append_series(&store, &mut agent);
    store.seal().unwrap();
    push_rows(&store, &mut agent, 1 + ROWS);
    let target = golden().join(version);
    std::fs::create_dir_all(target.join("data")).unwrap();
    std::fs::write(target.join("answers.txt"), answers(&store)).unwrap();
    // As a crash leaves it: the second part is in the log.
    drop(store);
    std::fs::remove_file(folder.path().join("lock")).unwrap();
    copy_folder(folder.path(), &target.join("data"));
}

fn push_rows(store: &dyn Store, agent: &mut Agent, first: u64) {
    let services = ["GET /orders/{id}", "POST /orders", "job nightly"];
    let services = services.map(|name| agent.text(store, TextKind::Service, name));
    let sql = agent.text(store, TextKind::Sql, "SELECT * FROM orders WHERE id = ?");
    let method = agent.text(store, TextKind::Method, "orders::load");
    let key = agent.text(store, TextKind::Key, "region");
    for number in first..first + ROWS {
        let mut row = xlog(NOON - 60_000_000 + number.cast_signed() * 1_000, 500 * number, number);
        row.service = services[(number % 3) as usize];
        (row.tenant, row.login) = (["", "acme", "umbrella"][(number % 3) as usize], "ada");
        let tags = [Tag { key, value: "eu \"west\"" }];
        if number % 5 == 0 {
            (row.error, row.status, row.caller) = ("out of stock", 500, Txid::new(number - 1));
            (row.kind, row.end, row.tags) = (XLogKind::Background, EndReason::Panic, &tags);
        }
        if number % 2 == 0 {
            (row.profile, row.steps, row.sql_count, row.sql_us) = (ProfileFate::Kept, 2, 1, number);
            let load = Step { name: method, elapsed_us: 400, count: 1, ..Step::default() };
            let detail = Detail::Sql {
                pool_wait_us: 3,
                first_row_us: Some(20),
                rows: number,
                affected: 0,
                binds: 1,
                bind_values: "",
            };
            let statement = Step {
                kind: StepKind::Sql,
                name: sql,
                parent: Some(0),
                start_us: 10,
                elapsed_us: number,
                count: 1,
                detail,
                ..Step::default()
            };
            agent.push(&row, &[load, statement]);
        } else {
            agent.push(&row, &[]);
        }
    }
    agent.send(store);
}

fn append_series(store: &dyn Store, agent: &mut Agent) {
    let name = |text| store.intern(TextKind::Counter, text).unwrap().0;
    let points = [
        CounterPoint { name: name("cpu_pct"), value: 12.5 },
        CounterPoint { name: name("rss_bytes"), value: 4e7 },
    ];
    for second in 0..5 {
        agent.seq += 1;
        let (origin, object) = (agent.origin, agent.object);
        let unix_us = NOON - 10_000_000 + second * 2_000_000;
        store
            .append_counters(&CounterBatch {
                origin,
                seq: agent.seq,
                object,
                unix_us,
                points: &points,
            })
            .unwrap();
    }
    agent.seq += 1;
    let alerts = [Alert {
        unix_us: NOON,
        kind: AlertKind::ConnectionLeak,
        level: AlertLevel::Error,
        message: "a connection was not given back".into(),
        place: "src/orders.rs:17".into(),
        service: "POST /orders".into(),
        tenant: "acme".into(),
        transaction: None,
        suppressed: 3,
        stack: Vec::new(),
    }];
    let (origin, object) = (agent.origin, agent.object);
    store.append_alerts(&AlertBatch { origin, seq: agent.seq, object, alerts: &alerts }).unwrap();
}
