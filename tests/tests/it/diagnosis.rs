//! What hangs, blocks or is kept is told while it does, with line, request and tenant.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

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
async fn forgotten(State(shop): State<Arc<Shop>>) {
    drop(shop.stock.lock().await);
}

#[scout]
async fn named(State(shop): State<Arc<Shop>>) {
    drop(scouter::wait("the stock", shop.stock.lock()).await);
}

#[scout]
async fn blocking() {
    std::thread::sleep(BLOCKING);
}

/// Longest that a request keeps its thread until its stack was told.
const LONGEST: Duration = Duration::from_secs(2);

static IS_NAP_TOLD: AtomicBool = AtomicBool::new(false);
static IS_SUM_TOLD: AtomicBool = AtomicBool::new(false);

/// None of it knows Scouter: only the native stack has its name.
#[inline(never)]
fn nap_until_told() {
    let began = Instant::now();
    while !IS_NAP_TOLD.load(Ordering::Relaxed) && began.elapsed() < LONGEST {
        std::thread::sleep(BLOCKING); // a nap
    }
}

#[inline(never)]
fn sum_until_told() {
    let began = Instant::now();
    let mut sum = 0_u64;
    while !IS_SUM_TOLD.load(Ordering::Relaxed) && began.elapsed() < LONGEST {
        sum = (0..10_000).fold(sum, |sum, n| std::hint::black_box(sum ^ n));
    }
}

#[scout]
async fn napping() {
    nap_until_told();
}

#[scout]
async fn summing() {
    sum_until_told();
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

/// As long as the other one, which is told.
#[scout]
async fn quiet(State(shop): State<Arc<Shop>>) -> String {
    let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n \
                   WHERE i < 90000000) SELECT COUNT(*) AS quiet FROM n";
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
    shop_at("sqlite::memory:", connections).await
}

async fn shop_at(database: &str, connections: u32) -> (Arc<Shop>, TcpListener) {
    let pool = SqlitePoolOptions::new().max_connections(connections).connect(database);
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
        .route("/forgotten", get(forgotten))
        .route("/blocking", get(blocking))
        .route("/napping", get(napping))
        .route("/summing", get(summing))
        .route("/pay", get(pay))
        .route("/uncommitted", get(uncommitted))
        .route("/starving", get(starving))
        .route("/endless", get(endless))
        .route("/quiet", get(quiet))
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

/// Functions of the stack of the alert about requests that block, with the lines they are at; the
/// alert is told again after ten seconds, in case a busy machine did not let the stack be taken.
/// They have a runtime of their own, since others wait for the shared one.
fn blocked_in(watched: &Watched, path: &'static str, is_told: &AtomicBool) -> Vec<String> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.expect("a runtime");
    runtime.spawn(async move {
        let (shop, _silent) = shop(1).await;
        loop {
            request(&shop, path).await.expect("it ends");
        }
    });
    let service = format!("GET {path}");
    let stack = watched.run(watched.until(|| async {
        let alerts = alerts(watched, "blocking_poll", &service).await?;
        let mut stacks = alerts.into_iter().map(|alert| alert["stack"].clone());
        stacks.find(|stack| stack.as_array().is_some_and(|frames| !frames.is_empty()))
    }));
    is_told.store(true, Ordering::Relaxed);
    runtime.shutdown_background();
    let frames = stack.as_array().into_iter().flatten();
    let functions = frames.flat_map(|frame| frame["functions"].as_array().into_iter().flatten());
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    functions.map(|one| format!("{} at {}", text(&one["name"]), text(&one["place"]))).collect()
}

/// Where in a stack, leaf first, a function stands at a line of this file.
fn depth(stack: &[String], function: &str, line: &str) -> usize {
    let is_it = |one: &String| one.contains(function) && one.ends_with(line);
    stack.iter().position(is_it).unwrap_or_else(|| panic!("{function} at {line} in {stack:#?}"))
}

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
#[test]
fn what_blocks_is_named_by_the_stack_of_its_thread_while_it_sleeps_and_while_it_computes() {
    let watched = Watched::start();
    let stack = blocked_in(watched, "/napping", &IS_NAP_TOLD);
    let asleep = depth(&stack, "sleep", "");
    let app = depth(&stack, "nap_until_told", &line_of("; // a nap", 0));
    let handler = depth(&stack, "napping", &line_of("    nap_until_told();", 0));
    assert!(asleep < app && app < handler, "{stack:#?}");
    let stack = blocked_in(watched, "/summing", &IS_SUM_TOLD);
    let app = depth(&stack, "sum_until_told", "");
    assert!(app < depth(&stack, "summing", &line_of("    sum_until_told();", 0)), "{stack:#?}");
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
        // Pools of one name are added up, and other tests have some in memory.
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("starving.db");
        let database = format!("sqlite://{}?mode=rwc", file.display());
        let (shop, _silent) = shop_at(&database, 1).await;
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
        let quiet = request(&shop, "/quiet");
        // It began a second earlier.
        let is_old = async || age_us(watched, "GET /quiet").await.filter(|us| *us > 1_000_000);
        watched.until(is_old).await;
        let (other, _silent) = self::shop(1).await;
        let request = request(&other, "/endless");
        let alert = told(watched, "slow_statement", "GET /endless").await;
        let said = ["still does", "WITH RECURSIVE"];
        assert_told(&alert, &line_of("async fn endless(", 0), &said);
        // Its pattern is one of those that are not told.
        assert_eq!(alerts(watched, "slow_statement", "GET /quiet").await, Some(Vec::new()));
        request.abort();
        quiet.abort();
    });
}

#[test]
fn a_request_without_an_end_gets_its_row_and_is_still_seen_to_run() {
    let watched = Watched::start();
    watched.run(async {
        let (shop, _silent) = shop(1).await;
        let held = shop.stock.lock().await;
        let request = request(&shop, "/forgotten");
        let alert = told(watched, "forced_end", "GET /forgotten").await;
        assert_told(&alert, &line_of("async fn forgotten(", 0), &["no end", "in forgotten"]);
        let txid = alert["txid"].as_str().expect("a transaction");
        let path = format!("/api/v1/tx/{txid}");
        let row = watched.until(|| watched.get(&path)).await.to_string();
        assert!(row.contains("forced_end") && row.contains("no end after"), "{row}");
        assert!(age_us(watched, "GET /forgotten").await.is_some(), "it still runs");
        drop(held);
        request.await.expect("it ends");
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
