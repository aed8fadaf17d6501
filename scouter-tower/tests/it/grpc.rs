//! tonic's client and server over real sockets: names, statuses, streams, ends.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::response::IntoResponse;
use axum::routing::post;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::HeaderValue;
use http_body_util::Full;
use hyper_util::rt::{TokioExecutor, TokioIo};
use scouter_core::record::Outcome;
use scouter_core::testing::{RecordedDetail, RecordedStep};
use scouter_tower::{ScouterLayer, Trust};
use tokio::sync::Notify;
use tonic::{Code, Request};

use crate::grpc_shop::{Shop, Utf8, call, client, path, watch_call};
use crate::support::{Rows, Server, in_transaction, record};

async fn shop() -> Server {
    Server::tonic(ScouterLayer::new(), Shop::default()).await
}

/// Rows without that of the calling job, and the steps of the job.
fn both_sides(rows: &Rows, server: &Server) -> (Vec<String>, String) {
    let mut served = rows.summaries();
    served.retain(|row| !row.starts_with("job "));
    let job = rows.service("job");
    let port = format!(":{}", server.addr.port());
    let steps = job.steps.iter().map(|step| {
        let status = status_of(step);
        format!("{} {status} {:?}\n", step.name.replace(&port, ""), step.outcome)
    });
    (served, steps.collect())
}

fn status_of(step: &RecordedStep) -> u16 {
    match step.detail {
        RecordedDetail::Api { status, .. } => status,
        _ => 0,
    }
}

#[tokio::test]
async fn each_kind_of_call_is_one_transaction_and_one_step_until_its_trailers() {
    let server = shop().await;
    let ((), rows) = record(5, async {
        in_transaction("job", async {
            let mut shop = client(&server).await;
            assert_eq!(call(&mut shop, "Place", "order 7").await.unwrap(), "order 7 by ");
            let texts: Vec<_> = watch_call(&mut shop, "all").await.unwrap().collect().await;
            assert_eq!(texts.len(), 3);
            let items = || stream::iter(["a", "b"].map(str::to_owned));
            shop.ready().await.unwrap();
            let packed = shop.client_streaming(Request::new(items()), path("Pack"), Utf8);
            assert_eq!(packed.await.unwrap().into_inner(), "2 items");
            shop.ready().await.unwrap();
            let chat = shop.streaming(Request::new(items()), path("Chat"), Utf8).await.unwrap();
            let said: Vec<_> = chat.into_inner().map(Result::unwrap).collect().await;
            assert_eq!(said, ["a!", "b!"]);
        })
        .await;
    })
    .await;
    let (served, steps) = both_sides(&rows, &server);
    assert_eq!(
        served,
        [
            "GRPC /shop.Orders/Place 1000 Complete",
            "GRPC /shop.Orders/Watch 1000 Complete",
            "GRPC /shop.Orders/Pack 1000 Complete",
            "GRPC /shop.Orders/Chat 1000 Complete",
        ]
    );
    let expected: String = ["Place", "Watch", "Pack", "Chat"]
        .map(|method| format!("GRPC shop/shop.Orders/{method} 1000 Ok\n"))
        .concat();
    assert_eq!(steps, expected);
    let job = rows.service("job");
    for row in rows.iter().filter(|row| row.txid != job.txid) {
        assert_eq!((row.gxid, row.caller), (job.gxid, Some(job.txid)), "{}", row.service);
        assert_eq!(row.ip, "127.0.0.1");
        assert!(row.bytes_out > 0 && row.ttfb_us > 0, "{row:?}");
    }
}

#[tokio::test]
async fn only_codes_that_blame_the_server_are_its_errors_and_all_are_errors_of_the_step() {
    let server = shop().await;
    let (codes, rows) = record(4, async {
        in_transaction("job", async {
            let mut shop = client(&server).await;
            let missing = call(&mut shop, "Place", "nothing").await.unwrap_err();
            let failed = call(&mut shop, "Place", "fire").await.unwrap_err();
            let stream = watch_call(&mut shop, "until it fails").await.unwrap();
            let texts: Vec<_> = stream.collect().await;
            let moved = texts.last().unwrap().as_ref().unwrap_err();
            [missing.code(), failed.code(), moved.code()]
        })
        .await
    })
    .await;
    assert_eq!(codes, [Code::NotFound, Code::Internal, Code::Unavailable]);
    let (served, steps) = both_sides(&rows, &server);
    assert_eq!(
        served,
        [
            "GRPC /shop.Orders/Place 1005 Complete",
            "GRPC /shop.Orders/Place 1013 Complete !grpc status 13: the 50% shelf is on fire",
            "GRPC /shop.Orders/Watch 1014 Complete !grpc status 14: moving house",
        ]
    );
    assert_eq!(
        steps,
        "GRPC shop/shop.Orders/Place 1005 Error\n\
         GRPC shop/shop.Orders/Place 1013 Error\n\
         GRPC shop/shop.Orders/Watch 1014 Error\n"
    );
    assert_eq!(rows.service("job").error, "", "the caller may try again");
}

