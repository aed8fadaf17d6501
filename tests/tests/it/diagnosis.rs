//! What hangs, blocks or is kept is told while it does, with line, request and tenant.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::Request;
use axum::routing::get;
use scouter::{SendScouted as _, scout};
use serde_json::Value;
use sqlx::sqlite::{SqlitePool, SqlitePoolOptions};
use tokio::net::TcpListener;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tower::ServiceExt as _;

use crate::watched::Watched;

/// Longer than a poll may take, on a machine that may let the thread wait besides.
const BLOCKING: Duration = Duration::from_millis(700);

struct Shop {
    pool: SqlitePool,
    http: reqwest::Client,
    /// Accepts connections and never answers.
    silent: SocketAddr,
    stock: Mutex<()>,
}

#[scout]
async fn reserve(shop: &Shop) {
    drop(shop.stock.lock().await);
}

#[scout]
async fn stuck(State(shop): State<Arc<Shop>>) {
    reserve(&shop).await;
}

#[scout]
async fn named(State(shop): State<Arc<Shop>>) {
    drop(scouter::wait("the stock", shop.stock.lock()).await);
}

#[scout]
async fn blocking() {
    std::thread::sleep(BLOCKING);
}

#[scout]
async fn ask_the_bank(shop: &Shop) {
    let call = shop.http.get(format!("http://{}/never", shop.silent));
    drop(call.send_scouted().await);
}

/// Asks whoever accepts connections at an address and never answers.
#[scout]
async fn ask(State(silent): State<SocketAddr>) {
    drop(reqwest::Client::new().get(format!("http://{silent}/never")).send_scouted().await);
}

#[scout]
async fn pay(State(shop): State<Arc<Shop>>) {
    let connection = shop.pool.acquire().await.expect("a connection"); // kept across the call
    ask_the_bank(&shop).await;
    drop(connection);
}

#[scout]
async fn uncommitted(State(shop): State<Arc<Shop>>) {
    let transaction = shop.pool.begin().await.expect("a transaction"); // never committed
    drop(shop.stock.lock().await);
    transaction.commit().await.expect("it commits");
}

#[scout]
async fn starving(State(shop): State<Arc<Shop>>) {
    let first = shop.pool.acquire().await.expect("a connection"); // held by the starving
    let second = shop.pool.acquire().await;
    drop((first, second));
}

#[scout]
async fn endless(State(shop): State<Arc<Shop>>) -> String {
    let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n \
                   WHERE i < 90000000) SELECT COUNT(*) FROM n";
    let counted: Result<i64, _> = sqlx::query_scalar(endless).fetch_one(&shop.pool).await;
    format!("{counted:?}")
}

#[scout]
fn one_of_many(number: u64) -> u64 {
    std::hint::black_box(number) + 1
}

#[scout]
async fn chatty() -> String {
    (0..6_000).fold(0, |sum, _| one_of_many(sum)).to_string()
}

#[scout]
async fn patient(State(shop): State<Arc<Shop>>, Path(_): Path<u32>) {
    drop(shop.stock.lock().await);
}

/// The application, and what keeps its calls unanswered.
async fn shop(connections: u32) -> (Arc<Shop>, TcpListener) {
    let pool = SqlitePoolOptions::new().max_connections(connections).connect("sqlite::memory:");
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let shop = Shop {
        pool: pool.await.expect("SQLite opens"),
        http: reqwest::Client::new(),
        silent: silent.local_addr().expect("an address"),
        stock: Mutex::new(()),
    };
    (Arc::new(shop), silent)
}

/// Sends one request that may never be answered.
fn request(shop: &Arc<Shop>, path: &'static str) -> JoinHandle<()> {
    let app = Router::new()
        .route("/stuck", get(stuck))
        .route("/named", get(named))
        .route("/blocking", get(blocking))
        .route("/pay", get(pay))
        .route("/uncommitted", get(uncommitted))
        .route("/starving", get(starving))
        .route("/endless", get(endless))
        .route("/chatty", get(chatty))
        .route("/patient/{id}", get(patient));
    send(app.with_state(shop.clone()), path)
}

