//! What is appended comes back, from memory and from files.

use scouter_collector::generate::Traffic;
use scouter_collector::store::local::{LocalStore, SegmentEncoder, StoreConfig};
use scouter_collector::store::{Bounds, Filter, Measure, PageRequest, Row, Store, TimeRange};
use scouter_wire::TextKind;
use scouter_wire::record::{Detail, ProfileFate, Step, StepKind, Tag, XLogFlags};

use super::support::{Agent, NOON, all_rows, config, every_row, open, profile, xlog};

/// A store with some generated traffic in it.
pub(crate) fn with_traffic(store: &dyn Store, batches: usize, rows: usize) -> Vec<Row> {
    add_traffic(store, 1, NOON - 60_000_000, batches, rows);
    every_row(store)
}

/// Adds generated traffic of agents that are numbered from `first` on, from a time on.
pub(crate) fn add_traffic(
    store: &dyn Store,
    first: u128,
    start_unix_us: i64,
    batches: usize,
    rows: usize,
) {
    let seed = u64::try_from(first).unwrap() + 6;
    let mut traffic = Traffic::new(seed, start_unix_us, 1_000.0);
    let objects = traffic.vocabulary().objects().to_vec();
    let mut agents: Vec<Agent> =
        (first..).zip(&objects[..4]).map(|(id, name)| Agent::new(store, id, name)).collect();
    for agent in &mut agents {
        agent.learn(store, &traffic);
    }
    for batch in 0..batches {
        let object = batch % agents.len();
        agents[object].fill(&mut traffic, object, rows, 2);
        agents[object].send(store);
    }
}

#[test]
fn a_generation_in_the_memory_of_a_sealed_one_has_its_own_rows_and_texts_only() {
    let rows_of = |seal_rows: usize| {
        let folder = tempfile::tempdir().unwrap();
        let mut config = config(folder.path());
        config.seal_rows = seal_rows;
        let store = LocalStore::open(config).unwrap();
        add_traffic(&store, 1, NOON - 60_000_000, 16, 200);
        let mut rows = every_row(&store);
        rows.sort_unstable_by_key(|row| row.txid.value());
        // Where a profile lies is another matter in each store.
        rows.iter_mut().for_each(|row| row.profile_at = None);
        (rows, store.stats().segments)
    };
    let (sealed_often, segments) = rows_of(500);
    let (never_sealed, none) = rows_of(100_000);
    assert!(segments > 4 && none == 0, "{segments} and {none} segments");
    assert!(never_sealed.len() > 2_000, "{} rows", never_sealed.len());
    assert!(sealed_often == never_sealed, "the same rows");
}

#[test]
fn a_row_comes_back_with_every_field_from_memory_and_from_a_file() {
    let folder = tempfile::tempdir().unwrap();
    for encoder in [SegmentEncoder::Own, SegmentEncoder::Arrow] {
        let folder = folder.path().join(format!("{encoder:?}"));
        let mut config = config(&folder);
        config.encoder = encoder;
        let store = LocalStore::open(config).unwrap();
        let mut agent = Agent::new(&store, 1, "/node/orders");
        let key = agent.text(&store, TextKind::Key, "region");
        let service = agent.text(&store, TextKind::Service, "GET /orders/{id}");
        let tags = [Tag { key, value: "eu \"west\"" }];
        let mut full = xlog(NOON - 5_000_123, 1_234_567, 0x6a01_0000_0000_0007);
        full.service = service;
        full.flags = XLogFlags::SLOW.with(XLogFlags::CONTINUED);
        full.caller = scouter_wire::Txid::new(99);
        full.profile = ProfileFate::SampledOut;
        full.status = 503;
        full.error = "no route to host";
        (full.busy_us, full.polls, full.ttfb_us) = (11, 12, 13);
        (full.sql_count, full.sql_us, full.sql_rows, full.pool_wait_us) = (14, 15, 1 << 40, 17);
        (full.api_count, full.api_us, full.bytes_out, full.alloc_bytes) = (18, 19, 20, u64::MAX);
        (full.steps, full.steps_dropped) = (22, 23);
        (full.tenant, full.login, full.desc) = ("acme", "ada@example.com", "Bücher");
        (full.ip, full.user_agent, full.tags) = ("2001:db8::1", "curl/8", &tags);
        agent.push(&full, &[]);
        agent.send(&store);
        let hot = every_row(&store).remove(0);
        store.seal().unwrap();
        assert_eq!(store.stats().hot_rows, 0);
        let sealed = every_row(&store).remove(0);
        assert_eq!(hot, sealed);
        assert_eq!((&*hot.object, &*hot.service), ("/node/orders", "GET /orders/{id}"));
        assert_eq!((hot.end_unix_us, hot.elapsed_us), (full.end_unix_us, full.elapsed_us));
        assert_eq!((hot.txid, hot.gxid, hot.caller), (full.txid, full.gxid, full.caller));
        assert_eq!((hot.flags, hot.profile, hot.status), (full.flags, full.profile, 503));
        assert_eq!((hot.sql_rows, hot.alloc_bytes), (1 << 40, u64::MAX));
        assert_eq!((&*hot.error, &*hot.desc), (full.error, full.desc));
        assert_eq!((&*hot.tenant, &*hot.login), (full.tenant, full.login));
        assert_eq!((&*hot.ip, &*hot.user_agent), (full.ip, full.user_agent));
        assert_eq!(hot.tags, [("region".into(), "eu \"west\"".into())]);
        assert_eq!(hot.arrival_unix_us, NOON - 123, "to the millisecond");
    }
}

