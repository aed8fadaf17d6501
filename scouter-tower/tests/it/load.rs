//! Requests that are turned away while too many are active.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use axum::routing::get;
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use scouter_core::{options, telemetry};
use scouter_tower::ScouterLayer;
use tokio::sync::Semaphore;
use tonic::Code;
use tower::ServiceExt;

use crate::grpc_shop::{Shop, call, client};
use crate::support::{Server, get_through, record, send_through};

fn rejected() -> u64 {
    let all = telemetry::counters();
    all.into_iter().find(|(name, _)| *name == "requests_rejected").unwrap().1
}

/// A handler that says when it runs and ends when it may.
#[derive(Clone)]
struct Gate {
    entered: Arc<Semaphore>,
    may_leave: Arc<Semaphore>,
}

impl Gate {
    fn new() -> Self {
        Self { entered: Arc::new(Semaphore::new(0)), may_leave: Arc::new(Semaphore::new(0)) }
    }

    fn shop(&self) -> Router {
        let gate = self.clone();
        let work = async move || {
            gate.entered.add_permits(1);
            gate.may_leave.acquire().await.unwrap().forget();
            "done"
        };
        Router::new()
            .route("/work", get(work))
            .route("/quick", get(async || "quick"))
            .route("/healthz", get(async || "well"))
    }

    async fn entered(&self, times: u32) {
        self.entered.acquire_many(times).await.unwrap().forget();
    }
}

async fn response_of(app: Router, path: &str) -> Response {
    app.oneshot(Request::get(path).body(Body::empty()).unwrap()).await.unwrap()
}

#[tokio::test]
async fn past_the_limit_requests_are_answered_at_once_and_recorded_and_counted() {
    let gate = Gate::new();
    let layer = ScouterLayer::new().max_active(2).ignore(["/healthz"]);
    let server = Server::start(gate.shop().layer(layer)).await;
    let (grown, rows) = record(5, async {
        let before = rejected();
        let client = server.client();
        let work = || tokio::spawn(client.get(server.url("/work")).send());
        let working = [work(), work()];
        gate.entered(2).await;
        let answer = client.get(server.url("/quick")).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(answer.headers()["retry-after"], "1");
        assert_eq!(answer.text().await.unwrap(), "too many request!!");
        let head = client.head(server.url("/quick")).send().await.unwrap();
        assert_eq!(head.status(), StatusCode::SERVICE_UNAVAILABLE);
        let health = client.get(server.url("/healthz")).send().await.unwrap();
        assert_eq!(health.status(), StatusCode::OK);
        gate.may_leave.add_permits(2);
        for working in working {
            assert_eq!(working.await.unwrap().unwrap().text().await.unwrap(), "done");
        }
        let answer = client.get(server.url("/quick")).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        rejected() - before
    })
    .await;
    assert_eq!(grown, 2);
    let mut summaries = rows.summaries();
    summaries.sort();
    assert_eq!(
        summaries,
        [
            "GET /quick 200 Complete",
            "GET /quick 503 Complete !rejected: 2 requests are active",
            "GET /work 200 Complete",
            "GET /work 200 Complete",
            "HEAD /quick 503 Complete !rejected: 2 requests are active",
        ]
    );
}

#[tokio::test]
async fn a_request_is_active_until_its_body_has_left_or_was_dropped() {
    let gate = Gate::new();
    let app = gate.shop().layer(ScouterLayer::new().max_active(1));
    let (_, _) = record(7, async {
        let unread = response_of(app.clone(), "/quick").await;
        assert_eq!(get_through(app.clone(), "/quick").await, StatusCode::SERVICE_UNAVAILABLE);
        drop(unread);
        let read = response_of(app.clone(), "/quick").await;
        assert_eq!(read.status(), StatusCode::OK);
        read.into_body().collect().await.unwrap();
        // A future that is dropped before it answers gives its place back too.
        let mut work = Box::pin(response_of(app.clone(), "/work"));
        tokio::select! {
            _ = &mut work => panic!("answered"),
            () = gate.entered(1) => {}
        }
        assert_eq!(get_through(app.clone(), "/quick").await, StatusCode::SERVICE_UNAVAILABLE);
        drop(work);
        for _ in 0..2 {
            assert_eq!(get_through(app.clone(), "/quick").await, StatusCode::OK);
        }
    })
    .await;
}

