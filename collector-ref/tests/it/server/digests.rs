//! Digests from the agent's frame to the answers of the API.

use scouter_wire::TextKind;
use scouter_wire::codec::SeriesEncoder;
use scouter_wire::record::{Digest, DigestKey, ProfileFate, Sketch, StepKind};
use serde_json::{Value, json};

use super::agent::{Agent, Tx, tx};
use super::collector::{ALL, start};

fn digest(key: DigestKey, elapsed_us: &[u64], unseen_profiles: u64) -> Digest {
    let mut sketch = Sketch::default();
    elapsed_us.iter().for_each(|elapsed| sketch.insert(*elapsed));
    let (count, elapsed_us) = (elapsed_us.len() as u64, elapsed_us.iter().sum());
    Digest { key, count, errors: 0, elapsed_us, sketch, unseen_profiles }
}

fn send(agent: &mut Agent, make: impl FnOnce(&mut Agent) -> Vec<Digest>) {
    let digests = make(agent);
    agent.announce_texts();
    agent.seq += 1;
    let mut frame = Vec::new();
    let from = 1_795_000_000_000_000;
    let series = SeriesEncoder::new().digests(from, from + 10_000_000, &digests);
    let named = |kind, text| agent.name(kind, text);
    series.write_frame(&mut frame, agent.seq, &agent.origin(), named).unwrap();
    agent.send_raw(&frame);
    agent.wait_acked(agent.seq);
}

