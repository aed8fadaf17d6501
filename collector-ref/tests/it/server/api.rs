//! The HTTP API: what it answers, and how it answers nonsense.

use std::collections::BTreeSet;

use proptest::test_runner::{Config, TestRunner};
use scouter_collector::store::quantise;
use scouter_collector::{Role, Tokens};
use serde_json::json;

use super::agent::{Tx, tx, txs};
use super::collector::{ALL, TestCollector, start, start_with};
use super::live::points_of_body;

#[tokio::test(flavor = "multi_thread")]
async fn every_resource_refuses_what_it_does_not_understand() {
    let collector = start().await;
    let range = "from_unix_us=1&to_unix_us=2";
    for (path, status, code) in [
        ("/api/v1/objects?x=1".to_owned(), 400, "unknown_parameter"),
        ("/api/v1/services".into(), 400, "bad_range"),
        (format!("/api/v1/services?{range}&f=servce:x"), 400, "bad_filter"),
        ("/api/v1/services?from_unix_us=2&to_unix_us=1".into(), 400, "bad_range"),
        ("/api/v1/xlogs".into(), 400, "bad_range"),
        (format!("/api/v1/xlogs?{range}&limit=1001"), 400, "bad_parameter"),
        (format!("/api/v1/xlogs?{range}&limit=-1"), 400, "bad_parameter"),
        (format!("/api/v1/xlogs?{range}&cursor=nonsense"), 400, "bad_cursor"),
        (format!("/api/v1/xlogs?{range}&y0q=70000"), 400, "bad_parameter"),
        ("/api/v1/xlogs?t0_ms=1".into(), 400, "bad_range"),
        (format!("/api/v1/xlogs?{range}&count_only=maybe"), 400, "bad_parameter"),
        (format!("/api/v1/xlogs?{range}&form=1"), 400, "unknown_parameter"),
        ("/api/v1/points?from_unix_us=x&to_unix_us=1".into(), 400, "bad_parameter"),
        (format!("/api/v1/summary?{range}"), 400, "bad_parameter"),
        (format!("/api/v1/summary?{range}&by=tenent"), 400, "bad_parameter"),
        ("/api/v1/summary?by=tenant".into(), 400, "bad_range"),
        (format!("/api/v1/summary?{range}&by=tenant&limit=1001"), 400, "bad_parameter"),
        ("/api/v1/differences?t0_ms=1&t1_ms=2".into(), 400, "bad_range"),
        (format!("/api/v1/differences?{range}&y0q=5&y1q=4"), 400, "bad_range"),
        (format!("/api/v1/differences?{range}&limit=501"), 400, "bad_parameter"),
        ("/api/v1/grid?column_ms=1".into(), 400, "bad_parameter"),
        ("/api/v1/grid?column_ms=0&first_column=0&columns=1&rows=1".into(), 400, "bad_parameter"),
        (
            "/api/v1/grid?column_ms=1&first_column=0&columns=4294967295&rows=65535".into(),
            400,
            "bad_parameter",
        ),
        (
            "/api/v1/grid?column_ms=1&first_column=0&columns=1&rows=1&axis=up".into(),
            400,
            "bad_parameter",
        ),
        (
            "/api/v1/grid?column_ms=1&first_column=0&columns=1&rows=1&y0q=2&y1q=1".into(),
            400,
            "bad_parameter",
        ),
        ("/api/v1/export".into(), 400, "bad_range"),
        (format!("/api/v1/export?{range}&format=xls"), 400, "bad_parameter"),
        ("/api/v1/tx/nonsense".into(), 400, "bad_id"),
        ("/api/v1/tx/0000000000000001".into(), 404, "not_found"),
        ("/api/v1/tx/0000000000000001?x=1".into(), 400, "unknown_parameter"),
        ("/api/v1/trace/1".into(), 400, "bad_id"),
        ("/api/v1/trace/00000000000000000000000000000001".into(), 404, "not_found"),
        ("/api/v1/active?objct=x".into(), 400, "unknown_parameter"),
        ("/api/v1/counters?name=x".into(), 400, "bad_range"),
        (format!("/api/v1/counters?name=x&{range}&against_s=0"), 400, "bad_parameter"),
        (format!("/api/v1/counters?name=x&{range}&against_s=-60"), 400, "bad_parameter"),
        (format!("/api/v1/counters?name=x&{range}&against_s=31622401"), 400, "bad_parameter"),
        (format!("/api/v1/counters?name=x&{range}&against_s=day"), 400, "bad_parameter"),
        ("/api/v1/alerts?limit=1001".into(), 400, "bad_parameter"),
        ("/api/v1/alerts?from_unix_us=2&to_unix_us=1".into(), 400, "bad_range"),
        ("/api/v1/self?verbose".into(), 400, "unknown_parameter"),
        ("/api/v1/options/%2Fnobody".into(), 404, "not_connected"),
        ("/api/v1/callsites/%2Fnobody".into(), 404, "not_connected"),
        ("/api/v1/nothing".into(), 404, "not_found"),
        ("/assets/missing.js".into(), 404, "not_found"),
        ("/missing.js".into(), 404, "not_found"),
    ] {
        let (found, answer) = collector.get(&path).await;
        assert_eq!((found, &answer["error"]["code"]), (status, &json!(code)), "{path}: {answer}");
        assert!(answer["error"]["message"].as_str().unwrap().len() > 10, "{path}");
    }
    let posted = collector.client.post(collector.url("/api/v1/objects")).send().await.unwrap();
    assert_eq!(posted.status(), 405);
}

