//! What is believed of a caller's headers, and from whom.

use std::net::SocketAddr;

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::Request;
use scouter_tower::client::ClientLayer;
use scouter_tower::{PeerAddr, ScouterLayer, Trust};

use crate::support::{Row, Server, in_transaction, record, send_through};

const TRACEPARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const GXID: &str = "0af7651916cd43dd8448eb211c80319c";
const CALLER: &str = "b7ad6b7169203331";

fn request(headers: &[(&str, &str)], peer: Option<&str>) -> Request<Body> {
    let mut request = Request::get("/");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    if let Some(peer) = peer {
        request = request.extension(PeerAddr(SocketAddr::new(peer.parse().unwrap(), 40_000)));
    }
    request.body(Body::empty()).unwrap()
}

async fn served(layer: ScouterLayer, request: Request<Body>) -> Row {
    let app = Router::new().route("/", get(async || "ok")).layer(layer);
    let (_, rows) = record(1, send_through(app, request)).await;
    rows[0].clone()
}

fn ids(row: &Row) -> (String, String) {
    (row.gxid.to_string(), row.caller.map(|caller| caller.to_string()).unwrap_or_default())
}

#[tokio::test]
async fn nobodys_tenant_is_believed_by_default_and_everybodys_trace_is() {
    let headers =
        [("traceparent", TRACEPARENT), ("x-tenant-id", "acme"), ("x-forwarded-for", "1.2.3.4")];
    let row = served(ScouterLayer::new(), request(&headers, Some("127.0.0.1"))).await;
    assert_eq!(row.tenant, "");
    assert_eq!(row.ip, "127.0.0.1");
    assert_eq!(ids(&row), (GXID.to_owned(), CALLER.to_owned()));
}

#[tokio::test]
async fn the_tenant_and_the_client_address_of_a_trusted_peer_are_believed() {
    let headers = [("x-tenant-id", "acme"), ("x-forwarded-for", "203.0.113.9, 10.0.0.1")];
    let mesh: Trust = "10.0.0.0/8".parse().unwrap();
    for (peer, tenant, ip) in [
        (Some("10.9.9.9"), "acme", "203.0.113.9"),
        (Some("192.0.2.1"), "", "192.0.2.1"),
        (None, "", ""),
    ] {
        let row = served(ScouterLayer::new().trust(mesh.clone()), request(&headers, peer)).await;
        assert_eq!((row.tenant.as_str(), row.ip.as_str()), (tenant, ip), "{peer:?}");
    }
    let row = served(ScouterLayer::new().trust(Trust::all()), request(&headers, None)).await;
    assert_eq!((row.tenant.as_str(), row.ip.as_str()), ("acme", "203.0.113.9"));
}

#[tokio::test]
async fn the_tenant_header_can_have_another_name() {
    let layer = ScouterLayer::new()
        .trust(Trust::all())
        .tenant_header(http::HeaderName::from_static("x-customer"));
    let headers = [("x-customer", "acme"), ("x-tenant-id", "other")];
    assert_eq!(served(layer, request(&headers, None)).await.tenant, "acme");
}

#[tokio::test]
async fn every_known_trace_format_is_read_and_w3c_wins() {
    let b3 = format!("{GXID}-{CALLER}-1");
    let row = served(
        ScouterLayer::new(),
        request(&[("x-scouter-gxid", "x21"), ("x-scouter-caller", "9")], None),
    )
    .await;
    assert_eq!(ids(&row), (format!("{:032x}", 65), format!("{:016x}", 9)));
    for headers in [
        vec![("traceparent", TRACEPARENT)],
        vec![("b3", b3.as_str())],
        vec![("x-b3-traceid", GXID), ("x-b3-spanid", CALLER), ("x-b3-sampled", "1")],
        vec![
            ("traceparent", TRACEPARENT),
            ("b3", "11111111111111111111111111111111-2222222222222222-1"),
        ],
    ] {
        let row = served(ScouterLayer::new(), request(&headers, None)).await;
        assert_eq!(ids(&row), (GXID.to_owned(), CALLER.to_owned()), "{headers:?}");
    }
}

