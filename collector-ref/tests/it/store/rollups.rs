//! Rollups: the answers are those of the rows, whatever has happened to the store, and rollups give
//! them.

use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use proptest::prelude::*;
use scouter_collector::store::local::{StoreClock, StoreConfig};
use scouter_collector::store::{
    Bounds, Clause, Dimension, Filter, Glob, GroupSummary, ServiceSummary, Store, Test, TimeRange,
    quantise,
};
use scouter_wire::TextKind;

use super::damage::{change, files};
use super::support::{Agent, NOON, config, every_row, open, open_with, xlog};

const MINUTE: i64 = 60_000_000;
const DAY: i64 = 86_400_000_000;
const SERVICES: [&str; 3] = ["GET /orders/{id}", "POST /orders", "GET /items"];
const TENANTS: [&str; 3] = ["", "acme", "globex"];

/// One transaction, by what rollups look at.
#[derive(Debug, Clone)]
struct Sent {
    /// From [`NOON`] on, µs.
    at_us: i64,
    elapsed_us: u64,
    service: usize,
    tenant: usize,
    object: usize,
    is_error: bool,
    sql: (u32, u64),
    api: (u32, u64),
}

/// What happens between some transactions and others.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Event {
    Nothing,
    Seal,
    Kill,
    SealAndKill,
}

fn sent() -> impl Strategy<Value = Sent> {
    let elapsed = prop_oneof![0..50u64, 100..100_000u64, Just(1 << 40), Just(u64::MAX)];
    // Some minutes are busy, some have a single row; some rows belong to an hour that is over.
    let at = prop_oneof![
        6 => 0..5 * MINUTE,
        3 => 7 * MINUTE..8 * MINUTE,
        1 => -40 * MINUTE..90 * MINUTE,
    ];
    let part = || (0..4u32, 0..90_000u64);
    (at, elapsed, 0..3usize, 0..3usize, 0..2usize, any::<bool>(), part(), part()).prop_map(
        |(at_us, elapsed_us, service, tenant, object, is_error, sql, api)| Sent {
            at_us,
            elapsed_us,
            service,
            tenant,
            object,
            is_error,
            sql,
            api,
        },
    )
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        Just(Event::Nothing),
        Just(Event::Seal),
        Just(Event::Kill),
        Just(Event::SealAndKill)
    ]
}

fn filter() -> impl Strategy<Value = Filter> {
    let test = prop_oneof![
        Just(Test::Service(Glob::new("GET *"))),
        Just(Test::Object(Glob::new("*/b"))),
        Just(Test::Tenant(Glob::new("acme"))),
        // These no rollup can answer.
        Just(Test::Error),
        Just(Test::ElapsedAbove(1_000)),
    ];
    let clause = (test, any::<bool>()).prop_map(|(test, is_negated)| Clause { test, is_negated });
    prop::collection::vec(clause, 0..3).prop_map(|clauses| Filter { clauses })
}

fn range() -> impl Strategy<Value = TimeRange> {
    let edge = || prop_oneof![-45 * MINUTE..95 * MINUTE, (-1..10i64).prop_map(|m| m * MINUTE)];
    let some = (edge(), edge()).prop_map(|(a, b)| TimeRange {
        from_unix_us: NOON + a.min(b),
        to_unix_us: NOON + a.max(b) - 1,
    });
    prop_oneof![1 => Just(TimeRange::ALL), 4 => some]
}

fn send(store: &dyn Store, instance: u128, rows: &[Sent], txid: &mut u64) {
    for (object, name) in ["/node/a", "/node/b"].into_iter().enumerate() {
        if rows.iter().all(|sent| sent.object != object) {
            continue;
        }
        let mut agent = Agent::new(store, instance * 2 + object as u128, name);
        let services = SERVICES.map(|service| agent.text(store, TextKind::Service, service));
        for sent in rows.iter().filter(|sent| sent.object == object) {
            *txid += 1;
            let mut row = xlog(NOON + sent.at_us, sent.elapsed_us, *txid);
            row.service = services[sent.service];
            row.tenant = TENANTS[sent.tenant];
            row.error = if sent.is_error { "no route to host" } else { "" };
            (row.sql_count, row.sql_us) = sent.sql;
            (row.api_count, row.api_us) = sent.api;
            agent.push(&row, &[]);
        }
        agent.send(store);
    }
}

