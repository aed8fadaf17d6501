//! One request, one XLog: the generator's ledger against what the agents say they recorded and what
//! the store holds; and a trace over three hops.

use serde_json::Value;

use crate::demo::{Books, Demo, Sent, Store, by_link, settle, stored};

/// Transactions of all services before the load ends.
const ENOUGH: u64 = 1_500;

#[tokio::test(flavor = "multi_thread")]
async fn every_request_with_an_answer_is_exactly_one_xlog_and_traces_are_whole() {
    reconcile(Demo::start(&["--rate", "80"])).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_shop_on_postgres_reconciles_too() {
    let Some(server) = crate::postgres::Postgres::shared() else { return };
    reconcile(Demo::start_on(Some(&server.url()), &["--rate", "80"])).await;
}

async fn reconcile(mut demo: Demo) {
    let client = reqwest::Client::new();
    let (_, addresses) = demo.status("collector");
    stored(&client, addresses[0], ENOUGH).await;
    demo.end_load();
    let ledger = demo.ledger();
    let books = settle(&client, addresses[0], ledger.len()).await;
    demo.end_by("INT");
    let expected = Books { recorded: ledger.len() as u64, dropped: 0 };
    assert_eq!(books["front"], expected, "the agent recorded what nobody sent, or dropped some");

    let store = Store::open(&demo.data()).await;
    let front = store.xlogs("object:*front*").await;
    let stored = by_link(&front);
    for Sent { id, end, .. } in &ledger {
        let Some(id) = id else { continue };
        assert_eq!(stored.get(id), Some(&1), "request {id} ({end}) is not exactly one XLog");
    }
    // What got no response headers is reconciled by how it ended.
    let without_id = ledger.iter().filter(|sent| sent.id.is_none()).count();
    let cancelled = front.iter().filter(|row| row["end"] == "cancelled_before_response").count();
    assert_eq!(cancelled, without_id, "requests without an answer and cancelled XLogs differ");
    assert_eq!(front.len(), ledger.len(), "front served what nobody sent, or lost a request");
    let broken = ledger.iter().filter(|sent| sent.end == "left within the answer").count();
    let aborted = front.iter().filter(|row| row["end"] == "aborted_in_body").count();
    assert_eq!(aborted, broken, "customers who left and bodies that were broken off differ");

    three_hops(&store, &front, &ledger).await;
    store.close().await;
}

/// A checkout is one trace: front -> orders -> billing, the tenant on each, SQL and calls as steps.
async fn three_hops(store: &Store, front: &[Value], ledger: &[Sent]) {
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
    let link = format!("{gxid}-{}", root["txid"].as_str().expect("a txid"));
    let sent = ledger.iter().find(|sent| sent.id.as_ref() == Some(&link)).expect("it was sent");
    for hop in hops {
        assert_eq!(hop["tenant"], sent.tenant.as_str(), "{hop:#}");
    }
    let profile = profile_of(store, &hops[1]).await;
    let insert = step(&profile, |step| {
        step["kind"] == "sql"
            && step["name"].as_str().is_some_and(|name| name.starts_with("INSERT INTO orders"))
    });
    assert_eq!(insert["sql"]["binds"], 3, "{insert:#}");
    assert_eq!(insert["sql"]["affected"], 1, "{insert:#}");
    assert!(insert["elapsed_us"].as_u64() > Some(0), "{insert:#}");
    let call = step(&profile, |step| step["kind"] == "api");
    assert_eq!(call["api"]["status"], 200, "{call:#}");
    assert_eq!(call["api"]["callee"], hops[2]["txid"], "{call:#}");
    let ttfb_us = call["api"]["ttfb_us"].as_u64();
    assert!(ttfb_us > Some(0) && ttfb_us <= call["elapsed_us"].as_u64(), "{call:#}");
    let charged = profile_of(store, &hops[2]).await;
    let charge = step(&charged, |step| step["kind"] == "sql");
    assert_eq!(charge["sql"]["affected"], 1, "{charge:#}");
    assert!(charge["sql"]["pool_wait_us"].as_u64() < charge["elapsed_us"].as_u64(), "{charge:#}");

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
