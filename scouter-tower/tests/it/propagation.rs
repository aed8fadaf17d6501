//! Two hops: one trace, right parents, the tenant on each.

use std::convert::Infallible;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use scouter_core::Txid;
use scouter_core::record::ProfileFate;
use scouter_core::testing::RecordedDetail;
use scouter_tower::client::{ClientLayer, Hosts, SendScouted};
use scouter_tower::{ScouterLayer, Trust};

use crate::support::{Row, Server, get_through, in_transaction, record};

const TRACEPARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

#[derive(Clone)]
struct Next {
    url: String,
    client: reqwest::Client,
    layer: ClientLayer,
}

async fn call_next(State(next): State<Next>) -> Result<String, Infallible> {
    let request = next.client.get(&next.url);
    let response = request.send_scouted_with(&next.layer, None).await.unwrap();
    Ok(format!("front<{}>", response.text().await.unwrap()))
}

/// Who served the only call of a transaction, and where.
fn call(row: &Row) -> (Option<Txid>, String) {
    let [step] = row.steps.as_slice() else { panic!("{:?}", row.steps) };
    let RecordedDetail::Api { callee, address, ttfb_us, status: 200 } = &step.detail else {
        panic!("{step:?}")
    };
    assert!(*ttfb_us > 0 && *ttfb_us <= step.elapsed_us, "{step:?}");
    (*callee, address.clone())
}

#[tokio::test]
async fn three_hops_are_one_trace_with_the_tenant_on_each() {
    let layer = || ScouterLayer::new().trust(Trust::all()).response_id_header(true);
    let next = |server: &Server, path: &str| Next {
        url: server.url(path),
        client: server.guarded_client(),
        layer: ClientLayer::new()
            .tenant_hosts("127.0.0.1".parse::<Hosts>().unwrap())
            .redirects_guarded(true),
    };
    let stock = Server::start(
        Router::new()
            .route(
                "/stock",
                get(async |headers: http::HeaderMap| {
                    let of = |name| {
                        headers
                            .get(name)
                            .map_or("-", |v: &http::HeaderValue| v.to_str().unwrap())
                            .to_owned()
                    };
                    format!("{} {}", of("tracestate"), of("baggage"))
                }),
            )
            .layer(layer()),
    )
    .await;
    let orders = Server::start(
        Router::new()
            .route("/orders", get(call_next))
            .with_state(next(&stock, "/stock"))
            .layer(layer()),
    )
    .await;
    let front = Server::start(
        Router::new()
            .route("/front", get(call_next))
            .with_state(next(&orders, "/orders"))
            .layer(layer()),
    )
    .await;

    let (text, rows) = record(3, async {
        let request = front.client().get(front.url("/front"));
        let request = request
            .header("traceparent", TRACEPARENT)
            .header("tracestate", "vendor=1")
            .header("baggage", "user=7")
            .header("x-tenant-id", "acme");
        request.send().await.unwrap().text().await.unwrap()
    })
    .await;
    assert_eq!(text, "front<front<vendor=1 user=7>>");

    let [first, second, third] =
        ["GET /front", "GET /orders", "GET /stock"].map(|service| rows.service(service));
    for hop in [first, second, third] {
        assert_eq!(hop.gxid.to_string(), "0af7651916cd43dd8448eb211c80319c");
        assert_eq!(hop.tenant, "acme");
    }
    assert_eq!(first.caller.map(|caller| caller.to_string()).as_deref(), Some("b7ad6b7169203331"));
    assert_eq!(second.caller, Some(first.txid));
    assert_eq!(third.caller, Some(second.txid));
    assert_eq!(call(first), (Some(second.txid), orders.addr.to_string()));
    assert_eq!(call(second), (Some(third.txid), stock.addr.to_string()));
    assert!(third.steps.is_empty());
    assert_eq!(first.api_count, 1);
    assert!(first.api_us > 0);
}

/// A wish to keep the profile reaches each service of the trace that trusts its caller, whatever
/// format it came in.
#[tokio::test]
async fn a_forced_trace_keeps_its_profile_in_each_service_that_trusts_its_caller() {
    let trace = "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331";
    for (header, value, trust, is_kept) in [
        ("b3", format!("{trace}-d"), Trust::all(), true),
        ("b3", format!("{trace}-d"), Trust::none(), false),
        ("b3", format!("{trace}-1"), Trust::all(), false),
        ("x-scouter-keep", "1".to_owned(), Trust::none(), false),
    ] {
        let layer = || ScouterLayer::new().trust(trust.clone());
        let work = get(async || drop(scouter_core::step(scouter_core::callsite!(name: "work"))));
        let back = Server::start(Router::new().route("/back", work).layer(layer())).await;
        let next =
            Next { url: back.url("/back"), client: back.client(), layer: ClientLayer::new() };
        let app = Router::new().route("/front", get(call_next)).with_state(next).layer(layer());
        let front = Server::start(app).await;
        let (_, rows) = record(2, async {
            // Inside the recorder's turn, since options are the process's.
            set(&SAMPLED_OUT);
            let request = front.client().get(front.url("/front")).header(header, &value);
            request.send().await.unwrap().text().await.unwrap();
            // Both ended before their last byte left.
            set(&AS_BEFORE);
        })
        .await;
        let fates: Vec<_> = rows.iter().map(|row| row.profile == ProfileFate::Kept).collect();
        assert_eq!(fates, [is_kept; 2], "{header}: {value}");
    }
}

/// Nothing is kept, however slow the machine is.
const SAMPLED_OUT: [(&str, &str); 4] = [
    ("xlog_sampling_enabled", "true"),
    ("xlog_sampling_step1_ms", "86400000"),
    ("xlog_sampling_step1_rate_pct", "0"),
    ("xlog_slow_time_ms", "86400000"),
];
const AS_BEFORE: [(&str, &str); 4] = [
    ("xlog_sampling_enabled", "false"),
    ("xlog_sampling_step1_ms", "100"),
    ("xlog_sampling_step1_rate_pct", "3"),
    ("xlog_slow_time_ms", "1000"),
];

fn set(options: &[(&str, &str)]) {
    for (option, value) in options {
        scouter_core::options::set(option, value).unwrap();
    }
}

#[tokio::test]
async fn a_request_made_in_process_by_a_job_is_a_request_of_its_own_with_the_job_as_caller() {
    let app = scouter_tower::wrap(Router::new().route("/in", get(async || "in")));
    let (_, rows) = record(2, in_transaction("job", get_through(app, "/in"))).await;
    let (job, request) = (rows.service("job"), rows.service("GET /in"));
    assert_eq!(request.caller, Some(job.txid));
    assert_eq!(request.gxid, job.gxid);
}