/// All that rollups may answer.
type Answers = (Vec<ServiceSummary>, Vec<Vec<GroupSummary>>);

fn answers(store: &dyn Store, range: TimeRange, filter: &Filter) -> Answers {
    let bounds =
        [Bounds::time(range), Bounds { low: quantise::elapsed(1_000), ..Bounds::time(range) }];
    let summaries = bounds.iter().flat_map(|bounds| {
        [Dimension::Service, Dimension::Object, Dimension::Tenant, Dimension::Status]
            .map(|by| store.summary(bounds, filter, by).unwrap())
    });
    (store.services(range, filter).unwrap(), summaries.collect())
}

fn without_rollups(mut config: StoreConfig) -> StoreConfig {
    config.uses_rollups = false;
    config
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn answers_from_rollups_are_those_of_the_rows_whatever_happened(
        parts in prop::collection::vec((prop::collection::vec(sent(), 1..120), event()), 1..4),
        questions in prop::collection::vec((range(), filter()), 6),
        is_a_month_later in prop::bool::weighted(0.2),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let mut config = config(folder.path());
        let mut store = open_with(&config);
        let mut txid = 0;
        for ((rows, event), instance) in parts.iter().zip(1..) {
            send(&store, instance, rows, &mut txid);
            if matches!(event, Event::Seal | Event::SealAndKill) {
                store.seal().unwrap();
            }
            if matches!(event, Event::Kill | Event::SealAndKill) {
                drop(store);
                store = open_with(&config);
            }
        }
        if is_a_month_later {
            drop(store);
            let later = NOON + 30 * DAY + 30 * MINUTE;
            config.clock = StoreClock::Manual(Arc::new(AtomicI64::new(later)));
            store = open_with(&config);
            store.maintain();
        }
        let found: Vec<Answers> =
            questions.iter().map(|(range, filter)| answers(&store, *range, filter)).collect();
        prop_assert_eq!(store.stats().corrupt_files, []);
        drop(store);
        let store = open_with(&without_rollups(config));
        for ((range, filter), found) in questions.iter().zip(&found) {
            prop_assert_eq!(found, &answers(&store, *range, filter), "{:?} {:?}", range, filter);
        }
    }
}

/// A closed store of a busy quarter of an hour, all of it sealed.
fn busy() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let rows: Vec<Sent> = (0..1_800)
        .map(|number: u32| Sent {
            at_us: i64::from(number) * MINUTE / 120,
            elapsed_us: u64::from(number) * 37 % 90_000,
            service: number as usize % 3,
            tenant: number as usize / 3 % 3,
            object: number as usize % 2,
            is_error: number.is_multiple_of(11),
            sql: (1, 20),
            api: (2, 30),
        })
        .collect();
    send(&store, 1, &rows, &mut 0);
    store.close().unwrap();
    folder
}

const EVERYTHING: Filter = Filter::ALL;