#[tokio::test]
async fn a_grpc_call_is_turned_away_in_its_own_way() {
    let plain = ScouterLayer::new().max_active(1);
    let named = plain.clone().name_with(|_| Some("mine".into())).max_active(1);
    for (layer, names) in
        [(plain, ["GRPC /shop.Orders/Hang", "GRPC /shop.Orders/Place"]), (named, ["mine", "mine"])]
    {
        let shop_service = Shop::default();
        let server = Server::tonic(layer, shop_service.clone()).await;
        let (refused, rows) = record(2, async {
            let (mut hanging, mut shop) = (client(&server).await, client(&server).await);
            let mut hang = Box::pin(call(&mut hanging, "Hang", "x"));
            tokio::select! {
                answer = &mut hang => panic!("{answer:?}"),
                () = shop_service.entered.notified() => {}
            }
            call(&mut shop, "Place", "order 7").await.unwrap_err()
        })
        .await;
        assert_eq!((refused.code(), refused.message()), (Code::Unavailable, "too many request!!"));
        let mut summaries = rows.summaries();
        summaries.sort();
        assert_eq!(
            summaries,
            [
                format!("{} 0 CancelledBeforeResponse", names[0]),
                format!("{} 1014 Complete !rejected: 1 requests are active", names[1]),
            ]
        );
    }
}

/// Puts options back as they were, also when the test fails.
struct Restored<'a>(&'a [(&'a str, &'a str)]);

impl Drop for Restored<'_> {
    fn drop(&mut self) {
        self.0.iter().for_each(|(name, value)| options::set(name, value).unwrap());
    }
}

#[tokio::test]
async fn the_limit_can_be_switched_on_and_off_while_it_runs() {
    let app = scouter_tower::wrap(Gate::new().shop());
    let (_, _) = record(7, async {
        let _restored = Restored(&[
            ("control_reject_service_enabled", "false"),
            ("control_reject_service_max_count", "10000"),
            ("control_reject_text", "too many request!!"),
        ]);
        let quick = || get_through(app.clone(), "/quick");
        options::set("control_reject_service_max_count", "1").unwrap();
        options::set("control_reject_text", "full").unwrap();
        let uncounted = response_of(app.clone(), "/quick").await;
        assert_eq!(quick().await, StatusCode::OK, "off by default");
        options::set("control_reject_service_enabled", "true").unwrap();
        // What was active before is not counted, so its end frees no place.
        let counted = response_of(app.clone(), "/quick").await;
        assert_eq!(counted.status(), StatusCode::OK);
        drop(uncounted);
        let request = Request::get("/quick").body(Body::empty()).unwrap();
        let answer = send_through(app.clone(), request).await;
        assert_eq!(
            (answer.status, answer.text.as_str()),
            (StatusCode::SERVICE_UNAVAILABLE, "full")
        );
        drop(counted);
        assert_eq!(quick().await, StatusCode::OK);
        let counted = response_of(app.clone(), "/quick").await;
        options::set("control_reject_service_enabled", "false").unwrap();
        assert_eq!(quick().await, StatusCode::OK);
        drop(counted);
    })
    .await;
}

/// Turns recording on again, also when the test fails.
struct RecordingAgain;

impl Drop for RecordingAgain {
    fn drop(&mut self) {
        scouter_core::set_recording(true);
    }
}

#[tokio::test]
async fn the_limit_holds_while_nothing_is_recorded() {
    let app = Gate::new().shop().layer(ScouterLayer::new().max_active(1));
    let (_, rows) = record(0, async {
        let _again = RecordingAgain;
        scouter_core::set_recording(false);
        let unread = response_of(app.clone(), "/quick").await;
        assert_eq!(unread.status(), StatusCode::OK);
        assert_eq!(get_through(app.clone(), "/quick").await, StatusCode::SERVICE_UNAVAILABLE);
        drop(unread);
        assert_eq!(get_through(app.clone(), "/quick").await, StatusCode::OK);
    })
    .await;
    assert!(rows.is_empty(), "{rows:?}");
}