#[test]
fn sealing_changes_no_answer() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let hot = with_traffic(&store, 12, 500);
    assert_eq!(hot.len(), 6_000);
    let services = store.services(TimeRange::ALL, &Filter::ALL).unwrap();
    let points = store.points(TimeRange::ALL, Measure::Elapsed, &Filter::ALL, 1 << 20).unwrap();
    let profiles: Vec<_> = kept(&hot).map(|row| profile(&store, row)).collect();
    store.seal().unwrap();
    let sealed = every_row(&store);
    assert_eq!(hot, sealed);
    assert_eq!(services, store.services(TimeRange::ALL, &Filter::ALL).unwrap());
    let after = store.points(TimeRange::ALL, Measure::Elapsed, &Filter::ALL, 1 << 20).unwrap();
    assert_eq!(points.cursor, after.cursor);
    assert_eq!(points.points.len(), after.points.len());
    let after: Vec<_> = kept(&sealed).map(|row| profile(&store, row)).collect();
    assert_eq!(profiles, after);
    assert!(!profiles.is_empty());
}

#[test]
fn both_encoders_write_files_that_read_the_same() {
    // More than one row group, and traces whose transactions share their gxid.
    let (batches, rows) = (280, 500);
    let [own, arrow] = [SegmentEncoder::Own, SegmentEncoder::Arrow].map(|encoder| {
        let folder = tempfile::tempdir().unwrap();
        let mut config = config(folder.path());
        config.encoder = encoder;
        let store = LocalStore::open(config).unwrap();
        add_traffic(&store, 1, NOON - 600_000_000, batches, rows);
        store.seal().unwrap();
        (store, folder)
    });
    let page = |store: &dyn Store| {
        let filter = Filter::ALL;
        let bounds = Bounds::time(TimeRange::ALL);
        store.rows(&bounds, &filter, &PageRequest { limit: 5_000, after: None }).unwrap()
    };
    let (ours, theirs) = (page(&own.0), page(&arrow.0));
    assert_eq!(ours.total, (batches * rows) as u64);
    assert_eq!(ours.rows, theirs.rows);
    let services = |store: &dyn Store| store.services(TimeRange::ALL, &Filter::ALL).unwrap();
    assert_eq!(services(&own.0), services(&arrow.0));
    for row in ours.rows.iter().step_by(250) {
        for store in [&own.0, &arrow.0] {
            assert_eq!(store.transaction(row.txid, None).unwrap().len(), 1);
            let trace = store.trace(row.gxid).unwrap();
            assert!(trace.contains(row), "{} transactions", trace.len());
        }
        assert_eq!(own.0.trace(row.gxid).unwrap(), arrow.0.trace(row.gxid).unwrap());
    }
    let bytes = |store: &dyn Store| store.stats().segment_bytes;
    assert!(bytes(&own.0) < bytes(&arrow.0), "and ours is the smaller one");
}

fn kept(rows: &[Row]) -> impl Iterator<Item = &Row> {
    rows.iter().filter(|row| row.profile == ProfileFate::Kept).step_by(50)
}

#[test]
fn rows_survive_closing_and_opening_and_so_does_the_dictionary() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let rows = with_traffic(&store, 6, 300);
    let (id, seed) = (store.store_id(), store.text_hash_seed());
    store.close().unwrap();
    drop(store);
    let store = open(folder.path());
    assert_eq!((id, seed), (store.store_id(), store.text_hash_seed()));
    assert_eq!(every_row(&store), rows);
    assert_eq!(store.stats().wal_recovered_xlogs, 0);
    let (number, seq) = store.intern(TextKind::Service, &rows[0].service).unwrap();
    assert_eq!(seq, None, "it is known and durable");
    assert_eq!(store.text(TextKind::Service, number).unwrap(), rows[0].service);
    assert_eq!(store.cursor(), 1_800);
}