#[tokio::test(flavor = "multi_thread")]
async fn posts_with_wrong_bodies_are_refused() {
    let collector = start().await;
    for (path, body, status) in [
        ("/api/v1/options/%2Fx", "not json".to_owned(), 400),
        ("/api/v1/options/%2Fx", "{\"name\":\"a\"}".into(), 400),
        ("/api/v1/options/%2Fx", "{\"name\":\"a=b\",\"value\":\"c\"}".into(), 400),
        ("/api/v1/options/%2Fx", "{\"name\":\"a\",\"value\":\"b\\nc=d\"}".into(), 400),
        ("/api/v1/options/%2Fx", " ".repeat(70_000), 413),
        ("/api/v1/callsites/%2Fx", "{\"callsites\":[{\"id\":1,\"flags\":[\"no\"]}]}".into(), 400),
        ("/api/v1/session", "{}".into(), 400),
    ] {
        let request = collector.client.post(collector.url(path)).body(body.clone());
        let found = request.send().await.unwrap().status();
        assert_eq!(found, status, "{path} {}", &body[..body.len().min(60)]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_the_list_hold_every_row_once_newest_first() {
    let collector = start().await;
    let mut agent = collector.agent("/test/orders");
    let row = |id: u64| Tx { end_unix_us: 1_795_000_000_000_000 + (id / 3) as i64, ..tx(id) };
    agent.send(&(1..=50).map(row).collect::<Vec<_>>());
    let (mut seen, mut ends, mut cursor) = (Vec::new(), Vec::new(), String::new());
    loop {
        let url = format!("/api/v1/xlogs?{ALL}&limit=7{cursor}");
        let page = collector.json(&url).await;
        assert_eq!(page["total"], 50);
        for row in page["rows"].as_array().unwrap() {
            seen.push(row["txid"].as_str().unwrap().to_owned());
            ends.push(row["end_unix_us"].as_i64().unwrap());
        }
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert!(ends.is_sorted_by(|a, b| a >= b));
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 50);
    let count = collector.json(&format!("/api/v1/xlogs?{ALL}&count_only=1")).await;
    assert_eq!(count, json!({"total": 50, "rows": [], "next_cursor": null}));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_box_holds_as_many_rows_as_the_picture_has_points_in_it() {
    let collector = start().await;
    let mut agent = collector.agent("/test/orders");
    let base = 1_795_000_000_000_000_i64;
    let rows: Vec<Tx> = (1..=2_000_u64)
        .map(|id| {
            let spread = id.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            Tx {
                end_unix_us: base + i64::try_from(spread % 30_000_000).unwrap(),
                elapsed_us: 1 << (spread >> 40 & 15) | spread >> 50,
                ..tx(id)
            }
        })
        .collect();
    agent.send(&rows);
    let url = collector.url(&format!("/api/v1/points?{ALL}"));
    let body = collector.client.get(url).send().await.unwrap().bytes().await.unwrap();
    let points = points_of_body(&body);
    assert_eq!(points.len(), 2_000);
    let ms = base / 1_000;
    let strategy = (0..30_000_i64, 0..30_000_i64, 0..=quantise::elapsed(1 << 16), 0..40_000_u16);
    let mut runner = TestRunner::new(Config::with_cases(60));
    let boxes = std::cell::RefCell::new(Vec::new());
    let noted = runner.run(&strategy, |bounds| {
        boxes.borrow_mut().push(bounds);
        Ok(())
    });
    noted.unwrap();
    for (t0, t1, y0, y1) in boxes.into_inner() {
        let (t0, t1) = (ms + t0.min(t1), ms + t0.max(t1));
        let (y0, y1) = (y0.min(y1), y0.max(y1));
        let inside = |(t, y, _): &&(i64, u16, u16)| (t0..=t1).contains(t) && (y0..=y1).contains(y);
        let drawn = points.iter().filter(inside).count();
        let bounds = format!("t0_ms={t0}&t1_ms={t1}&y0q={y0}&y1q={y1}");
        let answer = collector.json(&format!("/api/v1/xlogs?{bounds}&count_only=1")).await;
        assert_eq!(answer["total"], drawn, "{bounds}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trace_is_told_whole_with_what_is_missing() {
    let collector = start().await;
    let mut front = collector.agent("/test/front");
    let mut back = collector.agent("/test/back");
    let gxid = 0xabc;
    back.send(&[Tx { gxid, caller: Some(1), ..tx(2) }, Tx { gxid, caller: Some(99), ..tx(3) }]);
    front.send(&[Tx { gxid, ..tx(1) }]);
    let trace = collector.json(&format!("/api/v1/trace/{gxid:032x}")).await;
    let transactions = trace["transactions"].as_array().unwrap();
    assert_eq!(transactions.len(), 3);
    assert_eq!(transactions[0]["txid"], "0000000000000001", "the root comes first");
    assert_eq!(transactions[0]["caller"], json!(null));
    assert_eq!(trace["missing"], json!([{"txid": "0000000000000063", "why": "caller not stored"}]));
    let text = collector.text(&format!("/api/v1/trace/{gxid:032x}")).await;
    assert_eq!(text.matches("GET /orders/{id} 200").count(), 3, "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_txid_that_two_objects_gave_out_answers_with_both() {
    let collector = start().await;
    collector.agent("/test/a").send(&[Tx { gxid: 1, ..tx(7) }]);
    collector.agent("/test/b").send(&[Tx { gxid: 2, ..tx(7) }]);
    let (status, answer) = collector.get("/api/v1/tx/0000000000000007").await;
    assert_eq!(status, 300);
    assert_eq!(answer["candidates"].as_array().unwrap().len(), 2);
    let id = format!("{:032x}-{:016x}", 2, 7);
    assert_eq!(collector.json(&format!("/api/v1/tx/{id}")).await["xlog"]["object"], "/test/b");
    let text = collector.text(&format!("/api/v1/tx/{id}")).await;
    assert!(text.starts_with("GET /orders/{id} 200 on /test/b\n"), "{text}");
    assert!(text.contains("    sql SELECT * FROM orders WHERE id = ?"), "{text}");
    // A link cannot set a header.
    let (status, linked) = collector.get(&format!("/api/v1/tx/{id}?format=text")).await;
    assert_eq!((status, linked), (200, json!(text)));
    for path in [format!("tx/{id}"), format!("trace/{:032x}", 2), "active".to_owned()] {
        assert_eq!(collector.get(&format!("/api/v1/{path}?format=text")).await.0, 200, "{path}");
        assert_eq!(collector.get(&format!("/api/v1/{path}?format=xml")).await.0, 400, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_without_profile_says_why() {
    let collector = start().await;
    let sampled = Tx { profile: scouter_wire::record::ProfileFate::SampledOut, ..tx(7) };
    collector.agent("/test/orders").send(&[sampled]);
    let answer = collector.json("/api/v1/tx/0000000000000007").await;
    assert_eq!(answer["profile"], json!(null));
    assert!(answer["profile_missing"].as_str().unwrap().contains("sampled out"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn services_are_summed_exactly() {
    let collector = start().await;
    let mut agent = collector.agent("/test/orders");
    let mut rows = txs(1, 99);
    rows[0].error = "boom";
    rows.push(Tx { elapsed_us: 5_000_000, service: "POST /orders".into(), ..tx(100) });
    agent.send(&rows);
    let answer = collector.json(&format!("/api/v1/services?{ALL}&f=service:GET*")).await;
    let services = answer["services"].as_array().unwrap();
    assert_eq!(services.len(), 1);
    assert_eq!((&services[0]["count"], &services[0]["errors"]), (&json!(99), &json!(1)));
    let sum: u64 = rows[..99].iter().map(|row| row.elapsed_us).sum();
    assert_eq!(services[0]["elapsed_sum_us"], sum);
    assert_eq!(services[0]["max_us"], 1_099);
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_count_what_came() {
    let collector = start().await;
    collector.agent("/test/orders").send(&txs(1, 5));
    assert_eq!(collector.metric("scouter_collector_xlogs_total").await, 5);
    let stored = "scouter_collector_object_stored_total{object=\"/test/orders\"}";
    assert_eq!(collector.metric(stored).await, 5);
    for path in ["/healthz", "/readyz"] {
        assert_eq!(collector.get(path).await.0, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_metric_is_documented_and_every_documented_metric_exists() {
    let documented = include_str!("../../../../docs/TELEMETRY.md");
    let rows: BTreeSet<&str> = documented
        .lines()
        .skip_while(|line| !line.starts_with("## Collector"))
        // A row may name several: they are in its first column, in backticks.
        .filter_map(|line| line.strip_prefix("| `")?.split(" | ").next())
        .flat_map(|column| column.split(['`', ',', ' ']).filter(|name| !name.is_empty()))
        .collect();
    let metrics = start().await.text("/metrics").await;
    let names: BTreeSet<&str> = metrics
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE scouter_collector_")?.split(' ').next())
        .collect();
    assert!(names.len() > 40, "{names:?}");
    assert_eq!(names, rows, "what /metrics has and what docs/TELEMETRY.md names");
}

async fn guarded() -> TestCollector {
    start_with(|builder| {
        let mut tokens = Tokens::default();
        tokens.viewer = Some("look-only-1".into());
        tokens.operator = Some("hands-on-1".into());
        builder.tokens(tokens)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_token_nothing_is_told_without_it() {
    let collector = guarded().await;
    for path in ["/api/v1/objects", "/api/v1/live", "/metrics", "/api/v1/session", "/api/v1/self"] {
        assert_eq!(collector.get(path).await.0, 401, "{path}");
    }
    for path in ["/healthz", "/readyz", "/"] {
        assert_eq!(collector.get(path).await.0, 200, "{path} needs no token");
    }
    let query = collector.get("/api/v1/objects?token=look-only-1").await.0;
    assert_eq!(query, 401, "a token in the query is no token");
    let bearer = |token: &str| {
        let request = collector.client.get(collector.url("/api/v1/session"));
        request.header("authorization", format!("Bearer {token}")).send()
    };
    let answer: serde_json::Value = bearer("hands-on-1").await.unwrap().json().await.unwrap();
    let expected = json!({"role": Role::Operator, "account": null, "auth_required": true});
    assert_eq!(answer, expected);
    assert_eq!(bearer("hands-on-2").await.unwrap().status(), 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_trades_the_token_for_a_cookie_and_gives_it_back() {
    let collector = guarded().await;
    let url = collector.url("/api/v1/session");
    let login = collector.client.post(&url).json(&json!({"token": "look-only-1"}));
    let answer = login.send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let cookie = answer.headers()["set-cookie"].to_str().unwrap().to_owned();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    let cookie = cookie.split(';').next().unwrap();
    let with_cookie =
        |path: &str| collector.client.get(collector.url(path)).header("cookie", cookie).send();
    assert_eq!(with_cookie("/api/v1/objects").await.unwrap().status(), 200);
    let change = collector.client.post(collector.url("/api/v1/options/%2Fx"));
    let change = change.header("cookie", cookie).json(&json!({"name": "a", "value": "b"}));
    assert_eq!(change.send().await.unwrap().status(), 403, "a viewer only looks");
    let leave = collector.client.delete(&url).header("cookie", cookie);
    assert_eq!(leave.send().await.unwrap().status(), 204);
    assert_eq!(with_cookie("/api/v1/objects").await.unwrap().status(), 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn bound_values_are_shown_to_operators_only() {
    let collector = guarded().await;
    collector.agent("/test/orders").send(&[tx(7)]);
    for (token, expected) in [("look-only-1", ""), ("hands-on-1", "42")] {
        let request = collector.client.get(collector.url("/api/v1/tx/0000000000000007"));
        let request = request.header("authorization", format!("Bearer {token}"));
        let answer: serde_json::Value = request.send().await.unwrap().json().await.unwrap();
        assert_eq!(answer["profile"]["steps"][1]["sql"]["bind_values"], expected, "{token}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_tokens_is_slowed_down() {
    let collector = guarded().await;
    let login = async |token: &str| {
        let request = collector.client.post(collector.url("/api/v1/session"));
        request.json(&json!({"token": token})).send().await.unwrap().status().as_u16()
    };
    for _ in 0..10 {
        assert_eq!(login("wrong-token").await, 401);
    }
    assert_eq!(login("wrong-token").await, 429);
    assert_eq!(login("look-only-1").await, 429, "the right one too, so that guessing is no use");
}

#[tokio::test(flavor = "multi_thread")]
async fn other_sites_and_foreign_host_names_are_refused() {
    let collector = start().await;
    for (header, value, status) in [
        ("origin", "http://evil.example", 403),
        ("origin", "null", 403),
        ("host", "evil.example", 421),
    ] {
        let request = collector.client.post(collector.url("/api/v1/session"));
        let answer = request.header(header, value).body("{}").send().await.unwrap();
        assert_eq!(answer.status(), status, "{header}: {value}");
    }
    let own = format!("http://{}", collector.running.http_addr());
    let request = collector.client.get(collector.url("/api/v1/objects")).header("origin", own);
    assert_eq!(request.send().await.unwrap().status(), 200);
}