fn names(answer: &Value) -> Vec<&str> {
    let groups = answer["groups"].as_array().unwrap();
    groups.iter().map(|group| group["name"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_statements_of_all_agents_are_told_by_total_count_and_p99() {
    let collector = start().await;
    for name in ["/test/a", "/test/b"] {
        send(&mut collector.agent(name), |agent| {
            let often = agent.text(TextKind::Sql, "SELECT 1");
            let slow = agent.text(TextKind::Sql, "SELECT pg_sleep(?)");
            vec![
                digest(DigestKey::Sql(often), &[100; 50], 0),
                digest(DigestKey::Sql(slow), &[4_000, 9_000], 3),
            ]
        });
    }
    let url = format!("/api/v1/digests?kind=sql&{ALL}");
    let answer = collector.json(&url).await;
    assert_eq!(names(&answer), ["SELECT pg_sleep(?)", "SELECT 1"], "the costly one first");
    let slow = &answer["groups"][0];
    assert_eq!((&slow["count"], &slow["elapsed_sum_us"]), (&json!(4), &json!(26_000)));
    let p99 = slow["p99_us"].as_u64().unwrap();
    assert!((8_550..=9_450).contains(&p99), "{p99}");
    assert_eq!((&slow["unseen_profiles"], &slow["is_lower_bound"]), (&json!(6), &json!(true)));
    assert_eq!(answer["groups"][1]["is_lower_bound"], false);
    let answer = collector.json(&format!("{url}&order=count&limit=1")).await;
    assert_eq!((names(&answer), &answer["group_count"]), (vec!["SELECT 1"], &json!(2)));
    assert_eq!(answer["groups"][0]["count"], 100);
    let answer = collector.json(&format!("{url}&order=p99&object=/test/b")).await;
    assert_eq!(names(&answer), ["SELECT pg_sleep(?)", "SELECT 1"]);
    assert_eq!(answer["groups"][1]["count"], 50);
    assert_eq!(collector.metric("scouter_collector_digests_total").await, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_topology_has_an_edge_for_each_peer_of_each_object() {
    let collector = start().await;
    for (name, count) in [("/test/a", 3), ("/test/b", 1)] {
        send(&mut collector.agent(name), |agent| {
            let edge = |service, kind, peer: &str| {
                digest(DigestKey::Edge { service, kind, peer: peer.into() }, &vec![10; count], 0)
            };
            let (list, show) = (
                agent.text(TextKind::Service, "GET /orders"),
                agent.text(TextKind::Service, "GET /orders/{id}"),
            );
            vec![
                edge(list, StepKind::Sql, "orders-db"),
                edge(show, StepKind::Sql, "orders-db"),
                edge(show, StepKind::Api, "billing:443"),
            ]
        });
    }
    let answer = collector.json(&format!("/api/v1/topology?{ALL}")).await;
    let ids: Vec<_> = answer["nodes"].as_array().unwrap().iter().map(|node| &node["id"]).collect();
    assert_eq!(ids, ["api:billing:443", "object:/test/a", "object:/test/b", "sql:orders-db"]);
    assert_eq!(answer["edge_count"], 4);
    let first = &answer["edges"][0];
    assert_eq!((&first["from"], &first["to"]), (&json!("object:/test/a"), &json!("sql:orders-db")));
    assert_eq!((&first["count"], &first["services"]), (&json!(6), &json!(2)));
    let answer = collector.json(&format!("/api/v1/topology?{ALL}&object=/test/b")).await;
    assert_eq!(answer["edge_count"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_says_which_object_answers_at_its_address_when_it_is_asked() {
    let collector = start().await;
    let trace = 77;
    let mut billing = collector.agent("/test/billing");
    billing.send(&[Tx { gxid: trace, caller: Some(1), ..tx(2) }]);
    let mut orders = collector.agent("/test/orders");
    let calls = |address, callee| Tx { gxid: trace, calls: Some((address, callee)), ..tx(1) };
    // The second one was answered by somebody who does not report.
    orders.send(&[calls("billing:443", 2), Tx { id: 3, ..calls("bank.example:443", 999) }]);
    send(&mut orders, |agent| {
        let service = agent.text(TextKind::Service, "GET /orders");
        ["billing:443", "bank.example:443"]
            .map(|peer| {
                let key = DigestKey::Edge { service, kind: StepKind::Api, peer: peer.into() };
                digest(key, &[300], 0)
            })
            .into()
    });
    let node = |answer: &Value, id: &str| {
        let nodes = answer["nodes"].as_array().unwrap();
        nodes.iter().find(|node| node["id"] == id).unwrap()["served_by"].clone()
    };
    let answer = collector.json(&format!("/api/v1/topology?{ALL}&served=1")).await;
    assert_eq!(node(&answer, "api:billing:443"), json!(["/test/billing"]));
    assert_eq!(node(&answer, "api:bank.example:443"), Value::Null);
    let answer = collector.json(&format!("/api/v1/topology?{ALL}")).await;
    assert_eq!(node(&answer, "api:billing:443"), Value::Null, "nobody asked");
}

#[tokio::test(flavor = "multi_thread")]
async fn samples_are_the_transactions_that_ran_a_statement_or_made_a_call() {
    let collector = start().await;
    let mut agent = collector.agent("/test/orders");
    let calling = Tx { calls: Some(("billing:443", 9)), service: "GET /bill".into(), ..tx(3) };
    let unseen = Tx { profile: ProfileFate::SampledOut, ..tx(4) };
    agent.send(&[tx(1), tx(2), calling, unseen]);
    let ids = |answer: &Value| -> Vec<String> {
        let rows = answer["transactions"].as_array().unwrap();
        rows.iter().map(|row| row["xlog"]["txid"].as_str().unwrap().to_owned()).collect()
    };
    let url = format!("/api/v1/samples?{ALL}");
    let answer = collector.json(&format!("{url}&name=SELECT * FROM orders WHERE id = ?")).await;
    assert_eq!((&answer["found"], &answer["profiles_read"]), (&json!(3), &json!(3)));
    assert_eq!((&answer["without_profile"], &answer["is_complete"]), (&json!(1), &json!(true)));
    let of = |answer: &Value| {
        let service = |service: &Value| (service["service"].clone(), service["count"].clone());
        answer["services"].as_array().unwrap().iter().map(service).collect::<Vec<_>>()
    };
    let (list, bill) = ("GET /orders/{id}", "GET /bill");
    assert_eq!(of(&answer), [(json!(list), json!(2)), (json!(bill), json!(1))]);
    let answer = collector.json(&format!("{url}&kind=api&name=GET billing/bills/{{id}}")).await;
    assert_eq!(ids(&answer), ["0000000000000003"]);
    assert_eq!(answer["transactions"][0]["elapsed_sum_us"], 300);
    let answer =
        collector.json(&format!("{url}&name=SELECT * FROM orders WHERE id = ?&limit=1")).await;
    assert_eq!((ids(&answer).len(), &answer["found"]), (1, &json!(3)));
    let answer = collector.json(&format!("{url}&name=SELECT 2")).await;
    assert_eq!((&answer["found"], ids(&answer)), (&json!(0), vec![]));
    // Without a text: what those that pass the filter did.
    let answer = collector.json(&format!("{url}&kind=api&f=service:*bill")).await;
    let call = json!({
        "name": "GET billing/bills/{id}",
        "transactions": 1,
        "count": 1,
        "errors": 0,
        "elapsed_sum_us": 300,
    });
    assert_eq!((&answer["texts"], &answer["text_count"]), (&json!([call]), &json!(1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_wrongly_of_digests_retention_and_agents_is_refused_with_the_reason() {
    let collector = start().await;
    let range = "from_unix_us=1&to_unix_us=2";
    for (path, status, code) in [
        (format!("/api/v1/digests?{range}"), 400, "bad_parameter"),
        (format!("/api/v1/digests?{range}&kind=sqll"), 400, "bad_parameter"),
        (format!("/api/v1/digests?{range}&kind=sql&order=p98"), 400, "bad_parameter"),
        (format!("/api/v1/digests?{range}&kind=sql&limit=1001"), 400, "bad_parameter"),
        (format!("/api/v1/digests?{range}&kind=sql&knd=sql"), 400, "unknown_parameter"),
        ("/api/v1/digests?kind=sql".into(), 400, "bad_range"),
        ("/api/v1/topology".into(), 400, "bad_range"),
        (format!("/api/v1/topology?{range}&served=maybe"), 400, "bad_parameter"),
        (format!("/api/v1/samples?{range}&name=x&kind=method"), 400, "bad_parameter"),
        (format!("/api/v1/samples?{range}&name=x&limit=201"), 400, "bad_parameter"),
        (format!("/api/v1/samples?{range}&name=x&f=servce:x"), 400, "bad_filter"),
        ("/api/v1/samples?name=x".into(), 400, "bad_range"),
        (format!("/api/v1/topology?{range}&obj=x"), 400, "unknown_parameter"),
        ("/api/v1/options/%2Fnobody?instance=g".into(), 400, "bad_parameter"),
        ("/api/v1/callsites/%2Fnobody?instnce=1".into(), 400, "unknown_parameter"),
        ("/api/v1/retention/preview?xlog_days=-1".into(), 400, "bad_parameter"),
        ("/api/v1/retention/preview?days=1".into(), 400, "unknown_parameter"),
    ] {
        let (found, answer): (u16, Value) = collector.get(&path).await;
        assert_eq!((found, &answer["error"]["code"]), (status, &json!(code)), "{path}: {answer}");
    }
}
