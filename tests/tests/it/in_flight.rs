//! Requests that have not finished are visible at once, with what each of them waits for.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use axum::routing::get;
use scouter::{SendScouted as _, scout};
use serde_json::Value;
use sqlx::sqlite::SqlitePool;
use tokio::net::TcpListener;
use tokio::sync::{Mutex, Notify};
use tower::ServiceExt as _;

use crate::watched::Watched;

/// How many requests are in flight at once in the second test.
const MANY: usize = 10_000;

struct Service {
    pool: SqlitePool,
    http: reqwest::Client,
    /// Accepts connections and never answers.
    silent: SocketAddr,
    stock: Mutex<()>,
}

fn router(service: Arc<Service>) -> Router {
    Router::new()
        .route("/in-sql", get(in_sql))
        .route("/in-call", get(in_call))
        .route("/in-lock", get(in_lock))
        .with_state(service)
}

/// Counts long enough to be seen; the test does not wait for its end.
async fn in_sql(State(service): State<Arc<Service>>) -> String {
    let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n \
                   WHERE i < 60000000) SELECT COUNT(*) FROM n";
    let counted: Result<i64, _> = sqlx::query_scalar(endless).fetch_one(&service.pool).await;
    format!("{counted:?}")
}

async fn in_call(State(service): State<Arc<Service>>) -> String {
    let call = service.http.get(format!("http://{}/never", service.silent));
    format!("{:?}", call.send_scouted().await.is_ok())
}

async fn in_lock(State(service): State<Arc<Service>>) -> &'static str {
    take_from_stock(&service.stock).await;
    "taken"
}

/// Nothing tells Scouter that this waits for a lock.
#[scout]
async fn take_from_stock(stock: &Mutex<()>) {
    drop(stock.lock().await);
}

#[test]
fn a_request_in_sql_in_a_call_and_in_a_lock_shows_what_it_waits_for() {
    let watched = Watched::start();
    watched.run(async {
        let pool = SqlitePool::connect("sqlite::memory:").await.expect("SQLite opens");
        let silent = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let service = Arc::new(Service {
            pool,
            http: reqwest::Client::new(),
            silent: silent.local_addr().expect("an address"),
            stock: Mutex::new(()),
        });
        let held = service.stock.lock().await;
        let app = scouter::wrap(router(service.clone()));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let at = listener.local_addr().expect("an address");
        let server = tokio::spawn(async move { axum::serve(listener, app).await });
        let customers: Vec<_> = ["in-sql", "in-call", "in-lock"]
            .map(|path| tokio::spawn(reqwest::get(format!("http://{at}/{path}"))))
            .into();

        let sql = active_step(watched, "GET /in-sql").await;
        assert_eq!(sql["kind"], "sql", "{sql:#}");
        assert!(sql["name"].as_str().is_some_and(|name| name.starts_with("WITH RECURSIVE")));
        let call = active_step(watched, "GET /in-call").await;
        assert_eq!(call["kind"], "api", "{call:#}");
        assert!(call["name"].as_str().is_some_and(|name| name.contains("127.0.0.1")));
        let lock = active_step(watched, "GET /in-lock").await;
        assert_eq!(lock["kind"], "method", "{lock:#}");
        assert!(lock["name"].as_str().is_some_and(|name| name.contains("take_from_stock")));
        assert!(lock["place"].as_str().is_some_and(|place| place.contains("in_flight.rs:")));

        drop(held);
        for customer in customers {
            customer.abort();
        }
        server.abort();
    });
}

/// The innermost open step of the running transaction of a service, as soon as it has one.
async fn active_step(watched: &Watched, service: &str) -> Value {
    watched
        .until(|| async {
            let active = watched.get("/api/v1/active").await?;
            let mut running = active["objects"]
                .as_array()?
                .iter()
                .flat_map(|object| object["transactions"].as_array().into_iter().flatten());
            let found = running.find(|running| running["service"] == service)?;
            found["stack"].as_array()?.last().cloned()
        })
        .await
}

#[test]
fn ten_thousand_requests_in_flight_are_counted_and_listed() {
    let watched = Watched::start();
    watched.run(async {
        let gate = Arc::new(Notify::new());
        let waiting = gate.clone();
        let app = Router::new().route(
            "/gated",
            get(move || {
                let gate = waiting.clone();
                async move {
                    wait_at(&gate).await;
                    "through"
                }
            }),
        );
        let app = scouter::wrap(app);
        let requests: Vec<_> = (0..MANY)
            .map(|_| {
                let app = app.clone();
                tokio::spawn(async move {
                    let request = Request::get("/gated").body(Body::empty()).expect("a request");
                    app.oneshot(request).await.expect("never fails").status()
                })
            })
            .collect();
        let listed = watched
            .until(|| async {
                let active = watched.get("/api/v1/active").await?;
                let object = active["objects"].as_array()?.first()?.clone();
                (object["total"].as_u64()? >= 10_000).then_some(object)
            })
            .await;
        let shown = listed["transactions"].as_array().map_or(0, Vec::len);
        assert!(shown > 0, "{listed:#}");
        let innermost = &listed["transactions"][0]["stack"];
        assert!(innermost.to_string().contains("wait_at"), "{innermost:#}");

        while requests.iter().any(|request| !request.is_finished()) {
            gate.notify_waiters();
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
}

#[scout]
async fn wait_at(gate: &Notify) {
    gate.notified().await;
}
