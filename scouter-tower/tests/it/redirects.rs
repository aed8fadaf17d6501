//! What a redirect carries where: whatever the chain of hosts, nothing tenant-bound gets to one
//! that is not listed.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, Request, StatusCode, header};
use proptest::prelude::*;
use reqwest::redirect::Policy;
use scouter_core::propagation::TraceContext;
use scouter_core::{Begin, Gxid, TextKind, Transaction, intern};
use scouter_tower::client::{ClientLayer, Hosts, SendScouted, guard_redirects};
use tower::{Layer, ServiceExt};

use crate::support::{Server, record};

/// What came to one of the hosts.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    /// `name:port`, as the client wrote it into its `Host` header.
    authority: String,
    headers: Vec<String>,
}

impl Seen {
    fn has(&self, name: &str) -> bool {
        self.headers.iter().any(|header| header == name)
    }
}

/// Answers the first requests with a redirect to the next place of a chain, and keeps what it saw.
#[derive(Clone, Default)]
struct Chain {
    places: Arc<Mutex<Vec<(u16, String)>>>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

async fn answer(State(chain): State<Chain>, headers: HeaderMap) -> Response {
    let authority = headers.get(header::HOST).unwrap().to_str().unwrap().to_ascii_lowercase();
    let names = headers.keys().map(|name| name.as_str().to_owned()).collect();
    chain.seen.lock().unwrap().push(Seen { authority, headers: names });
    let mut places = chain.places.lock().unwrap();
    if places.is_empty() {
        return "here".into_response();
    }
    let (status, place) = places.remove(0);
    (StatusCode::from_u16(status).unwrap(), [(header::LOCATION, place)]).into_response()
}

impl Chain {
    async fn serve(&self) -> Server {
        Server::start(Router::new().fallback(answer).with_state(self.clone())).await
    }

    fn redirects(&self, places: Vec<(u16, String)>) {
        *self.places.lock().unwrap() = places;
    }