#[tokio::test]
async fn methods_that_nobody_implements_share_one_name() {
    let server = shop().await;
    let ((), rows) = record(3, async {
        in_transaction("job", async {
            let mut shop = client(&server).await;
            for path in ["/shop.Orders/Nope", "/other.Service/Nope"] {
                shop.ready().await.unwrap();
                let request = Request::new("x".to_owned());
                let answer = shop.unary::<_, String, _>(request, path.parse().unwrap(), Utf8).await;
                assert_eq!(answer.unwrap_err().code(), Code::Unimplemented);
            }
        })
        .await;
    })
    .await;
    let (served, _) = both_sides(&rows, &server);
    assert_eq!(served, vec!["GRPC <unmatched> 1012 Complete !grpc status 12"; 2]);
    let mut paths: Vec<_> = rows.iter().filter_map(|row| row.tag("path")).collect();
    paths.sort_unstable();
    assert_eq!(paths, ["/other.Service/Nope", "/shop.Orders/Nope"]);
}

#[tokio::test]
async fn a_client_that_gives_up_resets_the_stream_and_cancels_both_sides() {
    let shop_service = Shop::default();
    let server = Server::tonic(ScouterLayer::new(), shop_service.clone()).await;
    let ((), rows) = record(3, async {
        in_transaction("job", async {
            let mut shop = client(&server).await;
            tokio::select! {
                answer = call(&mut shop, "Hang", "x") => panic!("{answer:?}"),
                () = shop_service.entered.notified() => {}
            }
            let mut stream = watch_call(&mut shop, "for ever").await.unwrap();
            stream.next().await.unwrap().unwrap();
        })
        .await;
    })
    .await;
    let (mut served, steps) = both_sides(&rows, &server);
    served.sort();
    assert_eq!(
        served,
        [
            "GRPC /shop.Orders/Hang 0 CancelledBeforeResponse",
            "GRPC /shop.Orders/Watch 200 AbortedInBody",
        ]
    );
    assert_eq!(
        steps,
        "GRPC shop/shop.Orders/Hang 0 Cancelled\nGRPC shop/shop.Orders/Watch 200 Cancelled\n"
    );
}