fn send(app: Router, path: &'static str) -> JoinHandle<()> {
    let app = scouter::wrap(app);
    let request = Request::get(path).header("x-tenant-id", "acme").body(Body::empty());
    tokio::spawn(async move {
        drop(app.oneshot(request.expect("a request")).await);
    })
}

/// `diagnosis.rs:LINE` of the line in this file that holds a text, `after` lines further down.
fn line_of(text: &str, after: usize) -> String {
    let found = include_str!("diagnosis.rs").lines().position(|line| line.contains(text));
    format!("diagnosis.rs:{}", found.expect("the text is in this file") + 1 + after)
}

/// The first alert of a kind about a service, once it was raised.
async fn told(watched: &Watched, kind: &str, service: &str) -> Value {
    watched.until(|| async { alerts(watched, kind, service).await?.into_iter().next() }).await
}

async fn alerts(watched: &Watched, kind: &str, service: &str) -> Option<Vec<Value>> {
    let all = "/api/v1/alerts?from_unix_us=0&to_unix_us=4000000000000000&limit=1000";
    let alerts = watched.get(all).await?;
    let is_it = |alert: &&Value| alert["kind"] == kind && alert["service"] == service;
    Some(alerts["alerts"].as_array()?.iter().filter(is_it).cloned().collect())
}

fn assert_told(alert: &Value, place: &str, said: &[&str]) {
    assert!(alert["place"].as_str().is_some_and(|at| at.ends_with(place)), "{place}: {alert:#}");
    assert_eq!(alert["tenant"], "acme", "{alert:#}");
    assert!(alert["gxid"].is_string() && alert["txid"].is_string(), "{alert:#}");
    let message = alert["message"].as_str().unwrap_or_default();
    for part in said {
        assert!(message.contains(part), "{part:?} in {message:?}");
    }
}

#[test]
fn a_request_that_waits_for_a_lock_is_told_with_its_innermost_function() {
    let watched = Watched::start();
    watched.run(async {
        let (shop, _silent) = shop(1).await;
        let held = shop.stock.lock().await;
        let requests = [request(&shop, "/stuck"), request(&shop, "/named")];
        let alert = told(watched, "stuck_await", "GET /stuck").await;
        let said = ["GET /stuck", "reserve", "not instrumented"];
        assert_told(&alert, &line_of("async fn reserve(", 0), &said);
        let alert = told(watched, "stuck_await", "GET /named").await;
        assert_told(&alert, &line_of("async fn named(", 0), &["waits for the stock"]);
        drop(held);
        for request in requests {
            request.await.expect("it ends");
        }
    });
}

#[test]
fn a_poll_that_blocks_its_thread_is_told_while_it_does() {
    let watched = Watched::start();
    watched.run(async {
        let (shop, _silent) = shop(1).await;
        request(&shop, "/blocking").await.expect("it ends");
        let alert = told(watched, "blocking_poll", "GET /blocking").await;
        let said = ["GET /blocking", "in one poll", "spawn_blocking"];
        assert_told(&alert, &line_of("async fn blocking(", 0), &said);
    });
}

#[test]
fn a_connection_kept_across_a_call_is_told_with_both_and_then_the_call() {
    let watched = Watched::start();
    watched.run(async {
        let (shop, _silent) = shop(1).await;
        let request = request(&shop, "/pay");
        let alert = told(watched, "held_across_call", "GET /pay").await;
        let taken = line_of("// kept across the call", 0);
        assert_told(&alert, &line_of("async fn ask_the_bank(", 0), &[&taken, "127.0.0.1"]);
        let alert = told(watched, "slow_call", "GET /pay").await;
        assert_told(&alert, &line_of("async fn ask_the_bank(", 0), &["no answer", "127.0.0.1"]);
        request.abort();
    });
}

#[test]
fn a_database_transaction_on_which_nothing_runs_is_told_with_the_line_that_began_it() {
    let watched = Watched::start();
    watched.run(async {
        let (shop, _silent) = shop(1).await;
        let held = shop.stock.lock().await;
        let request = request(&shop, "/uncommitted");
        let alert = told(watched, "uncommitted", "GET /uncommitted").await;
        assert_told(&alert, &line_of("// never committed", 0), &["begin", "nothing has run"]);
        drop(held);
        request.await.expect("it ends");
    });
}