#[tokio::test]
async fn a_trusted_scouter_agent_chooses_the_txid_of_its_callee_and_nobody_else() {
    let headers = [("x-scouter-gxid", "x21"), ("x-scouter-callee", "z1")];
    let row = served(ScouterLayer::new().trust(Trust::all()), request(&headers, None)).await;
    assert_eq!(row.txid.to_string(), "ffffffffffffffff");
    for headers in [&headers[..], &[("traceparent", TRACEPARENT), ("x-scouter-callee", "z1")]] {
        let trust = if headers[0].0 == "traceparent" { Trust::all() } else { Trust::none() };
        let row = served(ScouterLayer::new().trust(trust), request(headers, None)).await;
        assert_ne!(row.txid.to_string(), "ffffffffffffffff");
    }
}

#[tokio::test]
async fn only_the_formats_of_the_option_are_read_in_its_order() {
    let b3 = "11111111111111111111111111111111-2222222222222222-1";
    let all = [("traceparent", TRACEPARENT), ("x-scouter-gxid", "x21"), ("b3", b3)];
    for (formats, gxid) in [
        ("", GXID.to_owned()),
        ("b3, w3c", "1".repeat(32)),
        ("b3multi,scouter,b3", format!("{:032x}", 65)),
        ("w3c", GXID.to_owned()),
    ] {
        let app = Router::new().route("/", get(async || "ok")).layer(ScouterLayer::new());
        let (_, rows) = record(1, async {
            // Inside the recorder's turn, since options are the process's.
            scouter_core::options::set("trace_read_formats", formats).unwrap();
            send_through(app, request(&all, None)).await;
            scouter_core::options::set("trace_read_formats", "").unwrap();
        })
        .await;
        assert_eq!(rows[0].gxid.to_string(), gxid, "{formats:?}");
    }
}

/// The row of a request, and how many headers of it were ignored as malformed and as oversized.
/// Counted while no other test of this process has its turn.
async fn served_and_counted(request: Request<Body>) -> (Row, [u64; 2]) {
    let layer = ScouterLayer::new().trust(Trust::all());
    let app = Router::new().route("/", get(async || "ok")).layer(layer);
    let (counted, rows) = record(1, async {
        let before = ignored_headers();
        send_through(app, request).await;
        let after = ignored_headers();
        [after[0] - before[0], after[1] - before[1]]
    })
    .await;
    (rows[0].clone(), counted)
}

const MALFORMED: usize = 0;
const OVERSIZED: usize = 1;

#[tokio::test]
async fn malformed_and_huge_headers_are_ignored_and_counted() {
    let huge = "a".repeat(1 << 20);
    let zero = "00-00000000000000000000000000000000-b7ad6b7169203331-01";
    let long_list = "203.0.113.9,".repeat(100);
    for (headers, kind) in [
        (&[("traceparent", "nonsense")][..], MALFORMED),
        (&[("traceparent", zero)], MALFORMED),
        (&[("traceparent", huge.as_str())], OVERSIZED),
        (&[("traceparent", TRACEPARENT), ("traceparent", TRACEPARENT)], MALFORMED),
        (&[("b3", "nonsense")], MALFORMED),
        (&[("b3", huge.as_str())], OVERSIZED),
        (&[("b3", "0"), ("b3", "0")], MALFORMED),
        (&[("x-b3-traceid", GXID)], MALFORMED),
        (&[("x-b3-spanid", CALLER)], MALFORMED),
        (&[("x-b3-traceid", GXID), ("x-b3-spanid", "?")], MALFORMED),
        (&[("x-b3-traceid", GXID), ("x-b3-spanid", huge.as_str())], OVERSIZED),
        (&[("x-b3-traceid", huge.as_str())], OVERSIZED),
        (&[("x-b3-traceid", huge.as_str()), ("x-b3-spanid", CALLER)], OVERSIZED),
        (&[("x-scouter-gxid", "y1")], MALFORMED),
        (&[("x-scouter-gxid", huge.as_str())], OVERSIZED),
        (&[("x-scouter-gxid", "x21"), ("x-scouter-caller", "?")], MALFORMED),
        (&[("x-scouter-gxid", "x21"), ("x-scouter-caller", huge.as_str())], OVERSIZED),
        (&[("x-scouter-caller", "9")], MALFORMED),
        (&[("x-tenant-id", huge.as_str())], OVERSIZED),
        (&[("x-tenant-id", "acme"), ("x-tenant-id", "acme")], MALFORMED),
        (&[("x-forwarded-for", "nobody")], MALFORMED),
        (&[("x-forwarded-for", long_list.as_str())], OVERSIZED),
        (&[("x-forwarded-for", huge.as_str())], OVERSIZED),
    ] {
        let (row, counted) = served_and_counted(request(headers, Some("10.0.0.1"))).await;
        let names: Vec<_> = headers.iter().map(|(name, _)| name).collect();
        assert_eq!((row.caller, row.tenant.as_str()), (None, ""), "{names:?}");
        assert_eq!(row.ip, "10.0.0.1", "{names:?}");
        assert!(counted[kind] > 0, "{names:?}: {counted:?}");
    }
    // A user agent is cut, which loses nothing that anyone needs.
    let (row, _) = served_and_counted(request(&[("user-agent", huge.as_str())], None)).await;
    assert_eq!(row.user_agent.len(), 256);
    // A sampling decision without a trace is well-formed.
    let decision = request(&[("x-b3-sampled", "0")], None);
    assert_eq!(served_and_counted(decision).await.1, [0, 0]);
}