#[tokio::test]
async fn a_call_that_its_deadline_cuts_off_says_so() {
    let server = shop().await;
    let (status, rows) = record(1, async {
        // A client that waits longer than it said, so that it is the server who notices.
        let stream = tokio::net::TcpStream::connect(server.addr).await.unwrap();
        let (mut sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
                .await
                .unwrap();
        tokio::spawn(connection);
        let request = http::Request::post(server.url("/shop.Orders/Hang"))
            .header("content-type", "application/grpc")
            .header("grpc-timeout", "30m")
            .body(Full::new(Bytes::from_static(&[0; 5])))
            .unwrap();
        let response = sender.send_request(request).await.unwrap();
        response.headers().get("grpc-status").cloned()
    })
    .await;
    assert!(status.is_some());
    assert_eq!(
        rows.summaries(),
        ["GRPC /shop.Orders/Hang 1004 CancelledBeforeResponse !grpc status 4: deadline exceeded"]
    );
    assert!(rows[0].elapsed_us >= 29_000, "{}", rows[0].elapsed_us);
}

#[tokio::test]
async fn a_client_whose_own_deadline_is_over_records_why() {
    let server = shop().await;
    let (answer, rows) = record(2, async {
        in_transaction("job", async {
            let mut shop = client(&server).await;
            let mut request = Request::new("x".to_owned());
            request.set_timeout(Duration::from_millis(30));
            shop.unary::<_, String, _>(request, path("Hang"), Utf8).await
        })
        .await
    })
    .await;
    // Whose timer fires first decides whether it is an error of the transport or a status.
    assert!(answer.is_err());
    let job = rows.service("job");
    let step = &job.steps[0];
    let is_told = step.error.contains("Timeout expired");
    let status = status_of(step);
    assert_eq!(step.outcome, Outcome::Error);
    assert!(is_told || status > 1000, "{step:?}");
}

#[tokio::test]
async fn a_stream_that_the_server_resets_is_an_error_of_the_step() {
    let cut = Arc::new(Notify::new());
    let is_cut = Arc::clone(&cut);
    let broken = async move || {
        let message = Bytes::from_static(b"\0\0\0\0\x03one");
        // A reset may overtake what was sent before it, so it waits until that arrived.
        let cable = stream::once(async move {
            is_cut.notified().await;
            Err(std::io::Error::other("cable cut"))
        });
        let frames = stream::iter([Ok(message)]).chain(cable);
        let kind = HeaderValue::from_static("application/grpc");
        ([("content-type", kind)], axum::body::Body::from_stream(frames)).into_response()
    };
    let app = Router::new().route("/shop.Orders/Watch", post(broken));
    let server = Server::start(scouter_tower::wrap(app)).await;
    let (next, rows) = record(2, async {
        in_transaction("job", async {
            let mut shop = client(&server).await;
            let mut stream = watch_call(&mut shop, "x").await.unwrap();
            assert_eq!(stream.next().await.unwrap().unwrap(), "one");
            cut.notify_one();
            stream.next().await.unwrap()
        })
        .await
    })
    .await;
    assert!(next.is_err());
    let (served, steps) = both_sides(&rows, &server);
    assert_eq!(served, ["GRPC /shop.Orders/Watch 200 BodyError !cable cut"]);
    assert_eq!(steps, "GRPC shop/shop.Orders/Watch 200 Error\n");
    assert!(!rows.service("job").steps[0].error.is_empty());
}

#[tokio::test]
async fn routes_of_tonic_inside_axum_have_the_same_names() {
    let routes = tonic::service::Routes::new(Shop::default()).into_axum_router();
    let server = Server::start(scouter_tower::wrap(routes)).await;
    let (_, rows) = record(2, async {
        in_transaction("job", async {
            let mut shop = client(&server).await;
            call(&mut shop, "Place", "order 7").await.unwrap()
        })
        .await
    })
    .await;
    let (served, _) = both_sides(&rows, &server);
    assert_eq!(served, ["GRPC /shop.Orders/Place 1000 Complete"]);
}

#[tokio::test]
async fn a_trusted_peer_of_a_tonic_server_names_the_tenant() {
    let layer = ScouterLayer::new().trust(Trust::loopback());
    let server = Server::tonic(layer, Shop::default()).await;
    let (answer, rows) = record(2, async {
        in_transaction("job", async {
            let mut shop = client(&server).await;
            let mut request = Request::new("order 7".to_owned());
            request.metadata_mut().insert("x-tenant-id", "acme".parse().unwrap());
            shop.unary::<_, String, _>(request, path("Place"), Utf8).await
        })
        .await
    })
    .await;
    assert_eq!(answer.unwrap().into_inner(), "order 7 by acme");
    assert_eq!(rows.service("GRPC /shop.Orders/Place").tenant, "acme");
}

#[tokio::test]
async fn a_channel_that_cannot_connect_is_an_error_with_its_cause() {
    // A port that is taken and not listened on: nobody else can be given it meanwhile.
    let taken = tokio::net::TcpSocket::new_v4().unwrap();
    taken.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let addr = taken.local_addr().unwrap();
    let (answer, rows) = record(1, async {
        in_transaction("job", async {
            let channel = tonic::transport::Channel::from_shared(format!("http://{addr}"));
            let layer = scouter_tower::client::ClientLayer::new();
            let mut shop = tonic::client::Grpc::new(tower::Layer::layer(
                &layer,
                channel.unwrap().connect_lazy(),
            ));
            shop.ready().await.unwrap();
            let request = Request::new("x".to_owned());
            shop.unary::<_, String, _>(request, path("Place"), Utf8).await
        })
        .await
    })
    .await;
    assert_eq!(answer.unwrap_err().code(), Code::Unavailable);
    let step = &rows.service("job").steps[0];
    assert_eq!(step.outcome, Outcome::Error);
    assert!(step.error.contains("Connection refused"), "{}", step.error);
    assert!(step.name.starts_with("GRPC <unknown>:"), "{}", step.name);
}

#[tokio::test]
async fn a_body_that_is_not_read_to_its_trailers_was_given_up() {
    let server = shop().await;
    let ((), rows) = record(2, async {
        in_transaction("job", async {
            let mut shop = client(&server).await;
            drop(watch_call(&mut shop, "for ever").await.unwrap());
        })
        .await;
    })
    .await;
    let (_, steps) = both_sides(&rows, &server);
    assert_eq!(steps, "GRPC shop/shop.Orders/Watch 200 Cancelled\n");
}

#[tokio::test]
async fn a_layer_of_the_author_names_grpc_calls_too() {
    let layer = ScouterLayer::new().name_with(|_| Some("mine".into()));
    let server = Server::tonic(layer, Shop::default()).await;
    let (_, rows) = record(2, async {
        in_transaction("job", async {
            let mut shop = client(&server).await;
            call(&mut shop, "Place", "order 7").await.unwrap()
        })
        .await
    })
    .await;
    let (served, _) = both_sides(&rows, &server);
    assert_eq!(served, ["mine 1000 Complete"]);
}
