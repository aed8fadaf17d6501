//! Outbound calls as steps: hyper-util, reqwest as a service, and `send_scouted()`.

use std::convert::Infallible;
use std::io;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use scouter_core::testing::RecordedDetail;
use scouter_tower::client::{ClientLayer, Hosts, PathTemplate, SendScouted};
use tower::{Layer, Service, ServiceBuilder, ServiceExt};

use crate::support::{Server, in_transaction, record};

const TRACE_HEADERS: [&str; 3] = ["traceparent", "x-tenant-id", "baggage"];

fn billing() -> Router {
    let echo = async |headers: HeaderMap| {
        TRACE_HEADERS
            .map(|name| headers.get(name).map_or("-", |value| value.to_str().unwrap()).to_owned())
            .join(" ")
    };
    Router::new()
        .route("/echo", get(echo))
        .route("/failing", get(async || StatusCode::SERVICE_UNAVAILABLE))
        .route("/never", get(async || std::future::pending::<&str>().await))
        .route("/empty", get(async || StatusCode::NO_CONTENT))
        .route(
            "/trailers",
            get(async || {
                let trailers = HeaderMap::from_iter([(
                    http::HeaderName::from_static("grpc-status"),
                    http::HeaderValue::from_static("0"),
                )]);
                let frames = [Ok::<_, Infallible>(http_body::Frame::trailers(trailers))];
                Body::new(http_body_util::StreamBody::new(stream::iter(frames)))
            }),
        )
        .route(
            "/endless",
            get(async || {
                Body::from_stream(stream::repeat_with(|| {
                    Ok::<_, Infallible>(Bytes::from(vec![0; 4096]))
                }))
            }),
        )
        .route(
            "/broken",
            get(async || {
                let halves = [Ok(Bytes::from("a")), Err(io::Error::other("disk on fire"))];
                // The first half leaves before the second is asked for.
                let halves = stream::iter(halves).then(async |half| {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    half
                });
                Body::from_stream(halves)
            }),
        )
}

/// What the test asks a peer for, and what the profile of the asking transaction shows.
macro_rules! check {
    ($path:expr, $expected:expr, |$client:ident, $url:ident| $call:expr) => {{
        let server = Server::start(billing()).await;
        let $url = server.url($path);
        let $client = server.client();
        let (_, rows) = record(1, in_transaction("job", async { $call })).await;
        let tree = rows.tree(&server);
        assert_eq!(tree.lines().map(str::trim).collect::<Vec<_>>(), $expected);
    }};
}

#[tokio::test]
async fn a_reqwest_call_is_a_step_until_its_body_ends() {
    check!("/echo", ["job", "api GET PEER 200"], |client, url| {
        let response = client.get(url.as_str()).send_scouted().await.unwrap();
        assert_eq!(response.url().as_str(), url);
        assert!(response.remote_addr().is_some());
        assert!(response.content_length().is_some());
        assert!(response.text().await.unwrap().starts_with("00-"));
    });
}

#[tokio::test]
async fn a_path_template_is_part_of_the_name() {
    check!("/echo", ["job", "api GET PEER/{what} 200"], |client, url| {
        client.get(url.as_str()).send_scouted_as("/{what}").await.unwrap().text().await.unwrap()
    });
    check!("/echo", ["job", "api GET PEER/{what} 200"], |_client, url| {
        let client = ClientLayer::new().layer(Client::builder(TokioExecutor::new()).build_http());
        let request = Request::get(url.as_str()).extension(PathTemplate("/{what}"));
        let response = client.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        response.into_body().collect().await.unwrap()
    });
}

#[tokio::test]
async fn reqwest_and_hyper_util_are_served_by_the_same_layer() {
    check!("/echo", ["job", "api GET PEER 200"], |client, url| {
        let request = client.get(url.as_str()).build().unwrap();
        let service = ServiceBuilder::new().layer(ClientLayer::new()).service(client);
        assert!(service.oneshot(request).await.unwrap().text().await.unwrap().starts_with("00-"));
    });
    check!("/echo", ["job", "api GET PEER 200"], |_client, url| {
        let client = ClientLayer::new().layer(Client::builder(TokioExecutor::new()).build_http());
        let request = Request::get(url.as_str()).body(Body::empty()).unwrap();
        let response = client.oneshot(request).await.unwrap();
        let text = response.into_body().collect().await.unwrap().to_bytes();
        assert!(text.starts_with(b"00-"));
    });
}

