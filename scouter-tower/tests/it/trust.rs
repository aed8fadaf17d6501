//! What is believed of a caller's headers, and from whom.

use std::net::SocketAddr;

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::Request;
use scouter_tower::{PeerAddr, ScouterLayer, Trust};

use crate::support::{Row, Server, record, send_through};

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
async fn malformed_and_huge_headers_are_ignored_and_counted() {
    let huge = "a".repeat(1 << 20);
    let zero = "00-00000000000000000000000000000000-b7ad6b7169203331-01";
    let both = |name, value| vec![("traceparent", TRACEPARENT), (name, value)];
    for (name, value) in [
        ("traceparent", "nonsense"),
        ("traceparent", zero),
        ("traceparent", huge.as_str()),
        ("b3", huge.as_str()),
        ("x-tenant-id", huge.as_str()),
        ("baggage", huge.as_str()),
        ("tracestate", huge.as_str()),
        ("x-forwarded-for", huge.as_str()),
        ("user-agent", huge.as_str()),
    ] {
        let before = malformed_headers();
        let layer = ScouterLayer::new().trust(Trust::all());
        let carried = matches!(name, "baggage" | "tracestate");
        let headers = if carried { both(name, value) } else { vec![(name, value)] };
        let row = served(layer, request(&headers, Some("10.0.0.1"))).await;
        assert_eq!(row.caller.is_some(), carried, "{name}");
        assert_eq!(row.tenant, "", "{name}");
        assert!(row.user_agent.len() <= 256);
        // A user agent is cut, which loses nothing that anyone needs.
        if name != "user-agent" {
            assert!(malformed_headers() > before, "{name} was not counted");
        }
    }
}

fn malformed_headers() -> u64 {
    let counters = scouter_core::telemetry::counters();
    counters
        .iter()
        .filter(|(name, _)| name.starts_with("propagation_"))
        .map(|(_, count)| count)
        .sum()
}

#[tokio::test]
async fn a_repeated_traceparent_counts_as_malformed() {
    let headers = [("traceparent", TRACEPARENT), ("traceparent", TRACEPARENT)];
    let before = malformed_headers();
    let row = served(ScouterLayer::new(), request(&headers, None)).await;
    assert_eq!(row.caller, None);
    assert!(malformed_headers() > before);
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