#[test]
fn a_pool_without_a_connection_is_told_with_whoever_holds_them() {
    let watched = Watched::start();
    watched.run(async {
        let (shop, _silent) = shop(1).await;
        let request = request(&shop, "/starving");
        let alert = told(watched, "pool_exhausted", "GET /starving").await;
        let holder = line_of("// held by the starving", 0);
        assert_told(&alert, &line_of("async fn starving(", 0), &[&holder, "1 of 1"]);
        request.abort();
    });
}

#[test]
fn a_statement_is_told_while_it_runs() {
    let watched = Watched::start();
    watched.run(async {
        let (shop, _silent) = shop(1).await;
        let request = request(&shop, "/endless");
        let alert = told(watched, "slow_statement", "GET /endless").await;
        let said = ["still does", "WITH RECURSIVE"];
        assert_told(&alert, &line_of("async fn endless(", 0), &said);
        request.abort();
    });
}

#[test]
fn thousands_of_calls_of_one_function_in_one_request_are_told() {
    let watched = Watched::start();
    watched.run(async {
        let (shop, _silent) = shop(1).await;
        request(&shop, "/chatty").await.expect("it ends");
        let alert = told(watched, "chatty_calls", "GET /chatty").await;
        let said = ["one_of_many", "6000 times"];
        assert_told(&alert, &line_of("fn one_of_many(", 0), &said);
    });
}

#[test]
fn a_service_that_may_take_its_time_and_a_quiet_one_are_not_told() {
    let watched = Watched::start();
    watched.run(async {
        let (shop, _silent) = shop(1).await;
        let held = shop.stock.lock().await;
        let patient = request(&shop, "/patient/1");
        let stuck = request(&shop, "/stuck");
        // What began later was told, so this one would have been.
        let later = told(watched, "stuck_await", "GET /stuck").await;
        assert!(later["message"].is_string());
        let found = alerts(watched, "stuck_await", "GET /patient/{id}").await;
        assert_eq!(found, Some(Vec::new()));
        drop(held);
        for request in [patient, stuck] {
            request.await.expect("it ends");
        }
    });
}

/// How long the running transaction of a service runs, µs.
async fn age_us(watched: &Watched, service: &str) -> Option<u64> {
    let active = watched.get("/api/v1/active").await?;
    let mut running = active["objects"]
        .as_array()?
        .iter()
        .flat_map(|object| object["transactions"].as_array().into_iter().flatten());
    running.find(|running| running["service"] == service)?["age_us"].as_u64()
}

/// It may have been answered long ago: nobody looks.
#[test]
fn a_call_on_a_runtime_that_runs_nothing_is_not_blamed_until_it_runs_again() {
    let watched = Watched::start();
    let starved =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let starved = starved.expect("a runtime");
    let (release, released) = std::sync::mpsc::channel::<()>();
    let (_silent, request) = starved.block_on(async {
        assert!(scouter::watch_runtime());
        let silent = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let at = silent.local_addr().expect("an address");
        let request = send(Router::new().route("/ask", get(ask)).with_state(at), "/ask");
        tokio::spawn(async move { released.recv() });
        (silent, request)
    });
    watched.run(async {
        // Far beyond the three seconds after which a call is slow.
        let is_old = async || age_us(watched, "GET /ask").await.filter(|us| *us > 6_000_000);
        watched.until(is_old).await;
        assert_eq!(alerts(watched, "slow_call", "GET /ask").await, Some(Vec::new()));
        drop(release);
        told(watched, "slow_call", "GET /ask").await;
    });
    request.abort();
}

/// The code that keeps the thread is none of ours, as that of a library would be.
#[test]
fn a_runtime_whose_only_thread_is_kept_is_told() {
    let watched = Watched::start();
    let starved = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build();
    let starved = starved.expect("a runtime");
    starved.block_on(async { assert!(scouter::watch_runtime()) });
    let (release, released) = std::sync::mpsc::channel::<()>();
    starved.spawn(async move { released.recv() });
    let alert = watched.run(told(watched, "starved_runtime", ""));
    let message = alert["message"].as_str().unwrap_or_default();
    assert!(message.contains("a runtime of 1 threads"), "{message}");
    drop(release);
}