#[tokio::test]
async fn over_http2_a_call_ends_as_over_http1() {
    let server = Server::start(billing()).await;
    let (_, rows) = record(
        1,
        in_transaction("job", async {
            let plain = Client::builder(TokioExecutor::new()).http2_only(true).build_http();
            let client = ClientLayer::new().layer(plain);
            let send = |path: &str| {
                let request = Request::get(server.url(path)).body(Body::empty()).unwrap();
                client.clone().oneshot(request)
            };
            let response = send("/echo").await.unwrap();
            assert_eq!(response.version(), http::Version::HTTP_2);
            let text = response.into_body().collect().await.unwrap().to_bytes();
            assert!(text.starts_with(b"00-"));
            assert_eq!(send("/empty").await.unwrap().status(), StatusCode::NO_CONTENT);
            send("/failing").await.unwrap().into_body().collect().await.unwrap();
            drop(send("/endless").await.unwrap());
            let mut endless = send("/endless").await.unwrap().into_body();
            endless.frame().await.unwrap().unwrap();
            drop(endless);
            let broken = send("/broken").await.unwrap().into_body().collect().await;
            broken.unwrap_err();
            let mut trailers = send("/trailers").await.unwrap().into_body();
            assert!(trailers.frame().await.unwrap().unwrap().is_trailers());
            let never = tokio::time::timeout(Duration::from_millis(30), send("/never"));
            never.await.unwrap_err();
        }),
    )
    .await;
    let tree = rows.tree(&server);
    let expected = [
        "job !error",
        "api GET PEER 200",
        "api GET PEER 204",
        "api GET PEER 503 !error",
        "api GET PEER 200",
        "api GET PEER 200 !cancelled",
        "api GET PEER 200 !error",
        "api GET PEER 200",
        "api GET PEER !cancelled",
    ];
    assert_eq!(tree.lines().map(str::trim).collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn a_response_without_a_body_ends_the_step_at_once() {
    check!("/empty", ["job", "api GET PEER 204"], |client, url| {
        let response = client.get(url.as_str()).send_scouted().await.unwrap();
        assert_eq!(response.status(), StatusCode::NO_CONTENT);
    });
    check!("/echo", ["job", "api HEAD PEER 200"], |client, url| {
        client.head(url.as_str()).send_scouted().await.unwrap()
    });
}

#[tokio::test]
async fn a_server_error_marks_the_step() {
    check!("/failing", ["job", "api GET PEER 503 !error"], |client, url| {
        client.get(url.as_str()).send_scouted().await.unwrap()
    });
}

#[tokio::test]
async fn a_response_dropped_unread_is_fine_and_one_dropped_half_read_is_cancelled() {
    check!("/endless", ["job", "api GET PEER 200"], |client, url| {
        drop(client.get(url.as_str()).send_scouted().await.unwrap());
    });
    check!("/endless", ["job", "api GET PEER 200 !cancelled"], |client, url| {
        let mut response = client.get(url.as_str()).send_scouted().await.unwrap();
        response.chunk().await.unwrap().unwrap();
    });
}

#[tokio::test]
async fn a_body_that_breaks_off_is_an_error() {
    check!("/broken", ["job !error", "api GET PEER 200 !error"], |client, url| {
        let response = client.get(url.as_str()).send_scouted().await.unwrap();
        assert!(response.text().await.is_err());
    });
}

#[tokio::test]
async fn a_call_given_up_before_the_response_is_cancelled() {
    check!("/never", ["job", "api GET PEER !cancelled"], |client, url| {
        let call = client.get(url.as_str()).send_scouted();
        tokio::time::timeout(Duration::from_millis(30), call).await.unwrap_err();
    });
}

#[tokio::test]
async fn a_refused_connection_is_an_error_with_its_cause_and_without_the_query() {
    // A port that is taken and not listened on: nobody else can be given it meanwhile.
    let closed = tokio::net::TcpSocket::new_v4().unwrap();
    closed.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let addr = closed.local_addr().unwrap();
    let ((), rows) = record(
        1,
        in_transaction("job", async {
            let url = format!("http://{addr}/?token=secret");
            reqwest::Client::new().get(&url).send_scouted().await.unwrap_err();
            let client =
                ClientLayer::new().layer(Client::builder(TokioExecutor::new()).build_http());
            client.oneshot(Request::get(&url).body(Body::empty()).unwrap()).await.unwrap_err();
        }),
    )
    .await;
    let errors: Vec<_> = rows[0].steps.iter().map(|step| step.error.as_str()).collect();
    assert_eq!(errors.len(), 2);
    for error in errors {
        assert!(error.contains("Connection refused"), "{error}");
        assert!(!error.contains("secret"), "{error}");
    }
}

#[tokio::test]
async fn each_attempt_of_a_retry_is_a_step_of_its_own() {
    #[derive(Clone)]
    struct Thrice(u32);
    impl<R: Clone, A> tower::retry::Policy<R, http::Response<A>, hyper_util::client::legacy::Error>
        for Thrice
    {
        type Future = std::future::Ready<()>;
        fn retry(
            &mut self,
            _: &mut R,
            _: &mut Result<http::Response<A>, hyper_util::client::legacy::Error>,
        ) -> Option<Self::Future> {
            self.0 = self.0.checked_sub(1)?;
            Some(std::future::ready(()))
        }
        fn clone_request(&mut self, request: &R) -> Option<R> {
            Some(request.clone())
        }
    }
    let server = Server::start(billing()).await;
    let (_, rows) = record(
        1,
        in_transaction("job", async {
            let client =
                Client::builder(TokioExecutor::new()).build_http::<http_body_util::Empty<Bytes>>();
            let client =
                ServiceBuilder::new().retry(Thrice(2)).layer(ClientLayer::new()).service(client);
            let request =
                Request::get(server.url("/failing")).body(http_body_util::Empty::new()).unwrap();
            client.oneshot(request).await.unwrap()
        }),
    )
    .await;
    let tree = rows.tree(&server);
    assert_eq!(tree.matches("api GET PEER 503 !error").count(), 3, "{tree}");
}

#[tokio::test]
async fn a_traceparent_of_the_user_is_never_overwritten() {
    let own = "00-11111111111111111111111111111111-2222222222222222-00";
    let server = Server::start(billing()).await;
    let (text, _) = record(
        1,
        in_transaction("job", async {
            let request = server.client().get(server.url("/echo")).header("traceparent", own);
            request.send_scouted().await.unwrap().text().await.unwrap()
        }),
    )
    .await;
    assert_eq!(text.split(' ').next(), Some(own));
}

#[tokio::test]
async fn the_tenant_goes_to_allowed_hosts_only() {
    let server = Server::start(billing()).await;
    for (hosts, tenant) in
        [("", "-"), ("127.0.0.1", "acme"), ("127.0.0.1:1", "-"), ("*", "acme"), ("billing", "-")]
    {
        let layer = ClientLayer::new()
            .tenant_hosts(hosts.parse::<Hosts>().unwrap())
            .redirects_guarded(true);
        let (text, _) = record(
            1,
            in_transaction("job", async {
                scouter_core::current::set_tenant("acme");
                let request = server.guarded_client().get(server.url("/echo"));
                request.send_scouted_with(&layer, None).await.unwrap().text().await.unwrap()
            }),
        )
        .await;
        assert_eq!(text.split(' ').nth(1), Some(tenant), "{hosts:?}");
    }
}

#[tokio::test]
async fn outside_a_transaction_nothing_is_sent_and_nothing_recorded() {
    let server = Server::start(billing()).await;
    let (text, rows) = record(0, async {
        server.client().get(server.url("/echo")).send_scouted().await.unwrap().text().await.unwrap()
    })
    .await;
    assert_eq!(text, "- - -");
    assert!(rows.is_empty());
}

#[tokio::test]
async fn a_client_that_is_never_ready_makes_no_step() {
    #[derive(Clone)]
    struct NotReady;
    impl Service<Request<Body>> for NotReady {
        type Response = http::Response<Body>;
        type Error = &'static str;
        type Future = std::future::Ready<Result<Self::Response, Self::Error>>;
        fn poll_ready(
            &mut self,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Result<(), Self::Error>> {
            std::task::Poll::Ready(Err("no connection left"))
        }
        fn call(&mut self, _: Request<Body>) -> Self::Future {
            unreachable!("never ready")
        }
    }
    let (outcome, rows) = record(
        1,
        in_transaction("job", async {
            ClientLayer::new().layer(NotReady).oneshot(Request::new(Body::empty())).await
        }),
    )
    .await;
    assert_eq!(outcome.unwrap_err(), "no connection left");
    assert!(rows[0].steps.is_empty());
}

#[tokio::test]
async fn a_b3_header_goes_along_when_the_option_is_on() {
    let echo = async |headers: HeaderMap| {
        headers.get("b3").map_or("-", |b3| b3.to_str().unwrap()).to_owned()
    };
    let server = Server::start(Router::new().route("/", get(echo))).await;
    for is_on in [true, false] {
        let call = async {
            // Inside the recorder's turn, since options are the process's.
            scouter_core::options::set("trace_propagete_b3_header", &is_on.to_string()).unwrap();
            let request = server.client().get(server.url("/"));
            request.send_scouted().await.unwrap().text().await.unwrap()
        };
        let (b3, rows) = record(1, in_transaction("job", call)).await;
        let expected = format!("{}-{}-1", rows[0].gxid, rows[0].txid);
        assert_eq!(b3, if is_on { expected.as_str() } else { "-" });
    }
}

#[tokio::test]
async fn the_three_headers_of_b3_go_along_when_their_option_is_on() {
    let echo = async |headers: HeaderMap| {
        let value = |name| headers.get(name).map_or("-", |value| value.to_str().unwrap());
        ["x-b3-traceid", "x-b3-spanid", "x-b3-sampled", "x-b3-flags", "b3"].map(value).join(" ")
    };
    let server = Server::start(Router::new().route("/", get(echo))).await;
    for (is_on, is_kept) in [(true, false), (true, true), (false, true)] {
        let call = async {
            // Inside the recorder's turn, since options are the process's.
            let value = is_on.to_string();
            scouter_core::options::set("trace_propagate_b3_multi_header", &value).unwrap();
            if is_kept {
                scouter_core::current::keep_profile();
            }
            let request = server.client().get(server.url("/"));
            request.send_scouted().await.unwrap().text().await.unwrap()
        };
        let (sent, rows) = record(1, in_transaction("job", call)).await;
        let flags = if is_kept { "1" } else { "-" };
        let expected = format!("{} {} 1 {flags} -", rows[0].gxid, rows[0].txid);
        assert_eq!(sent, if is_on { expected.as_str() } else { "- - - - -" });
    }
}

#[tokio::test]
async fn scouters_own_headers_go_along_when_the_option_is_on_and_read_back_as_the_callers_ids() {
    let echo = async |headers: HeaderMap| {
        let value = |name| headers.get(name).map_or("-", |value| value.to_str().unwrap());
        ["x-scouter-gxid", "x-scouter-caller", "x-scouter-callee"].map(value).join(" ")
    };
    let server = Server::start(Router::new().route("/", get(echo))).await;
    for is_on in [true, false] {
        let call = async {
            // Inside the recorder's turn, since options are the process's.
            let value = is_on.to_string();
            scouter_core::options::set("trace_propagate_scouter_header", &value).unwrap();
            let request = server.client().get(server.url("/"));
            request.send_scouted().await.unwrap().text().await.unwrap()
        };
        let (sent, rows) = record(1, in_transaction("job", call)).await;
        let [gxid, caller, callee] = sent.split(' ').collect::<Vec<_>>()[..] else {
            panic!("{sent}")
        };
        if !is_on {
            assert_eq!(sent, "- - -");
            continue;
        }
        let asked_for = scouter_core::propagation::parse_x_scouter_callee(callee.as_bytes());
        assert_ne!(asked_for, Some(rows[0].txid));
        // The callee does not say who it was, so it is who it was asked to be.
        let RecordedDetail::Api { callee, .. } = &rows[0].steps[0].detail else {
            panic!("{rows:?}")
        };
        assert!(callee.is_some());
        assert_eq!(*callee, asked_for);
        let read =
            scouter_core::propagation::parse_x_scouter(gxid.as_bytes(), Some(caller.as_bytes()))
                .unwrap();
        assert_eq!(read.caller.unwrap().to_string(), rows[0].txid.to_string());
        let low_half = &rows[0].gxid.to_string()[16..];
        assert_eq!(read.gxid.to_string(), format!("{}{low_half}", "0".repeat(16)));
    }
}

#[tokio::test]
async fn a_proxied_body_keeps_its_step_open_until_the_proxy_has_sent_it() {
    let upstream = Server::start(billing()).await;
    let (client, url) = (upstream.client(), upstream.url("/echo"));
    let proxy = async move || {
        let response = client.get(&url).send_scouted().await.unwrap();
        Body::from_stream(response.bytes_stream())
    };
    let front = Server::start(scouter_tower::wrap(Router::new().route("/", get(proxy)))).await;
    let (text, rows) = record(1, async {
        front.client().get(front.url("/")).send().await.unwrap().text().await.unwrap()
    })
    .await;
    assert!(text.starts_with("00-"));
    assert_eq!(rows.tree(&upstream), "GET / 200\n    api GET PEER 200\n");
    assert_eq!(rows[0].bytes_out, text.len() as u64);
}

#[tokio::test]
async fn a_proxied_body_that_the_client_abandons_cancels_both() {
    let upstream = Server::start(billing()).await;
    let (client, url) = (upstream.client(), upstream.url("/endless"));
    let proxy = async move || {
        let response = client.get(&url).send_scouted().await.unwrap();
        Body::from_stream(response.bytes_stream())
    };
    let front = Server::start(scouter_tower::wrap(Router::new().route("/", get(proxy)))).await;
    let ((), rows) = record(1, async {
        let mut response = front.client().get(front.url("/")).send().await.unwrap();
        response.chunk().await.unwrap().unwrap();
    })
    .await;
    let expected = "GET / 200 !aborted_in_body\n    api GET PEER 200 !cancelled\n";
    assert_eq!(rows.tree(&upstream), expected);
}