    fn take_seen(&self) -> Vec<Seen> {
        std::mem::take(&mut *self.seen.lock().unwrap())
    }
}

/// Names that all lead to this host, as they stand in a URL and as the client sends them.
const NAMES: [(&str, &str); 6] = [
    ("a.test", "a.test"),
    ("B.Test", "b.test"),
    ("a.test.", "a.test."),
    ("user:secret@c.test", "c.test"),
    ("bücher.test", "xn--bcher-kva.test"),
    ("0x7f.1", "127.0.0.1"),
];

fn client(policy: Policy) -> reqwest::Client {
    let here = SocketAddr::from(([127, 0, 0, 1], 0));
    let names = NAMES.iter().map(|(_, sent)| *sent).filter(|sent| sent.contains("test"));
    let builder = reqwest::Client::builder().no_proxy().redirect(policy);
    names.fold(builder, |builder, name| builder.resolve(name, here)).build().unwrap()
}

/// Runs a call in a transaction of tenant `acme` that came with baggage.
async fn as_tenant<F: Future>(call: F) -> F::Output {
    let context = TraceContext::new(Gxid::new(7).unwrap(), None, true).with_baggage(b"user=7");
    let begin = Begin::new(intern(TextKind::Service, "job")).context(Some(&context));
    scouter_core::in_transaction(Transaction::begin(begin), async {
        scouter_core::current::set_tenant("acme");
        call.await
    })
    .await
}

fn layer(hosts: &str) -> ClientLayer {
    ClientLayer::new().tenant_hosts(hosts.parse::<Hosts>().unwrap())
}

#[tokio::test]
async fn reqwest_carries_every_header_but_credentials_to_wherever_it_is_redirected() {
    let (first, second) = (Chain::default(), Chain::default());
    let (from, to) = (first.serve().await, second.serve().await);
    first.redirects(vec![(302, to.url("/"))]);
    let request = client(Policy::default()).get(from.url("/"));
    let request = request.header("authorization", "secret").header("x-tenant-id", "acme");
    request.send().await.unwrap();
    let seen = second.take_seen();
    // Why the rest of this file exists. When reqwest learns better, this fails.
    assert!(seen[0].has("x-tenant-id") && !seen[0].has("authorization"), "{seen:?}");
}

#[tokio::test]
async fn a_client_that_may_be_redirected_carries_no_tenant_and_that_is_counted() {
    let withheld = || {
        let counters = scouter_core::telemetry::counters();
        counters.iter().find(|(name, _)| *name == "propagation_withheld").unwrap().1
    };
    let chain = Chain::default();
    let server = chain.serve().await;
    let url = server.url("/");
    let client = client(Policy::default());
    for (layer, is_carried, is_counted) in [
        (layer("127.0.0.1"), false, true),
        (layer("127.0.0.1").redirects_guarded(true), true, false),
        (layer("*"), true, false),
        (layer("other"), false, false),
        (layer("other").redirects_guarded(true), false, false),
    ] {
        // Counted while no other test of this process has its turn.
        let (counted, _) = record(1, async {
            let before = withheld();
            as_tenant(client.get(&url).send_scouted_with(&layer, None)).await.unwrap();
            withheld() - before
        })
        .await;
        let [seen] = &chain.take_seen()[..] else { panic!("one request") };
        assert!(seen.has("traceparent"));
        assert_eq!((seen.has("x-tenant-id"), seen.has("baggage")), (is_carried, is_carried));
        assert_eq!(counted, u64::from(is_counted), "{layer:?}");
    }
}

#[tokio::test]
async fn a_guarded_client_stops_before_a_host_that_is_not_listed_and_only_with_a_tenant() {
    let (first, second) = (Chain::default(), Chain::default());
    let (from, to) = (first.serve().await, second.serve().await);
    let client = client(guard_redirects(Policy::default()));
    let layer = layer(&from.addr.to_string()).redirects_guarded(true);
    let chain = || vec![(307, from.url("/again")), (302, to.url("/"))];
    let send = || client.get(from.url("/")).send_scouted_with(&layer, None);

    first.redirects(chain());
    let (response, _) = record(1, as_tenant(send())).await;
    let response = response.unwrap();
    assert_eq!(response.status(), StatusCode::FOUND);
    assert_eq!(response.headers()[header::LOCATION], to.url("/"));
    let seen = first.take_seen();
    assert_eq!(seen.len(), 2);
    assert!(seen.iter().all(|seen| seen.has("x-tenant-id") && seen.has("baggage")), "{seen:?}");
    assert_eq!(second.take_seen(), []);

    // Outside of a transaction, and so without anything to protect, it goes as ever.
    first.redirects(chain());
    assert_eq!(send().await.unwrap().text().await.unwrap(), "here");
    assert_eq!(second.take_seen().len(), 1);
}

/// A host by its name in URLs and in headers, and whether it is at the second server.
type Place = (usize, bool);

#[derive(Debug, Clone)]
struct Journey {
    places: Vec<(u16, Place)>,
    listed: Vec<(Place, bool)>,
    /// Whether the client is guarded, and said to be.
    is_guarded: bool,
    /// Whether it is so by following nothing at all.
    follows_none: bool,
    tenant_header: &'static str,
}

fn journey() -> impl Strategy<Value = Journey> {
    let place = || (0..NAMES.len(), any::<bool>());
    let status = prop_oneof![Just(301_u16), Just(302), Just(303), Just(307), Just(308)];
    (
        proptest::collection::vec((status, place()), 1..5),
        proptest::collection::vec((place(), any::<bool>()), 0..8),
        any::<bool>(),
        any::<bool>(),
        prop_oneof![Just("x-tenant-id"), Just("x-customer")],
    )
        .prop_map(|(places, listed, is_guarded, follows_none, tenant_header)| Journey {
            places,
            listed,
            is_guarded,
            follows_none,
            tenant_header,
        })
}

/// The list as text, and the `name:port` it allows, found without matching patterns.
fn list(journey: &Journey, ports: [u16; 2]) -> (String, Vec<String>) {
    let mut allowed = Vec::new();
    let mut parts = Vec::new();
    for ((name, is_second), has_port) in &journey.listed {
        let (name, port) = (NAMES[*name].1, ports[usize::from(*is_second)]);
        if *has_port {
            allowed.push(format!("{name}:{port}"));
            parts.push(format!("{name}:{port}"));
        } else {
            allowed.extend(ports.map(|port| format!("{name}:{port}")));
            parts.push(name.to_uppercase());
        }
    }
    (parts.join(", "), allowed)
}

async fn travel(journey: &Journey) -> (Vec<Seen>, Vec<String>) {
    let chain = Chain::default();
    let (one, two) = (chain.serve().await, chain.serve().await);
    let ports = [one.addr.port(), two.addr.port()];
    let (hosts, allowed) = list(journey, ports);
    let url =
        |(name, second): Place| format!("http://{}:{}/", NAMES[name].0, ports[usize::from(second)]);
    let hops = journey.places.iter().skip(1).map(|(status, place)| (*status, url(*place)));
    chain.redirects(hops.collect());
    let client = client(match (journey.is_guarded, journey.follows_none) {
        (true, true) => Policy::none(),
        (true, false) => guard_redirects(Policy::default()),
        (false, _) => Policy::default(),
    });
    let layer = layer(&hosts)
        .tenant_header(HeaderName::from_static(journey.tenant_header))
        .redirects_guarded(journey.is_guarded);
    let start = url(journey.places[0].1);
    let send = as_tenant(client.post(start).body("x").send_scouted_with(&layer, None));
    let (response, _) = record(1, send).await;
    response.unwrap().text().await.unwrap();
    (chain.take_seen(), allowed)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn nothing_tenant_bound_leaves_to_a_host_that_is_not_listed(journey in journey()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (seen, allowed) = runtime.block_on(travel(&journey));
        prop_assert!(!seen.is_empty());
        for (hop, seen) in seen.iter().enumerate() {
            let is_listed = allowed.contains(&seen.authority);
            let is_carried = [seen.has(journey.tenant_header), seen.has("baggage")];
            prop_assert!(is_listed || is_carried == [false; 2], "{:?}", seen);
            // Where it may, it does: the list is no dead letter.
            if hop == 0 && is_listed && journey.is_guarded {
                prop_assert_eq!(is_carried, [true; 2], "{:?}", seen);
            }
        }
    }

    #[test]
    fn a_layer_sends_the_tenant_exactly_to_the_hosts_of_its_list(
        user in prop_oneof![Just(""), Just("user@"), Just("a.test:80@")],
        host in prop_oneof![
            Just("a.test"), Just("A.Test"), Just("a.test."), Just("b.a.test"), Just("xa.test"),
            Just("a.test.evil"), Just("[::1]"), Just("[0:0::1]"), Just("10.1.2.3"),
            Just("10.1.evil"), Just("xn--bcher-kva.test"),
        ],
        port in prop_oneof![Just(None), Just(Some(80_u16)), Just(Some(8080))],
        listed in proptest::sample::subsequence(
            vec!["a.test", "*.a.test", "[::1]", "10.1.*", "xn--bcher-kva.test", "a.test.evil:8080"], 0..6),
    ) {
        let at = port.map_or(String::new(), |port| format!(":{port}"));
        let request = Request::get(format!("http://{user}{host}{at}/")).body(()).unwrap();
        // What each pattern means, by hand.
        let is_listed = listed.iter().any(|pattern| match *pattern {
            "a.test" => host.eq_ignore_ascii_case("a.test"),
            "*.a.test" => host == "b.a.test",
            "[::1]" => host.starts_with('['),
            "10.1.*" => host == "10.1.2.3",
            "a.test.evil:8080" => host == "a.test.evil" && port == Some(8080),
            same => host == same,
        });
        let seen = Arc::new(Mutex::new(HeaderMap::new()));
        let inner = tower::service_fn(|request: Request<()>| {
            *seen.lock().unwrap() = request.headers().clone();
            async { Ok::<_, std::convert::Infallible>(http::Response::new(String::new())) }
        });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let call = layer(&listed.join(",")).layer(inner).oneshot(request);
        let (answer, _) = runtime.block_on(record(1, as_tenant(call)));
        drop(answer);
        let seen = seen.lock().unwrap();
        prop_assert!(seen.contains_key("traceparent"));
        let sent = ["x-tenant-id", "baggage"].map(|name| seen.contains_key(name));
        prop_assert_eq!(sent, [is_listed; 2], "{} in {:?}", host, listed);
    }
}
