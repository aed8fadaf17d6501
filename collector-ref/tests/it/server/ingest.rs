//! From an agent's socket to the answers of the API.

use std::io::{Read, Write};

use scouter_collector::store::local::StoreConfig;
use scouter_wire::codec::{ClockReading, DropReason, FrameType, RefusalCode};
use scouter_wire::record::{Alert, AlertKind, AlertLevel, CounterPoint, ProfileFate};
use scouter_wire::{Gxid, TextKind, Txid};

use super::agent::{Agent, Tx, hello, now_unix_us, tx, txs};
use super::collector::{ALL, start, start_in, until};

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_was_acknowledged_is_found_with_its_profile() {
    let collector = start().await;
    let mut agent = collector.agent("/test/orders");
    agent.send(&[tx(7)]);
    let page = collector.json(&format!("/api/v1/xlogs?{ALL}")).await;
    assert_eq!(page["total"], 1);
    let row = &page["rows"][0];
    assert_eq!(row["txid"], "0000000000000007");
    assert_eq!(row["object"], "/test/orders");
    assert_eq!(row["service"], "GET /orders/{id}");
    assert_eq!(row["tenant"], "acme");
    assert_eq!(row["status"], 200);
    assert_eq!(row["profile"], "kept");
    let id = format!("{}-{}", row["gxid"].as_str().unwrap(), row["txid"].as_str().unwrap());
    let answer = collector.json(&format!("/api/v1/tx/{id}")).await;
    let steps = answer["profile"]["steps"].as_array().unwrap();
    assert_eq!(steps.len(), 2);
    assert_eq!(steps[0]["name"], "load_order");
    assert_eq!(steps[0]["place"], "src/orders.rs:12");
    assert_eq!(steps[1]["parent"], 0);
    assert_eq!(steps[1]["name"], "SELECT * FROM orders WHERE id = ?");
    assert_eq!(steps[1]["sql"]["bind_values"], "42", "without tokens everyone is admin");
}