#[test]
fn rows_that_were_only_in_the_wal_are_recovered() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let rows = with_traffic(&store, 6, 300);
    let profiles: Vec<_> = kept(&rows).map(|row| profile(&store, row)).collect();
    drop(store);
    let store = open(folder.path());
    assert_eq!(store.stats().wal_recovered_xlogs, 1_800);
    assert_eq!(every_row(&store), rows);
    let after: Vec<_> = kept(&rows).map(|row| profile(&store, row)).collect();
    assert_eq!(profiles, after);
}

#[test]
fn a_transaction_and_a_trace_are_found_by_their_ids() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let rows = with_traffic(&store, 8, 250);
    for is_sealed in [false, true] {
        if is_sealed {
            store.seal().unwrap();
        }
        for row in rows.iter().step_by(97) {
            assert_eq!(store.transaction(row.txid, None).unwrap(), std::slice::from_ref(row));
            assert_eq!(store.transaction(row.txid, Some(row.gxid)).unwrap().len(), 1);
            let mut trace: Vec<&Row> = rows.iter().filter(|r| r.gxid == row.gxid).collect();
            trace.sort_by_key(|row| (row.start_unix_us(), row.txid));
            let found = store.trace(row.gxid).unwrap();
            assert_eq!(found.iter().collect::<Vec<_>>(), trace);
        }
    }
    assert_eq!(store.transaction(scouter_wire::Txid::new(5).unwrap(), None).unwrap(), []);
}

#[test]
fn a_profile_that_comes_in_another_frame_is_found_before_and_after_sealing() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let mut agent = Agent::new(&store, 1, "/o");
    let sql = agent.text(&store, TextKind::Sql, "SELECT 1");
    let step = Step {
        kind: StepKind::Sql,
        name: sql,
        elapsed_us: 5,
        busy_us: 5,
        max_us: 5,
        count: 1,
        detail: Detail::Sql {
            pool_wait_us: 0,
            first_row_us: None,
            rows: 1,
            affected: 0,
            binds: 0,
            bind_values: "",
        },
        ..Step::default()
    };
    let expected = ["Sql SELECT 1 0 5"];
    let kept = |txid: u64| {
        let mut xlog = xlog(NOON, 10, txid);
        xlog.profile = ProfileFate::Kept;
        xlog
    };
    // Profile first, row first, and row in an earlier generation.
    agent.push_profile(kept(1).txid, NOON, &[step]);
    agent.send(&store);
    agent.push(&kept(1), &[]);
    agent.push(&kept(2), &[]);
    agent.push(&kept(3), &[]);
    agent.send(&store);
    agent.push_profile(kept(2).txid, NOON, &[step]);
    agent.send(&store);
    let row = |txid: u64| store.transaction(kept(txid).txid, None).unwrap().remove(0);
    for txid in [1, 2] {
        assert_eq!(profile(&store, &row(txid)), expected, "txid {txid}");
    }
    let missing = store.profile(&row(3), &mut |_, _| {}).unwrap_err();
    assert_eq!(missing.to_string(), "the profile has not arrived");
    store.seal().unwrap();
    agent.push_profile(kept(3).txid, NOON, &[step]);
    agent.send(&store);
    for txid in [1, 2, 3] {
        assert_eq!(profile(&store, &row(txid)), expected, "txid {txid}");
    }
    store.seal().unwrap();
    for txid in [1, 2, 3] {
        assert_eq!(profile(&store, &row(txid)), expected, "txid {txid}");
    }
}

#[test]
fn pages_follow_each_other_without_gap_or_repeat_while_rows_are_sealed_between_them() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let mut agent = Agent::new(&store, 1, "/o");
    // Many rows end in the same microsecond, so that page borders fall between them.
    for txid in 1..=300u64 {
        let end = NOON + i64::try_from(txid % 7).unwrap();
        agent.push(&xlog(end, txid, txid), &[]);
    }
    agent.send(&store);
    let expected: Vec<_> = every_row(&store).iter().map(|row| row.txid).collect();
    let mut found = Vec::new();
    let mut after = None;
    loop {
        let request = PageRequest { limit: 17, after };
        let page = store.rows(&Bounds::time(TimeRange::ALL), &Filter::ALL, &request).unwrap();
        assert_eq!(page.total, 300);
        found.extend(page.rows.iter().map(|row| row.txid));
        if found.len() == 17 * 5 {
            store.seal().unwrap();
        }
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(found, expected);
    let bounds = Bounds::from_box(NOON / 1000, NOON / 1000, 0, 0);
    assert_eq!(all_rows(&store, &bounds, &Filter::ALL), []);
}

#[cfg(unix)]
#[test]
fn a_folder_it_makes_is_readable_by_nobody_else() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let store = LocalStore::open(StoreConfig::new(&data)).unwrap();
    for path in [data.clone(), data.join("data"), data.join("wal")] {
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700, "{}", path.display());
    }
    store.close().unwrap();
}
