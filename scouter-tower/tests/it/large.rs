//! Bodies that lie in memory as a whole, or may.

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use bytes::Bytes;
use futures_util::stream;
use http::Request;
use scouter_core::alert::{Alert, AlertKind, AlertLevel, drain_alerts};
use scouter_tower::ScouterLayer;
use scouter_tower::client::SendScouted;

use crate::support::{Server, in_transaction, record, send_through};

const MIB: usize = 1 << 20;

/// A little more than may be without an alert.
const PIECES: usize = 17;

fn app() -> Router {
    let piece = || Ok::<_, std::convert::Infallible>(Bytes::from(vec![b'x'; MIB]));
    Router::new()
        .route("/whole", get(async || vec![b'x'; PIECES * MIB]))
        .route("/small", get(async || vec![b'x'; 16 * MIB]))
        .route(
            "/streamed",
            get(async move || Body::from_stream(stream::iter((0..PIECES).map(move |_| piece())))),
        )
}

/// What was told of large bodies meanwhile.
async fn told(rows: usize, run: impl Future<Output = ()>) -> Vec<Alert> {
    let (alerts, _) = record(rows, async {
        let mut alerts = Vec::new();
        drain_alerts(&mut alerts);
        alerts.clear();
        run.await;
        drain_alerts(&mut alerts);
        alerts
    })
    .await;
    alerts.into_iter().filter(|alert| alert.kind == AlertKind::LargeAllocation).collect()
}

#[tokio::test]
async fn a_response_that_leaves_in_one_large_piece_is_told_and_one_in_small_pieces_is_not() {
    let app = app().layer(ScouterLayer::new());
    let alerts = told(3, async {
        for path in ["/streamed", "/small", "/whole"] {
            let request = Request::get(path).body(Body::empty()).unwrap();
            assert!(send_through(app.clone(), request).await.text.len() >= 16 * MIB);
        }
    })
    .await;
    let [alert] = &alerts[..] else { panic!("{alerts:?}") };
    assert_eq!((&*alert.service, alert.level), ("GET /whole", AlertLevel::Warn));
    assert!(alert.message.contains("17 MiB") && alert.transaction.is_some(), "{alert:?}");
}

#[tokio::test]
async fn a_large_answer_is_told_once_with_who_gave_it() {
    let server = Server::start(app()).await;
    let (client, url) = (server.client(), server.url("/streamed"));
    let alerts = told(
        1,
        in_transaction("reads a large answer", async {
            let response = client.get(url.as_str()).send_scouted().await.unwrap();
            assert_eq!(response.bytes().await.unwrap().len(), PIECES * MIB);
        }),
    )
    .await;
    let [alert] = &alerts[..] else { panic!("{alerts:?}") };
    assert_eq!((&*alert.service, alert.level), ("reads a large answer", AlertLevel::Info));
    assert!(alert.message.contains(&server.addr.to_string()), "{alert:?}");
}