#[tokio::test(flavor = "multi_thread")]
async fn recorded_is_stored_plus_dropped_plus_pending_for_each_object() {
    let collector = start().await;
    let mut agent = collector.agent("/test/orders");
    agent.totals.recorded = 10;
    agent.totals.set_dropped(DropReason::SummaryRing, 4);
    agent.send(&txs(1, 3));
    let answer = collector.json("/api/v1/objects").await;
    let object = &answer["objects"][0];
    assert_eq!(object["name"], "/test/orders");
    assert_eq!(object["alive"], true);
    assert_eq!(object["recorded"], 13);
    assert_eq!(object["stored"], 3);
    assert_eq!(object["dropped"]["summary_ring"], 4);
    assert_eq!(object["pending"], 6);
    let own = collector.json("/api/v1/self").await;
    assert_eq!((own["recorded"].as_u64(), own["pending"].as_u64()), (Some(13), Some(6)));
    agent.close();
    until("the object is dead", async || {
        collector.json("/api/v1/objects").await["objects"][0]["alive"] == false
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frame_that_comes_again_is_acknowledged_and_not_stored_twice() {
    let collector = start().await;
    let mut agent = collector.agent("/test/orders");
    let frame = agent.batch_frame(&txs(1, 5));
    agent.send_raw(&frame);
    agent.wait_acked(1);
    agent.send_raw(&frame);
    agent.wait_acked(1);
    agent.close();
    let mut again = collector.agent("/test/orders");
    assert_eq!(again.welcome.acked_seq, 1, "the agent learns what it need not send again");
    again.send_raw(&frame);
    again.wait_acked(1);
    assert_eq!(collector.total("").await, 5);
    assert_eq!(collector.metric("scouter_collector_frames_duplicate_total").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_may_name_texts_by_their_hashes() {
    let collector = start().await;
    let mut agent = collector.agent("/test/orders");
    let batch = agent.encode(&[tx(1)]);
    agent.announce_texts();
    let mut by_hash = Agent::connect(collector.running.agent_addr(), "/test/other");
    let rows = by_hash.encode(&[tx(2)]);
    let frame = by_hash.frame_of(&rows, 1);
    by_hash.send_raw(&frame);
    by_hash.wait_acked(1);
    let frame = agent.frame_of(&batch, 1);
    agent.send_raw(&frame);
    agent.wait_acked(1);
    assert_eq!(collector.total("service:/orders/*").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_behind_a_live_agent_loses_nothing_and_doubles_nothing() {
    let collector = start().await;
    let mut agent = collector.agent("/test/orders");
    agent.send(&txs(1, 10));
    let unacknowledged = agent.batch_frame(&txs(11, 10));
    let address = collector.running.agent_addr();
    collector.running.shutdown().await.unwrap();
    let collector = start_in(collector.folder, |builder| builder.agents(address)).await;
    let mut agent = Agent::connect(address, "/test/orders");
    assert_eq!(agent.welcome.acked_seq, 1);
    agent.send_raw(&unacknowledged);
    agent.wait_acked(2);
    assert_eq!(collector.total("").await, 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wiped_folder_behind_a_live_agent_is_a_new_store_that_asks_for_a_rewrite() {
    let collector = start().await;
    let mut agent = collector.agent("/test/orders");
    agent.send(&txs(1, 10));
    let old = agent.batch_frame(&txs(11, 10));
    let address = collector.running.agent_addr();
    collector.running.shutdown().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let collector = start_in(folder, |builder| builder.agents(address)).await;
    let mut agent = Agent::connect(address, "/test/orders");
    agent.send_raw(&old);
    let refusal = agent.expect_refusal();
    assert!(refusal.sentence.contains("rewrite it with hashes"), "{}", refusal.sentence);
    let mut agent = Agent::connect(address, "/test/orders");
    agent.seq = 1;
    agent.send(&txs(11, 10));
    assert_eq!(collector.total("").await, 10);
    assert_eq!(collector.metric("scouter_collector_refused_other_store_total").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn counters_and_alerts_are_kept_and_shown() {
    let collector = start().await;
    let mut agent = collector.agent("/test/orders");
    let name = agent.text(TextKind::Counter, "request_rate|1/s");
    agent.announce_texts();
    let points = [CounterPoint { name, value: 12.5 }];
    let series = scouter_wire::codec::SeriesEncoder::new().counters(1_795_000_000_000_000, &points);
    let mut frame = Vec::new();
    let named = |kind, text| agent.name(kind, text);
    series.write_frame(&mut frame, 1, &agent.origin(), named).unwrap();
    let alert = Alert {
        unix_us: now_unix_us(),
        kind: AlertKind::ConnectionLeak,
        level: AlertLevel::Error,
        message: "a connection of pool orders outlived its request".into(),
        place: "src/orders.rs:12".into(),
        service: "GET /orders/{id}".into(),
        tenant: "acme".into(),
        transaction: Gxid::new(1).zip(Txid::new(2)),
        suppressed: 3,
        stack: Vec::new(),
    };
    let origin = agent.origin();
    scouter_wire::codec::write_alerts_frame(&mut frame, 2, &origin, &[alert]).unwrap();
    agent.send_raw(&frame);
    agent.wait_acked(2);
    let names = collector.json("/api/v1/counters").await;
    assert_eq!(names["names"][0], "request_rate|1/s");
    let answer = collector.json(&format!("/api/v1/counters?name=request_rate%7C1/s&{ALL}")).await;
    assert_eq!(answer["series"][0]["unit"], "1/s");
    assert_eq!(answer["series"][0]["points"][0][1], 12.5);
    let alerts = collector.json("/api/v1/alerts").await;
    assert_eq!(alerts["alerts"][0]["kind"], "connection_leak");
    assert_eq!(alerts["alerts"][0]["object"], "/test/orders");
    assert_eq!(alerts["alerts"][0]["suppressed"], 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn counters_of_a_day_stand_beside_those_of_the_day_before() {
    const TODAY: i64 = 1_795_000_000_000_000;
    const YESTERDAY: i64 = TODAY - 86_400_000_000;
    // A greeting that waits on a busy machine is taken for a clock that is off by as much.
    const NEAR: i64 = 60_000_000;
    let collector = start().await;
    let mut agent = collector.agent("/test/orders");
    let name = agent.text(TextKind::Counter, "request_rate|1/s");
    agent.announce_texts();
    let mut frame = Vec::new();
    for (seq, unix_us, value) in [(1, YESTERDAY, 8.0), (2, TODAY, 12.5)] {
        let points = [CounterPoint { name, value }];
        let series = scouter_wire::codec::SeriesEncoder::new().counters(unix_us, &points);
        let named = |kind, text| agent.name(kind, text);
        series.write_frame(&mut frame, seq, &agent.origin(), named).unwrap();
    }
    agent.send_raw(&frame);
    agent.wait_acked(2);
    let (from, to) = (TODAY - NEAR, TODAY + NEAR);
    let assert_one = |series: &serde_json::Value, unix_us: i64, value: f64| {
        let points = series[0]["points"].as_array().unwrap();
        assert_eq!((points.len(), &points[0][1]), (1, &value.into()), "{series}");
        assert!(points[0][0].as_i64().unwrap().abs_diff(unix_us) < NEAR.unsigned_abs(), "{series}");
    };
    let path =
        format!("/api/v1/counters?name=request_rate%7C1/s&from_unix_us={from}&to_unix_us={to}");
    let alone = collector.json(&path).await;
    assert_one(&alone["series"], TODAY, 12.5);
    assert!(alone.get("against").is_none(), "{alone}");
    let beside = collector.json(&format!("{path}&against_s=86400")).await;
    assert_eq!(beside["series"], alone["series"]);
    let against = &beside["against"];
    assert_eq!(against["from_unix_us"], from - 86_400_000_000);
    assert_eq!(against["to_unix_us"], to - 86_400_000_000);
    assert_one(&against["series"], YESTERDAY, 8.0);
    let nothing = collector.json(&format!("{path}&against_s=3600")).await;
    assert_eq!(nothing["against"]["series"][0]["points"], serde_json::json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn end_times_are_corrected_by_a_clock_that_is_off_and_left_alone_otherwise() {
    let collector = start().await;
    let mut off = hello("/test/off");
    off.sent_unix_us -= 3_600_000_000;
    let mut agent = Agent::connect_with(collector.running.agent_addr(), off, None).unwrap();
    let end = now_unix_us() - 3_600_000_000;
    agent.send(&[Tx { end_unix_us: end, ..tx(1) }]);
    let mut exact = collector.agent("/test/exact");
    exact.send(&[Tx { end_unix_us: 1_795_000_000_123_456, ..tx(2) }]);
    let objects = collector.json("/api/v1/objects").await;
    let offset = |at: usize| objects["objects"][at]["clock_offset_us"].as_i64().unwrap();
    assert_eq!(offset(0), 0, "/test/exact");
    assert!((3_600_000_000..3_620_000_000).contains(&offset(1)), "{}", offset(1));
    let rows = collector.json(&format!("/api/v1/xlogs?{ALL}")).await;
    assert_eq!(rows["rows"][0]["end_unix_us"].as_i64(), Some(end + offset(1)));
    assert_eq!(rows["rows"][1]["end_unix_us"], 1_795_000_000_123_456_i64);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_is_refused_when_there_are_too_many_and_the_others_stay() {
    let collector = super::collector::start_with(|builder| {
        let mut limits = scouter_collector::Limits::default();
        limits.max_connections = 1;
        builder.limits(limits)
    })
    .await;
    let mut first = collector.agent("/test/first");
    let mut second = super::agent::open(collector.running.agent_addr());
    let (header, body) = super::agent::read_frame(&mut second).unwrap();
    assert_eq!(header.frame_type(), Some(FrameType::Error));
    let refusal = scouter_wire::codec::Refusal::read(&body).unwrap();
    assert_eq!(refusal.code, RefusalCode::Busy);
    first.send(&[tx(1)]);
    assert_eq!(collector.metric("scouter_collector_refused_connection_limit_total").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_over_the_limit_of_a_minute_become_other_and_are_counted() {
    let collector = super::collector::start_with(|builder| {
        let mut limits = scouter_collector::Limits::default();
        // The first transaction brings three texts: service, function, statement.
        limits.texts_per_minute = 4;
        builder.limits(limits)
    })
    .await;
    let mut agent = collector.agent("/test/orders");
    let row = |id: u64| Tx { service: format!("GET /{id}"), profile: ProfileFate::Empty, ..tx(id) };
    agent.send(&[row(1), row(2), row(3), row(4)]);
    let page = collector.json(&format!("/api/v1/xlogs?{ALL}")).await;
    let services: Vec<&str> =
        page["rows"].as_array().unwrap().iter().map(|r| r["service"].as_str().unwrap()).collect();
    assert_eq!(services.iter().filter(|service| **service == "(other)").count(), 2, "{services:?}");
    assert_eq!(collector.metric("scouter_collector_texts_over_rate_total").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_received_before_the_end_is_acknowledged_and_kept() {
    let collector = start().await;
    let mut agent = collector.agent("/test/orders");
    let frame = agent.batch_frame(&txs(1, 10));
    agent.stream.write_all(&frame).unwrap();
    collector.wait_for_metric("scouter_collector_xlogs_total", 10).await;
    collector.running.shutdown().await.unwrap();
    agent.wait_acked(1);
    let collector = start_in(collector.folder, |builder| builder).await;
    assert_eq!(collector.total("").await, 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_heartbeat_is_acknowledged_and_shows_what_changed() {
    let collector = start().await;
    let mut agent = collector.agent("/test/orders");
    agent.hello.object.tags.push(("zone".into(), "b".into()));
    agent.heartbeat();
    let objects = collector.json("/api/v1/objects").await;
    assert_eq!(objects["objects"][0]["tags"]["zone"], "b");
    agent.hello.object.tags.push(("clock_offset_us".into(), "2500000".into()));
    agent.heartbeat();
    let objects = collector.json("/api/v1/objects").await;
    assert_eq!(objects["objects"][0]["clock_offset_us"], 2_500_000, "the agent's measure wins");
    agent.hello.object.name = "/test/another".into();
    agent.seq += 1;
    let object = agent.hello.object.clone();
    agent.send_frame(FrameType::Object, agent.seq, |out| {
        scouter_wire::codec::put_object(out, &object);
    });
    assert!(agent.expect_refusal().sentence.contains("another object"));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_under_one_name_are_two_entries_with_books_of_their_own() {
    let collector = start().await;
    let mut twin = hello("/test/orders");
    twin.instance.0 += 1;
    twin.object.started_unix_us += 1;
    twin.object.pid = 43;
    let mut first = collector.agent("/test/orders");
    let mut second =
        Agent::connect_with(collector.running.agent_addr(), twin.clone(), None).unwrap();
    first.send(&txs(1, 3));
    second.send(&txs(11, 5));
    let answer = collector.json("/api/v1/objects").await;
    let objects = answer["objects"].as_array().unwrap();
    assert_eq!(objects.len(), 2, "{answer}");
    for (object, (pid, stored)) in objects.iter().zip([(42, 3), (43, 5)]) {
        assert_eq!(object["name"], "/test/orders");
        assert_eq!((&object["pid"], &object["same_name"]), (&pid.into(), &1.into()), "{object}");
        assert_eq!((&object["recorded"], &object["stored"]), (&stored.into(), &stored.into()));
        assert_eq!((&object["pending"], &object["alive"]), (&0.into(), &true.into()));
    }
    assert_ne!(objects[0]["instance"], objects[1]["instance"]);
    let metrics = collector.client.get(collector.url("/metrics")).send().await.unwrap();
    let metrics = metrics.text().await.unwrap();
    for (object, stored) in objects.iter().zip([3, 5]) {
        let instance = object["instance"].as_str().unwrap();
        let series = format!(
            "object_stored_total{{object=\"/test/orders\",instance=\"{instance}\"}} {stored}\n"
        );
        assert!(metrics.contains(&series), "{metrics}");
    }
    first.close();
    second.close();
    until("both are gone", async || {
        let answer = collector.json("/api/v1/objects").await;
        let objects = answer["objects"].as_array().unwrap();
        objects.iter().all(|object| object["alive"] == false)
    })
    .await;
    twin.instance.0 += 1;
    let _third = Agent::connect_with(collector.running.agent_addr(), twin, None).unwrap();
    until("a new run takes the place of those that ended", async || {
        let answer = collector.json("/api/v1/objects").await;
        let objects = answer["objects"].as_array().unwrap();
        objects.len() == 1 && objects[0]["alive"] == true && objects[0]["same_name"] == 0
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_time_is_told_at_once_and_a_clock_that_is_off_is_shown() {
    let collector = start().await;
    let mut agent = collector.agent("/test/orders");
    let before = now_unix_us();
    let question = ClockReading { asked_unix_us: 7, ..ClockReading::default() };
    agent.send_frame(FrameType::Clock, 0, |out| question.put(out));
    let reading = ClockReading::read(&agent.expect(FrameType::Clock)).unwrap();
    assert_eq!(reading.asked_unix_us, 7);
    let range = before..=now_unix_us();
    assert!(range.contains(&reading.received_unix_us));
    assert!(range.contains(&reading.answered_unix_us));
    let object = async || collector.json("/api/v1/objects").await["objects"][0].clone();
    assert_eq!(object().await["clock_is_off"], false);
    agent.hello.object.tags.push(("clock_offset_us".into(), "-1500000".into()));
    agent.heartbeat();
    let object = object().await;
    assert_eq!(
        (&object["clock_offset_us"], &object["clock_is_off"]),
        (&(-1_500_000).into(), &true.into())
    );
    let end = now_unix_us();
    agent.send(&[Tx { end_unix_us: end, ..tx(1) }]);
    let rows = collector.json(&format!("/api/v1/xlogs?{ALL}")).await;
    assert_eq!(rows["rows"][0]["end_unix_us"].as_i64(), Some(end - 1_500_000));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_connection_of_an_agent_ends_the_older_one_and_knows_what_it_left() {
    // Synced to the disk, so that there is something to wait for.
    let folder = tempfile::tempdir().unwrap();
    let store = StoreConfig::new(folder.path().join("data"));
    let collector = start_in(folder, |builder| builder.store(store)).await;
    let mut older = collector.agent("/test/orders");
    let frame = older.batch_frame(&txs(1, 5));
    older.send_raw(&frame);
    // Nobody waits for its acknowledgement.
    let newer = collector.agent("/test/orders");
    let told = newer.welcome.acked_seq;
    let stored = collector.total("").await;
    assert_eq!(stored, 5 * told, "what is stored is told, and nothing comes later");
    let mut rest = [0; 1_024];
    while let Ok(1..) = older.stream.read(&mut rest) {}
    assert_eq!(collector.total("").await, stored);
}
