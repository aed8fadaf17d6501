//! The live WebSocket: snapshot and live together are every transaction exactly once.

use futures_util::{SinkExt, StreamExt};
use scouter_wire::record::ProfileFate;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use super::agent::{Tx, now_unix_us, tx, txs};
use super::collector::{PATIENCE, TestCollector, start, start_in, start_with, until};

/// One frame as a page sees it.
#[derive(Debug, PartialEq)]
enum Frame {
    /// Cursor; milliseconds, height and attributes of each point.
    Points(u64, Vec<(i64, u16, u16)>),
    Gap(u64, u64),
    Pulse(Value),
    Hello(Value),
    /// A JSON text.
    Text(Value),
}

/// A page that is open.
pub(crate) struct Page {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    frames: std::collections::VecDeque<Frame>,
}

impl Page {
    pub(crate) async fn open(collector: &TestCollector) -> Self {
        let url = format!("ws://{}/api/v1/live", collector.running.http_addr());
        let (socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
        let mut page = Self { socket, frames: std::collections::VecDeque::new() };
        assert!(matches!(page.next().await, Frame::Hello(_)), "HELLO comes first");
        page
    }

    async fn say(&mut self, request: Value) {
        self.socket.send(Message::Text(request.to_string().into())).await.unwrap();
    }

    pub(crate) async fn subscribe(&mut self, cursor: u64, filter: &str) {
        let cursor = cursor.to_string();
        self.say(json!({"op": "subscribe", "topic": "points", "cursor": cursor,
            "window_us": 300_000_000, "f": filter}))
            .await;
    }

    async fn next(&mut self) -> Frame {
        loop {
            if let Some(frame) = self.frames.pop_front() {
                return frame;
            }
            let message = tokio::time::timeout(PATIENCE, self.socket.next()).await;
            match message.expect("a frame in time").expect("an open socket").unwrap() {
                Message::Binary(bytes) => self.frames.extend(parse(&bytes)),
                Message::Text(text) => {
                    return Frame::Text(serde_json::from_str(&text).unwrap());
                }
                Message::Close(_) => panic!("closed"),
                _ => {}
            }
        }
    }

    /// Points until HELLO says that live begins, and the cursor it says so with.
    pub(crate) async fn snapshot(&mut self) -> (usize, u64) {
        let mut points = 0;
        loop {
            match self.next().await {
                Frame::Points(_, block) => points += block.len(),
                Frame::Hello(hello) => {
                    assert_eq!(hello["topic"], "points");
                    return (points, hello["cursor"].as_str().unwrap().parse().unwrap());
                }
                other => panic!("{other:?}"),
            }
        }
    }

    /// Points until there are `count`, and the last cursor.
    pub(crate) async fn points(&mut self, count: usize) -> (Vec<(i64, u16, u16)>, u64) {
        let (mut points, mut last) = (Vec::new(), 0);
        while points.len() < count {
            let Frame::Points(cursor, block) = self.next().await else { panic!("points") };
            assert!(cursor >= last);
            last = cursor;
            points.extend(block);
        }
        assert_eq!(points.len(), count);
        (points, last)
    }
}

fn parse(mut bytes: &[u8]) -> Vec<Frame> {
    let mut frames = Vec::new();
    while !bytes.is_empty() {
        let length = u32::from_le_bytes(bytes[4..8].try_into().unwrap()) as usize;
        let cursor = u64::from_le_bytes(bytes[8..16].try_into().unwrap());
        let payload = &bytes[16..16 + length];
        let long = |at: usize| u64::from_le_bytes(payload[at..at + 8].try_into().unwrap());
        frames.push(match bytes[0] {
            1 => Frame::Points(cursor, points(payload)),
            2 => Frame::Gap(long(0), long(8)),
            3 => Frame::Pulse(serde_json::from_slice(payload).unwrap()),
            4 => Frame::Hello(serde_json::from_slice(payload).unwrap()),
            other => panic!("frame type {other}"),
        });
        bytes = &bytes[16 + length..];
    }
    frames
}

/// Points of one block: milliseconds, height, attributes.
pub(crate) fn points(payload: &[u8]) -> Vec<(i64, u16, u16)> {
    let base = i64::from_le_bytes(payload[..8].try_into().unwrap());
    assert_eq!(base % 1_000, 0);
    let count = u32::from_le_bytes(payload[8..12].try_into().unwrap()) as usize;
    let column = (2 * count).next_multiple_of(4);
    let word = |at: usize| u16::from_le_bytes(payload[at..at + 2].try_into().unwrap());
    (0..count)
        .map(|i| {
            let ms = base / 1_000 + i64::from(word(12 + 2 * i));
            (ms, word(12 + column + 2 * i), word(12 + 2 * column + 2 * i))
        })
        .collect()
}

/// The points in an answer of `/api/v1/points`.
pub(crate) fn points_of_body(body: &[u8]) -> Vec<(i64, u16, u16)> {
    let frames = parse(body).into_iter();
    frames
        .flat_map(|frame| match frame {
            Frame::Points(_, points) => points,
            other => panic!("{other:?}"),
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn snapshot_and_live_are_every_transaction_exactly_once() {
    let collector = start().await;
    let address = collector.running.agent_addr();
    let senders: Vec<_> = (0..3_u64)
        .map(|number| {
            let thread = std::thread::Builder::new().name(format!("sender-{number}"));
            let send = move || {
                let name = format!("/test/sender-{number}");
                let mut agent = super::agent::Agent::connect(address, &name);
                for batch in 0..40 {
                    agent.send(&txs(1 + number * 100_000 + batch * 25, 25));
                }
            };
            thread.spawn(send).unwrap()
        })
        .collect();
    let mut pages = Vec::new();
    for _ in 0..4 {
        let mut page = Page::open(&collector).await;
        page.subscribe(0, "").await;
        let (before, _) = page.snapshot().await;
        pages.push((page, before));
        collector.json("/api/v1/self").await;
    }
    for (page, before) in &mut pages {
        if *before < 3_000 {
            let (_, cursor) = page.points(3_000 - *before).await;
            assert_eq!(cursor, 3_000);
        }
    }
    for sender in senders {
        sender.join().unwrap();
    }
    // One more shows that nothing but it comes after the end.
    collector.agent("/test/last").send(&[tx(1)]);
    for (page, _) in &mut pages {
        assert_eq!(page.points(1).await.1, 3_001);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn live_points_are_the_stored_points() {
    let collector = start().await;
    let mut page = Page::open(&collector).await;
    page.subscribe(0, "").await;
    assert_eq!(page.snapshot().await, (0, 0));
    let end = now_unix_us();
    let ok = Tx { end_unix_us: end, elapsed_us: 2_000, profile: ProfileFate::Empty, ..tx(1) };
    let bad = Tx { end_unix_us: end + 70_000_000, error: "boom", ..tx(2) };
    collector.agent("/test/orders").send(&[bad, ok]);
    let (live, _) = page.points(2).await;
    let url = collector.url(&format!("/api/v1/points?{}", super::collector::ALL));
    let response = collector.client.get(url).send().await.unwrap();
    assert_eq!(response.headers()["x-scouter-total"], "2");
    let stored = points_of_body(&response.bytes().await.unwrap());
    assert_eq!(live, stored, "also when a block must be cut because it spans more than a minute");
    assert_eq!((live[0].2 & 7, live[1].2 & 7), (0, 5), "error and profile bits");
    assert_eq!(live[0].2 >> 8, live[1].2 >> 8, "the same service has the same colour");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_shows_the_same_live_as_in_the_store() {
    let collector = start().await;
    let mut agent = collector.agent("/test/orders");
    let row = |id: u64, tenant, error, status| Tx { tenant, error, status, ..tx(id) };
    agent.send(&[row(1, "acme", "boom", 500), row(2, "globex", "", 200)]);
    let cases = [
        ("", 2),
        ("tenant:acme", 1),
        ("err", 1),
        ("-err", 1),
        ("status:5xx tenant:acme service:/orders/*", 1),
        ("object:/test/orders login:kim", 2),
        ("error:bo*m", 1),
        ("ip:127.* ua:test/* -desc:x", 2),
        ("ip:10.*", 0),
        ("pool>9us", 2),
        ("elapsed>60m", 0),
    ];
    let mut pages = Vec::new();
    for (filter, expected) in cases {
        assert_eq!(
            collector.total(&filter.replace('/', "%2F")).await,
            expected as u64,
            "{filter:?}"
        );
        if expected == 0 {
            continue; // a page without points would wait for the next snapshot
        }
        let mut page = Page::open(&collector).await;
        page.subscribe(0, filter).await;
        assert_eq!(page.snapshot().await.0, expected, "snapshot of {filter:?}");
        pages.push((page, filter, expected));
    }
    agent.send(&[row(3, "acme", "boom", 500), row(4, "globex", "", 200)]);
    for (page, filter, expected) in &mut pages {
        assert_eq!(page.points(*expected).await.0.len(), *expected, "live of {filter:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn heights_are_those_of_the_measure_in_the_snapshot_and_live() {
    let collector = start().await;
    let mut agent = collector.agent("/test/orders");
    agent.send(&[tx(1)]);
    let mut page = Page::open(&collector).await;
    page.say(json!({ "op": "subscribe", "topic": "points", "measure": "sqlcount" })).await;
    let Frame::Text(refused) = page.next().await else { panic!("a refusal") };
    assert_eq!(refused["error"]["code"], "bad_parameter", "{refused}");
    page.say(json!({ "op": "subscribe", "topic": "points", "measure": "sql_count" })).await;
    let snapshot = page.points(1).await.0;
    page.snapshot().await;
    agent.send(&[tx(2)]);
    let live = page.points(1).await.0;
    // One statement each.
    assert_eq!((snapshot[0].1, live[0].1), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_comes_back_gets_exactly_what_it_missed_or_a_gap() {
    let collector = start().await;
    let mut agent = collector.agent("/test/orders");
    let mut stays = Page::open(&collector).await;
    stays.subscribe(0, "").await;
    stays.snapshot().await;
    let mut leaves = Page::open(&collector).await;
    leaves.subscribe(0, "").await;
    leaves.snapshot().await;
    agent.send(&txs(1, 5));
    let (_, cursor) = leaves.points(5).await;
    drop(leaves);
    agent.send(&txs(6, 7));
    stays.points(12).await;
    let mut back = Page::open(&collector).await;
    back.subscribe(cursor, "").await;
    assert_eq!(back.snapshot().await, (0, 5));
    assert_eq!(back.points(7).await.1, 12);
    drop((stays, back));
    // Nobody watches any more, so the rows go; what was missed must then be fetched.
    until("no viewer is left", async || collector.json("/api/v1/self").await["viewers"] == 0).await;
    agent.send(&txs(13, 3));
    let mut late = Page::open(&collector).await;
    late.subscribe(12, "").await;
    assert_eq!(late.next().await, Frame::Gap(12, 15));
    assert_eq!(late.snapshot().await, (0, 15));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pulse_carries_the_figures_of_the_second() {
    let collector = start().await;
    let mut page = Page::open(&collector).await;
    page.say(json!({"op": "subscribe", "topic": "pulse"})).await;
    let mut agent = collector.agent("/test/orders");
    agent.send(&[Tx { error: "boom", ..tx(1) }, tx(2)]);
    let (mut rate, mut errors, mut objects, mut newest) = (0, 0, Value::Null, Value::Null);
    while rate < 2 {
        let Frame::Pulse(pulse) = page.next().await else { panic!("a pulse") };
        rate += pulse["rate"].as_u64().unwrap();
        errors += pulse["errors_per_s"].as_u64().unwrap();
        (objects, newest) = (pulse["objects"].clone(), pulse["newest_errors"].clone());
    }
    assert_eq!((rate, errors), (2, 1));
    assert_eq!(objects[0]["name"], "/test/orders");
    assert_eq!(newest[0]["txid"], "0000000000000001");
}

/// Whether a page is told that it is the first run, and which objects are the collector's own. Agents
/// are not asked anything any more when this returns.
async fn first_run(collector: &TestCollector) -> (bool, Vec<bool>) {
    let mut page = Page::open(collector).await;
    page.say(json!({"op": "subscribe", "topic": "pulse"})).await;
    let pulse = loop {
        if let Frame::Pulse(pulse) = page.next().await {
            break pulse;
        }
    };
    drop(page);
    until("the page is gone", async || collector.json("/api/v1/self").await["viewers"] == 0).await;
    let objects = pulse["objects"].as_array().unwrap().iter();
    let own = objects.map(|object| object["is_own"].as_bool().unwrap()).collect();
    (pulse["is_first_run"].as_bool().unwrap(), own)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_run_lasts_until_somebody_else_than_the_collector_has_sent_a_transaction() {
    let collector = start().await;
    let mut own = collector.agent("/test/scouter-collector");
    own.send(&[tx(1)]);
    let _silent = collector.agent("/test/silent");
    assert_eq!(first_run(&collector).await, (true, vec![true, false]));
    collector.agent("/test/orders").send(&[tx(2)]);
    assert!(!first_run(&collector).await.0);
    // What was stored before a restart counts too.
    let TestCollector { running, folder, .. } = collector;
    running.shutdown().await.unwrap();
    let collector = start_in(folder, |builder| builder).await;
    assert_eq!(first_run(&collector).await, (false, Vec::new()));
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_requests_are_answered_and_the_socket_stays_open() {
    let collector = start().await;
    let mut page = Page::open(&collector).await;
    for (request, code) in [
        ("not json", "bad_request"),
        ("{}", "bad_request"),
        ("{\"op\":\"subscribe\",\"topic\":\"nothing\"}", "bad_request"),
        ("{\"op\":\"subscribe\",\"topic\":\"points\",\"f\":\"servce:x\"}", "bad_filter"),
        ("{\"op\":\"subscribe\",\"topic\":\"points\",\"cursor\":\"x\"}", "bad_cursor"),
        ("{\"op\":\"subscribe\",\"topic\":\"points\",\"window_us\":-1}", "bad_range"),
    ] {
        page.socket.send(Message::Text(request.into())).await.unwrap();
        let Frame::Text(answer) = page.next().await else { panic!("an answer to {request}") };
        assert_eq!(answer["error"]["code"], code, "{request}");
    }
    page.socket.send(Message::Binary(vec![1, 2, 3].into())).await.unwrap();
    assert!(matches!(page.next().await, Frame::Text(_)));
    page.subscribe(0, "").await;
    assert_eq!(page.snapshot().await, (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_that_does_not_read_is_cut_off_and_ingest_does_not_notice() {
    let collector = start_with(|builder| {
        let mut limits = scouter_collector::Limits::default();
        limits.viewer_queue_frames = 1;
        builder.limits(limits)
    })
    .await;
    let mut slow = Page::open(&collector).await;
    slow.subscribe(0, "").await;
    slow.snapshot().await;
    let mut agent = collector.agent("/test/orders");
    let mut sent = 0;
    // The sockets' own buffers fill first; then the queue, and then points are dropped.
    while collector.metric("scouter_collector_viewer_gaps_total").await == 0 {
        for _ in 0..20 {
            agent.send(&txs(1 + sent, 5_000));
            sent += 5_000;
        }
        assert!(sent < 10_000_000, "the slow viewer was never cut off");
    }
    assert_eq!(collector.total("").await, sent, "everything is stored");
    let (mut seen, mut missed) = (0, 0);
    while seen + missed < sent {
        match slow.next().await {
            Frame::Points(_, block) => seen += block.len() as u64,
            Frame::Gap(from, to) => missed += to - from,
            other => panic!("{other:?}"),
        }
        if seen + missed < sent && slow.frames.is_empty() {
            // A gap is told with the next points.
            agent.send(&[tx(1)]);
            sent += 1;
        }
    }
    assert!(missed > 0);
    assert_eq!(seen + missed, sent, "seen and missed are all there were");
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_other_sites_and_too_many_pages_are_refused() {
    let collector = start_with(|builder| {
        let mut limits = scouter_collector::Limits::default();
        limits.max_viewers = 1;
        builder.limits(limits)
    })
    .await;
    let url = format!("ws://{}/api/v1/live", collector.running.http_addr());
    let mut request = url.as_str().into_client_request().unwrap();
    request.headers_mut().insert("origin", "http://evil.example".parse().unwrap());
    let Err(Error::Http(answer)) = tokio_tungstenite::connect_async(request).await else {
        panic!("a page of another site got in");
    };
    assert_eq!(answer.status(), 403);
    let _first = Page::open(&collector).await;
    let Err(Error::Http(answer)) = tokio_tungstenite::connect_async(&url).await else {
        panic!("one too many");
    };
    assert_eq!(answer.status(), 503);
    assert_eq!(collector.metric("scouter_collector_viewers_refused_total").await, 1);
}