#[test]
fn a_question_over_whole_segments_or_minutes_reads_no_row_of_them() {
    let folder = busy();
    let all = answers(&open(folder.path()), TimeRange::ALL, &EVERYTHING);
    let minutes = TimeRange { from_unix_us: NOON + 3 * MINUTE, to_unix_us: NOON + 9 * MINUTE - 1 };
    let some = answers(&open(folder.path()), minutes, &EVERYTHING);
    assert_ne!(all.0, some.0);
    // The pages of all rows are gone.
    let segment = files(folder.path(), ".parquet").pop().unwrap();
    change(&segment, |bytes| {
        let pages = bytes.len() / 4;
        bytes[4..pages].fill(0x55);
    });
    let store = open(folder.path());
    assert_eq!(store.services(TimeRange::ALL, &EVERYTHING).unwrap(), all.0);
    assert_eq!(store.services(minutes, &EVERYTHING).unwrap(), some.0);
    assert_eq!(store.stats().corrupt_files, [], "no row was looked at");
    let ragged = TimeRange { to_unix_us: minutes.to_unix_us - 1, ..minutes };
    assert_eq!(store.services(ragged, &EVERYTHING).unwrap(), []);
    assert_eq!(store.stats().corrupt_files[0].path, segment, "rows of the ragged end were");
    assert_eq!(store.services(TimeRange::ALL, &EVERYTHING).unwrap(), [], "and stay out of all");
}

#[test]
fn damaged_or_missing_rollups_are_named_and_the_rows_answer() {
    let folder = busy();
    let file = files(folder.path(), ".rol").pop().unwrap();
    let sound = std::fs::read(&file).unwrap();
    let expected = answers(&open(folder.path()), TimeRange::ALL, &EVERYTHING);
    let minutes = TimeRange { from_unix_us: NOON + MINUTE, to_unix_us: i64::MAX };
    let of_minutes = answers(&open(folder.path()), minutes, &EVERYTHING);
    let step = sound.len() / 40;
    let flips = (0..sound.len()).step_by(step.max(1)).map(|at| {
        let mut bytes = sound.clone();
        bytes[at] ^= 0x10;
        bytes
    });
    let cuts = [0, 7, 55, sound.len() / 2, sound.len() - 1].map(|at| sound[..at].to_vec());
    let mut named = 0;
    for bytes in flips.chain(cuts) {
        std::fs::write(&file, bytes).unwrap();
        let store = open(folder.path());
        assert_eq!(answers(&store, TimeRange::ALL, &EVERYTHING), expected);
        assert_eq!(answers(&store, minutes, &EVERYTHING), of_minutes);
        let corrupt = store.stats().corrupt_files;
        assert!(corrupt.iter().all(|corrupt| corrupt.path == file), "{corrupt:?}");
        named += corrupt.len();
    }
    // All but the one whose version nobody knows.
    assert!(named >= 44, "{named} named");
    std::fs::remove_file(&file).unwrap();
    let store = open(folder.path());
    assert_eq!(answers(&store, TimeRange::ALL, &EVERYTHING), expected);
    assert_eq!(store.stats().corrupt_files[0].path, file);
}

#[test]
fn rollups_count_as_disk_and_go_with_their_segment() {
    let folder = busy();
    let store = open(folder.path());
    let bytes = |ending| {
        let sizes = files(folder.path(), ending).into_iter();
        sizes.map(|file| std::fs::metadata(file).unwrap().len()).sum::<u64>()
    };
    assert!(bytes(".rol") > 0);
    assert_eq!(store.stats().segment_bytes, bytes(".parquet") + bytes(".rol"));
    drop(store);
    let mut later = config(folder.path());
    later.clock = StoreClock::Manual(Arc::new(AtomicI64::new(NOON + 32 * DAY)));
    let store = open_with(&later);
    store.maintain();
    assert_eq!(every_row(&store), []);
    assert_eq!((files(folder.path(), ".rol"), store.stats().segment_bytes), (vec![], 0));
    assert_eq!(store.services(TimeRange::ALL, &EVERYTHING).unwrap(), []);
}

#[test]
fn few_transactions_have_no_rollups() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let mut agent = Agent::new(&store, 1, "/node/a");
    for id in 1..=7 {
        agent.push(&xlog(NOON, 1_000, id), &[]);
    }
    agent.send(&store);
    store.seal().unwrap();
    assert_eq!(files(folder.path(), ".rol"), Vec::<std::path::PathBuf>::new());
    assert_eq!(store.services(TimeRange::ALL, &EVERYTHING).unwrap()[0].count, 7);
}
