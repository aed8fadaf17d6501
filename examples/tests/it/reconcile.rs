//! One request, one XLog: the generator's ledger against the store, and a trace over three hops.

use serde_json::Value;

use crate::demo::{Demo, Store, by_link};

/// Seconds the shop runs under load.
const SECONDS: &str = "12";

#[tokio::test(flavor = "multi_thread")]
async fn every_request_with_an_answer_is_exactly_one_xlog_and_traces_are_whole() {
    let mut demo = Demo::start(&["--seconds", SECONDS, "--rate", "60"]);
    demo.status("front");
    demo.wait();
    let ledger = demo.ledger();
    assert!(ledger.len() > 300, "the shop was hardly used: {} requests", ledger.len());

    let store = Store::open(&demo.data()).await;
    let front = store.xlogs("object:*front*").await;
    let stored = by_link(&front);
    for (id, end) in &ledger {
        let Some(id) = id else { continue };
        assert_eq!(stored.get(id), Some(&1), "request {id} ({end}) is not exactly one XLog");
    }
    // What got no response headers is reconciled by how it ended.
    let without_id = ledger.iter().filter(|(id, _)| id.is_none()).count();
    let cancelled = front.iter().filter(|row| row["end"] == "cancelled_before_response").count();
    assert_eq!(cancelled, without_id, "requests without an answer and cancelled XLogs differ");
    assert_eq!(front.len(), ledger.len(), "front served what nobody sent, or lost a request");
    let broken = ledger.iter().filter(|(_, end)| end == "left within the answer").count();
    let aborted = front.iter().filter(|row| row["end"] == "aborted_in_body").count();
    assert_eq!(aborted, broken, "customers who left and bodies that were broken off differ");

    three_hops(&store, &front).await;
    store.close().await;
}

/// A checkout is one trace: front -> orders -> billing, the tenant on each, SQL and calls as steps.
async fn three_hops(store: &Store, front: &[Value]) {
    let is_bought = |row: &&Value| row["service"] == "POST /checkout" && row["status"] == 200;
    let root = front.iter().find(is_bought).expect("somebody bought something");
    let gxid = root["gxid"].as_str().expect("a gxid");
    let trace = store.get(&format!("/api/v1/trace/{gxid}")).await;
    let hops = trace["transactions"].as_array().expect("transactions");
    assert_eq!(hops.len(), 3, "{trace:#}");
    assert_eq!(trace["missing"].as_array().map(Vec::len), Some(0), "{trace:#}");
    let services: Vec<_> = hops.iter().filter_map(|hop| hop["service"].as_str()).collect();
    assert_eq!(services, ["POST /checkout", "POST /orders", "POST /charges"]);
    assert!(hops[0]["caller"].is_null());
    assert_eq!(hops[1]["caller"], hops[0]["txid"]);
    assert_eq!(hops[2]["caller"], hops[1]["txid"]);
    for hop in hops {
        assert_eq!(hop["tenant"], root["tenant"], "{hop:#}");
    }
    let profile = profile_of(store, &hops[1]).await;
    let insert = step(&profile, |step| {
        step["kind"] == "sql"
            && step["name"].as_str().is_some_and(|name| name.starts_with("INSERT INTO orders"))
    });
    assert_eq!(insert["sql"]["binds"], 3, "{insert:#}");
    let call = step(&profile, |step| step["kind"] == "api");
    assert_eq!(call["api"]["status"], 200, "{call:#}");
    assert_eq!(call["api"]["callee"], hops[2]["txid"], "{call:#}");

    let is_read = |row: &&Value| row["service"] == "GET /orders/{id}" && row["status"] == 200;
    let read = store.xlogs("object:*orders*").await;
    let read = read.iter().find(is_read).expect("somebody looked at an order");
    let profile = profile_of(store, read).await;
    let select = step(&profile, |step| {
        step["name"].as_str().is_some_and(|name| name.starts_with("SELECT sku"))
    });
    assert_eq!(select["sql"]["rows"], 3, "{select:#}");
    assert!(select["sql"]["pool_wait_us"].is_u64(), "{select:#}");
}

async fn profile_of(store: &Store, xlog: &Value) -> Vec<Value> {
    let id = |key: &str| xlog[key].as_str().unwrap_or_default();
    let tx = store.get(&format!("/api/v1/tx/{}-{}", id("gxid"), id("txid"))).await;
    tx["profile"]["steps"].as_array().cloned().unwrap_or_else(|| panic!("no profile: {tx:#}"))
}

fn step(profile: &[Value], is_it: impl Fn(&Value) -> bool) -> &Value {
    profile.iter().find(|step| is_it(step)).unwrap_or_else(|| panic!("not there: {profile:#?}"))
}
