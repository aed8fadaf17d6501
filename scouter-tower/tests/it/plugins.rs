//! A plugin turns requests away, and hears of outbound calls.

use std::sync::Mutex;

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::{Method, Request, StatusCode};
use scouter_core::plugin::{self, AgentPlugin, CallView, Hooks, Reject, RequestView};
use scouter_tower::client::SendScouted;

use crate::support::{Server, in_transaction, record, send_through};

/// Plugins stay for the life of the process, so this one acts on requests that ask for it.
struct Doorman;

static CALLS: Mutex<Vec<String>> = Mutex::new(Vec::new());

impl AgentPlugin for Doorman {
    fn name(&self) -> &'static str {
        "doorman"
    }

    fn hooks(&self) -> Hooks {
        Hooks::REJECT.with(Hooks::CALL)
    }

    fn reject(&self, request: &RequestView<'_>) -> Option<Reject> {
        let status = (request.header)("x-reject")?;
        let status = str::from_utf8(status).unwrap().parse().unwrap();
        Some(Reject::new(status, format!("{} {} is full", request.method, request.path)))
    }

    fn call(&self, call: &CallView<'_>) {
        CALLS.lock().unwrap().push(format!("{} {}", call.method, call.address));
    }
}

fn register_once() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| plugin::register(Box::new(Doorman)).unwrap());
}

fn request(method: Method, reject: &str) -> Request<Body> {
    let request = Request::builder().method(method).uri("/door").header("x-reject", reject);
    request.body(Body::empty()).unwrap()
}

#[tokio::test]
async fn a_rejected_request_never_reaches_the_service_and_is_recorded() {
    register_once();
    let app = Router::new().route("/door", get(async || -> &str { unreachable!("rejected") }));
    let app = scouter_tower::wrap(app);
    for (method, asked, status, text) in [
        (Method::GET, "503", StatusCode::SERVICE_UNAVAILABLE, "GET /door is full"),
        (Method::GET, "429", StatusCode::TOO_MANY_REQUESTS, "GET /door is full"),
        // No status at all: it is answered all the same.
        (Method::GET, "7", StatusCode::SERVICE_UNAVAILABLE, "GET /door is full"),
        (Method::HEAD, "503", StatusCode::SERVICE_UNAVAILABLE, ""),
    ] {
        let (answer, rows) =
            record(1, send_through(app.clone(), request(method.clone(), asked))).await;
        assert_eq!((answer.status, answer.text.as_str()), (status, text));
        let expected = format!(
            "{method} /door {} Complete !rejected by a plugin: {method} /door is full",
            status.as_u16()
        );
        assert_eq!(rows.summaries(), [expected]);
        assert_eq!(rows[0].bytes_out, text.len() as u64);
    }
}

#[tokio::test]
async fn a_plugin_hears_of_each_outbound_call() {
    register_once();
    let server = Server::start(Router::new().route("/", get(async || "ok"))).await;
    let (_, _) = record(
        1,
        in_transaction("job", async {
            server.client().get(server.url("/")).send_scouted().await.unwrap()
        }),
    )
    .await;
    let expected = format!("GET {}", server.addr);
    assert!(CALLS.lock().unwrap().contains(&expected));
}
