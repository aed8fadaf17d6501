//! Folders that earlier versions have written: they open for ever, and answer what they answered.
//!
//! `golden/v1` was written by the version that first had this test: one hour that is sealed, with
//! rows of all kinds, profiles, counters and alerts, and a log that was not. `golden/v2` has digests
//! too, profiles with every kind of step, and all kinds of record in both parts. After a change of
//! what is written they are joined by a further folder, never replaced. The ignored test below writes
//! one.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use scouter_collector::store::local::{LocalStore, check};
use scouter_collector::store::{
    AlertBatch, CounterBatch, DigestBatch, DigestKind, DigestQuery, Glob, Row, Store, StoredAlert,
    TimeRange,
};
use scouter_wire::record::{
    Alert, AlertKind, AlertLevel, CounterPoint, Detail, Digest, DigestKey, EndReason, Outcome,
    ProfileFate, Sketch, Step, StepKind, Tag, XLogKind,
};
use scouter_wire::{Gxid, TextKind, Txid};

use super::crash::copy_folder;
use super::support::{Agent, NOON, config, every_row, open, profile, xlog};

/// Rows of each of the two parts.
const ROWS: u64 = 40;

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/store")
}

/// The object of what is added to a golden folder.
const LATER: &str = "/node/later";

/// All that a store answers, as text, but of what was added later.
fn answers(store: &dyn Store) -> String {
    let mut out = String::new();
    let rows = every_row(store);
    for row in rows.iter().filter(|row| *row.object != *LATER) {
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

/// What there is since the second version: digests, whole steps, transactions of alerts.
fn further_answers(store: &dyn Store) -> String {
    let mut out = digests(store);
    for row in every_row(store).iter().filter(|row| *row.object != *LATER) {
        if row.profile == ProfileFate::Kept {
            writeln!(out, "profile of {}", row.txid).unwrap();
            out += &steps(store, row);
        }
    }
    for StoredAlert { alert, .. } in store.alerts(TimeRange::ALL, 100).unwrap() {
        writeln!(out, "{} {:?}", alert.message, alert.transaction).unwrap();
    }
    out
}

fn digests(store: &dyn Store) -> String {
    let mut lines = Vec::new();
    for kind in DigestKind::ALL {
        let (object, range) = (Glob::new("*"), TimeRange::ALL);
        let query = DigestQuery { kind, object: &object, range, is_by_object: true };
        let digests = store.digests(&query).unwrap();
        for group in &digests.groups {
            let (name, detail, peer) = (&group.name, &group.detail, group.peer);
            let totals = &group.totals;
            let sums = [totals.count, totals.errors, totals.elapsed_us, totals.unseen_profiles];
            let (of, step, buckets) = (&group.object, digests.step_us, &totals.sketch.buckets);
            let kind = kind.name();
            lines.push(format!(
                "{kind} {of} {name} {detail:?} {peer:?} {sums:?} {step} {buckets:?}\n"
            ));
        }
    }
    lines.sort_unstable();
    lines.concat()
}

/// What this version knows of steps. Later versions know more, and leave this list as it is.
fn steps(store: &dyn Store, row: &Row) -> String {
    let mut out = String::new();
    let visited = store.profile(row, &mut |step, texts| {
        let name = texts.text(kind_of_text(step.kind), step.name);
        let key = |key| texts.text(TextKind::Key, key);
        let times = [step.start_us, step.elapsed_us, step.busy_us, step.max_us];
        let counts = [u32::from(step.polls), step.count];
        let (kind, outcome, parent, error) = (step.kind, step.outcome, step.parent, step.error);
        write!(out, "  {kind:?} {name:?} {outcome:?} {parent:?} {times:?} {counts:?} {error:?}")
            .unwrap();
        match step.detail {
            Detail::None => Ok(()),
            Detail::Text(text) => write!(out, " {text:?}"),
            Detail::Sql { pool_wait_us, first_row_us, rows, affected, binds, bind_values } => {
                let sizes = (pool_wait_us, first_row_us, rows, affected, binds, bind_values);
                write!(out, " {sizes:?}")
            }
            Detail::Api { status, callee, address, ttfb_us } => {
                write!(out, " {status} {callee:?} {address} {ttfb_us}")
            }
            Detail::Attributes(tags) => {
                tags.iter().try_for_each(|tag| write!(out, " {}={:?}", key(tag.key), tag.value))
            }
            Detail::Spawn { child } => write!(out, " {child:?}"),
            _ => panic!("a detail that this version did not write"),
        }
        .unwrap();
        out.push('\n');
    });
    visited.unwrap_or_else(|missing| panic!("profile of {}: {missing}", row.txid));
    out
}

fn kind_of_text(kind: StepKind) -> TextKind {
    match kind {
        StepKind::Sql | StepKind::SqlTransaction => TextKind::Sql,
        StepKind::Api => TextKind::Api,
        StepKind::PoolWait => TextKind::Pool,
        _ => TextKind::Method,
    }
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
        let expected = Expected::read(&version.path());
        let report = check(copy.path()).unwrap();
        assert!(report.is_sound(), "{}: {:?}", expected.shown, report.damaged);
        let store = open(copy.path());
        expected.assert_same(&store);
        // It goes on with it, and what was in the log is sealed by this version.
        store.seal().unwrap();
        expected.assert_same(&store);
        drop(store);
        let store = open(copy.path());
        expected.assert_same(&store);
        write_on(&store);
        drop(store);
        let store = open(copy.path());
        expected.assert_same(&store);
        let later = every_row(&store).iter().filter(|row| *row.object == *LATER).count();
        assert_eq!(later as u64, 2 * ROWS, "{}", expected.shown);
        assert!(check_of(&store, copy.path()), "{}", expected.shown);
    }
    assert!(versions > 1);
}

/// Adds rows to a store, some of them sealed; texts that it knows already among them.
fn write_on(store: &dyn Store) {
    let mut agent = Agent::new(store, 99, LATER);
    push_rows(store, &mut agent, 10_000);
    store.seal().unwrap();
    push_rows(store, &mut agent, 10_000 + ROWS);
}

/// Whether a folder is sound once its store has ended.
fn check_of(store: &LocalStore, folder: &Path) -> bool {
    store.close().unwrap();
    let copy = tempfile::tempdir().unwrap();
    copy_folder(folder, copy.path());
    check(copy.path()).unwrap().is_sound()
}

/// What was written down of a folder when it was made.
struct Expected {
    shown: String,
    answers: String,
    /// Since the second version.
    further: Option<String>,
}

impl Expected {
    fn read(version: &Path) -> Self {
        let answers = std::fs::read_to_string(version.join("answers.txt")).unwrap();
        let further = std::fs::read_to_string(version.join("further.txt")).ok();
        Self { shown: version.display().to_string(), answers, further }
    }

    fn assert_same(&self, store: &dyn Store) {
        assert_same(&self.shown, &answers(store), &self.answers);
        if let Some(further) = &self.further {
            assert_same(&self.shown, &further_answers(store), further);
        }
    }
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
    let store = LocalStore::open(config(folder.path())).unwrap();
    let mut agent = Agent::new(&store, 1, "/node/orders");
    for part in 0..2_u64 {
        push_rows(&store, &mut agent, 1 + 2 * part * ROWS);
        push_steps(&store, &mut agent, 1 + (2 * part + 1) * ROWS);
        append_series(&store, &mut agent, part.cast_signed() * 60_000_000);
        append_digests(&store, &mut agent, part.cast_signed() * 60_000_000);
        if part == 0 {
            store.seal().unwrap();
        }
    }
    let target = golden().join(version);
    std::fs::create_dir_all(target.join("data")).unwrap();
    std::fs::write(target.join("answers.txt"), answers(&store)).unwrap();
    std::fs::write(target.join("further.txt"), further_answers(&store)).unwrap();
    // As a crash leaves it: the second part is in the log.
    drop(store);
    std::fs::remove_file(folder.path().join("lock")).unwrap();
    copy_folder(folder.path(), &target.join("data"));
}

/// One transaction with a step of every kind, ended in every way.
fn push_steps(store: &dyn Store, agent: &mut Agent, txid: u64) {
    let names = [
        (StepKind::Method, "orders::load"),
        (StepKind::Sql, "SELECT * FROM orders WHERE id = ?"),
        (StepKind::Api, "GET billing"),
        (StepKind::PoolWait, "main"),
        (StepKind::Wait, "inventory lock"),
        (StepKind::Spawn, "orders::audit"),
        (StepKind::SqlTransaction, "BEGIN"),
    ];
    let keys = ["region", "order"].map(|key| agent.text(store, TextKind::Key, key));
    let tags = [Tag { key: keys[0], value: "eu" }, Tag { key: keys[1], value: "17 \"b\"" }];
    let details = [
        Detail::Attributes(&tags),
        Detail::Sql {
            pool_wait_us: 3,
            first_row_us: None,
            rows: 0,
            affected: 5,
            binds: 2,
            bind_values: "17, 'x'",
        },
        Detail::Api { status: 503, callee: Txid::new(77), address: "billing:8080", ttfb_us: 9 },
        Detail::None,
        Detail::None,
        Detail::Spawn { child: Txid::new(78) },
        Detail::None,
    ];
    let outcomes = [Outcome::Ok, Outcome::Error, Outcome::Cancelled, Outcome::Panic];
    let mut steps: Vec<Step<'_>> = Vec::new();
    for (index, ((kind, name), detail)) in (0..).zip(names.into_iter().zip(details)) {
        steps.push(Step {
            kind,
            name: agent.text(store, kind_of_text(kind), name),
            outcome: outcomes[index as usize % outcomes.len()],
            parent: (index > 0).then_some(index / 2),
            start_us: 10 * u64::from(index),
            elapsed_us: 100 + u64::from(index),
            busy_us: 50,
            polls: 2,
            count: 1 + index % 2,
            max_us: 60 + u64::from(index),
            error: if index == 1 { "deadlock" } else { "" },
            detail,
        });
    }
    for (kind, text) in [(StepKind::Message, "cache miss"), (StepKind::Error, "out of stock")] {
        let detail = Detail::Text(text);
        steps.push(Step { kind, parent: Some(1), count: 1, detail, ..Step::default() });
    }
    let mut row = xlog(NOON - 30_000_000, 5_000, txid);
    row.service = agent.text(store, TextKind::Service, "POST /orders");
    (row.profile, row.steps) = (ProfileFate::Kept, u32::try_from(steps.len()).unwrap());
    agent.push(&row, &steps);
    agent.send(store);
}

/// Digests of every kind, over two intervals.
fn append_digests(store: &dyn Store, agent: &mut Agent, later_us: i64) {
    let id = |kind, text| store.intern(kind, text).unwrap().0;
    let service = id(TextKind::Service, "POST /orders");
    let keys = [
        DigestKey::Service(service),
        DigestKey::Sql(id(TextKind::Sql, "SELECT * FROM orders WHERE id = ?")),
        DigestKey::Api(id(TextKind::Api, "GET billing")),
        DigestKey::Error(service, "out of stock".into()),
        DigestKey::Edge { service, kind: StepKind::Sql, peer: "db:5432".into() },
        DigestKey::Edge { service, kind: StepKind::Api, peer: "billing:8080".into() },
        DigestKey::Method(id(TextKind::Method, "orders::load")),
    ];
    for interval in 0..2 {
        let digest = |(index, key): (u64, &DigestKey)| {
            let mut sketch = Sketch::default();
            let elapsed: Vec<u64> = (1..=5 + index).map(|value| value * value * 1_000).collect();
            elapsed.iter().for_each(|elapsed| sketch.insert(*elapsed));
            let (count, elapsed_us) = (elapsed.len() as u64, elapsed.iter().sum());
            let (key, errors, unseen_profiles) = (key.clone(), index % 3, index % 2);
            Digest { key, count, errors, elapsed_us, sketch, unseen_profiles }
        };
        let digests: Vec<Digest> = (0..).zip(&keys).map(digest).collect();
        agent.seq += 1;
        let (origin, seq, object) = (agent.origin, agent.seq, agent.object);
        let from_unix_us = NOON - 20_000_000 + later_us + interval * 10_000_000;
        let batch = DigestBatch { origin, seq, object, from_unix_us, digests: &digests };
        store.append_digests(&batch).unwrap();
    }
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

fn append_series(store: &dyn Store, agent: &mut Agent, later_us: i64) {
    let name = |text| store.intern(TextKind::Counter, text).unwrap().0;
    let points = [
        CounterPoint { name: name("cpu_pct"), value: 12.5 },
        CounterPoint { name: name("rss_bytes"), value: 4e7 },
    ];
    for second in 0..5 {
        agent.seq += 1;
        let (origin, object) = (agent.origin, agent.object);
        let unix_us = NOON - 10_000_000 + later_us + second * 2_000_000;
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
        unix_us: NOON + later_us,
        kind: AlertKind::ConnectionLeak,
        level: AlertLevel::Error,
        message: "a connection was not given back".into(),
        place: "src/orders.rs:17".into(),
        service: "POST /orders".into(),
        tenant: "acme".into(),
        transaction: Gxid::new(9).zip(Txid::new(7)),
        suppressed: 3,
        stack: Vec::new(),
    }];
    let (origin, object) = (agent.origin, agent.object);
    store.append_alerts(&AlertBatch { origin, seq: agent.seq, object, alerts: &alerts }).unwrap();
}
