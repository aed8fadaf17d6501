//! The collector is killed with -9 under load, twenty times over.

use std::net::SocketAddr;
use std::time::Instant;

use serde_json::Value;

use crate::demo::{Demo, PATIENCE, PAUSE, Store, by_link, get, signal};

/// How often the collector is killed.
const KILLS: u32 = 20;

#[tokio::test(flavor = "multi_thread")]
async fn killing_the_collector_twenty_times_loses_nothing() {
    let mut demo = Demo::start(&["--rate", "80"]);
    let client = reqwest::Client::new();
    for kill in 0..KILLS {
        let (pid, addresses) = demo.status("collector");
        let before = stored(&client, addresses[0], 0).await;
        stored(&client, addresses[0], before + 20).await;
        signal(pid, "KILL");
        let began = Instant::now();
        while demo.status("collector").0 == pid {
            assert!(began.elapsed() < PATIENCE, "the collector was not restarted ({kill})");
            tokio::time::sleep(PAUSE).await;
        }
    }
    let (_, addresses) = demo.status("collector");
    settle(&client, addresses[0]).await;
    demo.interrupt();

    let store = Store::open(&demo.data()).await;
    let seen = by_link(&store.xlogs("object:*front*").await);
    let ledger = demo.ledger();
    let lost: Vec<_> = ledger
        .iter()
        .filter_map(|(id, _)| id.as_ref())
        .filter(|id| seen.get(*id) != Some(&1))
        .collect();
    assert!(lost.is_empty(), "{} of {} lost or doubled: {lost:?}", lost.len(), ledger.len());
    store.close().await;
}

/// Waits until the collector answers and holds at least so many XLogs; returns how many.
async fn stored(client: &reqwest::Client, at: SocketAddr, least: u64) -> u64 {
    let began = Instant::now();
    loop {
        let own = get(client, at, "/api/v1/self").await;
        if let Some(count) = own.and_then(|own| own["xlogs"].as_u64()).filter(|n| *n >= least) {
            return count;
        }
        assert!(began.elapsed() < PATIENCE, "the collector at {at} does not come to {least}");
        tokio::time::sleep(PAUSE).await;
    }
}

/// Waits until every agent's account is even: recorded == stored + dropped + pending.
async fn settle(client: &reqwest::Client, at: SocketAddr) {
    let began = Instant::now();
    loop {
        let objects = get(client, at, "/api/v1/objects").await.unwrap_or_default();
        let services: Vec<_> = objects["objects"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|object| object["alive"] == true && object["recorded"].as_u64() > Some(0))
            .collect();
        if services.len() >= 3 && services.iter().all(|object| is_even(object)) {
            return;
        }
        assert!(began.elapsed() < PATIENCE, "the accounts stay uneven: {objects:#}");
        tokio::time::sleep(PAUSE).await;
    }
}

fn is_even(object: &Value) -> bool {
    let number = |key: &str| object[key].as_u64().unwrap_or_default();
    let dropped: u64 = object["dropped"]
        .as_object()
        .map_or(0, |reasons| reasons.values().filter_map(Value::as_u64).sum());
    number("recorded") == number("stored") + dropped + number("pending")
}
