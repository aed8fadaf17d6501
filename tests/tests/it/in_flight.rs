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

/// How many requests are in flight at once in the second test; as many as one answer lists.
const MANY: usize = 10_000;

/// Requests of the test beside it that may stand in the same list.
const NEIGHBOURS: usize = 3;

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
#[scout]
async fn in_sql(State(service): State<Arc<Service>>) -> String {
    let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n \
                   WHERE i < 60000000) SELECT COUNT(*) FROM n";
    let counted: Result<i64, _> = sqlx::query_scalar(endless).fetch_one(&service.pool).await;
    format!("{counted:?}")
}

#[scout]
async fn in_call(State(service): State<Arc<Service>>) -> String {
    let call = service.http.get(format!("http://{}/never", service.silent));
    format!("{:?}", call.send_scouted().await.is_ok())
}

#[scout]
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

        let [handler, sql] = active_steps(watched, "GET /in-sql").await;
        assert!(
            handler["name"].as_str().is_some_and(|name| name.contains("in_sql")),
            "{handler:#}"
        );
        assert_eq!(sql["kind"], "sql", "{sql:#}");
        assert!(sql["name"].as_str().is_some_and(|name| name.starts_with("WITH RECURSIVE")));
        let [handler, call] = active_steps(watched, "GET /in-call").await;
        assert!(
            handler["name"].as_str().is_some_and(|name| name.contains("in_call")),
            "{handler:#}"
        );
        assert_eq!(call["kind"], "api", "{call:#}");
        assert!(call["name"].as_str().is_some_and(|name| name.contains("127.0.0.1")));
        let [handler, lock] = active_steps(watched, "GET /in-lock").await;
        assert!(
            handler["name"].as_str().is_some_and(|name| name.contains("in_lock")),
            "{handler:#}"
        );
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

/// The open steps of the running transaction of a service, outermost first, as soon as it has two.
async fn active_steps(watched: &Watched, service: &str) -> [Value; 2] {
    watched
        .until(|| async {
            let active = watched.get("/api/v1/active").await?;
            let mut running = active["objects"]
                .as_array()?
                .iter()
                .flat_map(|object| object["transactions"].as_array().into_iter().flatten());
            let found = running.find(|running| running["service"] == service)?;
            found["stack"].as_array()?.clone().try_into().ok()
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
        let shown = listed["transactions"].as_array().expect("a list");
        assert_eq!(shown.len(), MANY, "as many as an answer lists");
        let waits = |running: &&Value| {
            let innermost = running["stack"].as_array().and_then(|stack| stack.last());
            innermost.is_some_and(|step| {
                step["name"].as_str().is_some_and(|name| name.contains("wait_at"))
                    && step["place"].as_str().is_some_and(|place| place.contains("in_flight.rs:"))
            })
        };
        let waiting = shown.iter().filter(waits).count();
        assert!(waiting >= MANY - NEIGHBOURS, "{waiting} show what they wait for");

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