/// What a handler would send on.
async fn carried(headers: &[(&str, &str)]) -> (Option<String>, Option<String>) {
    let seen = async || {
        let context = scouter_core::current::context().unwrap();
        let lists = (context.tracestate().map(str::to_owned), context.baggage().map(str::to_owned));
        format!("{}|{}", lists.0.as_deref().unwrap_or("-"), lists.1.as_deref().unwrap_or("-"))
    };
    let layer = ScouterLayer::new().trust(Trust::all());
    let app = Router::new().route("/", get(seen)).layer(layer);
    let (answer, _) = record(1, send_through(app, request(headers, None))).await;
    let (tracestate, baggage) = answer.text.split_once('|').unwrap();
    let present = |text: &str| Some(text.to_owned()).filter(|text| text != "-");
    (present(tracestate), present(baggage))
}

#[tokio::test]
async fn the_lines_of_tracestate_and_baggage_are_one_list() {
    let lines =
        |name, values: &[&'static str]| values.iter().map(|v| (name, *v)).collect::<Vec<_>>();
    let trace = [("traceparent", TRACEPARENT)];
    let baggage = "b".repeat(5_000);
    for (more, expected) in [
        (lines("tracestate", &["a=1"]), (Some("a=1"), None)),
        (lines("tracestate", &["a=1", "b=2,c=3"]), (Some("a=1,b=2,c=3"), None)),
        (lines("tracestate", &["", "b=2"]), (Some("b=2"), None)),
        (lines("baggage", &["user=7", "plan=gold"]), (None, Some("user=7,plan=gold"))),
        // Each fits, but not together.
        (vec![("baggage", baggage.as_str()); 2], (None, None)),
    ] {
        let headers = [&trace[..], &more].concat();
        let (tracestate, baggage) = carried(&headers).await;
        assert_eq!((tracestate.as_deref(), baggage.as_deref()), expected);
    }
    for name in ["tracestate", "baggage"] {
        let huge = "a".repeat(1 << 20);
        let headers = [("traceparent", TRACEPARENT), (name, huge.as_str())];
        let (row, counted) = served_and_counted(request(&headers, None)).await;
        assert_eq!(ids(&row), (GXID.to_owned(), CALLER.to_owned()));
        assert!(counted[OVERSIZED] > 0, "{name}");
    }
}

#[tokio::test]
async fn baggage_that_comes_without_a_trace_is_handed_on_too() {
    let headers = [("baggage", "user=7"), ("tracestate", "a=1")];
    assert_eq!(carried(&headers).await, (None, Some("user=7".to_owned())));
    let malformed = [("baggage", "user=7"), ("traceparent", "00-0-0-00")];
    assert_eq!(carried(&malformed).await, (None, Some("user=7".to_owned())));
}

#[tokio::test]
async fn a_line_that_a_proxy_added_wins_over_the_one_the_visitor_sent() {
    let mesh: Trust = "10.0.0.0/8".parse().unwrap();
    for (trust, lines, ip) in [
        (&mesh, &["6.6.6.6", "203.0.113.9"][..], "203.0.113.9"),
        (&mesh, &["6.6.6.6", "203.0.113.9", "10.0.0.7"], "203.0.113.9"),
        (&mesh, &["nonsense", "203.0.113.9, 10.0.0.7"], "203.0.113.9"),
        (&Trust::all(), &["6.6.6.6", "203.0.113.9"], "203.0.113.9"),
    ] {
        let headers: Vec<_> = lines.iter().map(|line| ("x-forwarded-for", *line)).collect();
        let layer = ScouterLayer::new().trust(trust.clone());
        let row = served(layer, request(&headers, Some("10.0.0.1"))).await;
        assert_eq!(row.ip, ip, "{trust:?} {lines:?}");
    }
}

fn ignored_headers() -> [u64; 2] {
    let counters = scouter_core::telemetry::counters();
    ["propagation_malformed", "propagation_oversized"]
        .map(|name| counters.iter().find(|(counter, _)| *counter == name).unwrap().1)
}

#[tokio::test]
async fn a_grpc_status_that_is_none_is_ignored_and_counted() {
    for status in ["99", "17", "-1", "ok"] {
        let app = scouter_tower::wrap(
            Router::new().route("/", get(async move || ([("grpc-status", status)], ""))),
        );
        let (counted, rows) = record(1, async {
            let before = ignored_headers();
            send_through(app, request(&[], None)).await;
            ignored_headers()[MALFORMED] - before[MALFORMED]
        })
        .await;
        assert_eq!(rows.summaries(), ["GET / 200 Complete"]);
        assert!(counted > 0, "{status}");
    }
}

#[tokio::test]
async fn a_response_that_names_its_transaction_wrongly_is_counted() {
    let huge = "a".repeat(100_000);
    for (id, kind) in [("nonsense", MALFORMED), (huge.as_str(), OVERSIZED)] {
        let id = id.to_owned();
        let answer = tower::service_fn(move |_: Request<Body>| {
            let response = http::Response::builder().header("x-scouter-id", &id);
            std::future::ready(response.body(Body::empty()))
        });
        let client = tower::Layer::layer(&ClientLayer::new(), answer);
        let (counted, rows) = record(1, async {
            let before = ignored_headers();
            let call = tower::ServiceExt::oneshot(client, request(&[], None));
            in_transaction("job", call).await.unwrap();
            ignored_headers()[kind] - before[kind]
        })
        .await;
        assert_eq!(rows[0].steps.len(), 1);
        assert!(counted > 0);
    }
}

#[tokio::test]
async fn the_user_agent_is_stored_unless_switched_off() {
    let headers = [("user-agent", "curl/8")];
    assert_eq!(served(ScouterLayer::new(), request(&headers, None)).await.user_agent, "curl/8");
    let off = ScouterLayer::new().user_agent(false);
    assert_eq!(served(off, request(&headers, None)).await.user_agent, "");
}

#[tokio::test]
async fn the_peer_of_axums_connect_info_is_the_client() {
    let app = scouter_tower::wrap(Router::new().route("/", get(async || "ok")));
    let server = Server::start_with_connect_info(app).await;
    let ((), rows) = record(1, async {
        server.client().get(server.url("/")).send().await.unwrap();
    })
    .await;
    assert_eq!(rows[0].ip, "127.0.0.1");
}

#[tokio::test]
async fn the_response_names_its_transaction_when_asked_to() {
    for is_sent in [true, false] {
        let app = Router::new()
            .route("/", get(async || "ok"))
            .layer(ScouterLayer::new().response_id_header(is_sent));
        let (response, rows) = record(1, send_through(app, request(&[], None))).await;
        let id = response.headers.get("x-scouter-id").map(|id| id.to_str().unwrap().to_owned());
        let expected = format!("{}-{}", rows[0].gxid, rows[0].txid);
        assert_eq!(id, is_sent.then_some(expected));
    }
}
